/** Deployments to a real Airflow: what it schedules afterwards is asked of its own REST API, not of our adapter. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { airflowActions } from '../../src/adapters/tower-airflow.ts';
import { renderAirflow, renderHash } from '../../src/delivery/dag/render-airflow.ts';
import { resolveDag } from '../../src/delivery/dag/resolve.ts';
import { withTasksOf } from '../../src/delivery/dag/source.ts';
import type { AirflowActions } from '../../src/kernel/tower-actions.ts';
import { startTower, type Tower } from '../../src/tower/server.ts';
import { git, temporaryFolder } from '../helpers/repo.ts';
import { manifestOf } from '../support/manifest.ts';
import { airflowPrograms, type RealAirflow, startAirflow, towerConnection } from '../support/real-airflow.ts';
import { sampleReport } from '../tower/sample.ts';

const root = join(import.meta.dirname, '../..');
const image = `registry.example.com/team/risk@sha256:${'a'.repeat(64)}`;

interface Loaded {
  readonly errors: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
  readonly validated: boolean;
  readonly dags: Readonly<
    Record<
      string,
      {
        doc_md: string;
        timezone: string;
        tasks: Record<
          string,
          {
            doc_md: string;
            downstream: string[];
            trigger_rule: string;
            pod: Pod | null;
            told: object[];
            envs: object[][];
          } & Record<string, unknown>
        >;
      }
    >
  >;
}
interface Pod {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly activeDeadlineSeconds: number;
    readonly serviceAccountName?: string;
    readonly nodeSelector: Readonly<Record<string, string>>;
    readonly tolerations: readonly object[];
    readonly affinity: object;
    readonly containers: readonly {
      image: string;
      command: string[];
      args: string[];
      env: object[];
      resources: { requests: Record<string, string>; limits: Record<string, string> };
    }[];
  };
}

const awkward = 'quote " \' back\\slash\nline {{ ds }} é🚀 $X `id`';
const fleet = manifestOf({
  model: { name: 'risk', owner: '@team', description: awkward },
  dag: {
    schedule: { assets: ['s3://lake/claims'], cron: '0 3 * * 1-5' },
    timezone: 'Australia/Sydney',
    timeout: '4h',
    params: { days: 7 },
  },
  defaults: { timeout: '1h', retries: 2, retryDelay: '30s', resources: { cpu: '500m', memory: '2Gi' }, serviceAccount: 'models' },
  tasks: {
    drift: { command: ['python', '-m', 'drift', awkward], skipOnExit: 99, produces: ['risk://drift'] },
    retrain: {
      command: 'python -m train',
      dependsOn: 'drift',
      env: { AWKWARD: awkward },
      secrets: [{ env: 'TOKEN', secret: 'risk', key: 'token' }],
      resources: { gpu: 1 },
      nodeSelector: { pool: 'gpu' },
      tolerations: [{ key: 'gpu', operator: 'Exists', effect: 'NoSchedule' }],
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }],
          },
        },
      },
      deferrable: true,
    },
    tell: { command: ['echo', '{{ ds }}'], template: true, dependsOn: ['retrain'], when: 'all_done' },
  },
  environments: {
    prod: { airflow: { url: 'http://127.0.0.1:1' }, deliver: { dir: '/x' }, namespace: 'models' },
    dev: { executor: 'local', airflow: { url: 'http://127.0.0.1:1' }, deliver: { dir: '/x' }, dagIdSuffix: '__dev' },
    local: {
      ...{ executor: 'local', airflow: { url: 'http://127.0.0.1:1' }, deliver: { dir: '/x' }, dagIdSuffix: '__local' },
      metrics: { url: 'http://127.0.0.1:1' },
    },
  },
});
const specOf = (environment: string) =>
  resolveDag(fleet, { environment, image, commit: 'b'.repeat(40), version: '1.2.0' }, () => undefined);

/** Stages that DVC would run in a shell, with values of params.yaml, and what Jinja and the shell would both like to read. */
const dvcYaml = (folder: string): string => `stages:
  prepare:
    cmd: echo '{{ ds }}' \\\${HOME} > ${folder}/ready.csv
    outs: [ready.csv]
  train:
    cmd: test "$(head -c 8 ${folder}/ready.csv)" = '{{ ds }}' && echo seed \${train.seed} >> ${folder}/ready.csv
    deps: [ready.csv]
    outs: [model.txt]
  report:
    cmd: cp ${folder}/ready.csv ${folder}/report.csv
    deps: [model.txt, ready.csv]
`;
const paramsYaml = 'train: { seed: 7 }\n';
const edgesOfDvc = ['prepare>report,train', 'report>', 'train>report'];

