/** Stopping an environment: what it holds afterwards, what `rollback` and `apply` make of it, and a stop that was killed. */
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openAirflow } from '../../src/adapters/airflow/airflow.ts';
import { openFolder } from '../../src/adapters/delivery/folder.ts';
import { openGitTarget } from '../../src/adapters/delivery/git.ts';
import { renderAirflow, renderHash } from '../../src/delivery/dag/render-airflow.ts';
import { rollback } from '../../src/delivery/deploy/rollback.ts';
import { type StopOptions, stop } from '../../src/delivery/deploy/stop.ts';
import type { DagTarget } from '../../src/kernel/delivery.ts';
import { git, makeRepo, temporaryFolder } from '../helpers/repo.ts';
import { type FakeAirflow, fakeAirflow } from '../support/airflow.ts';
import { fastClock, first, hashIn, second, stepsOf, world } from '../support/deployments.ts';
import { killAfter, mortal } from '../support/mortal.ts';

const optionsOf = (airflow: FakeAirflow, target: DagTarget) => ({
  airflow: openAirflow({ url: airflow.url, major: 3 }),
  ...{ target, dagId: 'risk', timeoutSeconds: 60, pollSeconds: 5, clock: fastClock() },
});
const stopIn = (airflow: FakeAirflow, target: DagTarget, more: Partial<StopOptions> = {}) =>
  stop({ ...optionsOf(airflow, target), ...more });
const hasRun = (airflow: FakeAirflow): unknown => airflow.runs.set('scheduled__2026-01-01', 'success');

