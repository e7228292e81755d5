/** A registry and its faults: what it holds afterwards, and what later jobs are told. A real registry, a thin proxy before it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openRegistry } from '../../src/adapters/registry/registry.ts';
import { parseImage } from '../../src/kernel/image.ts';
import { call, reportOf } from '../helpers/call.ts';
import { commitAll, makeRepo, temporaryFolder, writeFiles } from '../helpers/repo.ts';
import { account, imagesAreMissing, startRegistry, type TestRegistry } from '../support/registry.ts';
import { type RegistryProxy, startRegistryProxy } from '../support/registry-proxy.ts';
import { startTokenServer } from '../support/token-server.ts';

const head = 'version: 1\nmodel: { name: risk, owner: "@team" }\n';
const path = { PATH: process.env.PATH ?? '' };
const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';
const isBlobPut = ({ method, path }: { method: string; path: string }) => method === 'PUT' && path.includes('/blobs/uploads/');
const isManifestPut = ({ method, path }: { method: string; path: string }) => method === 'PUT' && path.includes('/manifests/');

/** The digest under a tag, asked without our client; null when there is none. */
async function heldBy(host: string, repository: string, tag: string, authorization?: string): Promise<string | null> {
  const headers = { accept, ...(authorization && { authorization }) };
  const response = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers });
  await response.body?.cancel();
  return response.ok ? response.headers.get('docker-content-digest') : null;
}
const dotenv = (root: string): string => readFileSync(join(root, '.flightcheck/build.env'), 'utf8');
const outcomes = (root: string) =>
  Object.fromEntries(
    (reportOf(root, 'build').suites[0]?.sections[0]?.results ?? []).map(({ check, outcome }) => [check, outcome]),
  );

