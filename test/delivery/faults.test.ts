/** What an environment holds after every fault of a deployment. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openAirflow } from '../../src/adapters/airflow/airflow.ts';
import { airflowMajor } from '../../src/adapters/airflow/requests.ts';
import { openGitTarget } from '../../src/adapters/delivery/git.ts';
import { renderAirflow, renderHash } from '../../src/delivery/dag/render-airflow.ts';
import type { StepId } from '../../src/delivery/deploy/deployment.ts';
import { rollback } from '../../src/delivery/deploy/rollback.ts';
import type { Airflow, DagTarget } from '../../src/kernel/delivery.ts';
import { git, makeRepo, temporaryFolder } from '../helpers/repo.ts';
import { fakeAirflow } from '../support/airflow.ts';
import { fastClock, first, hashIn, second, specOf, stepsOf, world } from '../support/deployments.ts';

const third = specOf('three');
const portOf = (url: string): Airflow => openAirflow({ url, major: 3 });
const wait = { timeoutSeconds: 60, pollSeconds: 5, clock: fastClock() };
const hashesOf = (spec: typeof first) => [renderHash(spec), renderHash(spec)];

/** A port of which nothing is heard any more once `isDead`: what a killed process leaves undone. */
const mortal = <T extends object>(port: T, isDead: () => boolean): T =>
  new Proxy(port, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => (isDead() ? new Promise(() => {}) : value.apply(target, args));
    },
  });

describe('an import error', () => {
  test('that the file had before, stated again with a new time, does not fail the version that mends it', async () => {
    const { deploy, airflow, file } = await world({ breaksOn: '"two"', lag: 4 });
    writeFileSync(file, renderAirflow(second));
    for (let look = 0; look < 8; look++) await portOf(airflow.url).importErrors('risk.py');
    expect(await portOf(airflow.url).importErrors('risk.py')).toHaveLength(1);
    const done = await deploy(first);
    expect(done.outcome).toBe('deployed');
    expect(done.steps[0]?.words).toContain('its file is broken');
    expect(hashIn(airflow)).toEqual(hashesOf(first));
  });

  test('of the broken version, stated again while the restored one waits to be read, does not fail the rollback', async () => {
    const { deploy, airflow, file } = await world({ breaksOn: '"two"', lag: 4 });
    await deploy(first);
    const done = await deploy(second);
    expect(done.outcome).toBe('rolled-back');
    // Four looks at the error of the file before, two at none.
    expect(done.steps.at(-1)?.seconds).toBeGreaterThanOrEqual(25);
    expect(readFileSync(file, 'utf8')).toBe(renderAirflow(first));
    expect(await portOf(airflow.url).importErrors('risk.py')).toEqual([]);
    expect(hashIn(airflow)).toEqual(hashesOf(first));
  });

  test('that our account may not see still keeps the old tasks from proving the rollback', async () => {
    let isStuck = false;
    const { deploy, airflow } = await world({
      breaksOn: '"two"',
      hidesErrors: true,
      onRequest: (_path, { dags }) => {
        const dag = dags.get('risk');
        if (dag?.has_import_errors) isStuck = true;
        if (dag && isStuck) dag.has_import_errors = true;
      },
    });
    await deploy(first);
    const done = await deploy(second);
    expect(done.outcome).toBe('rollback-unverified');
    expect(done.steps.at(-1)?.words).toContain('import error');
    expect(hashIn(airflow)).toEqual(hashesOf(first));
  });
});

describe('an older file that Airflow is served again', () => {
  /** What Airflow reads is a copy of what is delivered, and may be an old one. */
  const worldOf = async (isOld: (look: number) => boolean) => {
    const { target, file } = await world();
    const copy = temporaryFolder();
    let looks = 0;
    const onRequest = (path: string): void => {
      if (!existsSync(file)) return;
      const text = readFileSync(file, 'utf8');
      const isNew = text === renderAirflow(second);
      if (isNew && path.endsWith('/importErrors')) looks++;
      writeFileSync(join(copy, 'risk.py'), isNew && isOld(looks) ? renderAirflow(first) : text);
    };
    const airflow = await fakeAirflow(copy, { onRequest });
    return { ...(await world({}, { target, airflow })), file };
  };

  test('for a while: seen once is no proof, seen twice in a row is', async () => {
    const { deploy, airflow } = await worldOf((look) => look > 1 && look < 5);
    await deploy(first);
    const done = await deploy(second);
    expect(done.outcome).toBe('deployed');
    expect(done.steps.find(({ id }) => id === 'verify')?.seconds).toBeGreaterThanOrEqual(25);
    expect(hashIn(airflow)).toEqual(hashesOf(second));
  });

  test('for good: the version before is back everywhere, proven', async () => {
    const { deploy, airflow, file } = await worldOf((look) => look > 1);
    await deploy(first);
    const done = await deploy(second);
    expect(done.outcome).toBe('rolled-back');
    expect(done.steps.find(({ id }) => id === 'verify')?.words).toContain('another version');
    expect(readFileSync(file, 'utf8')).toBe(renderAirflow(first));
    expect(hashIn(airflow)).toEqual(hashesOf(first));
  });
});

