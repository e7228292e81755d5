/** The whole command on input that nobody should have: what is said, the exit code, nothing lost, nothing left running. */
import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test, vi } from 'vitest';
import reportSchema from '../../src/kernel/report.schema.json' with { type: 'json' };
import type { Report } from '../../src/kernel/report.ts';
import { call, reportOf } from '../helpers/call.ts';
import { type FileMap, makeRepo, temporaryFolder, writeFiles } from '../helpers/repo.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const head = 'version: 1\nmodel: { name: m, owner: "@team" }\n';

const bomb = ['x', ...Array.from({ length: 9 }, (_, i) => Array(9).fill(`*a${i}`).join(','))];

const broken: [what: string, files: FileMap, place: object, message: RegExp][] = [
  ['an empty folder', {}, {}, /there is no flightcheck.yml/],
  ['a tab', { 'flightcheck.yml': 'version: 1\nmodel:\n\tname: m\n' }, { line: 3 }, /a tab indents/],
  ['a duplicate key', { 'flightcheck.yml': `${head}version: 1\n` }, { line: 3 }, /version stands twice/],
  [
    'an alias bomb',
    { 'flightcheck.yml': head + bomb.map((items, i) => `a${i}: &a${i} [${items}]\n`).join('') },
    { line: 12 },
    /aliases .* multiply/,
  ],
  ['10 MB', { 'flightcheck.yml': head + `# ${'x'.repeat(98)}\n`.repeat(100_000) }, {}, /at most 1048576 are read/],
  ['a newer version', { 'flightcheck.yml': head.replace('1', '2') }, { line: 1 }, /version 2, this Flightcheck reads version 1/],
  ['UTF-16', { 'flightcheck.yml': Buffer.from(`\uFEFF${head}`, 'utf16le') }, {}, /not UTF-8/],
];

test('above the folders of models, the way to them is told', async () => {
  const root = makeRepo({ 'risk/late/flightcheck.yml': head, 'risk/fraud/flightcheck.yml': head }, { git: false });
  const below = 'There are some in risk/fraud, risk/late: name the folder of the model, as in `flightcheck check risk/fraud`';
  for (const [dir, cwd, prefix] of [
    ['.', root, ''],
    [basename(root), dirname(root), `${basename(root)}/`],
  ] as const) {
    const { code, errors } = await call(['score', dir], {}, { cwd });
    expect(code).toBe(2);
    expect(errors).toContain('there is no flightcheck.yml');
    expect(errors).toContain(below.replaceAll('risk/', `${prefix}risk/`));
  }
});

test('the files of a run are named as they are found from where it was called', async () => {
  const root = makeRepo({ 'flightcheck.yml': head }, { git: false });
  const from = (cwd: string, dir: string) => call(['check', dir], {}, { cwd });
  expect((await from(root, '.')).errors).toMatch(/Reports in \.flightcheck: check\.report\.json, .*check\.html/);
  expect((await from(dirname(root), basename(root))).errors).toContain(`Reports in ${basename(root)}/.flightcheck: check.`);
});

describe.each(broken)('a manifest: %s', (_what, files, place, message) => {
  test('is a finding of check, ends score with 2, and opens no gate of report', async () => {
    const root = makeRepo(files, { git: false });
    expect((await call(['check', root])).code).toBe(0);
    const results = reportOf(root, 'check').suites.flatMap((suite) => suite.sections.flatMap((section) => section.results));
    expect(results.find(({ check }) => check === 'manifest-valid')).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(message), place: { path: 'flightcheck.yml', ...place } }],
    });
    expect(results.filter(({ outcome }) => outcome === 'error')).toEqual([]);

    const score = await call(['score', root]);
    expect(score.code).toBe(2);
    expect(score.errors).toMatch(message);
    expect(score.errors).toMatch(/\n {2}-> \S/);
    expect(score.errors).not.toMatch(/^ +at /m);

    expect((await call(['report', root, '--gate', 'blocking', '--max-severity', 'major'])).code).toBe(1);
    const isThere = 'flightcheck.yml' in files;
    expect(reportOf(root, 'report').complete).toBe(!isThere);
  });
});

