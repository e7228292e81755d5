/** From commit to scheduled DAG: an example repo, its pipeline, an image in a real registry, a DAG in a real Airflow, a report and its runs' metrics in Control Tower. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FromCommit, startFromCommit } from '../support/from-commit.ts';
import type { Pipeline } from '../support/offline.ts';
import { airflowPrograms } from '../support/real-airflow.ts';
import { imagesAreMissing } from '../support/registry.ts';

const root = join(import.meta.dirname, '../..');

describe.skipIf(airflowPrograms(3) === null || imagesAreMissing !== null)('from commit to scheduled DAG', () => {
  let world: FromCommit;

  beforeAll(async () => {
    execFileSync('npm', ['run', '-s', 'build'], { cwd: root, stdio: 'pipe' });
    world = await startFromCommit();
  });
  afterAll(() => world?.close());

  const dotenv = (pipeline: Pipeline, job: string, file: string): Record<string, string> =>
    Object.fromEntries(
      readFileSync(join(pipeline.artifacts(job), '.flightcheck', file), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split('=') as [string, string]),
    );
  let first: readonly string[];

  test('a commit becomes an image by digest, a proven DAG whose tasks ran, and a report in Control Tower', async () => {
    const { registry, airflow, tower } = world;
    const pipeline = await world.run();
    expect(pipeline.jobs, pipeline.output).toMatchObject({ 'container-build': 'pass', report: 'pass', 'dag-deploy': 'pass' });
    for (const asked of ['dag-rollback', 'dag-stop', 'dag-review']) expect(pipeline.jobs).not.toHaveProperty(asked);
    const report = readFileSync(join(pipeline.artifacts('report'), '.flightcheck/report.report.json'), 'utf8');
    expect((JSON.parse(report) as { suites: { id: string }[] }).suites.map(({ id }) => id)).toContain('build');
    const { FLIGHTCHECK_RESULT_IMAGE: image = '' } = dotenv(pipeline, 'container-build', 'build.env');
    expect(image).toMatch(new RegExp(`^${registry.host}/ml/flights@sha256:[0-9a-f]{64}$`));
    const [, digest = ''] = image.split('@');
    const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';
    const held = await fetch(`http://${registry.host}/v2/ml/flights/manifests/${digest}`, { headers: { accept } });
    expect(held.headers.get('docker-content-digest')).toBe(digest);
    expect(world.dag()).toContain(`"IMAGE_DIGEST": "${digest}"`);
    first = await world.scheduled();
    expect(first).toHaveLength(3);
    expect(new Set(first)).toEqual(new Set([/# (render-hash: \w+)/.exec(world.dag())?.[1]]));
    expect(dotenv(pipeline, 'dag-deploy', 'deploy.env').FLIGHTCHECK_RESULT_URL).toBe(`${airflow.url}/dags/flight-delay`);
    expect(existsSync(world.model)).toBe(true);
    const models = (await (await fetch(`${tower.url}/v1/models`)).json()) as { items: { name: string }[] };
    expect(models.items.map(({ name }) => name)).toEqual(['flight-delay']);
    expect([await world.told('dag.run.success'), await world.told('dag.tasks.success')]).toEqual([1, 2]);
  });

  test('a change that Airflow cannot load fails its job, and the DAG of the commit before is what is scheduled', async () => {
    world.commit('airflow://drift');
    const pipeline = await world.run();
    expect(pipeline.jobs, pipeline.output).toMatchObject({ 'container-build': 'pass', 'dag-deploy': 'fail' });
    expect(pipeline.output).toContain('Rolled back: Airflow has what it had before, proven.');
    expect(await world.scheduled()).toEqual(first);
  });
});