describe('a stop', () => {
  test('removes the file, and the DAG that only ever ran for its deployment leaves nothing behind', async () => {
    const { deploy, airflow, target, folder } = await world({ removalLag: 3 });
    await deploy(second, { testRun: true });
    const done = await stopIn(airflow, target);
    expect(done).toMatchObject({ outcome: 'stopped', previousHash: renderHash(second) });
    expect(stepsOf(done)).toEqual(['remove pass', 'pause pass', 'verify-stop pass']);
    expect(readdirSync(folder)).toEqual([]);
    expect([...airflow.dags.keys()]).toEqual([]);
  });

  test('of a DAG that ran keeps its history: it is paused, and proven when Airflow schedules it no more', async () => {
    const { deploy, airflow, target } = await world({ removalLag: 4 });
    await deploy(first);
    hasRun(airflow);
    const done = await stopIn(airflow, target);
    expect(done.outcome).toBe('stopped');
    // Four looks at a DAG that Airflow still has, two at none.
    expect(done.steps.at(-1)?.seconds).toBeGreaterThanOrEqual(20);
    expect(airflow.dags.get('risk')).toMatchObject({ is_stale: true, is_paused: true });
    expect(airflow.requests.filter((request) => request.startsWith('DELETE'))).toEqual([]);
  });

  test('whose removal Airflow does not see in time is one as long as the DAG is paused', async () => {
    const { deploy, airflow, target, file } = await world({ removalLag: 1000 });
    await deploy(first);
    hasRun(airflow);
    airflow.runs.set('manual__1', 'running');
    const done = await stopIn(airflow, target);
    expect(done.outcome).toBe('stopped');
    expect(done.steps.find(({ id }) => id === 'pause')?.words).toContain('may fail without their file: 1');
    expect(done.steps.at(-1)?.words).toMatch(/paused, so nothing of it starts; after \d+ s Airflow still has risk/);
    expect(existsSync(file)).toBe(false);
    expect(airflow.dags.get('risk')?.is_paused).toBe(true);
  });

  test('by an account that may not pause is not proven while Airflow still schedules the DAG', async () => {
    const faults = { removalLag: 1000, isReadOnly: false };
    const { deploy, airflow, target, file } = await world(faults);
    await deploy(first);
    hasRun(airflow);
    faults.isReadOnly = true;
    const done = await stopIn(airflow, target);
    expect(done.outcome).toBe('stop-unverified');
    expect(stepsOf(done)).toEqual(['remove pass', 'pause skipped', 'verify-stop fail']);
    expect(existsSync(file)).toBe(false);
  });

  test('twice is once, and of what never was is nothing', async () => {
    const { deploy, airflow, target } = await world();
    const never = await stopIn(airflow, target);
    expect(never.outcome).toBe('stopped');
    expect(stepsOf(never)).toEqual(['remove skipped', 'pause skipped', 'verify-stop pass']);
    await deploy(first);
    await stopIn(airflow, target);
    expect(await stopIn(airflow, target)).toMatchObject({ outcome: 'stopped', previousHash: null });
  });

  test('takes a canary along that a killed one left, and one that cannot be removed does not end it early', async () => {
    const { deploy, airflow, target, folder } = await world();
    await deploy(first);
    hasRun(airflow);
    await target.remove('risk.py', 'by the stop that was killed');
    writeFileSync(join(folder, 'risk__canary.py'), '# of a deployment that was killed\n');
    expect((await stopIn(airflow, target)).outcome).toBe('stopped');
    expect(readdirSync(folder)).toEqual([]);
    await deploy(second);
    const remove = (name: string, reason: string) =>
      name.includes('canary') ? Promise.reject(new Error('the disk is tired')) : target.remove(name, reason);
    const done = await stopIn(airflow, { ...target, remove });
    expect(done.outcome).toBe('stopped');
    expect(done.steps[0]?.words).toMatch(/risk__canary\.py may still lie there: the disk is tired/);
    expect(stepsOf(done)).toContain('verify-stop pass');
  });

  test('forgets a DAG only once Airflow has seen that its file is gone', async () => {
    const { deploy, airflow, target } = await world({ removalLag: 4 });
    await deploy(first);
    const seen: boolean[] = [];
    const port = openAirflow({ url: airflow.url, major: 3 });
    const forget = async (id: string) => {
      seen.push((await port.dag(id))?.isActive ?? false);
      await port.forget(id);
    };
    expect((await stopIn(airflow, target, { airflow: { ...port, forget } })).outcome).toBe('stopped');
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).not.toContain(true);
  });

  test('leaves alone what Flightcheck did not write', async () => {
    const { airflow, target, file } = await world();
    writeFileSync(file, '# by hand\n');
    const done = await stopIn(airflow, target);
    expect(done.outcome).toBe('refused');
    expect(done.steps[0]?.words).toContain('risk.py in folder');
    expect(readFileSync(file, 'utf8')).toBe('# by hand\n');
    // A DAG of that name which Airflow reads elsewhere.
    const other = await world();
    await other.deploy(first);
    const dag = other.airflow.dags.get('risk');
    if (dag) dag.doc_md = 'of another team';
    const elsewhere = await openFolder(temporaryFolder());
    expect((await stopIn(other.airflow, elsewhere)).outcome).toBe('refused');
    expect(dag?.is_paused).toBe(false);
  });

  test('removes nothing while Airflow cannot be asked', async () => {
    let isDown = false;
    const { deploy, airflow, target, file } = await world({ down: () => isDown });
    await deploy(first);
    isDown = true;
    await expect(stopIn(airflow, target)).rejects.toMatchObject({ code: 'AIRFLOW_UNREACHABLE', exitCode: 3 });
    expect(existsSync(file)).toBe(true);
  });

  test('interrupted while it waits says so, and is ended by the next', async () => {
    const { deploy, airflow, target } = await world({ removalLag: 6 });
    await deploy(first);
    hasRun(airflow);
    const interrupt = new AbortController();
    const onWait = (): void => interrupt.abort();
    const done = await stopIn(airflow, target, { signal: interrupt.signal, onWait, timeoutSeconds: 36_000 });
    expect(done.steps.at(-1)?.words).toContain('interrupted');
    expect((await stopIn(airflow, target)).outcome).toBe('stopped');
    expect(airflow.dags.get('risk')?.is_stale).toBe(true);
  });
});

describe('after a stop', () => {
  test('rollback brings nothing back, and apply does, let go', async () => {
    const { deploy, airflow, target, file } = await world();
    await deploy(first);
    await deploy(second);
    hasRun(airflow);
    await stopIn(airflow, target);
    const back = await rollback(optionsOf(airflow, target));
    expect(back.outcome).toBe('unchanged');
    expect(existsSync(file)).toBe(false);
    expect(airflow.dags.get('risk')?.is_stale).toBe(true);
    const again = await deploy(second);
    expect(again.outcome).toBe('deployed');
    expect(again.previousHash).toBeNull();
    expect(airflow.dags.get('risk')).toMatchObject({ is_stale: false, is_paused: false });
    expect(hashIn(airflow)).toEqual([renderHash(second), renderHash(second)]);
  });

  test('a new version that breaks leaves the history of the old one', async () => {
    const { deploy, airflow, target, file } = await world({ breaksOn: '"two"' });
    await deploy(first);
    hasRun(airflow);
    await stopIn(airflow, target);
    expect((await deploy(second)).outcome).toBe('rolled-back');
    expect(existsSync(file)).toBe(false);
    expect(airflow.dags.get('risk')?.is_stale).toBe(true);
  });
});