const alert = '8277ba64-8e68-40a8-a375-b2c53fa68f1e';
/** What runs are started with: for an alert, by other means, and with what only looks like an alert. */
const confs = [
  { flightcheck_alert: alert, model: 'risk' },
  { flightcheck_alert: alert.toUpperCase() },
  null,
  {},
  ...[`${alert}\n`, `${alert}; id`, '{{ ds }}', '', 7, [alert], { alert }, null].map((flightcheck_alert) => ({
    flightcheck_alert,
  })),
];

/** A real DagBag over the folder, in a home of its own. */
function load(bin: string, folder: string): Loaded {
  const home = temporaryFolder();
  const kubeconfig = join(home, 'kube.yml');
  writeFileSync(
    kubeconfig,
    'apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\ncurrent-context: c\n',
  );
  const env = { PATH: `${bin}:${process.env.PATH ?? ''}`, HOME: home, AIRFLOW_HOME: home, AIRFLOW__CORE__LOAD_EXAMPLES: 'False' };
  const output = execFileSync(
    join(bin, 'python'),
    [join(root, 'test/support/load_dags.py'), folder, kubeconfig, JSON.stringify(confs)],
    {
      ...{ env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 26 },
    },
  );
  return JSON.parse(/^ANSWER (.*)$/m.exec(output)?.[1] ?? '{}') as Loaded;
}

