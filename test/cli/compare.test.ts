/** What a run changed: against the record in a real Control Tower, against a file, against nothing. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Report } from '../../src/kernel/report.ts';
import { startTower, type Tower } from '../../src/tower/server.ts';
import { call, reportOf } from '../helpers/call.ts';
import { git, makeRepo } from '../helpers/repo.ts';
import { sampleReport } from '../tower/sample.ts';

const name = 'late-lodgement';
const outcomes = { 'data-1': 'pass', 'data-2': 'fail', 'model-5': 'pass', 'infra-1': 'skipped' } as const;
const folder = mkdtempSync(join(tmpdir(), 'flightcheck-compare-'));
let tower: Tower;
beforeAll(async () => {
  tower = await startTower({ folder, port: 0, version: '0.1.0', onError: () => undefined });
});
afterAll(async () => {
  await tower.close();
  rmSync(folder, { recursive: true, force: true });
});

const before = (): Report => sampleReport({ name, outcomes, trigger: 'push', at: '2026-11-20T06:12:00Z' });

async function record(): Promise<void> {
  const response = await fetch(`${tower.url}/v1/reports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tower.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(before()),
  });
  expect(response.status).toBe(201);
}

/** A repo whose score job left a report with other outcomes: one test gained, one lost. */
function repo(change: Partial<Report> = {}): string {
  const root = makeRepo({
    'flightcheck.yml': `version: 1\nmodel: { name: ${name}, owner: "@team" }\ncolumns: { id: id }\n`,
    '.gitignore': '.flightcheck/\n',
  });
  const commit = git(root, 'rev-parse', 'HEAD').trim();
  const now = sampleReport({
    name,
    outcomes: { ...outcomes, 'data-2': 'pass', 'data-1': 'fail' },
    trigger: 'push',
    jobId: null,
    commit,
  });
  mkdirSync(join(root, '.flightcheck'));
  writeFileSync(
    join(root, '.flightcheck/score.report.json'),
    JSON.stringify({ ...now, runner: 'score', run: { trigger: 'push' }, ...change }),
  );
  return root;
}
const inPipeline = { CI: 'true', CI_PIPELINE_SOURCE: 'push' };

test('without an earlier report the card says so in one line', async () => {
  const { code, text } = await call(['report', repo()], inPipeline);
  expect(code).toBe(0);
  expect(text).toMatch(/^Compared with nothing: no Control Tower is named \(tower-url\)/m);
  const unknown = await call(['report', repo(), '--tower-url', tower.url], inPipeline);
  expect(unknown.text).toContain('Compared with nothing: Control Tower has no record of this model yet');
  const gone = await call(['report', repo(), '--tower-url', 'http://127.0.0.1:1'], inPipeline);
  expect(gone.code).toBe(0);
  expect(gone.text.replaceAll('\n', ' ')).toMatch(/Compared with nothing: Control Tower at 127\.0\.0\.1:1 cannot be reached/);
});

test('against the record in Control Tower: gained, lost, scores before and after, in every format', async () => {
  await record();
  const root = repo();
  const { text } = await call(['report', root, '--tower-url', tower.url], inPipeline);
  expect(text).toMatch(/^Against .*2026-11-20 06:12 UTC, from Control Tower/m);
  expect(text).toContain('Gained: data-2');
  expect(text).toContain('Lost: data-1 (failed)');
  const { comparison } = reportOf(root, 'report');
  // What asks services is judged anew by this very job.
  expect(comparison?.tests?.filter(({ check }) => check.startsWith('data-'))).toEqual([
    { check: 'data-1', change: 'lost', before: 'pass', after: 'fail', pointsBefore: 1, pointsAfter: 0 },
    { check: 'data-2', change: 'gained', before: 'fail', after: 'pass', pointsBefore: 0, pointsAfter: 1 },
  ]);
  expect(comparison?.sections?.find(({ id }) => id === 'data')).toMatchObject({ before: 2, after: 2 });
  for (const file of ['report.html', 'report.md']) {
    const shown = readFileSync(join(root, `.flightcheck/${file}`), 'utf8');
    expect(shown, file).toMatch(/data\\?-2/);
    expect(shown, file).toContain('Gained');
  }
});

test('against a file, also of another place; a run that counts half loses no test', async () => {
  const file = join(folder, 'main.report.json');
  writeFileSync(file, JSON.stringify(before()));
  const root = repo();
  // On a laptop: what was automatic counts half, and nothing is lost by that.
  const { text } = await call(['report', root, '--compare', file], {});
  expect(text.replaceAll(/\s+/g, ' ')).toMatch(/count less, because of how this run was started: [^:]*model-5/);
  expect(text).toContain('Lost: data-1 (failed)');
  const narrow = (await call(['report', root, '--compare', file], {}, { width: 40 })).text;
  const part = narrow.slice(narrow.indexOf('Against '), narrow.indexOf('\n\n', narrow.indexOf('Against ')));
  expect(part).toContain('main.report.json');
  expect(Math.max(...part.split('\n').map((line) => line.length))).toBeLessThanOrEqual(40);
});

test.each([
  ['no.json', null, 'cannot be read'],
  ['list.json', '[]', 'is not a valid report'],
  ['half.json', '{', 'is not JSON'],
  ['key.pem', 'hunter2 is the password', 'is not JSON'],
  ['other.json', JSON.stringify(sampleReport({ name: 'other-model' })), 'is a report of other-model'],
])('refuses to compare with %s, and says why', async (path, content, says) => {
  const file = join(folder, path);
  if (content !== null) writeFileSync(file, content);
  const { code, errors } = await call(['report', repo(), '--compare', file], inPipeline);
  expect(code).toBe(2);
  expect(errors).toContain(says);
  expect(errors).not.toMatch(/\n\s+at |hunter2/);
});
