import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeReports } from '../../src/adapters/report-files.ts';
import { readReports } from '../../src/adapters/reports.ts';
import { keepUnsent, listUnsent } from '../../src/adapters/unsent.ts';
import type { Report } from '../../src/kernel/report.ts';
import { renderFiles } from '../../src/reports/files.ts';
import { goldenReport } from '../reports/golden.ts';

let root: string;
let other: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'flightcheck-reports-'));
  other = mkdtempSync(join(tmpdir(), 'flightcheck-other-'));
});
afterEach(() => {
  for (const folder of [root, other]) rmSync(folder, { recursive: true, force: true });
});

const put = (name: string, content: unknown): void => {
  mkdirSync(join(root, '.flightcheck'), { recursive: true });
  writeFileSync(join(root, '.flightcheck', name), typeof content === 'string' ? content : JSON.stringify(content));
};
const read = () => readReports(root, '.flightcheck', { except: ['report.report.json'] });
const small: Report = { ...goldenReport, suites: [], runner: 'check' };

describe('the folder of reports', () => {
  it('is ignored by git when it is ours, and keeps what a repo says of it; another folder is left as it is', async () => {
    const ignored = (folder: string) => readdirSync(join(root, folder)).includes('.gitignore');
    await writeReports(new Map([['a.json', '{}']]), { root, folder: '.flightcheck' });
    await writeReports(new Map([['a.json', '{}']]), { root, folder: 'reports' });
    expect([ignored('.flightcheck'), ignored('reports')]).toEqual([true, false]);
    expect(readFileSync(join(root, '.flightcheck/.gitignore'), 'utf8')).toBe('*\n');
    put('.gitignore', '!kept\n');
    await writeReports(new Map([['a.json', '{}']]), { root, folder: '.flightcheck' });
    expect(readFileSync(join(root, '.flightcheck/.gitignore'), 'utf8')).toBe('!kept\n');
  });
});

describe('reports of other jobs', () => {
  it('are read in the order of their names, without our own and what is no report', async () => {
    put('score.report.json', { ...small, runner: 'score' });
    put('check.report.json', small);
    put('report.report.json', small);
    put('check.junit.xml', '<x/>');
    const found = await read();
    expect(found.reports.map((report) => report.runner)).toEqual(['check', 'score']);
    expect(found.problems).toEqual([]);
  });

  it('are none where there is no folder', async () => expect(await read()).toEqual({ reports: [], problems: [], paths: [] }));

  it.each([
    ['no JSON', '{"schema": 1', /check\.report\.json is not JSON/],
    ['nothing', '', /is not JSON/],
    ['another version', { ...small, schema: 2 }, /is not a valid report: \/schema/],
    ['a missing key', { ...small, model: undefined }, /must have required property 'model'/],
    ['an unknown key', { ...small, score: 7 }, /must NOT have additional properties \("score"\)/],
    ['a date that is none', { ...small, at: 'yesterday' }, /\/at must match format "date-time"/],
    ['a zone that is none', { ...small, at: '2026-11-20T06:12:40+99:99' }, /\/at must match format/],
    ['a wrong type deep inside', { ...small, metrics: [{ name: 'a', value: 'high' }] }, /\/metrics\/0\/value must be number/],
    ['null', 'null', /must be object/],
    ['brackets without end', '['.repeat(100_000), /is not JSON/],
  ])('that hold %s are named with the place, and the others still count', async (_, content, problem) => {
    put('check.report.json', content);
    put('score.report.json', small);
    const found = await read();
    expect(found.problems).toHaveLength(1);
    expect(found.problems[0]).toMatch(problem);
    expect(found.reports).toHaveLength(1);
  });

  it('that are too large, a folder, not text or a link out of the repo are named, not read', async () => {
    put('a.report.json', 'x'.repeat(21 * 1024 * 1024));
    mkdirSync(join(root, '.flightcheck', 'b.report.json'));
    writeFileSync(join(root, '.flightcheck', 'c.report.json'), Buffer.from([0xff, 0xfe, 0x00]));
    writeFileSync(join(other, 'secret'), JSON.stringify(small));
    symlinkSync(join(other, 'secret'), join(root, '.flightcheck', 'd.report.json'));
    symlinkSync('nowhere', join(root, '.flightcheck', 'e.report.json'));
    symlinkSync('f.report.json', join(root, '.flightcheck', 'f.report.json'));
    const found = await read();
    expect(found.reports).toEqual([]);
    expect(found.problems.map((problem) => problem.split(' ')[0])).toEqual(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `.flightcheck/${name}.report.json`),
    );
    expect(found.problems[0]).toContain('bytes');
    expect(found.problems[3]).toContain('leads out of the repository');
  });
});

