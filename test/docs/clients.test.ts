/** The clients of docs/control-tower.md, as they stand there, against a real server. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { metricOfArgument, metricsOfText } from '../../src/cli/tower/metric-input.ts';
import { startTower, type Tower } from '../../src/tower/server.ts';
import { sampleReport } from '../tower/sample.ts';

const page = readFileSync(fileURLToPath(new URL('../../docs/control-tower.md', import.meta.url)), 'utf8');
const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```/gms)].map(([, language = '', text = '']) => ({ language, text }));
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-clients-'));
let tower: Tower;
beforeAll(async () => {
  writeFileSync(
    join(folder, 'flightcheck'),
    `#!/bin/sh\nexec '${process.execPath}' --import '${import.meta.resolve('tsx')}' '${main}' "$@"\n`,
  );
  chmodSync(join(folder, 'flightcheck'), 0o755);
  tower = await startTower({ folder: join(folder, 'data'), port: 0, version: '0.1.0' });
  const { status } = await fetch(`${tower.url}/v1/reports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tower.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(sampleReport()),
  });
  expect(status).toBe(201);
});
afterAll(async () => {
  await tower?.close();
  rmSync(folder, { recursive: true, force: true });
});

const hasR = spawnSync('Rscript', ['--version']).status === 0;

/** The server is this process: a client that is waited for in it would never be answered. */
function run(command: string, args: readonly string[], input = '', env = {}): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: {
        ...process.env,
        CI: undefined,
        PATH: `${folder}${delimiter}${process.env.PATH}`,
        FLIGHTCHECK_TOWER_URL: tower.url,
        FLIGHTCHECK_TOWER_TOKEN: tower.token ?? '',
        ...env,
      },
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        out += data;
      });
    child.on('close', (code) => resolve({ code, out }));
    child.stdin.end(input);
  });
}

async function valuesAt(day: string): Promise<readonly number[]> {
  const response = await fetch(`${tower.url}/v1/series?model=late-lodgement-risk&metric=model.drift.psi&limit=100`);
  const { items } = (await response.json()) as { items: { points: { at: string; value: number }[] }[] };
  return items.flatMap(({ points }) => points.filter(({ at }) => at === `${day}T06:00:00.000Z`).map(({ value }) => value)).sort();
}

const cases = [
  ['flightcheck', 'sh', /flightcheck tower post/, { '2026-03-02': [0.12], '2026-03-03': [0.02, 0.13] }],
  ['curl', 'sh', /^printf .*curl/, { '2026-03-04': [0.14] }],
  ['Python', 'python', /urllib/, { '2026-03-05': [0.15] }],
  ['R', 'r', /system2/, { '2026-03-06': [0.03, 0.16] }],
] as const;
const interpreters = { sh: ['sh', []], python: ['python3', ['-']], r: ['Rscript', ['-']] } as const;

describe('clients in the documentation', () => {
  it.each(cases.filter(([, language]) => language !== 'r' || hasR))(
    '%s posts, and posting again adds nothing',
    async (...given) => {
      const [, language, pattern, expected] = given;
      const found = blocks.filter((block) => block.language === language && pattern.test(block.text));
      expect(found).toHaveLength(1);
      expect(found[0]?.text.trim().split('\n').length).toBeLessThanOrEqual(12);
      const file = join(folder, 'block');
      writeFileSync(file, found[0]?.text ?? '');
      for (const _ of [1, 2]) {
        const { code, out } = await run(interpreters[language][0], [file]);
        expect([code, out]).toEqual([0, expect.any(String)]);
      }
      for (const [day, values] of Object.entries(expected)) expect([day, await valuesAt(day)]).toEqual([day, values]);
    },
  );
});

describe('a client of the documentation that names a model which is not there', () => {
  it.each(cases.filter(([, language]) => language !== 'r' || hasR))(
    '%s fails, with the words of the server',
    async (...given) => {
      const [, language, pattern] = given;
      const file = join(folder, 'block');
      const { text = '' } = blocks.find((block) => block.language === language && pattern.test(block.text)) ?? {};
      writeFileSync(file, text.replaceAll('late-lodgement-risk', 'nobody'));
      const { code, out } = await run(interpreters[language][0], [file]);
      expect(out).toContain('there is no model nobody; post its first report before its metrics');
      expect(code).not.toBe(0);
    },
  );
});

describe('flightcheck tower post', () => {
  const post = (args: readonly string[], input = '', env = {}) => run('flightcheck', ['tower', 'post', ...args], input, env);
  const model = ['--model', 'late-lodgement-risk'];

  it('reads JSON, says what was new, and keeps the time for a second try', async () => {
    const input = JSON.stringify([{ name: 'model.age', value: 3, unit: 'd' }]);
    const first = await post([...model, '--file', '-', '--json'], input);
    expect(JSON.parse(first.out)).toMatchObject({ received: 1, added: 1, known: 0, record: 'authoritative' });
    const again = await post([...model, '--file', '-', '--json', '--at', JSON.parse(first.out).at], input);
    expect(JSON.parse(again.out)).toMatchObject({ added: 0, known: 1 });
  });

  it.each([
    ['a number that is none', () => metricOfArgument('model.age=NaN'), /found "NaN", expected a finite number/],
    ['no value', () => metricOfArgument('model.age{a=b}'), /expected NAME=VALUE/],
    ['broken labels', () => metricOfArgument('model.age{a}=1'), /expected labels as NAME=VALUE/],
    [
      'a CSV with a hole',
      () => metricsOfText('name,value,slice\nx,1,a\n\nx,2\n', 'm.csv'),
      /m\.csv:4: found 2 fields, expected 3/,
    ],
    ['a CSV value', () => metricsOfText('name,value\n"a\nb",1\nx,much\n', 'm.csv'), /m\.csv:4: found "much", expected a finite/],
    ['a CSV without values', () => metricsOfText('name,v\nx,1\n', 'm.csv'), /expected a column value/],
    ['JSON of another form', () => metricsOfText('[{"name": "x", "value": "1"}]', 'm.json'), /item 0: found/],
  ])('says where its input is wrong: %s', (_, read, message) => {
    expect(read).toThrow(message);
  });

  it('reads quotes, line ends of every system and labels with commas', () => {
    expect(metricsOfText('\ufeffname,value,unit,part\r\nx,1e3,s,"a ""b"", c"\r\ny,-.5,,\r\n', 'm.csv')).toEqual([
      { name: 'x', value: 1000, unit: 's', labels: { part: 'a "b", c' } },
      { name: 'y', value: -0.5 },
    ]);
    expect(metricOfArgument('x{a="1, 2", b=c=d}=7')).toEqual({ name: 'x', value: 7, labels: { a: '1, 2', b: 'c=d' } });
  });

  it.each([
    ['what the server refuses', ['tower.mine=1'], /\/metrics\/0\/name names that begin with tower\./],
    ['a file that is not there', ['--file', 'no.csv'], /no\.csv cannot be read/],
  ])('says what is wrong: %s', async (_, args, message) => {
    const { code, out } = await post([...model, ...args]);
    expect(out).toMatch(message);
    expect([code, /\n\s+at /.test(out)]).toEqual([2, false]);
  });

  it('ends with 3 when nobody answers, and never shows the token', async () => {
    const { code, out } = await post([...model, 'x=1', '--tower-timeout', '1'], '', {
      FLIGHTCHECK_TOWER_URL: 'http://127.0.0.1:9',
    });
    expect(code).toBe(3);
    expect(out).toMatch(/Post again with --at \d{4}-/);
    expect(out).not.toContain(tower.token);
  });
});