describe('two deployments at once', () => {
  test('in a folder: the later one is proven, the earlier one leaves it alone and says so', async () => {
    const { deploy, airflow, file } = await world({ lag: 2 });
    await deploy(first);
    let later: ReturnType<typeof deploy> | undefined;
    // While the earlier one waits for its first proof, the later one comes and goes.
    const sleep = async (): Promise<void> => {
      later ??= deploy(third);
      await later;
    };
    const earlier = await deploy(second, { clock: { ...fastClock(), sleep } });
    expect((await later)?.outcome).toBe('deployed');
    expect(earlier.outcome).toBe('superseded');
    expect(stepsOf(earlier).slice(-2)).toEqual(['verify fail', 'roll-back skipped']);
    expect(readFileSync(file, 'utf8')).toBe(renderAirflow(third));
    expect(hashIn(airflow)).toEqual(hashesOf(third));
  });

  test('by commits: what came later is not reverted', async () => {
    const url = remote();
    const target = await openTarget(url);
    const record = { hash: 'h', previousHash: null, commit: 'c', imageDigest: null };
    await target.write('risk.py', 'one\n', record);
    await target.write('risk.py', 'two\n', record);
    const other = await openTarget(url);
    await other.write('risk.py', 'three\n', record);
    expect(await target.revert('risk.py', 'why', 'two\n')).toBe('superseded');
    expect(git(url, 'show', 'main:dags/risk.py')).toBe('three\n');
  });
});

const remote = (): string => {
  const bare = temporaryFolder();
  git(bare, 'clone', '--quiet', '--bare', makeRepo({ 'dags/other.py': '# another team\n' }), '.');
  return bare;
};
const openTarget = async (url: string): Promise<DagTarget> => {
  const env = { PATH: process.env.PATH ?? '', HOME: temporaryFolder() };
  const target = await openGitTarget({ url, branch: 'main', path: 'dags', env });
  onTestFinished(() => target.close());
  return target;
};

describe('a repository that Airflow reads', () => {
  const worldOf = async (url: string, target: DagTarget) => {
    const work = temporaryFolder();
    git(work, 'clone', '--quiet', url, '.');
    return world(
      {},
      { target, airflow: await fakeAirflow(join(work, 'dags'), { onRequest: () => git(work, 'pull', '-q', '--ff-only') }) },
    );
  };

  test('whose branch is protected: nothing is delivered, Airflow keeps what it has', async () => {
    const url = remote();
    const { deploy, airflow } = await worldOf(url, await openTarget(url));
    await deploy(first);
    const hook = join(url, 'hooks', 'pre-receive');
    writeFileSync(hook, '#!/bin/sh\necho "You are not allowed to push to protected branches" >&2\nexit 1\n');
    chmodSync(hook, 0o755);
    await expect(deploy(second)).rejects.toMatchObject({
      code: 'DELIVERY_FAILED',
      exitCode: 3,
      message: expect.stringContaining('not allowed to push'),
    });
    expect(git(url, 'show', 'main:dags/risk.py')).toBe(renderAirflow(first));
    expect(hashIn(airflow)).toEqual(hashesOf(first));
  });

  test('a push whose answer is lost is found to have arrived, and goes on', async () => {
    const url = remote();
    const target = await openTarget(url);
    const lossy: DagTarget = {
      ...target,
      write: async (...args) => {
        await target.write(...args);
        throw new Error('the remote end hung up unexpectedly');
      },
    };
    const { deploy, airflow } = await worldOf(url, lossy);
    expect((await deploy(first)).outcome).toBe('deployed');
    expect(hashIn(airflow)).toEqual(hashesOf(first));
  });

  test('rolled back twice is rolled back once, and proven both times', async () => {
    const url = remote();
    const target = await openTarget(url);
    const { deploy, airflow } = await worldOf(url, target);
    await deploy(first);
    await deploy(second);
    const back = () => rollback({ airflow: portOf(airflow.url), target, dagId: 'risk', ...wait });
    expect((await back()).outcome).toBe('rolled-back');
    const again = await back();
    expect(again.outcome).toBe('unchanged');
    expect(stepsOf(again)).toEqual(['roll-back skipped', 'verify-rollback pass']);
    expect(git(url, 'show', 'main:dags/risk.py')).toBe(renderAirflow(first));
    expect(hashIn(airflow)).toEqual(hashesOf(first));
  });
});