describe('by commits', () => {
  const openTarget = async (url: string): Promise<DagTarget> => {
    const env = { PATH: process.env.PATH ?? '', HOME: temporaryFolder() };
    const target = await openGitTarget({ url, branch: 'main', path: 'dags', env });
    onTestFinished(() => target.close());
    return target;
  };
  const repoWorld = async () => {
    const url = temporaryFolder();
    git(url, 'clone', '--quiet', '--bare', makeRepo({ 'dags/other.txt': 'of another team\n' }), '.');
    const work = temporaryFolder();
    git(work, 'clone', '--quiet', url, '.');
    const onRequest = () => git(work, 'pull', '--quiet', '--ff-only');
    const target = await openTarget(url);
    return { url, ...(await world({}, { target, airflow: await fakeAirflow(join(work, 'dags'), { onRequest }) })) };
  };
  const files = (url: string): string => git(url, 'ls-tree', '--name-only', 'main', 'dags/').trim();

  test('the file goes by a commit that says so; rollback undoes nothing, also not what was deployed before', async () => {
    const { url, target, airflow, deploy } = await repoWorld();
    await deploy(first);
    await deploy(second);
    await stopIn(airflow, target);
    expect(git(url, 'log', '-1', '--format=%B', 'main')).toContain('Removes: risk.py');
    expect(files(url)).toBe('dags/other.txt');
    expect(await target.last('risk.py')).toBeNull();
    expect((await rollback(optionsOf(airflow, target))).outcome).toBe('unchanged');
    expect(files(url)).toBe('dags/other.txt');
    expect((await deploy(first)).outcome).toBe('deployed');
    expect((await rollback(optionsOf(airflow, target))).outcome).toBe('rolled-back');
    expect(files(url)).toBe('dags/other.txt');
  });

  test('a push that is refused leaves the environment as it was', async () => {
    const { url, target, airflow, deploy } = await repoWorld();
    await deploy(first);
    const hook = join(url, 'hooks', 'pre-receive');
    writeFileSync(hook, '#!/bin/sh\necho "protected branch" >&2\nexit 1\n');
    chmodSync(hook, 0o755);
    await expect(stopIn(airflow, target)).rejects.toMatchObject({ code: 'DELIVERY_FAILED', exitCode: 3 });
    expect(files(url)).toContain('dags/risk.py');
    expect(airflow.dags.get('risk')).toMatchObject({ is_paused: false, is_stale: false });
  });
});

test('killed after any of its steps, the next stop ends it', async () => {
  for (let lastStep = 1; ; lastStep++) {
    const { deploy, airflow, target, folder } = await world();
    await deploy(first);
    hasRun(airflow);
    const options = optionsOf(airflow, mortal(target, 'target'));
    const died = await killAfter(lastStep, () => stop({ ...options, airflow: mortal(options.airflow, 'Airflow') }));
    expect((await stopIn(airflow, target)).outcome, `after ${died}`).toBe('stopped');
    expect(readdirSync(folder), `after ${died}`).toEqual([]);
    expect(airflow.dags.get('risk')?.is_stale, `after ${died}`).toBe(true);
    if (died === null) {
      expect(lastStep).toBeGreaterThan(8);
      return;
    }
  }
});

test('a DAG of an older Flightcheck is updated by the next deployment, comes back by a rollback, and can be stopped', async () => {
  const { deploy, airflow, target, file } = await world();
  const older = renderHash(first, 1);
  const text = renderAirflow(first).replaceAll(renderHash(first), older);
  writeFileSync(file, text);
  const done = await deploy(first);
  expect(done).toMatchObject({ outcome: 'deployed', previousHash: older, hash: renderHash(first) });
  expect(hashIn(airflow)).toEqual([renderHash(first), renderHash(first)]);
  expect(await rollback(optionsOf(airflow, target))).toMatchObject({ outcome: 'rolled-back', hash: older });
  expect(readFileSync(file, 'utf8')).toBe(text);
  expect(hashIn(airflow)).toEqual([older, older]);
  expect(await stopIn(airflow, target)).toMatchObject({ outcome: 'stopped', previousHash: older });
});
