import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openAirflow } from '../../src/adapters/airflow/airflow.ts';
import { openFolder } from '../../src/adapters/delivery/folder.ts';
import { openGitTarget } from '../../src/adapters/delivery/git.ts';
import { renderAirflow, renderHash } from '../../src/delivery/dag/render-airflow.ts';
import { resolveDag } from '../../src/delivery/dag/resolve.ts';
import type { DagSpec } from '../../src/delivery/dag/spec.ts';
import { type ApplyOptions, apply, type Deployment } from '../../src/delivery/deploy/apply.ts';
import { rollback } from '../../src/delivery/deploy/rollback.ts';
import type { DagTarget } from '../../src/kernel/delivery.ts';
import { git, makeRepo, temporaryFolder } from '../helpers/repo.ts';
import { type FakeAirflow, type Faults, fakeAirflow } from '../support/airflow.ts';
import { manifestOf } from '../support/manifest.ts';

const specOf = (word: string): DagSpec =>
  resolveDag(
    manifestOf({
      model: { name: 'risk', owner: '@team' },
      tasks: { drift: { command: ['python3', '-c', word] }, train: { command: 'python3 -m train', dependsOn: 'drift' } },
      environments: { dev: { executor: 'local', airflow: { url: 'http://127.0.0.1:1' }, deliver: { dir: '/x' } } },
    }),
    { environment: 'dev', image: null, commit: 'a'.repeat(40), version: '1' },
    () => undefined,
  );

/** A clock that runs as fast as it is asked to. */
const fastClock = () => {
  let ahead = 0;
  return {
    now: () => new Date(Date.now() + ahead),
    sleep: async (seconds: number) => {
      ahead += seconds * 1000;
    },
  };
};

async function world(faults: Faults = {}, more: { target?: DagTarget } = {}) {
  const folder = temporaryFolder();
  const airflow = await fakeAirflow(folder, faults);
  const target = more.target ?? (await openFolder(folder));
  const deploy = (spec: DagSpec, options: Partial<ApplyOptions> = {}): Promise<Deployment> =>
    apply({
      ...{ airflow: openAirflow({ url: airflow.url, major: 3, timeoutSeconds: 5 }), target, spec, commit: 'a'.repeat(40) },
      ...{
        imageDigest: null,
        paused: false,
        canary: false,
        testRun: false,
        attempt: '1',
        timeoutSeconds: 60,
        pollSeconds: 5,
        clock: fastClock(),
      },
      ...options,
    });
  return { folder, airflow, target, deploy, file: join(folder, 'risk.py') };
}

const stepsOf = ({ steps }: Deployment) => steps.map(({ id, outcome }) => `${id} ${outcome}`);
const hashIn = (airflow: FakeAirflow) => airflow.dags.get('risk')?.tasks.map((task) => task.doc_md.slice('render-hash: '.length));
const [first, second] = [specOf('one'), specOf('two')];

