/** The DAG of a merge request, from its pipeline to the end of its environment: the component's real jobs, and an Airflow's API. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fakeAirflow } from '../support/airflow.ts';
import { commandFolder, createOffline, type Offline } from '../support/offline.ts';

const root = join(import.meta.dirname, '../..');
let offline: Offline;

beforeAll(() => {
  execFileSync('npm', ['run', '-s', 'build'], { cwd: root, stdio: 'pipe' });
  offline = createOffline();
});
afterAll(() => offline.close());

test('a merge request has a DAG of its own, beside that of the default branch, and stopping its environment takes only it away', async () => {
  const folder = join(offline.folder, 'dags');
  mkdirSync(folder);
  const airflow = await fakeAirflow(folder);
  const environment = `{ executor: local, airflow: { url: "${airflow.url}", version: 3 }, deliver: { dir: "${folder}" }, verifyTimeout: 20s }`;
  const project = offline.project('reviewed', {
    'flightcheck.yml': `version: 1
model: { name: tiny, owner: "@team" }
tasks: { train: { command: [python3, -c, "print(1)"] } }
environments: { dev: ${environment}, review: ${environment} }
`,
    '.gitlab-ci.yml': `include:
  - component: $CI_SERVER_FQDN/mlops/flightcheck/dag-deploy@1.0.0
    inputs: { cli: path, deploy-when: on_success, review-when: on_success }
`,
  });
  const command = commandFolder(offline.folder);
  const run = (variables: Readonly<Record<string, string>>, ...jobs: readonly string[]) =>
    offline.run(project, { path: [command], network: 'loopback', variables, arguments: jobs });
  const mergeRequest = { CI_PIPELINE_SOURCE: 'merge_request_event', CI_MERGE_REQUEST_IID: '42' };

  const main = await run({});
  expect(main.jobs, main.output).toEqual({ 'dag-deploy': 'pass' });
  const review = await run(mergeRequest);
  expect(review.jobs, review.output).toMatchObject({ 'dag-review': 'pass' });
  expect(review.jobs).not.toHaveProperty('dag-deploy');
  const kept = join(review.artifacts('dag-review'), '.flightcheck/deploy.env');
  expect(readFileSync(kept, 'utf8')).toContain(`FLIGHTCHECK_RESULT_URL=${airflow.url}/dags/tiny__mr42`);
  expect([...airflow.dags.keys()].sort()).toEqual(['tiny', 'tiny__mr42']);

  const stopped = await run(mergeRequest, 'dag-review-stop');
  expect(stopped.jobs, stopped.output).toMatchObject({ 'dag-review-stop': 'pass' });
  expect(stopped.output).toContain('Stopped: Airflow schedules nothing of it any more.');
  expect([...airflow.dags.keys()]).toEqual(['tiny']);
  expect(readdirSync(folder).filter((name) => name.endsWith('.py'))).toEqual(['tiny.py']);

  const again = await run(mergeRequest, 'dag-review-stop');
  expect(again.jobs, again.output).toMatchObject({ 'dag-review-stop': 'pass' });
  const last = await run({}, 'dag-stop');
  expect(last.jobs, last.output).toEqual({ 'dag-stop': 'pass' });
  expect(readdirSync(folder)).toEqual([]);
});
