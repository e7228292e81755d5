import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openAirflow } from '../../src/adapters/airflow/airflow.ts';
import { openGitTarget } from '../../src/adapters/delivery/git.ts';
import { renderAirflow, renderHash } from '../../src/delivery/dag/render-airflow.ts';
import { apply } from '../../src/delivery/deploy/apply.ts';
import { git, makeRepo, temporaryFolder } from '../helpers/repo.ts';
import { fakeAirflow } from '../support/airflow.ts';
import { fastClock, first, hashIn, second, stepsOf, world } from '../support/deployments.ts';

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
    expect(done.steps.find(({ id }) => id === 'verify')).toMatchObject({
      outcome: 'fail',
      trace: expect.stringContaining('Traceback: "two"'),
    });
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

describe('delivery by commits', () => {
  const remote = (): string => {
    const bare = temporaryFolder();
    git(bare, 'clone', '--quiet', '--bare', makeRepo({ 'dags/other.py': '# another team\n' }), '.');
    return bare;
  };
  const open = async (url: string, path = 'dags') => {
    const target = await openGitTarget({
      url,
      branch: 'main',
      path,
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

  test('a push that meets another is done again, however much the server says before', async () => {
    const url = remote();
    const [target, other] = [await open(url), await open(url)];
    const hook = join(url, 'hooks', 'pre-receive');
    // As if somebody had pushed in between, told after the words of the server; the second push goes through.
    const words = 'echo "$(seq 1 400)" >&2; echo "cannot lock ref" >&2';
    writeFileSync(hook, `#!/bin/sh\nrm "$0"\n${words}\nexit 1\n`, { mode: 0o755 });
    await target.write('risk.py', 'one\n', { ...record, hash: 'h1', previousHash: null });
    expect(await other.read('risk.py')).toBe('one\n');
  });

  test('an address that is refused is told without its password', async () => {
    const refused = open('https://oauth2:glpat-SECRET@host/x.git', 'a/../..');
    await expect(refused).rejects.toMatchObject({
      code: 'DELIVERY_ADDRESS',
      message: expect.stringContaining('https://***@host/x.git with path a/../..'),
    });
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