describe.skipIf(imagesAreMissing !== null)('a registry', () => {
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
    proxy.after = async () => undefined;
  });
  afterAll(async () => {
    await proxy?.close();
    await registry?.close();
  });
  let count = 0;
  /** A repo whose image goes to a repository of its own. */
  const repo = (image = `base: "${base}"`) => {
    const repository = `team/model-${++count}`;
    const manifest = `${head}image: { builder: append, ${image}, repository: "${proxy.host}/${repository}" }\n`;
    return { repository, root: makeRepo({ 'flightcheck.yml': manifest, 'src/model.py': 'print(1)\n' }) };
  };
  const build = (root: string, ...more: string[]) => call(['build', root, '--push', '--image-tag', '1', ...more], path);

  test('in order: the digest that is handed over is what it holds, and the same for the same commit', async () => {
    const { root, repository } = repo();
    const { code, errors } = await build(root);
    expect(code, errors).toBe(0);
    const held = await heldBy(registry.host, repository, '1');
    expect(dotenv(root)).toContain(`FLIGHTCHECK_RESULT_IMAGE=${proxy.host}/${repository}@${held}\n`);
    expect(dotenv(root)).toContain(`FLIGHTCHECK_RESULT_IMAGE_DIGEST=${held}\n`);
    await build(root);
    expect(await heldBy(registry.host, repository, '1')).toBe(held);
  });

  test.each([
    ['full', { status: 507, headers: { 'retry-after': '0' } }, isBlobPut, 3, 'it is full'],
    ['out of order', { status: 500, headers: { 'retry-after': '0' } }, isBlobPut, 3, 'status 500'],
    ['busy without end', { status: 429, headers: { 'retry-after': '0' } }, isBlobPut, 3, 'too many requests'],
    ['without the right to push', { status: 403, body: '{"errors":[{"code":"DENIED"}]}' }, isManifestPut, 2, 'may not do this'],
  ] as const)(
    '%s: nothing has the tag, and no image is handed over, not even an older one',
    async (_, fault, meets, code, says) => {
      const { root, repository } = repo();
      expect((await build(root)).code).toBe(0);
      proxy.fault = (asked) => (meets(asked) ? fault : null);
      // The output of the run before lies where this one writes.
      expect(dotenv(root)).toContain('FLIGHTCHECK_RESULT_IMAGE=');
      writeFiles(root, { 'src/model.py': 'print(2)\n' });
      commitAll(root);
      const result = await call(['build', root, '--push', '--image-tag', '2'], path);
      expect(result).toMatchObject({ code, errors: expect.stringContaining(says) });
      expect(await heldBy(registry.host, repository, '2')).toBeNull();
      expect(await heldBy(registry.host, repository, '1')).toMatch(/^sha256:/);
      expect(dotenv(root)).not.toContain('IMAGE');
      expect(outcomes(root)).toMatchObject({ 'build-image': 'pass', 'build-push': 'fail' });
      expect(readFileSync(join(root, '.flightcheck/build.junit.xml'), 'utf8')).toContain(says);
    },
  );

  test('busy for a moment, an error for a moment, a connection that is cut: it is tried again, and what is held is whole', async () => {
    const { root, repository } = repo();
    const faults = [
      { status: 429, headers: { 'retry-after': '0' } },
      { status: 502, headers: { 'retry-after': '0' } },
      'cut',
    ] as const;
    let met = 0;
    proxy.fault = (asked) => (isBlobPut(asked) ? (faults[met++] ?? null) : null);
    const { code, errors } = await build(root);
    expect(code, errors).toBe(0);
    expect(met).toBeGreaterThan(faults.length);
    expect(dotenv(root)).toContain(String(await heldBy(registry.host, repository, '1')));
  });

  test('somebody else pushes the tag between the push and the look at it: no image is handed over, theirs stays', async () => {
    const { root, repository } = repo();
    const other = Buffer.from(
      await (
        await fetch(
          `http://${registry.host}/v2/${base.split('@')[0]?.split('/').slice(1).join('/')}/manifests/${base.split('@')[1]}`,
          { headers: { accept } },
        )
      ).arrayBuffer(),
    );
    const own = openRegistry({ credentials: null, signal: new AbortController().signal });
    const [from, to] = [parseImage(base), { registry: registry.host, repository }];
    proxy.after = async (asked) => {
      if (!isManifestPut(asked)) return;
      const parts = JSON.parse(other.toString()) as { config: { digest: string }; layers: { digest: string }[] };
      for (const { digest } of [parts.config, ...parts.layers]) await own.mountBlob(to, digest, from?.repository ?? '');
      await own.putManifest(to, '1', { mediaType: 'application/vnd.oci.image.manifest.v1+json', bytes: other });
    };
    const { code, errors } = await build(root);
    expect(code).toBe(1);
    expect(errors).toContain('the registry holds sha256:');
    expect(await heldBy(registry.host, repository, '1')).toBe(base.split('@')[1]);
    expect(dotenv(root)).not.toContain('IMAGE');
    expect(outcomes(root)).toMatchObject({ 'build-push': 'pass', 'build-digest': 'fail' });
  });

  test('a base that does not exist, a registry that does not answer', async () => {
    const missing = repo(`base: "${proxy.host}/base/none@sha256:${'0'.repeat(64)}"`);
    expect(await build(missing.root)).toMatchObject({ code: 2, errors: expect.stringContaining('does not exist') });
    expect(await heldBy(registry.host, missing.repository, '1')).toBeNull();
    expect(outcomes(missing.root)).toMatchObject({ 'build-image': 'fail' });
    const { root } = repo();
    proxy.fault = () => 'hang';
    const slow = openRegistry({
      credentials: null,
      signal: AbortSignal.timeout(60_000),
      timeoutSeconds: 0.2,
      pauseSeconds: 0.01,
    });
    const target = { registry: proxy.host, repository: 'team/slow' };
    await expect(slow.putBlob(target, Buffer.from('x'))).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('gave no answer within 0.2 s, 4 times'),
    });
    proxy.fault = () => 'cut';
    expect(await build(root)).toMatchObject({ code: 3, errors: expect.stringContaining('cannot be reached') });
    expect(dotenv(root)).not.toContain('IMAGE');
  });

  test('an image is promoted by its digest: nothing is built or carried, and what had the tag before keeps one', async () => {
    const { root, repository } = repo();
    await build(root);
    const first = await heldBy(registry.host, repository, '1');
    const promote = (reference: string, tag: string, ...more: string[]) =>
      call(['build', root, '--promote', reference, '--image-tag', tag, ...more], path);
    proxy.asked.length = 0;
    const name = `${proxy.host}/${repository}`;
    expect((await promote(`${name}@${first}`, 'prod')).code).toBe(0);
    expect(await heldBy(registry.host, repository, 'prod')).toBe(first);
    expect(proxy.asked.filter(({ path }) => path.includes('/blobs/'))).toEqual([]);
    expect(dotenv(root)).toContain(`FLIGHTCHECK_RESULT_IMAGE=${name}@${first}\n`);
    const { root: next } = repo();
    const manifest = readFileSync(join(root, 'flightcheck.yml'), 'utf8');
    const changed = makeRepo({ 'flightcheck.yml': manifest, 'src/model.py': 'print(3)\n' });
    expect((await call(['build', changed, '--push', '--image-tag', '2'], path)).code).toBe(0);
    const second = await heldBy(registry.host, repository, '2');
    expect(second).not.toBe(first);
    await promote(`${name}:2`, 'prod');
    expect(await heldBy(registry.host, repository, 'prod')).toBe(second);
    expect(await heldBy(registry.host, repository, 'prod-previous')).toBe(first);
    // To another repository: its layers are shared, none passes through here.
    proxy.asked.length = 0;
    expect((await promote(`${name}:2`, '1.0.0', '--image-repository', `${proxy.host}/release/model`)).code).toBe(0);
    expect(await heldBy(registry.host, 'release/model', '1.0.0')).toBe(second);
    expect(proxy.asked.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/'))).toEqual([]);
    expect(await promote(`${name}:1`, '1.0.0', '--image-repository', `${proxy.host}/release/model`)).toMatchObject({
      code: 2,
      errors: expect.stringContaining('a released version never moves'),
    });
    expect(await heldBy(registry.host, 'release/model', '1.0.0')).toBe(second);
    expect(await call(['build', next, '--promote', `${name}:none`, '--image-tag', 'x'], path)).toMatchObject({
      code: 2,
      errors: expect.stringContaining('does not exist'),
    });
    expect(await heldBy(registry.host, repository, 'none')).toBeNull();
  });

  test('in the pipeline of a tag the image of the commit gets the tag; a commit without one is built', async () => {
    const { root, repository } = repo();
    const ci = { ...path, CI: 'true', CI_COMMIT_TAG: '1.4.0' };
    await call(['build', root], { ...path, CI: 'true' });
    const [image = ''] = /@sha256:\S+/.exec(dotenv(root)) ?? [];
    expect((await call(['build', root], ci)).errors).toContain('1.4.0 is sha256:');
    expect(`@${await heldBy(registry.host, repository, '1.4.0')}`).toBe(image);
    const other = repo();
    const built = await call(['build', other.root], ci);
    expect(built.code, built.errors).toBe(0);
    expect(outcomes(other.root)).toMatchObject({ 'build-push': 'pass' });
  });
});