describe('report files', () => {
  const small = new Map([['report.env', 'A=b\n']]);

  it('are written in every format, whole, under one stem', async () => {
    const written = await writeReports(renderFiles(goldenReport, { folder: '.flightcheck' }), { root, folder: '.flightcheck' });
    expect(written).toEqual(
      ['report.json', 'junit.xml', 'codequality.json', 'metrics.txt', 'annotations.json', 'env', 'html', 'md'].map(
        (ending) => `.flightcheck/report.${ending}`,
      ),
    );
    expect(readdirSync(join(root, '.flightcheck')).sort()).toEqual(
      ['.gitignore', ...written.map((path) => path.slice('.flightcheck/'.length))].sort(),
    );
    expect(JSON.parse(readFileSync(join(root, '.flightcheck/report.report.json'), 'utf8'))).toEqual(goldenReport);
    expect(readFileSync(join(root, '.flightcheck/report.annotations.json'), 'utf8')).toContain(
      '/artifacts/file/.flightcheck/report.html',
    );
  });

  it('may stand in a deeper folder', async () => {
    expect(await writeReports(small, { root, folder: 'a/b' })).toEqual(['a/b/report.env']);
  });

  it('do not leave the repo through a linked folder', async () => {
    symlinkSync(other, join(root, '.flightcheck'));
    for (const folder of ['.flightcheck', '.flightcheck/deeper', '../x'])
      await expect(writeReports(small, { root, folder })).rejects.toMatchObject({ code: 'OUTPUT_OUTSIDE', exitCode: 2 });
    expect(readdirSync(other)).toEqual([]);
  });

  it('replace a linked file and leave alone what it pointed at', async () => {
    writeFileSync(join(other, 'precious'), 'mine');
    mkdirSync(join(root, '.flightcheck'));
    symlinkSync(join(other, 'precious'), join(root, '.flightcheck/report.env'));
    await writeReports(small, { root, folder: '.flightcheck' });
    expect(readFileSync(join(other, 'precious'), 'utf8')).toBe('mine');
    expect(readFileSync(join(root, '.flightcheck/report.env'), 'utf8')).toBe('A=b\n');
  });

  it('say so when the folder is a file or a format is in the way', async () => {
    writeFileSync(join(root, 'file'), '');
    await expect(writeReports(small, { root, folder: 'file' })).rejects.toMatchObject({ code: 'OUTPUT_NOT_A_FOLDER' });
    mkdirSync(join(root, 'out/report.env'), { recursive: true });
    await expect(writeReports(small, { root, folder: 'out' })).rejects.toMatchObject({
      code: 'OUTPUT_NOT_WRITABLE',
      exitCode: 3,
    });
    expect(readdirSync(join(root, 'out'))).toEqual(['report.env']);
  });

  it('say what helps where the repo cannot be written: no other folder of it does', async () => {
    mkdirSync(join(root, 'made'));
    chmodSync(join(root, 'made'), 0o555);
    chmodSync(root, 0o555);
    // Permissions do not bind root.
    if (process.getuid?.() === 0) process.seteuid?.('nobody');
    const failures: unknown[] = [];
    try {
      for (const folder of ['.flightcheck', 'made'])
        failures.push(await writeReports(small, { root, folder }).catch((error: unknown) => error));
    } finally {
      if (process.getuid?.() === 0) process.seteuid?.(0);
      chmodSync(root, 0o755);
    }
    const hint =
      'Files are written inside the repository alone: let this user write there, or run on a copy of it that can be written.';
    expect(failures).toMatchObject([
      { code: 'OUTPUT_NOT_WRITABLE', message: 'The output folder .flightcheck cannot be made: EACCES', hint },
      { code: 'OUTPUT_NOT_WRITABLE', message: 'report.env cannot be written: EACCES', hint },
    ]);
  });
});

describe('kept payloads', () => {
  it('come back byte for byte, once however often they were kept', async () => {
    const path = await keepUnsent(root, '.flightcheck', '{"a":"ä"}');
    await keepUnsent(root, '.flightcheck', '{"a":"ä"}');
    expect(await listUnsent(root, '.flightcheck')).toEqual({ waiting: [{ path, body: '{"a":"ä"}' }], problems: [] });
  });

  it('whose content was changed are not sent', async () => {
    const path = await keepUnsent(root, '.flightcheck', '{}');
    writeFileSync(join(root, path), '{"forged":true}');
    expect(await listUnsent(root, '.flightcheck')).toEqual({
      waiting: [],
      problems: [`${path} cannot be sent: its content was changed`],
    });
  });
});
