/** From commit to scheduled DAG on one machine: an example repo, its pipeline, a real registry, a real Airflow, Control Tower. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTower, type Tower } from '../../src/tower/server.ts';
import { commandFolder, createOffline, type Pipeline, type RunOptions } from './offline.ts';
import { type RealAirflow, startAirflow, towerConnection } from './real-airflow.ts';
import { startRegistry, type TestRegistry } from './registry.ts';

const example = join(import.meta.dirname, '../../examples/python');

export interface FromCommit {
  readonly airflow: RealAirflow;
  readonly registry: TestRegistry;
  readonly tower: Tower;
  /** What the training task writes. */
  readonly model: string;
  /** Commits a DAG whose first task produces this asset. */
  commit(asset: string): void;
  /** The pipeline of the newest commit. */
  run(options?: RunOptions): Promise<Pipeline>;
  /** Marks of the tasks that Airflow schedules. */
  scheduled(): Promise<readonly string[]>;
  /** The delivered DAG file. */
  dag(): string;
  /** What Control Tower was told of the DAG's runs: the sum of a metric; null before it was told anything. */
  told(metric: string): Promise<number | null>;
  close(): Promise<void>;
}

interface Servers {
  readonly airflow: RealAirflow;
  readonly registry: TestRegistry;
  readonly tower: Tower;
}

/** The example with an image, a DAG and an environment; its tasks run in the working copy, as the worker is no pod. */
function filesOf({ airflow, registry, tower }: Servers, folder: string, base: string, asset: string): Record<string, string> {
  const work = join(folder, 'projects/ml/flights');
  const manifest = readFileSync(join(example, 'flightcheck.yml'), 'utf8');
  const address = '$CI_SERVER_FQDN/mlops/flightcheck';
  return {
    Dockerfile: `FROM ${base}\nWORKDIR /app\nCOPY src ./src\nRUN echo built > /app/built.txt\nUSER 10001\n`,
    'flightcheck.yml': `${manifest}
image: { smoke: [/bin/ls, /app/src/flight_delay], reproducible: require, base: "${base}", repository: "${registry.host}/ml/flights" }
dag: { schedule: null }
defaults: { env: { PYTHONPATH: "${work}/src", PYTHONDONTWRITEBYTECODE: "1" } }
tasks:
  drift: { command: [python3, -c, "print('no drift')"], produces: ["${asset}"] }
  train:
    command: [python3, -m, flight_delay.train, --data, "${work}/data/train.csv", --seed, "1", --model, "${folder}/model.json"]
    dependsOn: drift
environments:
  dev:
    executor: local
    airflow: { url: "${airflow.url}" }
    deliver: { dir: "${airflow.dags}" }
    metrics: {}
    testRun: true
    verifyTimeout: 120s
`,
    '.gitlab-ci.yml': `include:
  - component: ${address}/model-pipeline@1.0.0
    inputs: { cli: path, tower-url: "${tower.url}", build-when: on_success, deploy-when: on_success }
`,
  };
}

/** Starts all of it; `path` holds folders that come before PATH in the jobs. */
export async function startFromCommit(path: readonly string[] = []): Promise<FromCommit> {
  const offline = createOffline();
  const tokenFile = join(offline.folder, 'token');
  mkdirSync(join(offline.folder, 'tower'));
  const open: (() => Promise<void>)[] = [async () => offline.close()];
  const close = async (): Promise<void> => {
    for (const each of open.reverse()) await each();
  };
  try {
    const registry = await startRegistry();
    open.push(() => registry.close());
    const tower = await startTower({ folder: join(offline.folder, 'tower'), tokenFile, version: '0.1.0', port: 0 });
    open.push(() => tower.close());
    const airflow = await startAirflow(towerConnection(tower.url, readFileSync(tokenFile, 'utf8').trim()));
    open.push(() => airflow.close());
    const base = await registry.base();
    const files = (asset: string) => filesOf({ airflow, registry, tower }, offline.folder, base, asset);
    const project = offline.project('flights', files('risk://drift'), example);
    const command = commandFolder(offline.folder, tokenFile);
    return {
      ...{ airflow, registry, tower, close, model: join(offline.folder, 'model.json') },
      commit: (asset) => offline.commit(project, files(asset)),
      run: (options) =>
        offline.run(project, {
          ...options,
          path: [command, ...path],
          network: 'loopback',
          keepsCache: true,
          variables: { AIRFLOW_USERNAME: 'deployer', AIRFLOW_PASSWORD: airflow.passwords.deployer ?? '' },
        }),
      async scheduled() {
        const headers = { 'content-type': 'application/json' };
        const body = JSON.stringify({ username: 'deployer', password: airflow.passwords.deployer });
        const login = await fetch(`${airflow.url}/auth/token`, { method: 'POST', headers, body });
        const { access_token } = (await login.json()) as { access_token: string };
        const authorization = `Bearer ${access_token}`;
        const response = await fetch(`${airflow.url}/api/v2/dags/flight-delay/tasks`, { headers: { authorization } });
        return ((await response.json()) as { tasks: { doc_md: string }[] }).tasks.map((task) => task.doc_md);
      },
      dag() {
        const file = join(airflow.dags, 'flight-delay.py');
        return existsSync(file) ? readFileSync(file, 'utf8') : '';
      },
      async told(metric) {
        const response = await fetch(`${tower.url}/v1/query?metric=${metric}&bucket=none&agg=sum&by=dag`);
        if (!response.ok) return null;
        const { groups } = (await response.json()) as { groups: { value: number }[] };
        return groups[0]?.value ?? null;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