describe('a deployment', () => {
  test('is proven by the hash in every task, lets a new DAG go, and is nothing the second time', async () => {
    const { deploy, airflow, file } = await world({ lag: 3 });
    const done = await deploy(first);
    expect(done.outcome).toBe('deployed');
    expect(stepsOf(done)).toEqual(['preflight pass', 'deliver pass', 'verify pass', 'unpause pass']);
    expect(airflow.dags.get('risk')?.is_paused).toBe(false);
    expect(readFileSync(file, 'utf8')).toBe(renderAirflow(first));
    expect((await deploy(first)).outcome).toBe('unchanged');
  });

  test('that Airflow cannot import is taken back, and what was before is proven', async () => {
    const { deploy, airflow, file } = await world({ breaksOn: '"two"' });
    await deploy(first);
    const done = await deploy(second);
    expect(done.outcome).toBe('rolled-back');
    expect(done.steps.find(({ id }) => id === 'verify')).toMatchObject({ outcome: 'fail', trace: 'Traceback: "two"' });
    expect(stepsOf(done).slice(-2)).toEqual(['roll-back pass', 'verify-rollback pass']);
    expect(readFileSync(file, 'utf8')).toBe(renderAirflow(first));
    expect(hashIn(airflow)).toEqual([renderHash(first), renderHash(first)]);
    expect(airflow.dags.get('risk')?.is_paused).toBe(false);
  });

  test('a new DAG that breaks leaves nothing behind', async () => {
    const { deploy, airflow, file } = await world({ breaksOn: '"one"' });
    expect((await deploy(first)).outcome).toBe('rolled-back');
    expect(existsSync(file)).toBe(false);
    expect(airflow.dags.has('risk')).toBe(false);
  });

  test('new text over old tasks is no proof', async () => {
    const { deploy } = await world({ staleTasks: 4 });
    const done = await deploy(first);
    expect(done.outcome).toBe('deployed');
    // Four looks at old tasks and two at new ones.
    expect(done.steps.find(({ id }) => id === 'verify')?.seconds).toBeGreaterThanOrEqual(25);
  });

  test('an Airflow that never reads the file is given up, and told apart from a broken file that it hides', async () => {
    const { deploy, airflow } = await world();
    await deploy(first);
    const blind = await world({ hidesErrors: true, breaksOn: '"two"' });
    await blind.deploy(first);
    const hidden = await blind.deploy(second);
    expect(hidden.outcome).toBe('rolled-back');
    expect(hidden.steps.find(({ id }) => id === 'verify')?.words).toContain('sees no import errors');
    expect(airflow.dags.size).toBe(1);
  });

  test('nothing is delivered to an Airflow that is down or whose dag-processor is dead', async () => {
    const dead = await world({ heartbeatAge: 3600 });
    await expect(dead.deploy(first)).rejects.toMatchObject({ code: 'AIRFLOW_NOT_READING' });
    const down = await world({ down: () => true });
    await expect(down.deploy(first)).rejects.toMatchObject({ code: 'AIRFLOW_UNREACHABLE' });
    for (const { file } of [dead, down]) expect(existsSync(file)).toBe(false);
  });

  test('an Airflow that restarts during the proof is waited for', async () => {
    const { deploy } = await world({ down: (request) => request >= 8 && request < 16 });
    expect((await deploy(first)).outcome).toBe('deployed');
  });

  test('an Airflow that stays down after the delivery: the file is back, and the rollback is not called proven', async () => {
    let isDown = false;
    const { deploy, file } = await world({ down: () => isDown });
    await deploy(first);
    const done = await deploy(second, {
      onStep: ({ id }) => {
        isDown ||= id === 'deliver';
      },
    });
    expect(done.outcome).toBe('rollback-unverified');
    expect(readFileSync(file, 'utf8')).toBe(renderAirflow(first));
  });

  test('a DAG that a person paused stays paused, before and during', async () => {
    const { deploy, airflow } = await world({
      onRequest: (path, { dags }) => {
        const dag = dags.get('risk');
        if (path.endsWith('/importErrors') && dag?.doc_md.includes(renderHash(second))) dag.is_paused = true;
      },
    });
    await deploy(first);
    const done = await deploy(second);
    expect(done.steps.at(-1)?.words).toContain('somebody paused it');
    expect(airflow.dags.get('risk')?.is_paused).toBe(true);
    expect((await deploy(first)).steps.at(-1)?.words).toContain('paused before');
  });

  test('a canary that breaks leaves the environment untouched', async () => {
    const { deploy, airflow, file, folder } = await world({ breaksOn: '"two"' });
    await deploy(first);
    const done = await deploy(second, { canary: true });
    expect(done.outcome).toBe('refused');
    expect(readFileSync(file, 'utf8')).toBe(renderAirflow(first));
    expect(existsSync(join(folder, 'risk__canary.py'))).toBe(false);
    expect([...airflow.dags.keys()]).toEqual(['risk']);
  });

  test('a test run that fails is a rollback', async () => {
    const good = await world({ runs: 'success' });
    expect((await good.deploy(first, { testRun: true })).outcome).toBe('deployed');
    const bad = await world({ runs: 'failed' });
    await bad.deploy(first);
    expect((await bad.deploy(second, { testRun: true })).outcome).toBe('rolled-back');
    expect(readFileSync(bad.file, 'utf8')).toBe(renderAirflow(first));
  });

  test('a file that somebody changed behind our back is delivered again', async () => {
    const { deploy, file } = await world();
    await deploy(first);
    writeFileSync(file, '# by hand\n');
    expect((await deploy(first)).outcome).toBe('deployed');
    expect(readFileSync(file, 'utf8')).toBe(renderAirflow(first));
  });
});

