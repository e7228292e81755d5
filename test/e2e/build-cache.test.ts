/** Layers that buildah keeps between builds: what a change of code builds again, and what a store that is damaged or in use does. */
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, reportOf } from '../helpers/call.ts';
import { git, makeRepo, temporaryFolder, writeFiles } from '../helpers/repo.ts';
import { imagesAreMissing, startRegistry, type TestRegistry } from '../support/registry.ts';

const path = { PATH: process.env.PATH ?? '' };

describe.skipIf(imagesAreMissing !== null)('a build with buildah', () => {
  let registry: TestRegistry;
  let base: string;
  beforeAll(async () => {
    registry = await startRegistry();
    base = await registry.base();
  });
  afterAll(() => registry?.close());

  let count = 0;
  /** A repo whose second layer is another each time that its command really runs. */
  function repo() {
    const name = `team/risk-${++count}`;
    const root = makeRepo({
      'flightcheck.yml': `version: 1
model: { name: risk, owner: "@team" }
image: { builder: buildah, repository: "${registry.host}/${name}", smoke: [cat, /packages] }
`,
      Dockerfile: `FROM ${base}
COPY lock.txt /
RUN cat /proc/sys/kernel/random/uuid > /packages
COPY model.py /app/
USER 10001
`,
      'lock.txt': 'numpy==1.26.4\n',
      'model.py': 'print(1)\n',
    });
    const change = (files: Record<string, string>): void => {
      writeFiles(root, files);
      git(root, 'commit', '--all', '--quiet', '--message', 'Change', '--date', '2030-01-01T00:00:00Z');
    };
    /** Digests of the layers that the registry holds afterwards: base, lock file, packages, code. */
    const build = async (cache: string | null, tag: string, env: Record<string, string> = {}) => {
      const wish = cache === null ? [] : ['--build-cache', cache];
      const done = await call(['build', root, '--push', '--image-tag', tag, ...wish], { ...path, ...env });
      expect(done.code, done.errors).toBe(0);
      const answer = await fetch(`http://${registry.host}/v2/${name}/manifests/${tag}`, {
        headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
      });
      const { layers } = (await answer.json()) as { layers: { digest: string }[] };
      const outcomes = reportOf(root, 'build').suites[0]?.sections[0]?.results.map(({ outcome }) => outcome);
      return { errors: done.errors, layers: layers.map(({ digest }) => digest), outcomes };
    };
    return { root, change, build };
  }
  const storeOf = (cache: string): string => join(cache, readdirSync(cache)[0] ?? '');

  test('installs packages again when their list changes, not when code does; without a folder, each time', async () => {
    const cache = join(temporaryFolder(), 'layers');
    const { root, change, build } = repo();
    const first = await build(cache, '1');
    expect(first.errors).toContain('without layers of earlier builds in');
    const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
    change({ Dockerfile: `${dockerfile}RUN false\n` });
    // A build that fails takes nothing away from the next, and is not tried twice.
    const failed = await call(['build', root, '--build-cache', cache], path);
    expect(failed).toMatchObject({ code: 2, errors: expect.not.stringContaining('built anew') });
    change({ Dockerfile: dockerfile, 'model.py': 'print(2)\n' });
    const second = await build(cache, '2');
    expect(second.errors).toContain('with the layers of earlier builds in');
    expect(second.layers.slice(0, 3)).toEqual(first.layers.slice(0, 3));
    expect(second.layers[3]).not.toBe(first.layers[3]);
    change({ 'lock.txt': 'numpy==2.0.0\n' });
    expect((await build(cache, '3')).layers[2]).not.toBe(first.layers[2]);
    expect((await build(null, '4')).layers[2]).not.toBe(first.layers[2]);
    expect(readdirSync(storeOf(cache))).toEqual(['kept']);
  });

  test('shares layers with no other project, nor a protected branch with one that is not', async () => {
    const cache = temporaryFolder();
    const { build } = repo();
    for (const env of [{ CI_PROJECT_ID: '2' }, { CI_PROJECT_ID: '2', CI_COMMIT_REF_PROTECTED: 'true' }])
      expect((await build(cache, '1', env)).errors).toContain('without layers');
    expect(readdirSync(cache).map((name) => name.replace(/-(overlay|vfs)$/, ''))).toEqual(['2-open', '2-protected']);
  });

  test('while another one builds: both are whole, and one store is kept', async () => {
    const cache = temporaryFolder();
    const built = await Promise.all([repo(), repo()].map(({ build }) => build(cache, '1')));
    for (const { outcomes } of built) expect(outcomes).not.toContain('fail');
    expect(readdirSync(storeOf(cache))).toEqual(['kept']);
  });

  const index = (store: string): string => {
    const folder = readdirSync(store).find((name) => name.endsWith('-layers')) ?? '';
    return join(store, folder, 'layers.json');
  };
  const filesOf = (store: string, name: string): readonly string[] => {
    const found = readdirSync(store, { recursive: true, encoding: 'utf8' }).filter((each) => each.endsWith(`diff/${name}`));
    expect(found).not.toEqual([]);
    return found.map((each) => join(store, each));
  };
  test.each<[string, boolean, (store: string) => void]>([
    ['an index that is cut off', true, (store) => truncateSync(index(store), 20)],
    ['a layer that has lost a file', true, (store) => filesOf(store, 'packages').forEach((file) => void rmSync(file))],
    [
      'a file of a layer that somebody changed',
      false,
      (store) => filesOf(store, 'packages').forEach((file) => void writeFileSync(file, 'somebody else')),
    ],
  ])('on %s says so and builds anew', async (_, isPushed, damage) => {
    const cache = temporaryFolder();
    const { root, change, build } = repo();
    if (isPushed) await build(cache, '1');
    else expect((await call(['build', root, '--build-cache', cache], path)).code).toBe(0);
    damage(join(storeOf(cache), 'kept', 'store'));
    change({ 'model.py': 'print(2)\n' });
    const second = await build(cache, '2');
    expect(second.errors).toContain('The kept layers are thrown away, and the image is built anew.');
    expect(second.outcomes).not.toContain('fail');
    expect(second.layers).toHaveLength(4);
    expect(readdirSync(storeOf(cache))).toEqual([]);
  });

  test('in a folder that cannot be one keeps nothing, and says so', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, 'not a folder');
    const { errors } = await repo().build(file, '1');
    expect(errors).toContain(`No layers are kept in ${file}`);
    expect(readFileSync(file, 'utf8')).toBe('not a folder');
  });

  test('takes no folder of the repo', async () => {
    const { root } = repo();
    expect((await call(['build', root, '--build-cache', 'layers'], path)).code).toBe(2);
    expect(existsSync(join(root, 'layers'))).toBe(false);
  });
});