describe.each([2, 3] as const)('a real DagBag of Airflow %i', (major) => {
  const bin = airflowPrograms(major);
  test.skipIf(bin === null)('loads both renders as they are meant, and the real operator makes valid pods of them', async () => {
    const folder = temporaryFolder();
    for (const environment of ['prod', 'dev', 'local'])
      writeFileSync(join(folder, `${environment}.py`), renderAirflow(specOf(environment)));
    const texts: Readonly<Record<string, string>> = { 'dvc.yaml': dvcYaml('/srv'), 'params.yaml': paramsYaml };
    const staged = await withTasksOf(
      manifestOf({
        model: { name: 'staged', owner: '@team' },
        dag: { from: 'dvc.yaml' },
        environments: { prod: { airflow: { url: 'http://127.0.0.1:1' }, deliver: { dir: '/x' }, namespace: 'models' } },
      }),
      async (path) => texts[path] ?? null,
      () => undefined,
    );
    const spec = resolveDag(staged, { environment: 'prod', image, commit: 'b'.repeat(40), version: '1' }, () => undefined);
    writeFileSync(join(folder, 'staged.py'), renderAirflow(spec));
    const loaded = load(bin ?? '', folder);
    expect(loaded.errors).toEqual({});
    expect(Object.keys(loaded.dags).sort()).toEqual(['risk', 'risk__dev', 'risk__local', 'staged']);
    const stages = Object.entries(loaded.dags.staged?.tasks ?? {});
    expect(stages.map(([id, task]) => `${id}>${[...task.downstream].sort().join()}`).sort()).toEqual(edgesOfDvc);
    for (const [id, task] of stages)
      expect(task.pod?.spec.containers[0]).toMatchObject({ image, command: spec.tasks.find((each) => each.id === id)?.command });
    expect(loaded.dags.risk__local?.tasks.tell?.downstream).toEqual(['control-tower']);
    expect(loaded.dags.risk__local?.tasks['control-tower']).toMatchObject({ trigger_rule: 'all_done', retries: 0 });
    for (const environment of ['prod', 'dev']) {
      const spec = specOf(environment);
      const dag = loaded.dags[spec.id];
      expect(dag?.doc_md).toContain(`render-hash: ${renderHash(spec)}`);
      expect(dag?.doc_md).toContain(awkward);
      expect(
        Object.entries(dag?.tasks ?? {})
          .map(([id, task]) => [id, task.downstream, task.doc_md])
          .sort(),
      ).toEqual(
        ['drift:retrain', 'retrain:tell', 'tell:'].map((each) => {
          const [id, next] = each.split(':');
          return [id, next ? [next] : [], `render-hash: ${renderHash(spec)}`];
        }),
      );
      expect(dag?.tasks.drift).toMatchObject({ retries: 2, retry_delay: 30, timeout: 3600 });
      // Airflow writes an address as it likes; both of its versions end this one with a slash.
      expect(dag?.tasks.drift?.outlets).toEqual([expect.stringMatching(/^risk:\/\/drift\/?$/)]);
      expect(dag?.tasks.tell?.trigger_rule).toBe('all_done');
    }
    const { drift, retrain, tell } = loaded.dags.risk?.tasks ?? {};
    expect(drift?.pod?.spec.containers[0]).toMatchObject({ image, command: ['python', '-m', 'drift', awkward] });
    expect(retrain?.pod).toMatchObject({
      metadata: { namespace: 'models', labels: { model: 'risk', version: '1.2.0', environment: 'prod' } },
      spec: {
        serviceAccountName: 'models',
        nodeSelector: { pool: 'gpu' },
        tolerations: [{ key: 'gpu', operator: 'Exists', effect: 'NoSchedule' }],
        activeDeadlineSeconds: 3600,
        affinity: { nodeAffinity: {} },
        containers: [
          {
            env: expect.arrayContaining([
              { name: 'AWKWARD', value: awkward },
              { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'risk', key: 'token' } } },
            ]),
            resources: {
              requests: { cpu: '500m', memory: '2Gi', 'nvidia.com/gpu': '1' },
              limits: { memory: '2Gi', 'nvidia.com/gpu': '1' },
            },
          },
        ],
      },
    });
    expect([drift?.templates, retrain?.templates]).toEqual([[], []]);
    // Every kind of task knows the alert that started its run, and knows of nothing else that stands there.
    const one = { FLIGHTCHECK_ALERT_ID: alert };
    for (const dag of ['risk', 'risk__dev', 'staged'])
      for (const task of Object.values(loaded.dags[dag]?.tasks ?? {}))
        expect(task.told).toEqual(confs.map((_, i) => (i < 2 ? one : {})));
    for (const task of [drift, retrain, tell])
      expect(task?.envs.map((env) => env.filter((each) => 'name' in each && each.name === 'FLIGHTCHECK_ALERT_ID'))).toEqual(
        confs.map((_, i) => (i < 2 ? [{ name: 'FLIGHTCHECK_ALERT_ID', value: alert }] : [])),
      );
    expect(retrain?.envs[0]).toEqual(expect.arrayContaining([{ name: 'AWKWARD', value: awkward }]));
    expect(tell?.templates).toContain('cmds');
    if (major === 3) expect(loaded.validated).toBe(true);
    expect(loaded.problems).toEqual([]);
  });
});