describe('killed at any step, a deployment can be taken back', () => {
  const killed = ['preflight', 'deliver', 'verify'] as const;
  for (const at of killed)
    test(`after ${at}`, async () => {
      const { deploy, airflow, target, file } = await world();
      await deploy(first);
      await expect(
        deploy(second, {
          onStep: ({ id }) => {
            if (id === at) throw new Error('killed');
          },
        }).then((done) => {
          throw new Error(`ended as ${done.outcome}`);
        }),
      ).rejects.toThrow();
      // What the next process finds; a kill is no rollback, so the file may be either.
      const port = openAirflow({ url: airflow.url, major: 3 });
      const again = await rollback({
        airflow: port,
        target,
        dagId: 'risk',
        timeoutSeconds: 60,
        pollSeconds: 5,
        clock: fastClock(),
      });
      expect(['rolled-back', 'unchanged']).toContain(again.outcome);
      const repaired = await deploy(first);
      expect(['deployed', 'unchanged']).toContain(repaired.outcome);
      expect(readFileSync(file, 'utf8')).toBe(renderAirflow(first));
      expect(hashIn(airflow)).toEqual([renderHash(first), renderHash(first)]);
    });
});

describe('delivery by commits', () => {
  const remote = (): string => {
    const bare = temporaryFolder();
    git(bare, 'clone', '--quiet', '--bare', makeRepo({ 'dags/other.py': '# another team\n' }), '.');
    return bare;
  };
  const open = async (url: string) => {
    const target = await openGitTarget({
      url,
      branch: 'main',
      path: 'dags',
      env: { PATH: process.env.PATH ?? '', HOME: temporaryFolder() },
    });
    onTestFinished(() => target.close());
    return target;
  };
  const record = { hash: 'h2', previousHash: 'h1', commit: 'c', imageDigest: 'sha256:0' };

  test('has trailers, goes back by a revert, and never rewrites history', async () => {
    const url = remote();
    const target = await open(url);
    await target.write('risk.py', 'one\n', { ...record, hash: 'h1', previousHash: null });
    const change = await target.write('risk.py', 'two\n', record);
    expect(git(url, 'log', '-1', '--format=%B', change)).toContain(
      'Render-Hash: h2\nPrevious-Hash: h1\nSource-Commit: c\nImage-Digest: sha256:0',
    );
    expect(await target.revert('risk.py', 'why')).toMatchObject({ text: 'one\n' });
    expect(git(url, 'rev-list', '--count', 'main').trim()).toBe('4');
    expect(git(url, 'show', 'main:dags/other.py')).toBe('# another team\n');
  });

  test('two at once: both arrive, one after the other', async () => {
    const url = remote();
    const [a, b] = [await open(url), await open(url)];
    await Promise.all([a.write('a.py', 'a\n', record), b.write('b.py', 'b\n', record)]);
    expect(git(url, 'ls-tree', '--name-only', 'main', 'dags/').split('\n').filter(Boolean)).toEqual([
      'dags/a.py',
      'dags/b.py',
      'dags/other.py',
    ]);
  });

  test('a push that is refused says so, and an address that could run a command is refused', async () => {
    const url = remote();
    writeFileSync(join(url, 'hooks', 'pre-receive'), '#!/bin/sh\necho protected branch >&2\nexit 1\n', { mode: 0o755 });
    const target = await open(url);
    await expect(target.write('risk.py', 'x\n', record)).rejects.toMatchObject({
      code: 'DELIVERY_FAILED',
      message: expect.stringContaining('protected branch'),
    });
    await expect(open('ext::sh -c id')).rejects.toMatchObject({ code: 'DELIVERY_ADDRESS' });
    await expect(open('--upload-pack=id')).rejects.toMatchObject({ code: 'DELIVERY_ADDRESS' });
  });

  test('a whole deployment by commits into a repository that Airflow reads', async () => {
    const url = remote();
    const target = await open(url);
    const work = temporaryFolder();
    git(work, 'clone', '--quiet', url, '.');
    const airflow = await fakeAirflow(join(work, 'dags'), {
      breaksOn: '"two"',
      onRequest: () => git(work, 'pull', '--quiet', '--ff-only'),
    });
    const options = {
      ...{ airflow: openAirflow({ url: airflow.url, major: 3 }), target, commit: 'c', imageDigest: null, clock: fastClock() },
      ...{ paused: false, canary: false, testRun: false, attempt: '1', timeoutSeconds: 60, pollSeconds: 5 },
    };
    expect((await apply({ ...options, spec: first })).outcome).toBe('deployed');
    expect((await apply({ ...options, spec: second })).outcome).toBe('rolled-back');
    expect(git(url, 'show', 'main:dags/risk.py')).toBe(renderAirflow(first));
    expect(hashIn(airflow)).toEqual([renderHash(first), renderHash(first)]);
  });
});
