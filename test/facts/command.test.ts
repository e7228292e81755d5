import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fillCommand, type Placeholder, parseCommand, quoteForShell } from '../../src/facts/command.ts';
import { UsageError } from '../../src/kernel/failure.ts';

const place = { path: 'flightcheck.yml', line: 7, column: 3 };
const allowed: readonly Placeholder[] = ['data', 'seed', 'params', 'model', 'in', 'out'];
const parse = (source: string) => parseCommand(source, { name: 'hooks.train', allowed, place });
const words = (source: string, values: Partial<Record<Placeholder, string>> = {}) => fillCommand(parse(source), values);

function refusal(source: string): UsageError {
  try {
    parse(source);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error(`was not refused: ${source}`);
}

describe('a command without a shell', () => {
  test.each([
    ['python -m risk.train --data {data}', ['python', '-m', 'risk.train', '--data', '/d']],
    ['Rscript train.R "{data}" \'{data}\'', ['Rscript', 'train.R', '/d', '/d']],
    ['tool --in={data},csv', ['tool', '--in=/d,csv']],
    [`tool 'a b' "c d" e\\ f ""`, ['tool', 'a b', 'c d', 'e f', '']],
    [`tool '$HOME' '*' '|' "it's" 'say "hi"'`, ['tool', '$HOME', '*', '|', "it's", 'say "hi"']],
    ['tool --json {"a":1} {} {{data}}', ['tool', '--json', '{a:1}', '{}', '{data}']],
    ['  tool\t--x  ', ['tool', '--x']],
    ['tool "a\\"b" "a\\\\b" "a\\nb"', ['tool', 'a"b', 'a\\b', 'a\\nb']],
  ])('%s', (source, expected) => {
    expect(words(source, { data: '/d' })).toEqual(expected);
  });

  test('never reads a value again', () => {
    const nasty = `/tmp/a b"c'd$(touch x)\`y\`;{seed} *\n`;
    expect(words('tool {data} --x={data}', { data: nasty, seed: '1' })).toEqual(['tool', nasty, `--x=${nasty}`]);
  });

  test.each([
    ['tool | tee log', 'a pipe'],
    ['tool && other', '&&'],
    ['tool; other', 'separator'],
    ['tool > log', 'redirection'],
    ['tool < log', 'redirection'],
    ['(tool)', 'subshell'],
    ['tool $HOME', 'substitution'],
    ['tool "$(id)"', 'substitution'],
    ['tool `id`', 'substitution'],
    ['tool data/*.csv', 'glob'],
    ['tool file?', 'glob'],
    ['tool [ab]', 'glob'],
    ['tool ~/x', 'home folder'],
    ['tool # later', 'comment'],
    ['A=1 tool', 'hooks.env'],
    ['tool\nother', 'line break'],
  ])('refuses what needs a shell: %s', (source, what) => {
    const error = refusal(source);
    expect(error).toMatchObject({ code: 'HOOK_NEEDS_SHELL', place, exitCode: 2 });
    expect(error.message).toContain(what);
    expect(error.hint).toContain('sh:');
  });

  test('says what an unknown placeholder was meant to be', () => {
    const error = refusal('tool {modle}');
    expect(error).toMatchObject({ code: 'HOOK_PLACEHOLDER_UNKNOWN', place });
    expect(error.message).toContain('{modle}');
    expect(error.hint).toContain('Did you mean {model}?');
    expect(refusal('tool {port}').code).toBe('HOOK_PLACEHOLDER_UNKNOWN');
  });

  test('refuses nothing at all and quotes that stay open', () => {
    expect(refusal('  ').code).toBe('HOOK_EMPTY');
    expect(refusal("tool 'x").code).toBe('HOOK_QUOTES');
  });

  test('splits as a POSIX shell does, or refuses', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '-',
      '.',
      '/',
      ',',
      ':',
      '@',
      '%',
      '+',
      '!',
      '=',
      ' ',
      ' ',
      '\t',
      "'",
      '"',
      '\\',
      '$',
      '&',
      ';',
      '*',
      '~',
      '#',
      '(',
      '|',
      '<',
      '`',
      '\n',
      'é',
    );
    const sources = fc.sample(fc.array(piece, { maxLength: 14 }), { numRuns: 3000, seed: 7 }).map((parts) => parts.join(''));
    const accepted = sources.flatMap((source) => {
      try {
        return [{ source, words: words(`x ${source}`).slice(1) }];
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        return [];
      }
    });
    expect(accepted.length).toBeGreaterThan(300);
    // One script for all: each command prints its arguments, ended by NUL, and a mark.
    const script = accepted.map(
      ({ source }) => `set -- ${source.trim()}\nfor w in "$@"; do printf '%s\\0' "$w"; done; printf 'end\\0\\0'`,
    );
    const { stdout } = spawnSync('/bin/sh', ['-c', script.join('\n')], { encoding: 'utf8', maxBuffer: 1e8 });
    const seen = stdout
      .split('end\0\0')
      .slice(0, -1)
      .map((part) => part.split('\0').slice(0, -1));
    expect(seen).toEqual(accepted.map((each) => each.words));
  });
});

describe('a command that asks for a shell', () => {
  test('keeps the script and fills in values as single words', () => {
    expect(words('sh: cat {data} | sort > {out}', { data: '/a b', out: "/it's" })).toEqual([
      'sh',
      '-c',
      `cat '/a b' | sort > '/it'\\''s'`,
    ]);
  });

  test('hands any value over unchanged', () => {
    const strings = fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => !/[\0\uD800-\uDFFF]/.test(text));
    const values = fc.sample(strings, { numRuns: 500, seed: 7 });
    const scripts = values.map((value) => words(`sh: printf '%s\\0' {data}`, { data: value })[2]);
    const { stdout } = spawnSync('/bin/sh', ['-c', scripts.join('\n')], { encoding: 'utf8' });
    expect(stdout.split('\0').slice(0, -1)).toEqual(values);
    expect(quoteForShell('-rf')).toBe('-rf');
  });

  test.each(['sh: tool "{data}"', "sh: tool '{data}'", 'sh: echo "$(cat {data})"'])(
    'refuses a placeholder in quotes: %s',
    (source) => {
      const error = refusal(source);
      expect(error.code).toBe('HOOK_QUOTES');
      expect(error.hint).toContain('without quotes');
    },
  );
});
