/** The project's own `.gitlab-ci.yml`, run for real on a copy of this checkout. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOffline, type Offline } from '../support/offline.ts';

const root = join(import.meta.dirname, '../..');
let offline: Offline;
let project: string;

beforeAll(() => {
  offline = createOffline();
  project = offline.project('flightcheck', {});
  const listed = execFileSync('git', ['-C', root, 'ls-files', '-coz', '--exclude-standard'], { encoding: 'utf8' });
  for (const path of listed.split('\0').filter((file) => file !== '' && existsSync(join(root, file)))) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    cpSync(join(root, path), join(project, path));
  }
  offline.commit(project, {});
  // Installed once is enough: the jobs install only where nothing is there.
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
});
afterAll(() => offline.close());

test('lint and test pass; the job that runs pipelines is not started from within one', async () => {
  // One folder of tests stands for all: they run beside this one anyway.
  const pipeline = await offline.run(project, {
    isInPlace: true,
    variables: { TEST_FILTER: 'test/facts/ci' },
    arguments: ['lint', 'test'],
  });
  expect(pipeline.jobs, pipeline.output).toEqual({ lint: 'pass', test: 'pass' });
  expect(readFileSync(join(project, 'reports/junit.xml'), 'utf8')).toMatch(/<testsuites [^>]*tests="[1-9]/);
});

test.each([
  ['a branch', {}, ['lint', 'test', 'offline-pipeline']],
  [
    'a release tag',
    { CI_COMMIT_TAG: '1.2.3', CI_COMMIT_BRANCH: '' },
    ['lint', 'test', 'offline-pipeline', 'archive', 'publish', 'release'],
  ],
  ['another tag', { CI_COMMIT_TAG: 'demo', CI_COMMIT_BRANCH: '' }, ['lint', 'test', 'offline-pipeline']],
])('jobs of %s', async (_, variables, jobs) => {
  const { code, output } = await offline.run(project, {
    variables,
    arguments: ['--list-csv', '--ignore-predefined-vars', Object.keys(variables).join(',')],
  });
  expect(code, output).toBe(0);
  const all = ['lint', 'test', 'offline-pipeline', 'archive', 'publish', 'release'];
  expect(all.filter((job) => new RegExp(`^${job};`, 'm').test(output))).toEqual(jobs);
});