describe.skipIf(airflowPrograms(3) === null)('a real Airflow 3', () => {
  let airflow: RealAirflow;
  let tower: Tower;
  let towerFolder: string;
  let repo: string;
  let token: string;
  /** What the tasks of the model write: the proof that they ran. */
  let proof: string;

  const manifest = (tasks: string, more = '') => `version: 1
model: { name: risk, owner: "@team" }
dag: { schedule: null }
tasks:
${tasks}
environments:
  dev:
    executor: local
    airflow: { url: "${airflow.url}" }
    deliver: { dir: "${airflow.dags}" }
    testRun: true
    metrics: { url: "${tower.url}" }
    verifyTimeout: 90s
${more}`;
  const tasksOf = (
    word: string,
    train = `import os; open(${JSON.stringify(JSON.stringify(proof)).slice(1, -1)}, 'a').write('${word} ' + os.environ.get('FLIGHTCHECK_ALERT_ID', ''))`,
  ) =>
    [
      '  drift: { command: [python3, -c, "print(1)"], produces: ["risk://drift"] }',
      `  train: { command: [python3, -c, ${JSON.stringify(train.replaceAll('\\"', "'"))}], dependsOn: drift }`,
      '  skipped: { command: [python3, -c, "raise SystemExit(99)"], skipOnExit: 99, produces: ["risk://skipped"], dependsOn: drift }',
    ].join('\n');
  const commit = (text: string): void => {
    writeFileSync(join(repo, 'flightcheck.yml'), text);
    git(repo, 'add', '-A');
    git(repo, 'commit', '-qm', 'change');
  };
  const command = [join(root, 'dist/main.js'), 'deploy'];
  const envOf = (user: string, password = airflow.passwords[user] ?? '') => ({
    PATH: process.env.PATH ?? '',
    HOME: temporaryFolder(),
    AIRFLOW_USERNAME: user,
    AIRFLOW_PASSWORD: password,
  });
  /** The command in a process of its own, while Control Tower in this one goes on. */
  const deploy = async (action: string, env: Record<string, string> = envOf('deployer')) => {
    const child = spawn(process.execPath, [...command, action, '--env', 'dev'], {
      ...{ cwd: repo, env, stdio: ['ignore', 'pipe', 'pipe'] },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, output };
  };
  const ask = async (path: string, method = 'GET', body?: object): Promise<{ status: number; body: Record<string, unknown> }> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await fetch(`${airflow.url}/api/v2${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json().catch(() => ({}))) as Record<string, unknown> };
  };
  /** Hashes that the tasks carry, whether the DAG is paused, its import errors: from Airflow itself. */
  const stateOf = async (id = 'risk') => {
    const [dag, tasks, errors] = [await ask(`/dags/${id}/details`), await ask(`/dags/${id}/tasks`), await ask('/importErrors')];
    if (dag.status === 404) return { isThere: false, errors: errors.body.import_errors };
    return {
      isThere: true,
      isPaused: dag.body.is_paused,
      hashes: [...new Set((tasks.body.tasks as { doc_md: string }[]).map(({ doc_md }) => doc_md))],
      edges: (tasks.body.tasks as { task_id: string; downstream_task_ids: string[] }[])
        .map((task) => `${task.task_id}>${task.downstream_task_ids.sort().join()}`)
        .sort(),
      errors: errors.body.import_errors,
    };
  };
  const deliveredHash = (): string => /# (render-hash: \w+)/.exec(readFileSync(join(airflow.dags, 'risk.py'), 'utf8'))?.[1] ?? '';
  const trained = (): string => (existsSync(proof) ? readFileSync(proof, 'utf8') : '');
  const edges = ['control-tower>', 'drift>skipped,train', 'skipped>control-tower', 'train>control-tower'];
  /** What Control Tower was told: the sum over all runs. */
  const told = async (metric: string): Promise<number> => {
    const response = await fetch(`${tower.url}/v1/query?metric=${metric}&bucket=none&agg=sum&by=dag`);
    const { groups } = (await response.json()) as { groups: { labels: { dag: string }; value: number }[] };
    return groups.find(({ labels }) => labels.dag === 'risk')?.value ?? Number.NaN;
  };

  beforeAll(async () => {
    execFileSync('npm', ['run', '-s', 'build'], { cwd: root, stdio: 'pipe' });
    towerFolder = mkdtempSync(join(tmpdir(), 'flightcheck-test-'));
    // Airflow is told where Control Tower is, so it starts later.
    const real: AirflowActions = {
      startRun: (...asked) =>
        airflowActions({ name: 'prod', url: airflow.url, username: 'deployer', password: 'may-deploy', major: null }).startRun(
          ...asked,
        ),
    };
    tower = await startTower({
      ...{ folder: towerFolder, version: '0.1.0', port: 0, workerPause: 100 },
      actions: { gitlab: null, airflows: new Map([['prod', real]]), webhooks: new Map(), send: () => Promise.reject() },
    });
    const known = JSON.stringify(sampleReport({ name: 'risk', owner: '@team' }));
    const authorization = `Bearer ${tower.token}`;
    await fetch(`${tower.url}/v1/reports`, {
      ...{ method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: known },
    });
    airflow = await startAirflow(towerConnection(tower.url, tower.token ?? ''));
    repo = join(airflow.dags, '../repo');
    mkdirSync(repo);
    git(repo, 'init', '-q');
    proof = join(airflow.dags, '..', 'proof.txt');
    const answer = await fetch(`${airflow.url}/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'deployer', password: airflow.passwords.deployer }),
    });
    token = ((await answer.json()) as { access_token: string }).access_token;
  });
  afterAll(async () => {
    await airflow?.close();
    await tower?.close();
    rmSync(towerFolder, { recursive: true, force: true });
  });

  test('takes a new DAG: every task carries the hash, a run of it really executed its commands', async () => {
    commit(manifest(tasksOf('first')));
    const { code, output } = await deploy('apply');
    expect(code, output).toBe(0);
    expect(output).toContain('Deployed and proven');
    expect(await stateOf()).toEqual({ isThere: true, isPaused: false, hashes: [deliveredHash()], edges, errors: [] });
    expect(trained()).toBe('first ');
    const runs = await ask('/dags/risk/dagRuns');
    const [run] = runs.body.dag_runs as { dag_run_id: string; state: string }[];
    const instances = await ask(`/dags/risk/dagRuns/${run?.dag_run_id}/taskInstances`);
    const states = (instances.body.task_instances as { task_id: string; state: string }[]).map((each) => [
      each.task_id,
      each.state,
    ]);
    expect(Object.fromEntries(states)).toEqual({
      ...{ drift: 'success', train: 'success', skipped: 'skipped', 'control-tower': 'success' },
    });
    expect([await told('dag.tasks.success'), await told('dag.tasks.skipped'), await told('dag.tasks.failed')]).toEqual([2, 1, 0]);
    expect(await told('dag.run.success')).toBe(1);
    expect(await told('dag.run.seconds')).toBeGreaterThan(0);
  });

  test('what a task produces is new only when it found something to do', async () => {
    const { body } = await ask('/assets/events');
    const events = body.asset_events as { source_task_id: string; uri: string }[];
    expect(events.map((event) => event.source_task_id)).toEqual(['drift']);
  });

  test('has nothing to do the second time, and the proof can be asked for', async () => {
    const again = await deploy('apply');
    expect(again.output).toContain('Nothing to do');
    expect(again.code).toBe(0);
    expect(await deploy('verify')).toMatchObject({
      code: 0,
      output: expect.stringContaining('exactly as this commit renders it'),
    });
    expect((await deploy('plan')).output).toContain('Nothing');
  });

  test('a change that Airflow cannot import is rolled back, with its trace, and the DAG goes on as before', async () => {
    const before = await stateOf();
    // The stand-ins that the file is imported against cannot know which schemes Airflow keeps for itself.
    commit(manifest(tasksOf('broken').replace('risk://drift', 'airflow://drift')));
    const { code, output } = await deploy('apply');
    expect(code, output).toBe(4);
    expect(output).toContain('Rolled back: Airflow has what it had before, proven.');
    const report = readFileSync(join(repo, '.flightcheck/deploy.report.json'), 'utf8');
    expect(report).toContain('Traceback');
    expect(report).toMatch(/reserved|scheme/);
    expect(await stateOf()).toEqual(before);
    expect(deliveredHash()).toBe(before.hashes?.[0]);
    expect((await deploy('verify')).code).toBe(1);
  });

  test('a change whose test run fails is rolled back', async () => {
    const before = await stateOf();
    commit(manifest(tasksOf('failing', 'raise SystemExit(3)')));
    const { code, output } = await deploy('apply');
    expect(code, output).toBe(4);
    expect(output).toContain('the test run ended as failed');
    expect(await stateOf()).toEqual(before);
    expect([await told('dag.run.success'), await told('dag.tasks.failed')]).toEqual([1, 1]);
  });

  test('a DAG that a person paused stays paused, and an account that may only look cannot let a new one go', async () => {
    await ask('/dags/risk', 'PATCH', { is_paused: true });
    commit(manifest(tasksOf('paused')).replace('testRun: true', 'testRun: false'));
    const { code, output } = await deploy('apply', envOf('onlooker'));
    expect(code, output).toBe(0);
    expect(await stateOf()).toMatchObject({ isPaused: true, hashes: [deliveredHash()] });
    await ask('/dags/risk', 'PATCH', { is_paused: false });
    expect(await deploy('apply', envOf('deployer', 'wrong'))).toMatchObject({
      code: 2,
      output: expect.stringContaining('refuses'),
    });
  });

  test('killed after the delivery, rollback recovers; asked again it only proves', async () => {
    const before = await stateOf();
    commit(manifest(tasksOf('killed')).replace('testRun: true', 'testRun: false'));
    const child: ChildProcess = spawn(process.execPath, [...command, 'apply', '--env', 'dev'], {
      ...{ cwd: repo, env: envOf('deployer'), stdio: ['ignore', 'ignore', 'pipe'] },
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stderr?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('deliver:')) child.kill('SIGKILL');
    });
    await ended;
    expect(child.signalCode).toBe('SIGKILL');
    expect(deliveredHash()).not.toBe(before.hashes?.[0]);
    const back = await deploy('rollback');
    expect(back.code, back.output).toBe(4);
    expect(await stateOf()).toEqual(before);
    const again = await deploy('rollback');
    expect(again, again.output).toMatchObject({ code: 0, output: expect.stringContaining('no delivery of risk.py to undo') });
    expect(await stateOf()).toEqual(before);
  });

  test('a broken file that lies there already does not stop the version that mends it', async () => {
    const file = join(airflow.dags, 'risk.py');
    writeFileSync(file, `${readFileSync(file, 'utf8')}\nraise ValueError("by hand")\n`);
    for (let look = 0; look < 60 && ((await stateOf()).errors as object[]).length === 0; look++)
      await new Promise((resolve) => setTimeout(resolve, 500));
    commit(manifest(tasksOf('mended')));
    const { code, output } = await deploy('apply');
    expect(code, output).toBe(0);
    expect(output).toContain('its file is broken');
    expect(await stateOf()).toMatchObject({ hashes: [deliveredHash()], errors: [], isPaused: false });
    expect(trained()).toContain('mended');
  });

  test('a new DAG that breaks leaves nothing behind: no file, no DAG, no import error', async () => {
    commit(manifest(tasksOf('new').replace('risk://drift', 'airflow://drift'), '    dagIdSuffix: __new\n'));
    const { code, output } = await deploy('apply');
    expect(code, output).toBe(4);
    expect(existsSync(join(airflow.dags, 'risk__new.py'))).toBe(false);
    expect(await stateOf('risk__new')).toEqual({ isThere: false, errors: [] });
    expect(await stateOf()).toMatchObject({ isThere: true, hashes: [deliveredHash()] });
  });

  test('stopped, it is scheduled no more and keeps its runs; rollback brings nothing back, apply does', async () => {
    const runs = async () =>
      ((await ask('/dags/risk/dagRuns')).body.dag_runs as { dag_run_id: string; state: string }[]).map((run) => run.dag_run_id);
    commit(manifest(tasksOf('stopped')).replace('testRun: true', 'testRun: false'));
    await ask('/dags/risk/dagRuns', 'POST', { dag_run_id: 'by-a-person', logical_date: null });
    const { code, output } = await deploy('stop');
    expect(code, output).toBe(0);
    expect(output).toContain('Stopped: Airflow schedules nothing of it any more.');
    expect(existsSync(join(airflow.dags, 'risk.py'))).toBe(false);
    expect((await ask('/dags/risk/details')).body).toMatchObject({ is_stale: true, is_paused: true });
    expect(await runs()).toContain('by-a-person');
    expect((await deploy('verify')).code).toBe(1);
    expect((await deploy('plan')).output).toContain('+ train');
    const again = await deploy('stop');
    expect(again.code, again.output).toBe(0);
    const back = await deploy('rollback');
    expect(back.code, back.output).toBe(0);
    expect(existsSync(join(airflow.dags, 'risk.py'))).toBe(false);
    const anew = await deploy('apply');
    expect(anew.code, anew.output).toBe(0);
    expect(await stateOf()).toMatchObject({ isPaused: false, hashes: [deliveredHash()], errors: [] });
    expect(await runs()).toContain('by-a-person');
  });

  test('an alert of Control Tower starts one run of the DAG, which knows the alert', async () => {
    const authorization = `Bearer ${tower.token}`;
    const send = async (path: string, body: object) => {
      const headers = { authorization, 'content-type': 'application/json' };
      expect((await fetch(tower.url + path, { method: 'POST', headers, body: JSON.stringify(body) })).status).toBe(201);
    };
    const when = { of: 'value', is: 'above', limit: 0.2 };
    const actions = [{ do: 'airflow', at: 'prod', dag: 'risk' }];
    await send('/v1/rules', { name: 'drift', metric: 'model.drift.psi', when, actions, enabled: true });
    const at = new Date(Date.now() + 1000).toISOString();
    await send('/v1/metrics', { model: 'risk', at, metrics: [{ name: 'model.drift.psi', value: 0.5 }] });
    const delivered = async () => {
      const { items } = (await (await fetch(`${tower.url}/v1/alerts`)).json()) as {
        items: { id: string; uid: string; deliveries: { state: string; result: string }[] }[];
      };
      return items.find(({ deliveries }) => deliveries[0]?.state === 'done');
    };
    let alert = await delivered();
    for (let look = 0; look < 100 && !alert; look++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      alert = await delivered();
    }
    const uid = alert?.uid ?? '';
    expect(alert?.deliveries[0]?.result).toBe(`${airflow.url}/dags/risk/runs/${uid}`);
    const { status, body } = await ask(`/dags/risk/dagRuns/${uid}`);
    expect(status).toBe(200);
    expect(body.conf).toMatchObject({
      flightcheck_alert: uid,
      model: 'risk',
      metric: 'model.drift.psi',
      value: 0.5,
      rule: 'drift',
    });
    for (let look = 0; look < 150 && !trained().endsWith(uid); look++) await new Promise((resolve) => setTimeout(resolve, 200));
    // Of all runs the one that the alert started knows it.
    expect(trained().split(uid)).toEqual([expect.stringMatching(/^(\w+ )+$/), '']);
    const page = async () => (await fetch(`${tower.url}/alerts/${alert?.id}`)).text();
    for (let look = 0; look < 150 && !(await page()).includes('What came of it'); look++)
      await new Promise((resolve) => setTimeout(resolve, 200));
    // The last task has told of the run, with the alert's id.
    expect(await page()).toMatch(/Told by what it started.*>5 values<\/a> by token \w+, dev/);
    // Asked for again, as after an answer that was lost, it is the same run.
    const tower2 = airflowActions({ name: 'prod', url: airflow.url, username: 'deployer', password: 'may-deploy', major: 3 });
    expect(await tower2.startRun('risk', uid, {})).toBe(`${airflow.url}/dags/risk/runs/${uid}`);
    const runs = (await ask('/dags/risk/dagRuns?limit=100')).body.dag_runs as { dag_run_id: string }[];
    expect(runs.filter((run) => run.dag_run_id === uid)).toHaveLength(1);
    await expect(tower2.startRun('gone', uid, {})).rejects.toThrow('has no DAG gone');
    const onlooker = airflowActions({ name: 'prod', url: airflow.url, username: 'onlooker', password: 'may-look', major: 3 });
    await expect(onlooker.startRun('risk', `${uid}-2`, {})).rejects.toMatchObject({
      message: expect.stringContaining('refuses its account'),
      detail: expect.stringContaining('(403)'),
    });
  });

  test('stages of a dvc.yaml are tasks that really run, in a shell, with the text that DVC would give it', async () => {
    const folder = join(repo, 'work');
    mkdirSync(folder);
    writeFileSync(join(repo, 'dvc.yaml'), dvcYaml(folder));
    writeFileSync(join(repo, 'params.yaml'), paramsYaml);
    commit(`version: 1
model: { name: staged, owner: "@team" }
dag: { from: dvc.yaml, schedule: null }
environments:
  dev: { executor: local, airflow: { url: "${airflow.url}" }, deliver: { dir: "${airflow.dags}" }, testRun: true, verifyTimeout: 90s }
`);
    const { code, output } = await deploy('apply');
    expect(code, output).toBe(0);
    expect(await stateOf('staged')).toMatchObject({ edges: edgesOfDvc, errors: [], isPaused: false });
    expect(readFileSync(join(folder, 'report.csv'), 'utf8')).toMatch(/^\{\{ ds \}\} \S+\nseed 7\n$/);
    expect((await deploy('stop')).code).toBe(0);
  });

  test('a dag-processor that is dead: the file is back, and what Airflow schedules is what it did', async () => {
    const before = await stateOf();
    await airflow.kill('dag-processor');
    commit(manifest(tasksOf('unread')).replace('verifyTimeout: 90s', 'verifyTimeout: 6s'));
    const { code, output } = await deploy('apply');
    expect([3, 4], output).toContain(code);
    expect(await stateOf()).toEqual(before);
    expect(deliveredHash()).toBe(before.hashes?.[0]);
    airflow.start('dag-processor');
  });
});