describe('interrupted', () => {
  test('before the delivery: nothing is delivered', async () => {
    const stop = new AbortController();
    const { deploy, file, airflow } = await world();
    await deploy(first);
    await expect(deploy(second, { signal: stop.signal, onStep: () => stop.abort() })).rejects.toThrow('abort');
    expect(readFileSync(file, 'utf8')).toBe(renderAirflow(first));
    expect(hashIn(airflow)).toEqual(hashesOf(first));
  });

  test('while it waits for the proof: taken back, proven, and not after the whole time', async () => {
    const stop = new AbortController();
    const { deploy, file, airflow } = await world({ lag: 3 });
    await deploy(first);
    const done = await deploy(second, { signal: stop.signal, onWait: () => stop.abort(), timeoutSeconds: 36_000 });
    expect(done.outcome).toBe('rolled-back');
    expect(done.steps.find(({ id }) => id === 'verify')?.words).toContain('interrupted');
    expect(readFileSync(file, 'utf8')).toBe(renderAirflow(first));
    expect(hashIn(airflow)).toEqual(hashesOf(first));
  });
});

describe('killed, a deployment is taken back by rollback, and repaired by the next one', () => {
  const steps: readonly StepId[] = ['preflight', 'canary', 'deliver', 'verify', 'unpause', 'test-run', 'roll-back'];
  test.each(steps)('after %s', async (at) => {
    const isBroken = at === 'roll-back';
    const { deploy, airflow, target, file } = await world({ runs: 'success', ...(isBroken && { breaksOn: '"two"' }) });
    await deploy(specOf('zero'));
    await deploy(first);
    let isDead = false;
    await new Promise<void>((resolve, reject) => {
      const ports = { airflow: mortal(portOf(airflow.url), () => isDead), target: mortal(target, () => isDead) };
      const onStep = ({ id }: { id: StepId }): void => {
        if (id !== at) return;
        isDead = true;
        resolve();
      };
      void deploy(second, { ...ports, canary: !isBroken, testRun: true, onStep }).then(
        () => reject(new Error(`${at} never came`)),
        reject,
      );
    });
    const isDelivered = !['preflight', 'canary', 'roll-back'].includes(at);
    expect(readFileSync(file, 'utf8')).toBe(renderAirflow(isDelivered ? second : first));
    const back = await rollback({ airflow: portOf(airflow.url), target, dagId: 'risk', ...wait });
    expect(back.steps.at(-1)).toMatchObject({ id: 'verify-rollback', outcome: 'pass' });
    const found = readFileSync(file, 'utf8');
    // What Airflow schedules is what lies there, whichever of the versions that is.
    expect([renderAirflow(first), renderAirflow(specOf('zero'))]).toContain(found);
    expect(hashIn(airflow)).toEqual(hashesOf(found === renderAirflow(first) ? first : specOf('zero')));
    if (isDelivered) expect(found).toBe(renderAirflow(first));
    expect(['deployed', 'unchanged']).toContain((await deploy(first)).outcome);
    expect(readFileSync(file, 'utf8')).toBe(renderAirflow(first));
    expect(hashIn(airflow)).toEqual(hashesOf(first));
  });

  test('a canary that was killed is removed by the next canary', async () => {
    const { deploy, airflow, target, folder } = await world();
    await deploy(first);
    let isDead = false;
    await new Promise<void>((resolve) => {
      void deploy(second, {
        airflow: mortal(portOf(airflow.url), () => isDead),
        target: mortal(target, () => isDead),
        canary: true,
        onWait: () => {
          isDead = true;
          resolve();
        },
      });
    });
    expect(existsSync(join(folder, 'risk__canary.py'))).toBe(true);
    expect((await deploy(second, { canary: true })).outcome).toBe('deployed');
    expect(existsSync(join(folder, 'risk__canary.py'))).toBe(false);
    expect([...airflow.dags.keys()]).toEqual(['risk']);
  });
});

test('which Airflow it is, is asked', async () => {
  const { airflow } = await world();
  expect(await airflowMajor({ url: `${airflow.url}/` })).toBe(3);
  const down = await world({ down: () => true });
  await expect(airflowMajor({ url: down.airflow.url })).rejects.toMatchObject({ code: 'AIRFLOW_UNREACHABLE' });
});