describe('the folder', () => {
  test.each(['check', 'score', 'report', 'doctor'])('that %s is given must be there and be a folder', async (command) => {
    const root = makeRepo({ file: '' }, { git: false });
    for (const path of ['none', 'file']) {
      const { code, errors } = await call([command, join(root, path)]);
      expect(code).toBe(2);
      expect(errors).toMatch(/is not (there|a folder)\n {2}-> Name the folder/);
    }
  });

  test.each([
    ['a link out of the repo', (root: string) => symlinkSync(temporaryFolder(), join(root, '.flightcheck')), 2],
    ['a link to nothing', (root: string) => symlinkSync('none', join(root, '.flightcheck')), 2],
    ['a link to itself', (root: string) => symlinkSync('.flightcheck', join(root, '.flightcheck')), 2],
    ['a file', (root: string) => writeFileSync(join(root, '.flightcheck'), 'mine'), 2],
    ['inside .git', () => {}, 2, ['--output', '.git/x']],
  ] as const)(
    'of the reports is %s: the result is printed all the same',
    async (_what, make, exit, argv: readonly string[] = []) => {
      const root = makeRepo({ 'flightcheck.yml': head });
      make(root);
      const { code, text } = await call(['check', root, '--json', ...argv]);
      expect(code).toBe(exit);
      const report = JSON.parse(text) as Report;
      expect(report.suites).toHaveLength(1);
      expect(report.notices?.at(-1)).toMatch(/^No report file was written: .*\. [A-Z]/);
      expect(existsSync(join(root, '.git/x'))).toBe(false);
    },
  );
});

describe("CI's variables", () => {
  const evil = '"><script>alert(1)</script>\n/close\n$(id)`id`\u001b[31m';

  test('of any content make a valid report, and no secret is in it', async () => {
    const root = makeRepo({ 'flightcheck.yml': head }, { git: false });
    const names =
      'SOURCE COMMIT_SHA COMMIT_REF_NAME PROJECT_PATH PROJECT_ID JOB_ID JOB_URL MERGE_REQUEST_IID API_V4_URL SERVER_URL';
    const env = Object.fromEntries(names.split(' ').map((name) => [`CI_${name}`, evil.repeat(500)]));
    const { code, text } = await call(['check', root], {
      ...env,
      CI: 'true',
      CI_PIPELINE_SOURCE: evil.repeat(9),
      FLIGHTCHECK_COMPONENT_NAME: evil.repeat(500),
      CI_JOB_TOKEN: 'very-secret',
    });
    expect(code).toBe(0);
    const isReport = new Ajv2020({ strict: false, validateFormats: false }).compile(reportSchema);
    expect([isReport(reportOf(root, 'check')), isReport.errors]).toEqual([true, null]);
    const html = readFileSync(join(root, '.flightcheck/check.html'), 'utf8');
    expect(html).not.toContain('<script>alert');
    const all = text + html + JSON.stringify(reportOf(root, 'check'));
    for (const never of ['very-secret', '\u001b', '\\u001b']) expect(all).not.toContain(never);
    expect(readFileSync(join(root, '.flightcheck/check.env'), 'utf8')).toMatch(/^(FLIGHTCHECK_[A-Z_]+=[\w./:@+-]*\n)+$/);
  });

  test('that set an option to nonsense are named, with exit code 2', async () => {
    const { code, errors } = await call(['check', temporaryFolder()], { FLIGHTCHECK_GATE: '$(touch x)' });
    expect(code).toBe(2);
    expect(errors).toContain('FLIGHTCHECK_GATE is "$(touch x)", expected one of advisory, blocking');
  });
});

