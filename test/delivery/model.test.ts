/** The registered model of a deployment: what is refused before it, and where the alias points after every ending. */
import { existsSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { openAirflow } from '../../src/adapters/airflow/airflow.ts';
import { openGitTarget } from '../../src/adapters/delivery/git.ts';
import { renderAirflow } from '../../src/delivery/dag/render-airflow.ts';
import type { Deployment, StepId } from '../../src/delivery/deploy/deployment.ts';
import type { ModelGate } from '../../src/delivery/deploy/model.ts';
import { rollback } from '../../src/delivery/deploy/rollback.ts';
import { call } from '../helpers/call.ts';
import { git, makeRepo, temporaryFolder } from '../helpers/repo.ts';
import { fastClock, first, second, stepsOf, world } from '../support/deployments.ts';
import { type FakeVersion, fakeMlflow } from '../support/fake-mlflow.ts';
import { type Received, sendJson } from '../support/http-server.ts';
import { killAfter, mortal } from '../support/mortal.ts';

const [one, two] = ['1', '2'].map((digit) => digit.repeat(40)) as [string, string];
const auc = { metric: { name: 'auc', greaterIsBetter: true, tolerance: 0.02 } };
const wordsOf = ({ steps }: Deployment, id: StepId): string | undefined => steps.find((step) => step.id === id)?.words;
const isMove = ({ method, url = '' }: Received): boolean => method !== 'GET' && url.endsWith('/registered-models/alias');
type World = Awaited<ReturnType<typeof world>>;
const back = ({ airflow, target }: World, gate?: ModelGate): Promise<Deployment> =>
  rollback({
    ...{ airflow: openAirflow({ url: airflow.url, major: 3 }), target, dagId: 'risk', timeoutSeconds: 60, pollSeconds: 5 },
    ...{ clock: fastClock(), ...(gate && { registry: gate.registry }) },
  });

/** Two versions, of two commits; the first is deployed and the champion. */
const deployed = async (versions: readonly [FakeVersion, ...FakeVersion[]], faults: Parameters<typeof fakeMlflow>[1] = {}) => {
  const mlflow = await fakeMlflow(versions, faults);
  const place = await world({ breaksOn: '"broken"', runs: 'success' });
  expect((await place.deploy(first, { commit: one, model: mlflow.gate() })).outcome).toBe('deployed');
  return { mlflow, ...place };
};
const both = [
  { commit: one, metrics: { auc: 0.9 } },
  { commit: two, metrics: { auc: 0.88 } },
] as const;

describe('the model of this commit', () => {
  test('is found by the tag of its run, and its alias follows the proof; the second time nothing is done', async () => {
    const mlflow = await fakeMlflow(both);
    const { deploy } = await world();
    const done = await deploy(first, { commit: one, model: mlflow.gate(auc) });
    expect(stepsOf(done)).toEqual(['preflight pass', 'model pass', 'deliver pass', 'verify pass', 'unpause pass', 'alias pass']);
    expect(wordsOf(done, 'model')).toMatch(/version 1 of risk .* FINISHED; there is no champion yet; auc 0\.9, with no version/);
    expect(mlflow.aliases.get('champion')).toBe('1');
    const again = await deploy(first, { commit: one, model: mlflow.gate(auc) });
    expect([again.outcome, wordsOf(again, 'model')]).toEqual(['unchanged', expect.stringContaining('the champion already')]);
    expect(mlflow.requests.filter((request) => request.startsWith('POST'))).toHaveLength(1);
    // 0.90 - 0.88 is 0.02 to everybody but a binary fraction.
    expect((await deploy(second, { commit: two, model: mlflow.gate(auc) })).outcome).toBe('deployed');
    expect(mlflow.aliases.get('champion')).toBe('2');
  });

  test('may be tagged itself, be the newest of several, or be named by number or by alias', async () => {
    const mlflow = await fakeMlflow([{ commit: one }, { commit: one, isTagged: true }, { commit: two }]);
    const { deploy } = await world();
    expect(wordsOf(await deploy(first, { commit: one, model: mlflow.gate() }), 'model')).toContain('version 2 of risk');
    mlflow.aliases.set('challenger', '3');
    for (const [version, number] of [
      ['1', '1'],
      ['challenger', '3'],
    ] as const) {
      const done = await deploy(number === '1' ? second : first, { commit: one, model: mlflow.gate({ version }) });
      expect([done.outcome, mlflow.aliases.get('champion')]).toEqual(['deployed', number]);
    }
  });

  test.each<[string, FakeVersion, Partial<ModelGate>, RegExp]>([
    ['is not registered', { commit: 'f'.repeat(40) }, {}, /no version is of commit 222222222222: register the model/],
    ['has no such version', { commit: two }, { version: '9' }, /there is no version 9/],
    ['has no such alias', { commit: two }, { version: 'nobody' }, /there is no version nobody/],
    ['is not READY', { commit: two, status: 'PENDING_REGISTRATION' }, { version: '2' }, /version 2 is PENDING_REG/],
    ['was not trained to the end', { commit: two, run: 'RUNNING' }, {}, /run r2 of version 2 is RUNNING, not FINISHED/],
    ['has no run', { commit: two, isTagged: true, run: null }, {}, /version 2 has no run/],
    ['is worse than the champion', { commit: two, metrics: { auc: 0.87 } }, auc, /auc 0\.87, 0\.9 of version 1: worse by more/],
    ['did not log the metric', { commit: two }, auc, /the run of version 2 has no metric auc/],
    ['logged a metric that is no number', { commit: two, metrics: { auc: 'NaN' } }, auc, /version 2 has no usable metric auc/],
  ])('that %s is refused: nothing is delivered, the alias stays', async (_, version, gate, words) => {
    const { deploy, mlflow, file } = await deployed([both[0], version]);
    const done = await deploy(second, { commit: two, canary: true, model: mlflow.gate(gate) });
    expect([done.outcome, ...stepsOf(done)]).toEqual(['refused', 'preflight pass', 'model fail']);
    expect(wordsOf(done, 'model')).toMatch(words);
    expect(readFileSync(file, 'utf8')).toBe(renderAirflow(first));
    expect(mlflow.aliases.get('champion')).toBe('1');
  });

  test('is compared the other way round for losses, and not with a champion that never logged the metric', async () => {
    const loss = { metric: { name: 'loss', greaterIsBetter: false, tolerance: 0 } };
    const { deploy, mlflow } = await deployed([
      { commit: one, metrics: { loss: 0.3 } },
      { commit: two, metrics: { loss: 0.31 } },
    ]);
    const worse = await deploy(second, { commit: two, model: mlflow.gate(loss) });
    expect([worse.outcome, wordsOf(worse, 'model')]).toEqual(['refused', expect.stringMatching(/loss 0\.31, 0\.3 of version 1/)]);
    const silent = await deployed([{ commit: one }, both[1]]);
    const done = await silent.deploy(second, { commit: two, model: silent.mlflow.gate(auc) });
    expect([done.outcome, wordsOf(done, 'model')]).toEqual(['refused', expect.stringMatching(/version 1 has no metric auc/)]);
  });
});

test.each<[string, (response: ServerResponse) => void, RegExp]>([
  ['is down', (response) => void response.destroy(), /could not be reached/],
  ['never answers', () => {}, /did not answer within/],
  ['wants a password', (response) => void response.writeHead(401).end(), /401/],
  ['forbids', (response) => sendJson(response, 403, { message: 'Permission denied' }), /403.*Permission denied/],
  ['answers 500', (response) => sendJson(response, 500, {}), /500/],
  ['shows a login page', (response) => void response.writeHead(200).end('<html>'), /not JSON/],
  ['has other shapes', (response) => sendJson(response, 200, { model_versions: 9, registered_model: {} }), /another version/],
])('an MLflow that %s: nothing is delivered, and it is no refusal', async (_, broken, message) => {
  const answer = (response: ServerResponse): boolean => {
    broken(response);
    return true;
  };
  const mlflow = await fakeMlflow([{ commit: one }], { answer });
  const { deploy, file } = await world();
  await expect(deploy(first, { commit: one, model: mlflow.gate() })).rejects.toMatchObject({
    code: expect.stringMatching(/^MLFLOW_(FAILED|REFUSED)$/),
    exitCode: 3,
    message: expect.stringMatching(message),
    hint: expect.stringContaining('Nothing was delivered'),
  });
  expect(existsSync(file)).toBe(false);
});

describe('the manifest', () => {
  const repoWith = (url: string, dir: string, mlflow: string, model = 'mlflow: { registeredModel: risk }') =>
    makeRepo({
      'flightcheck.yml': `version: 1
model: { name: risk, owner: '@team' }
${model}
tasks: { train: { command: echo } }
environments:
  dev: { executor: local, airflow: { url: '${url}', version: 3 }, deliver: { dir: '${dir}' }, mlflow: ${mlflow} }
`,
    });
  const here = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
  const named = { ...here, MLFLOW_TRACKING_URI: 'http://127.0.0.1:1' };

  test.each<[string, string, string | undefined, Record<string, string>, RegExp]>([
    ['names no model', '{}', '', named, /flightcheck\.yml:\d+.*no registered model/s],
    [
      'does not say what is better',
      '{ metric: auc }',
      undefined,
      named,
      /flightcheck\.yml:6.*mlflow\.greaterIsBetter is missing: metric asks for it.*Whether more of the metric is better/s,
    ],
    ['names no server', '{}', undefined, here, /MLflow cannot be asked: no MLflow server is named/],
    ['has an unknown key', '{ metrc: auc }', undefined, named, /metrc.*metric/s],
  ])('that %s is told before anything is asked', async (_, mlflow, model, env, words) => {
    const { airflow, folder } = await world();
    const { code, errors } = await call(['deploy', 'apply', repoWith(airflow.url, folder, mlflow, model), '--env', 'dev'], env);
    expect([code, airflow.requests, errors]).toEqual([2, [], expect.stringMatching(words)]);
  });

  test('may name a version by its number, and one that cannot be asked keeps no rollback from its way', async () => {
    const { airflow, folder } = await world();
    const repo = repoWith(airflow.url, folder, '{ version: 3 }');
    const applied = await call(['deploy', 'apply', repo, '--env', 'dev'], named);
    expect([applied.code, applied.errors]).toEqual([3, expect.stringMatching(/could not be reached.*Nothing was delivered/s)]);
    const undone = await call(['deploy', 'rollback', repo, '--env', 'dev'], here);
    expect([undone.code, undone.errors]).toEqual([0, expect.stringContaining('MLflow cannot be asked')]);
  });
});

describe('the alias', () => {
  test.each<[string, object, object]>([
    ['Airflow cannot import', { breaksOn: '"two"' }, {}],
    ['has a test run that fails', { runs: 'failed' }, { testRun: true }],
  ])('is not touched by a deployment that %s', async (_, faults, options) => {
    const mlflow = await fakeMlflow(both);
    const { deploy } = await world(faults);
    expect((await deploy(first, { commit: one, model: mlflow.gate() })).outcome).toBe('deployed');
    const done = await deploy(second, { commit: two, model: mlflow.gate(), ...options });
    expect([done.outcome, mlflow.aliases.get('champion')]).toEqual(['rolled-back', '1']);
    expect(mlflow.requests.filter((request) => /^(POST|DELETE)/.test(request))).toHaveLength(1);
  });

  test('that may not be moved: the deployment is taken back, proven', async () => {
    let isForbidden = false;
    const { deploy, mlflow, file } = await deployed(both, {
      answer: (response, request) => {
        if (!isForbidden || !isMove(request)) return false;
        sendJson(response, 403, { error_code: 'PERMISSION_DENIED', message: 'Permission denied' });
        return true;
      },
    });
    isForbidden = true;
    const done = await deploy(second, { commit: two, model: mlflow.gate() });
    expect(done.outcome).toBe('rolled-back');
    expect(stepsOf(done).slice(-4)).toEqual(['alias fail', 'alias-back pass', 'roll-back pass', 'verify-rollback pass']);
    expect(wordsOf(done, 'alias')).toMatch(/may not change it \(403\)/);
    expect(readFileSync(file, 'utf8')).toBe(renderAirflow(first));
    expect(mlflow.aliases.get('champion')).toBe('1');
  });

  test('that was moved although the answer was lost: by a look it is deployed', async () => {
    let isLossy = false;
    const { deploy, mlflow } = await deployed(both, {
      answer: (response, request, { aliases }) => {
        if (!isLossy || !isMove(request)) return false;
        aliases.set('champion', '2');
        response.destroy();
        return true;
      },
    });
    isLossy = true;
    expect((await deploy(second, { commit: two, model: mlflow.gate() })).outcome).toBe('deployed');
  });

  test.each(['comes back', 'stays away'])(
    'that was moved before MLflow went silent, which %s: the alias goes back or is told',
    async (end) => {
      let silence = Number.POSITIVE_INFINITY;
      let isLossy = false;
      const { deploy, mlflow, file } = await deployed(both, {
        answer: (response, request, { aliases }) => {
          if (isLossy && isMove(request) && silence === Number.POSITIVE_INFINITY) {
            aliases.set('champion', '2');
            // Three attempts to move it, three to look.
            silence = end === 'comes back' ? 6 : 1000;
          }
          if (silence === Number.POSITIVE_INFINITY || silence-- <= 0) return false;
          response.destroy();
          return true;
        },
      });
      isLossy = true;
      const done = await deploy(second, { commit: two, model: mlflow.gate() });
      expect(readFileSync(file, 'utf8')).toBe(renderAirflow(first));
      if (end === 'comes back') {
        expect([done.outcome, mlflow.aliases.get('champion')]).toEqual(['rolled-back', '1']);
        expect(wordsOf(done, 'alias-back')).toBe('champion points to version 1, as before');
      } else {
        expect(done.outcome).toBe('rollback-unverified');
        expect(wordsOf(done, 'alias-back')).toContain('set_registered_model_alias("risk", "champion", "1")');
        expect(stepsOf(done).slice(-2)).toEqual(['roll-back pass', 'verify-rollback pass']);
      }
    },
  );

  test('that somebody moved meanwhile is left, and told', async () => {
    const { deploy, mlflow } = await deployed([...both, {}]);
    const done = await deploy(second, {
      ...{ commit: two, model: mlflow.gate() },
      onStep: ({ id }) => {
        if (id === 'verify') mlflow.aliases.set('champion', '3');
      },
    });
    expect([done.outcome, stepsOf(done).at(-1), mlflow.aliases.get('champion')]).toEqual(['deployed', 'alias skipped', '3']);
    expect(wordsOf(done, 'alias')).toMatch(/points to version 3 meanwhile, by somebody else.*set_registered_model_alias/);
  });

  test('that a killed try has not come to is moved by the next; one that was moved since is not', async () => {
    const { deploy, mlflow } = await deployed([...both, {}]);
    await deploy(second, { commit: two, model: mlflow.gate() });
    const again = () => deploy(second, { commit: two, model: mlflow.gate() });
    mlflow.aliases.set('champion', '1');
    expect([(await again()).outcome, mlflow.aliases.get('champion')]).toEqual(['unchanged', '2']);
    mlflow.aliases.set('champion', '3');
    expect([stepsOf(await again()).at(-1), mlflow.aliases.get('champion')]).toEqual(['alias skipped', '3']);
  });

  test('goes back with a rollback by hand, or away where there was none; what others did is left', async () => {
    const { deploy, mlflow, ...place } = await deployed([...both, {}]);
    await deploy(second, { commit: two, model: mlflow.gate() });
    const done = await back({ ...place, deploy }, mlflow.gate());
    expect([done.outcome, ...stepsOf(done)]).toEqual([
      'rolled-back',
      'alias-back pass',
      'roll-back pass',
      'verify-rollback pass',
    ]);
    expect(mlflow.aliases.get('champion')).toBe('1');

    const fresh = await world();
    mlflow.aliases.clear();
    await fresh.deploy(first, { commit: one, model: mlflow.gate() });
    expect(mlflow.aliases.get('champion')).toBe('1');
    expect((await back(fresh, mlflow.gate())).outcome).toBe('rolled-back');
    expect(mlflow.aliases.has('champion')).toBe(false);

    await fresh.deploy(first, { commit: one, model: mlflow.gate() });
    mlflow.aliases.set('champion', '3');
    expect(wordsOf(await back(fresh, mlflow.gate()), 'alias-back')).toMatch(/points to version 3, which this deployment did not/);
    expect(mlflow.aliases.get('champion')).toBe('3');
  });

  test('that cannot be asked for does not keep a rollback from its way; it is told', async () => {
    let isDown = false;
    const { deploy, mlflow, ...place } = await deployed(both, {
      answer: (response) => {
        if (isDown) response.destroy();
        return isDown;
      },
    });
    await deploy(second, { commit: two, model: mlflow.gate() });
    isDown = true;
    const done = await back({ ...place, deploy }, mlflow.gate());
    expect([done.outcome, ...stepsOf(done)]).toEqual([
      ...['rollback-unverified', 'alias-back fail', 'roll-back pass', 'verify-rollback pass'],
    ]);
    expect(readFileSync(place.file, 'utf8')).toBe(renderAirflow(first));
    const unnamed = await deploy(second, { commit: two }).then(() => back({ ...place, deploy }));
    // Neither the delivery nor the rollback knows of a model.
    expect(stepsOf(unnamed)).toEqual(['roll-back pass', 'verify-rollback pass']);
    await deploy(second, { commit: two });
    const unknown = await back({ ...place, deploy }, mlflow.gate());
    expect([unknown.outcome, ...stepsOf(unknown)]).toEqual([
      ...['rolled-back', 'alias-back skipped', 'roll-back pass', 'verify-rollback pass'],
    ]);
    expect(wordsOf(unknown, 'alias-back')).toMatch(/does not say .*set_registered_model_alias/);
  });

  test('is where it belongs when a process was killed after any of its steps and the next has come', async () => {
    const seen: string[] = [];
    const killed = async (process: 'apply' | 'rollback', lastStep: number) => {
      const given = await deployed(both);
      const { mlflow, deploy, target, airflow } = given;
      const registry = mortal(mlflow.gate().registry, 'MLflow', ['moveAlias']);
      const ports = {
        target: mortal(target, 'target', ['write', 'revert']),
        airflow: mortal(openAirflow({ url: airflow.url, major: 3 }), 'Airflow', ['setPaused']),
      };
      if (process === 'rollback') await deploy(second, { commit: two, model: mlflow.gate() });
      const step = await killAfter(lastStep, () =>
        process === 'apply'
          ? deploy(second, { ...ports, commit: two, model: { registry } })
          : rollback({ ...ports, registry, dagId: 'risk', timeoutSeconds: 60, pollSeconds: 5, clock: fastClock() }),
      );
      if (step !== null) seen.push(`${process}: ${step}`);
      return { ...given, isOver: step === null };
    };
    const stateOf = ({ file, mlflow }: Awaited<ReturnType<typeof deployed>>) => [
      readFileSync(file, 'utf8') === renderAirflow(first) ? 'first' : 'second',
      mlflow.aliases.get('champion'),
    ];
    for (const [process, next] of [
      ['apply', 'apply'],
      ['apply', 'rollback'],
      ['rollback', 'rollback'],
    ] as const)
      for (let lastStep = 1; ; lastStep += 1) {
        const given = await killed(process, lastStep);
        if (given.isOver) break;
        if (next === 'apply') await given.deploy(second, { commit: two, model: given.mlflow.gate() });
        else await back(given, given.mlflow.gate());
        expect(stateOf(given), `${process} killed after step ${lastStep}, then ${next}`).toEqual(
          next === 'apply' ? ['second', '2'] : ['first', '1'],
        );
      }
    expect([...new Set(seen)]).toEqual([
      ...['apply: target write', 'apply: MLflow moveAlias', 'rollback: MLflow moveAlias', 'rollback: target revert'],
    ]);
  });

  test('is remembered by a commit as well', async () => {
    const url = temporaryFolder();
    git(url, 'clone', '--quiet', '--bare', makeRepo({ 'dags/other.py': '#\n' }), '.');
    const env = { PATH: process.env.PATH ?? '', HOME: temporaryFolder() };
    const target = await openGitTarget({ url, branch: 'main', path: 'dags', env });
    const record = { hash: 'h', previousHash: null, commit: one, imageDigest: null };
    for (const model of [undefined, { version: '1', previousVersion: null }, { version: '2', previousVersion: '1' }]) {
      await target.write('risk.py', `${model?.version}\n`, { ...record, ...(model && { model }) });
      expect(await target.last('risk.py')).toEqual({ ...record, ...(model && { model }) });
    }
    await target.close();
  });
});

describe("GitLab's model registry, which has no aliases and cannot be searched", () => {
  test('is a gate over its newest version, and the alias is skipped with words', async () => {
    const { mlflow, ...place } = await deployed([both[0]], { isGitLab: true });
    const again = await place.deploy(first, { commit: one, model: mlflow.gate() });
    expect([again.outcome, stepsOf(again).at(-1)]).toEqual(['unchanged', 'alias skipped']);
    expect(wordsOf(again, 'alias')).toContain('has no aliases');
    const other = await place.deploy(second, { commit: two, model: mlflow.gate() });
    expect([other.outcome, wordsOf(other, 'model')]).toEqual([
      'refused',
      expect.stringContaining('no version is of commit 2222'),
    ]);
    expect(mlflow.requests.filter((request) => /^(POST|DELETE) .*alias/.test(request))).toEqual([]);
  });

  test('knows a version by its own number, and the metric is compared with the last delivery', async () => {
    const mlflow = await fakeMlflow([both[0], { metrics: { auc: 0.5 } }], { isGitLab: true });
    const { deploy } = await world();
    const done = await deploy(first, { commit: one, model: mlflow.gate({ ...auc, version: '1.0.0' }) });
    expect([done.outcome, wordsOf(done, 'model')]).toEqual([
      'deployed',
      expect.stringContaining('no version was deployed before'),
    ]);
    const worse = await deploy(second, { commit: two, model: mlflow.gate({ ...auc, version: '2.0.0' }) });
    expect([worse.outcome, wordsOf(worse, 'model')]).toEqual(['refused', expect.stringContaining('auc 0.5, 0.9 of version 1')]);
  });
});
