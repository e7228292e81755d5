import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../src/facts/yaml.ts';
import { UsageError } from '../../src/kernel/failure.ts';

const refusal = (text: string, limits = {}): UsageError => {
  try {
    parseYaml(text, 'f.yml', limits);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error('was read');
};

describe('parseYaml', () => {
  it('reads values and knows where each key stands', () => {
    const document = parseYaml('a:\n  b: 1\nlist:\n  - x\n  - y: 2\n', 'f.yml');
    expect(document.value).toEqual({ a: { b: 1 }, list: ['x', { y: 2 }] });
    expect(document.place(['a', 'b'])).toEqual({ path: 'f.yml', line: 2, column: 3 });
    expect(document.place(['list', 1, 'y'])).toEqual({ path: 'f.yml', line: 5, column: 5 });
    expect(document.place(['a', 'c'])).toBeUndefined();
  });

  it('reads an empty document as null', () => expect(parseYaml('', 'f.yml').value).toBeNull());

  it.each([
    ['a tab as indentation', 'a:\n\tb: 1\n', 'YAML_INVALID', 2, /tab/],
    ['a duplicate key', 'a: 1\nb: 2\na: 3\n', 'YAML_INVALID', 3, /twice/],
    ['a custom tag', 'a: !ruby/object x\n', 'YAML_INVALID', 1, /tag/i],
    ['two documents', 'a: 1\n---\nb: 2\n', 'YAML_INVALID', 2, /more than one document/],
    ['a broken flow map', 'a: {b: 1\n', 'YAML_INVALID', 2, /./],
    ['brackets without end', '['.repeat(200_000), 'YAML_TOO_DEEP', 1, /nested/],
    ['a sequence nested 60,000 times', `${'- '.repeat(60_000)}x`, 'YAML_TOO_DEEP', 1, /nested/],
    [
      'a map nested 300 times',
      Array.from({ length: 300 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      'YAML_TOO_DEEP',
      64,
      /64 levels/,
    ],
  ])('refuses %s and says where', (_what, text, code, line, words) => {
    const error = refusal(text);
    expect(error.code).toBe(code);
    expect(error.place?.line).toBe(line);
    expect(error.message).toMatch(words);
    expect(error.hint).not.toBe('');
  });

  it('refuses an alias bomb', () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) =>
        `a${i}: &a${i} [${
          i
            ? Array(9)
                .fill(`*a${i - 1}`)
                .join(',')
            : 'x'
        }]`,
    );
    expect(refusal(levels.join('\n'))).toMatchObject({ code: 'YAML_TOO_MANY_ALIASES', place: { line: 12 } });
  });

  it('refuses 10 MB before parsing it', () => expect(refusal('k: 1\n'.repeat(2_000_000)).code).toBe('YAML_TOO_LARGE'));

  it("keeps GitLab's !reference as a plain value when tags are allowed", () =>
    expect(parseYaml('a: !reference [x, y]\n', 'f.yml', { allowTags: true }).value).toEqual({ a: ['x', 'y'] }));

  it('does not touch prototypes', () => {
    parseYaml('__proto__: {polluted: 1}\n', 'f.yml');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