/** The command as a process of its own. */
function start(argv: readonly string[], stdout: 'pipe' | number, env: Readonly<Record<string, string>> = {}) {
  const { CI: _, GITLAB_CI: _g, NO_COLOR: _n, FORCE_COLOR: _f, ...own } = process.env;
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...argv], {
    stdio: ['ignore', stdout, 'pipe'],
    env: { ...own, ...env },
  });
  let [text, errors] = ['', ''];
  child.stdout?.on('data', (data) => {
    text += String(data);
  });
  child.stderr?.on('data', (data) => {
    errors += String(data);
  });
  const ended = new Promise<{ code: number | null; text: string; errors: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, text, errors })),
  );
  return { child, ended };
}

describe('standard output', () => {
  const blocking = ['--gate', 'blocking', '--max-severity', 'minor'];

  test('that is closed early loses no verdict', async () => {
    const root = makeRepo({ 'flightcheck.yml': head }, { git: false });
    const { child, ended } = start(['check', root, ...blocking], 'pipe');
    child.stdout?.destroy();
    const { code, errors } = await ended;
    expect(code).toBe(1);
    expect(errors).not.toMatch(/EPIPE|^ +at /m);
    expect(reportOf(root, 'check').gate?.isPassed).toBe(false);
  });

  test.skipIf(!existsSync('/dev/full'))('that is full is told, with exit code 3', async () => {
    const root = makeRepo({ 'flightcheck.yml': head }, { git: false });
    const { code, errors } = await start(['check', root], openSync('/dev/full', 'w')).ended;
    expect(code).toBe(3);
    expect(errors).toMatch(/cannot be written: ENOSPC\n {2}-> /);
  });

  test('has colour when it is forced, and none with NO_COLOR', async () => {
    const root = makeRepo({ 'flightcheck.yml': head }, { git: false });
    const forced = await start(['check', root], 'pipe', { FORCE_COLOR: '1' }).ended;
    const none = await start(['check', root], 'pipe', { FORCE_COLOR: '1', NO_COLOR: '1' }).ended;
    expect([forced.text.includes('\u001b['), none.text.includes('\u001b[')]).toEqual([true, false]);
  });
});

test('Ctrl-C during score: exit code 130, a partial report, no process left', async () => {
  const root = makeRepo({
    'flightcheck.yml': `${head}task: binary\ncolumns: { label: y }\ndata: { train: train.csv, eval: train.csv }\nhooks:
  train: python3 train.py {data} {model} ${join(temporaryFolder(), 'pid')}\n  predict: python3 train.py {in} {model} {out}\n`,
    'train.py': 'import os, sys, time\nopen(sys.argv[3], "w").write(str(os.getpid()))\ntime.sleep(600)\n',
  });
  writeFiles(root, { 'train.csv': `id,x,y\n${Array.from({ length: 300 }, (_, i) => `${i},${i % 7},${i % 2}\n`).join('')}` });
  const pidFile = /\S+\/pid$/m.exec(readFileSync(join(root, 'flightcheck.yml'), 'utf8'))?.[0] ?? '';
  const { child, ended } = start(['score', root, '--cache', 'off', '--only', 'infra-1'], 'pipe');
  await vi.waitFor(() => expect(readFileSync(pidFile, 'utf8')).toMatch(/^\d+$/), { timeout: 30_000, interval: 50 });
  child.kill('SIGINT');
  const { code, text } = await ended;
  expect(code).toBe(130);
  expect(text).toContain('ML Test Score');
  expect(reportOf(root, 'score')).toMatchObject({ complete: false, interrupted: true });
  const isAlive = (): boolean => {
    try {
      // A zombie that waits for the init process still has its name in /proc but no command line.
      return readFileSync(`/proc/${readFileSync(pidFile, 'utf8')}/cmdline`, 'utf8') !== '';
    } catch {
      return false;
    }
  };
  for (let tries = 0; isAlive() && tries < 50; tries += 1) await sleep(20);
  expect(isAlive()).toBe(false);
});
