/** `flightcheck deploy run-local` as a whole: real commands, one working copy, nothing left running. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { call, reportOf } from '../helpers/call.ts';
import { makeRepo, temporaryFolder } from '../helpers/repo.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const PATH = process.env.PATH ?? '';
/** A process that ended and that nobody waits for stays listed, as a zombie. */
const isRunning = (file: string): boolean => {
  const stat = `/proc/${readFileSync(file, 'utf8').trim()}/stat`;
  return existsSync(stat) && !/\) Z /.test(readFileSync(stat, 'latin1'));
};
const manifest = (tasks: string): string => `version: 1\nmodel: { name: risk, owner: "@team" }\ntasks:\n${tasks}`;

test('tasks hand each other files, the repo stays as it is, and no secret is shown', async () => {
  const root = makeRepo({
    'data.txt': 'rows',
    'flightcheck.yml': manifest(`
  make: { command: [sh, -c, 'cat data.txt > made.txt; echo "key is $API_KEY_X"'], secrets: [{ env: API_KEY_X, secret: s, key: k }] }
  use: { command: [sh, -c, 'test "$(cat made.txt)" = rows'], dependsOn: make }
`),
  });
  const { code, errors } = await call(['deploy', 'run-local', root], { PATH, API_KEY_X: 'hunter2hunter2' });
  expect(code, errors).toBe(0);
  expect(errors).toContain('make | key is [masked]');
  expect(existsSync(join(root, 'made.txt'))).toBe(false);
  const results = reportOf(root, 'run-local').suites[0]?.sections[0]?.results;
  expect(results?.map(({ check, outcome }) => [check, outcome])).toEqual([
    ['run-local-make', 'pass'],
    ['run-local-use', 'pass'],
  ]);
  expect(readFileSync(join(root, '.flightcheck/run-local.junit.xml'), 'utf8')).toContain('Task make');
});

test('a task that fails ends with 1 and its last lines; the timeout of a task ends all that it started', async () => {
  const pid = join(temporaryFolder(), 'pid');
  const root = makeRepo({
    'flightcheck.yml': manifest(`
  breaks: { command: [sh, -c, 'echo what went wrong; exit 3'] }
  hangs: { command: [sh, -c, 'setsid sleep 300 & echo $! > ${pid}; sleep 300'], timeout: 1s }
  never: { command: [echo, never], dependsOn: [breaks] }
`),
  });
  const { code, errors } = await call(['deploy', 'run-local', root], { PATH });
  expect(code).toBe(1);
  expect(errors).toContain('hangs: failed: stopped after its timeout of 1 s');
  expect(errors).not.toContain('never | never');
  const results = reportOf(root, 'run-local').suites[0]?.sections[0]?.results ?? [];
  expect(JSON.stringify(results[0]?.findings)).toContain('what went wrong');
  expect(results[2]).toMatchObject({ outcome: 'skipped', reason: 'a task before it failed' });
  expect(isRunning(pid)).toBe(false);
});

test('Ctrl-C ends every process of every task and keeps what was known', async () => {
  const pid = join(temporaryFolder(), 'pid');
  const root = makeRepo({
    'flightcheck.yml': manifest(`
  first: { command: [echo, done] }
  hangs: { command: [sh, -c, 'setsid sleep 300 & echo $! > ${pid}; sleep 300'], dependsOn: first }
`),
  });
  const child = spawn(process.execPath, ['--import', 'tsx', main, 'deploy', 'run-local', root], { stdio: 'ignore' });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await vi.waitFor(() => expect(readFileSync(pid, 'utf8')).toMatch(/\d\n/), { timeout: 60_000, interval: 100 });
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(isRunning(pid)).toBe(false);
  const { complete, notices } = reportOf(root, 'run-local');
  expect({ complete, notices }).toEqual({ complete: false, notices: ['risk: interrupted: hangs'] });
}, 90_000);

test('what only Airflow can fill in, and an environment that does not exist, are said before anything runs', async () => {
  const root = makeRepo({ 'flightcheck.yml': manifest('  a: { command: [echo, "{{ conn.x }}"], template: true }\n') });
  expect(await call(['deploy', 'run-local', root])).toMatchObject({
    code: 2,
    errors: expect.stringContaining('only Airflow can fill'),
  });
  const other = await call(['deploy', 'run-local', root, '--env', 'prod']);
  expect(other).toMatchObject({ code: 2, errors: expect.stringContaining('There is no environment "prod"') });
});
