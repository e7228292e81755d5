/** An image that somebody changes or removes between its build and the deployment. A real registry, a fake Airflow. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { call, reportOf } from '../helpers/call.ts';
import { git, makeRepo, temporaryFolder, writeFiles } from '../helpers/repo.ts';
import { fakeAirflow } from '../support/airflow.ts';
import { imagesAreMissing, startRegistry, type TestRegistry } from '../support/registry.ts';
import { type RegistryProxy, startRegistryProxy } from '../support/registry-proxy.ts';

const path = { PATH: process.env.PATH ?? '' };

describe.skipIf(imagesAreMissing !== null)('an image', () => {
  let registry: TestRegistry;
  let proxy: RegistryProxy;
  let base: string;
  beforeAll(async () => {
    registry = await startRegistry();
    proxy = await startRegistryProxy(registry.host);
    base = (await registry.base()).replace(registry.host, proxy.host);
  });
  afterEach(() => {
    proxy.fault = () => null;
  });
  afterAll(async () => {
    await proxy?.close();
    await registry?.close();
  });

  let count = 0;
  /** A repo, its Airflow, and what an environment holds: the DAG file, and the hashes of its scheduled tasks. */
  async function world() {
    const folder = temporaryFolder();
    const airflow = await fakeAirflow(folder);
    const name = `team/risk-${++count}`;
    const root = makeRepo({
      'flightcheck.yml': `version: 1
model: { name: risk, owner: "@team" }
image: { builder: append, base: "${base}", repository: "${proxy.host}/${name}" }
tasks: { train: { command: python3 -m train }, tell: { command: echo, dependsOn: train } }
environments:
  prod: { airflow: { url: "${airflow.url}", version: 3 }, deliver: { dir: "${folder}" } }
`,
      'src/model.py': 'print(1)\n',
    });
    const file = join(folder, 'risk.py');
    const held = () => ({
      file: existsSync(file) ? readFileSync(file, 'utf8') : null,
      hashes: airflow.dags.get('risk')?.tasks.map((task) => task.doc_md) ?? null,
    });
    const build = async (): Promise<string> => {
      const { code, errors } = await call(['build', root, '--push', '--image-tag', 'main'], path);
      expect(code, errors).toBe(0);
      const built = /^FLIGHTCHECK_RESULT_IMAGE=(.*)$/m.exec(readFileSync(join(root, '.flightcheck/build.env'), 'utf8'))?.[1];
      return built ?? '';
    };
    const change = (text: string): void => {
      writeFiles(root, { 'src/model.py': text });
      git(root, 'commit', '--all', '--quiet', '--message', 'Change');
    };
    const deploy = (image: string) =>
      call(['deploy', 'apply', root, '--env', 'prod'], { ...path, FLIGHTCHECK_RESULT_IMAGE: image });
    const step = () => reportOf(root, 'deploy').suites[0]?.sections[0]?.results.find(({ check }) => check === 'deploy-images');
    return { root, build, change, deploy, held, step };
  }
  const digestOf = (image: string): string => image.split('@')[1] ?? '';
  const remove = async (image: string): Promise<void> => {
    const [name = '', digest] = image.slice(proxy.host.length + 1).split('@');
    const response = await fetch(`http://${registry.host}/v2/${name}/manifests/${digest}`, { method: 'DELETE' });
    expect(response.status).toBe(202);
  };

  test('whose tag somebody moved: the environment gets the one that was built, and nobody asks for the tag', async () => {
    const { build, change, deploy, held, step } = await world();
    const built = await build();
    change('print("somebody else")\n');
    const other = await build();
    expect(digestOf(other)).not.toBe(digestOf(built));
    proxy.asked.length = 0;
    const { code, errors } = await deploy(built);
    expect(code, errors).toBe(0);
    expect(step()).toMatchObject({ outcome: 'pass', evidence: { explanation: `the registry holds ${built}` } });
    const { file, hashes } = held();
    expect(file).toContain(built);
    expect(file).not.toContain(digestOf(other));
    expect(hashes).toHaveLength(2);
    expect(proxy.asked.map(({ path }) => path)).toEqual([expect.stringContaining(`/manifests/${digestOf(built)}`)]);
  });

  test('that somebody removed: nothing is delivered, and the version before stays as it was', async () => {
    const { build, change, deploy, held, step } = await world();
    const first = await build();
    expect((await deploy(first)).code).toBe(0);
    const before = held();
    change('print(2)\n');
    const second = await build();
    await remove(second);
    const refused = await deploy(second);
    expect(refused.code).toBe(1);
    expect(refused.errors).toContain(`${second}: gone from the registry, and tell, train would wait for it. Build it again`);
    expect(refused.errors).toContain('Refused: nothing was delivered');
    expect(step()).toMatchObject({ outcome: 'fail', severity: 'blocker' });
    expect(held()).toEqual(before);
    expect(before.file).toContain(first);
    // Built again it is the same image, and what was refused goes its way.
    expect(await build()).toBe(second);
    expect((await deploy(second)).code).toBe(0);
    expect(held().file).toContain(second);
  });

  test('that was the first one: the environment stays empty', async () => {
    const { build, deploy, held } = await world();
    const built = await build();
    await remove(built);
    expect((await deploy(built)).code).toBe(1);
    expect(held()).toEqual({ file: null, hashes: null });
  });

  test('whose digest the registry answers with something else: nothing is delivered', async () => {
    const { build, deploy, held } = await world();
    const built = await build();
    proxy.fault = ({ path }) => (path.includes('/manifests/') ? { status: 200, body: '{"schemaVersion": 2}' } : null);
    const refused = await deploy(built);
    expect(refused).toMatchObject({ code: 3, errors: expect.stringContaining(`another manifest than ${digestOf(built)}`) });
    expect(held()).toEqual({ file: null, hashes: null });
  });

  test('in a registry that does not let this job look: that is said, and no pass', async () => {
    const { build, deploy, held, step } = await world();
    const built = await build();
    proxy.fault = ({ path }) => (path.includes('/manifests/') ? { status: 401 } : null);
    const { code, errors } = await deploy(built);
    expect(code, errors).toBe(0);
    expect(step()).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(/^it is not known whether the registry holds .*does not accept the credentials/),
    });
    expect(held().file).toContain(built);
  });
});
