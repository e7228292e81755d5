/** From commit to scheduled DAG: an example repo, its pipeline, an image in a real registry, a DAG in a real Airflow, a report in Control Tower. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTower, type Tower } from '../../src/tower/server.ts';
import { commandFolder, createOffline, type Offline, type Pipeline } from '../support/offline.ts';
import { airflowPrograms, type RealAirflow, startAirflow } from '../support/real-airflow.ts';
import { imagesAreMissing, startRegistry, type TestRegistry } from '../support/registry.ts';

const root = join(import.meta.dirname, '../..');
const example = join(root, 'examples/python');

describe.skipIf(airflowPrograms(3) === null || imagesAreMissing !== null)('from commit to scheduled DAG', () => {
  let offline: Offline;
  let airflow: RealAirflow;
  let registry: TestRegistry;
  let tower: Tower;
  let command: string;
  let project: string;
  let base: string;

  beforeAll(async () => {
    execFileSync('npm', ['run', '-s', 'build'], { cwd: root, stdio: 'pipe' });
    offline = createOffline();
    registry = await startRegistry();
    base = await registry.base();
    airflow = await startAirflow();
    mkdirSync(join(offline.folder, 'tower'));
    const tokenFile = join(offline.folder, 'token');
    tower = await startTower({ folder: join(offline.folder, 'tower'), tokenFile, version: '0.1.0', port: 0 });
    command = commandFolder(offline.folder, tokenFile);
    project = offline.project('flights', files('risk://drift'), example);
  });
  afterAll(async () => {
    await tower?.close();
    await airflow?.close();
    await registry?.close();
    offline?.close();
  });

  /** The example with an image, a DAG and an environment; its tasks run in the working copy, as the worker is no pod. */
  const files = (asset: string): Record<string, string> => {
    const work = join(offline.folder, 'projects/ml/flights');
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
    command: [python3, -m, flight_delay.train, --data, "${work}/data/train.csv", --seed, "1", --model, "${offline.folder}/model.json"]
    dependsOn: drift
environments:
  dev: { executor: local, airflow: { url: "${airflow.url}" }, deliver: { dir: "${airflow.dags}" }, testRun: true, verifyTimeout: 120s }
`,
      '.gitlab-ci.yml': `include:
  - component: ${address}/container-build@1.0.0
    inputs: { cli: path }
  - component: ${address}/model-pipeline@1.0.0
    inputs: { cli: path, tower-url: "${tower.url}" }
  - component: ${address}/dag-deploy@1.0.0
    inputs: { cli: path, env: dev, deploy-when: on_success }
`,
    };
  };
  const run = (): Promise<Pipeline> =>
    offline.run(project, {
      path: [command],
      network: 'loopback',
      keepsCache: true,
      variables: { AIRFLOW_USERNAME: 'deployer', AIRFLOW_PASSWORD: airflow.passwords.deployer ?? '' },
    });
  const dotenv = (pipeline: Pipeline, job: string, file: string): Record<string, string> =>
    Object.fromEntries(
      readFileSync(join(pipeline.artifacts(job), '.flightcheck', file), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split('=') as [string, string]),
    );
  const scheduled = async (): Promise<string[]> => {
    const login = await fetch(`${airflow.url}/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'deployer', password: airflow.passwords.deployer }),
    });
    const { access_token } = (await login.json()) as { access_token: string };
    const response = await fetch(`${airflow.url}/api/v2/dags/flight-delay/tasks`, {
      headers: { authorization: `Bearer ${access_token}` },
    });
    return ((await response.json()) as { tasks: { doc_md: string }[] }).tasks.map((task) => task.doc_md);
  };
  let first: string[];

  test('a commit becomes an image by digest, a proven DAG whose tasks ran, and a report in Control Tower', async () => {
    const pipeline = await run();
    expect(pipeline.jobs, pipeline.output).toMatchObject({ 'container-build': 'pass', report: 'pass', 'dag-deploy': 'pass' });
    expect(pipeline.jobs).not.toHaveProperty('dag-rollback');
    const { FLIGHTCHECK_RESULT_IMAGE: image = '' } = dotenv(pipeline, 'container-build', 'build.env');
    expect(image).toMatch(new RegExp(`^${registry.host}/ml/flights@sha256:[0-9a-f]{64}$`));
    const [, digest = ''] = image.split('@');
    const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';
    const held = await fetch(`http://${registry.host}/v2/ml/flights/manifests/${digest}`, { headers: { accept } });
    expect(held.headers.get('docker-content-digest')).toBe(digest);
    const dag = readFileSync(join(airflow.dags, 'flight-delay.py'), 'utf8');
    expect(dag).toContain(`"IMAGE_DIGEST": "${digest}"`);
    first = await scheduled();
    expect(first).toHaveLength(2);
    expect(new Set(first)).toEqual(new Set([/# (render-hash: \w+)/.exec(dag)?.[1]]));
    expect(dotenv(pipeline, 'dag-deploy', 'deploy.env').FLIGHTCHECK_RESULT_URL).toBe(`${airflow.url}/dags/flight-delay`);
    expect(existsSync(join(offline.folder, 'model.json'))).toBe(true);
    const models = (await (await fetch(`${tower.url}/v1/models`)).json()) as { items: { name: string }[] };
    expect(models.items.map(({ name }) => name)).toEqual(['flight-delay']);
  });

  test('a change that Airflow cannot load fails its job, and the DAG of the commit before is what is scheduled', async () => {
    offline.commit(project, files('airflow://drift'));
    const pipeline = await run();
    expect(pipeline.jobs, pipeline.output).toMatchObject({ 'container-build': 'pass', 'dag-deploy': 'fail' });
    expect(pipeline.output).toContain('Rolled back: Airflow has what it had before, proven.');
    expect(await scheduled()).toEqual(first);
  });
});