describe.skipIf(imagesAreMissing !== null)('a registry that asks who it is', () => {
  const manifestOf = (host: string, base: string, builder: string) =>
    `${head}image: { builder: ${builder}, base: "${base}", repository: "${host}/team/model" }\n`;
  const files = (host: string, base: string, builder: string) => ({
    'flightcheck.yml': manifestOf(host, base, builder),
    'src/model.py': 'print(1)\n',
    Dockerfile: `FROM ${base}\nCOPY src ./src\nUSER 10001\n`,
  });
  const secrets = { CI_REGISTRY_USER: account.username, CI_REGISTRY_PASSWORD: account.password };

  test('by basic authentication: with the password the image is there, without it or for another host nothing is', async () => {
    const registry = await startRegistry('basic');
    const proxy = await startRegistryProxy(registry.host);
    try {
      const base = (await registry.base()).replace(registry.host, proxy.host);
      const basic = `Basic ${Buffer.from(`${account.username}:${account.password}`).toString('base64')}`;
      const root = makeRepo(files(proxy.host, base, 'append'));
      const build = (env: Record<string, string>) => call(['build', root, '--push', '--image-tag', '1'], { ...path, ...env });
      const wrong = await build({ ...secrets, CI_REGISTRY_PASSWORD: 'not-the-password' });
      expect(wrong).toMatchObject({ code: 2, errors: expect.stringContaining('does not accept the credentials') });
      expect(wrong.errors + wrong.text).not.toContain('not-the-password');
      proxy.asked.length = 0;
      // The manifest names a host that the credentials of this job are not for.
      expect((await build({ ...secrets, CI_REGISTRY: 'registry.example.com' })).code).toBe(2);
      expect(proxy.asked.map(({ authorization }) => authorization)).not.toContain(basic);
      expect(await heldBy(registry.host, 'team/model', '1', basic)).toBeNull();
      const right = await build({ ...secrets, CI_REGISTRY: proxy.host });
      expect(right.code, right.errors).toBe(0);
      expect(dotenv(root)).toContain(String(await heldBy(registry.host, 'team/model', '1', basic)));
    } finally {
      await proxy.close();
      await registry.close();
    }
  });

  test.each(['append', 'buildah'])(
    'by tokens, as GitLab: %s asks for what it needs, and the password goes to the token server alone',
    async (builder) => {
      const tokens = await startTokenServer(temporaryFolder(), account);
      const registry = await startRegistry(tokens);
      const proxy = await startRegistryProxy(registry.host);
      try {
        const base = (await registry.base()).replace(registry.host, proxy.host);
        tokens.given.length = 0;
        const root = makeRepo(files(proxy.host, base, builder));
        const env = { ...path, ...secrets, CI_REGISTRY: proxy.host };
        const { code, errors } = await call(['build', root, '--push', '--image-tag', '1'], env);
        expect(code, errors).toBe(0);
        expect(dotenv(root)).toMatch(/RESULT_IMAGE_DIGEST=sha256:[0-9a-f]{64}\n/);
        expect(outcomes(root)).toMatchObject({ 'build-push': 'pass', 'build-digest': 'pass' });
        expect(tokens.given.flat()).toContain('repository:team/model:pull,push');
        if (builder === 'append')
          expect(tokens.given).toContainEqual(['repository:team/model:pull,push', 'repository:base/busybox:pull']);
        const sent = proxy.asked.map(({ authorization = '' }) => authorization);
        expect(sent.filter((each) => each.startsWith('Basic'))).toEqual([]);
        expect(sent.some((each) => each.startsWith('Bearer'))).toBe(true);
        const refused = await call(['build', root, '--push', '--image-tag', '2'], {
          ...env,
          CI_REGISTRY_PASSWORD: 'not-the-password',
        });
        expect(refused).toMatchObject({ code: 2, errors: expect.stringContaining('does not accept the credentials') });
        expect(dotenv(root)).not.toContain('IMAGE');
      } finally {
        await proxy.close();
        await registry.close();
        await tokens.close();
      }
    },
  );
});
