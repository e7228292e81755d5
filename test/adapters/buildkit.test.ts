/** The BuildKit builder: its arguments always; a real daemon where there is one. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { buildArguments, openBuildkit, outputArguments } from '../../src/adapters/image/buildkit.ts';
import { openRegistry } from '../../src/adapters/registry/registry.ts';
import { withSmokeStage } from '../../src/delivery/image/smoke-stage.ts';
import type { BuildRequest } from '../../src/kernel/image.ts';
import { call, reportOf } from '../helpers/call.ts';
import { makeRepo, temporaryFolder } from '../helpers/repo.ts';
import { imagesAreMissing, startRegistry, type TestRegistry } from '../support/registry.ts';

const request: BuildRequest = {
  ...{ context: '/repo', files: [], dockerfile: 'FROM a\n', base: null, code: '/app', entrypoint: [], timestamp: 1_700_000_000 },
  buildArgs: { PIP_INDEX: 'https://x/?a=b, c "d"', SOURCE_DATE_EPOCH: '1' },
  secrets: { token: 'never-an-argument' },
  labels: { 'org.opencontainers.image.title': "a 'title'; $(id)" },
  platform: 'linux/arm64',
};

test('arguments are one value each, stamps are those of the commit, and no secret is among them', () => {
  const args = buildArguments(request, { context: '/w/c', dockerfile: '/w/d', secrets: { token: '/w/secret-0' } });
  const of = (flag: string) => args.flatMap((value, index) => (args[index - 1] === flag ? [value] : []));
  expect(of('--opt')).toEqual([
    'platform=linux/arm64',
    'build-arg:PIP_INDEX=https://x/?a=b, c "d"',
    'build-arg:SOURCE_DATE_EPOCH=1700000000',
    "label:org.opencontainers.image.title=a 'title'; $(id)",
  ]);
  expect(of('--local')).toEqual(['context=/w/c', 'dockerfile=/w/d']);
  expect(of('--secret')).toEqual(['id=token,src=/w/secret-0']);
  expect(args.join(' ')).not.toContain('never-an-argument');
  expect(outputArguments('/w/out')).toEqual(['--output', 'type=oci,tar=false,dest=/w/out,rewrite-timestamp=true']);
});

test('the smoke run is a stage on top of the last one', () => {
  expect(withSmokeStage('FROM a AS x\nFROM b\nUSER 1\n', 'flightcheck-smoke', ['ls', '/a b"c'])).toBe(
    'FROM a AS x\nFROM b AS flightcheck-image\nUSER 1\n\nFROM flightcheck-image AS flightcheck-smoke\nRUN ["ls","/a b\\"c"]\n',
  );
  expect(withSmokeStage('FROM a as final\n', 'flightcheck-smoke', ['ls'])).toContain('FROM final AS flightcheck-smoke');
  expect(withSmokeStage('FROM \\\n a\n', 'flightcheck-smoke', ['ls'])).toBeNull();
  expect(withSmokeStage('RUN x\n', 'flightcheck-smoke', ['ls'])).toBeNull();
});

const told = 'ERROR: process "/bin/sh -c x" did not complete successfully: exit code:';
test.each([
  ['passes, whatever it prints', ['exit code: 3', `${told} 3`], 0, 0],
  ['fails and prints that it passed', ['#9 0.1 exit code: 0', `${told} 0`, `${told} 7`], 1, 7],
  ['fails and prints another code', ['exit code: 5', `${told} 5`, `${told} 7`], 1, 7],
  ['fails, and buildctl names no code', ['#9 0.1 exit code: 0'], 1, 1],
  ['is said to have ended with 0 by a buildctl that fails', [`${told} 0`], 4, 4],
])('a smoke run that %s', async (_, lines, status, exitCode) => {
  const root = makeRepo({ 'src/a.py': '1\n' });
  const bin = temporaryFolder();
  // The build leaves an image; the smoke run prints and ends as it is told.
  const script = `#!/bin/sh
for each; do case "$each" in type=oci,*) to=\${each##*,dest=}; to=\${to%%,*};; esac; done
if [ -n "$to" ]; then mkdir -p "$to"; echo '{"manifests":[{"digest":"sha256:0"}]}' > "$to/index.json"; exit 0; fi
cat '${join(bin, 'lines')}'
exit ${status}
`;
  writeFileSync(join(bin, 'lines'), `${lines.join('\n')}\n`);
  writeFileSync(join(bin, 'buildctl'), script, { mode: 0o755 });
  const signal = new AbortController().signal;
  const builder = await openBuildkit({
    ...{ registry: openRegistry({ credentials: null, signal }), credentials: null, withSmokeStage, signal },
    env: { PATH: `${bin}:${process.env.PATH}` },
  });
  onTestFinished(() => builder.close());
  const image = await builder.build({ ...request, context: root, files: ['src/a.py'] });
  expect(await builder.run(image, ['x'])).toEqual({ exitCode, tail: lines });
});

test('a daemon that is not there is said, with what to set', async () => {
  const root = makeRepo({
    'flightcheck.yml': 'version: 1\nmodel: { name: risk, owner: "@team" }\n',
    Dockerfile: 'FROM scratch\nUSER 1\n',
  });
  const env = { PATH: process.env.PATH ?? '', BUILDKIT_HOST: `unix://${root}/none.sock` };
  const { code, errors, text } = await call(['build', root, '--builder', 'buildkit'], env);
  expect(code).toBe(3);
  expect(errors + text).toContain('BUILDKIT_HOST');
});

const isThere = (program: string) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
const hasDaemon = isThere('buildctl') && isThere('buildkitd') && (isThere('runc') || isThere('crun')) && process.getuid?.() === 0;

describe.skipIf(!hasDaemon || imagesAreMissing !== null)('with a real daemon', () => {
  let registry: TestRegistry;
  let stop: () => Promise<void>;
  let address: string;
  beforeAll(async () => {
    registry = await startRegistry();
    const folder = mkdtempSync(join(tmpdir(), 'flightcheck-buildkit-'));
    address = `unix://${folder}/sock`;
    const config = join(folder, 'buildkitd.toml');
    writeFileSync(config, `[registry."${registry.host}"]\n  http = true\n`);
    const flags = ['--config', config, '--addr', address, '--root', join(folder, 'root'), '--oci-worker-snapshotter', 'native'];
    const daemon = spawn('buildkitd', flags, { stdio: 'ignore' });
    const ended = new Promise<void>((resolve) => daemon.once('exit', () => resolve()));
    stop = async () => {
      daemon.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    };
    await vi.waitFor(() => expect(spawnSync('buildctl', ['--addr', address, 'debug', 'workers']).status).toBe(0), 20_000);
  });
  afterAll(async () => {
    await stop?.();
    await registry?.close();
  });
  test('builds, tries, pushes; twice the same digest; a smoke run that fails is told with its exit code', async () => {
    const base = await registry.base();
    const image = (smoke: string) =>
      `version: 1\nmodel: { name: risk, owner: "@team" }\nimage: { builder: buildkit, reproducible: require, repository: "${registry.host}/team/model", smoke: ${smoke} }\n`;
    const files = {
      'src/a.py': '1\n',
      Dockerfile: `FROM ${base}\nWORKDIR /app\nCOPY src ./src\nRUN echo built > /app/built.txt\nUSER 10001\n`,
    };
    const env = { PATH: process.env.PATH ?? '', BUILDKIT_HOST: address };
    const good = makeRepo({ ...files, 'flightcheck.yml': image('[/bin/cat, /app/built.txt]') });
    const { code, errors, text } = await call(['build', good, '--push', '--image-tag', '1'], env);
    expect(code, errors + text).toBe(0);
    const results = reportOf(good, 'build').suites[0]?.sections[0]?.results ?? [];
    expect(results.map(({ check, outcome }) => `${check} ${outcome}`)).toEqual(
      ['builder', 'sbom', 'lint', 'image', 'reproducible', 'smoke', 'push', 'digest'].map((id) => `build-${id} pass`),
    );
    const bad = makeRepo({ ...files, 'flightcheck.yml': image('[/bin/sh, -c, "echo why; exit 7"]') });
    const failed = await call(['build', bad, '--push', '--image-tag', '2'], env);
    expect(failed.code).toBe(1);
    expect(failed.errors).toContain('exit code 7');
  });
});
