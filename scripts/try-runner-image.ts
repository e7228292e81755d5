/**
 * `npm run try:runner-image`: builds the runner image on a Debian made by debootstrap, as no registry need be reached for it,
 * and lets it build, try and push an image as its own user without privileges. Needs root, debootstrap and what
 * `npm run setup:e2e` installs; takes about four minutes, of which half is Debian's. Nothing stays behind.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pc from 'picocolors';
import { startRegistry } from '../test/support/registry.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const suite = 'bookworm';

const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 28 });

async function step<T>(words: string, work: () => T | Promise<T>): Promise<T> {
  const started = Date.now();
  const done = await work();
  process.stdout.write(`  ${pc.green('✓')} ${words} (${Math.round((Date.now() - started) / 1000)} s)\n`);
  return done;
}

/** A repo whose image has a layer that only a builder with RUN can make. */
const filesOf = (base: string, repository: string): Readonly<Record<string, string>> => ({
  Dockerfile: `FROM ${base}\nWORKDIR /app\nCOPY model.txt ./\nRUN echo built > /app/built.txt\nUSER 10001\n`,
  'model.txt': 'a model\n',
  'flightcheck.yml': `version: 1
model: { name: tried, owner: "@team" }
image: { builder: buildah, smoke: [/bin/cat, /app/built.txt], base: "${base}", repository: "${repository}" }
`,
});

/**
 * A command in the image, as its user, in a root of its own: the kernel lets no process in a chroot make the user namespace
 * that buildah needs, and a container engine pivots too. The network is that of this machine.
 */
function inImage(mount: string, script: string): string {
  const pivot = [
    'mount --make-rprivate /',
    'mount --rbind "$1" "$1"; cd "$1"; mkdir -p old proc dev',
    'mount -t proc proc proc; mount --rbind /dev dev',
    'pivot_root . old; cd /; umount -l old',
    'exec setpriv --reuid 10001 --regid 10001 --clear-groups env -i HOME=/home/flightcheck USER=flightcheck PATH=/usr/local/bin:/usr/bin:/bin BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs sh -ec "$2"',
  ].join('; ');
  return run('unshare', ['--mount', '--pid', '--fork', 'sh', '-ec', pivot, 'sh', mount, script], mount);
}

async function tryImage(folder: string): Promise<void> {
  const store = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run'), '--storage-driver', 'overlay'];
  const buildah = (...args: string[]): string => run('buildah', [...store, ...args], folder).trim();
  const bud = ['bud', '--isolation', 'chroot', '--quiet'];
  await step(`debootstrap: Debian ${suite}`, () => run('debootstrap', ['--variant=minbase', suite, 'rootfs'], folder));
  await step('a base image of it', () => {
    run('tar', ['-C', 'rootfs', '--exclude=./var/cache/apt/archives/*.deb', '-cf', 'base.tar', '.'], folder);
    rmSync(join(folder, 'rootfs'), { recursive: true });
    writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nADD base.tar /\n');
    buildah(...bud, '--tag', 'localhost/debian', '.');
  });
  await step('the archive of the command', () => run('npm', ['run', '-s', 'archive'], root));
  await step('the runner image', () => {
    const given = { BASE: 'localhost/debian', VERSION: version, ARCH: process.arch };
    const values = Object.entries(given).map(([name, value]) => `--build-arg=${name}=${value}`);
    const file = join(root, 'scripts/images/Dockerfile');
    buildah(...bud, ...values, '--target', 'runner', '--file', file, '--tag', 'localhost/runner', join(root, 'archives'));
  });
  const container = buildah('from', 'localhost/runner');
  const mount = buildah('mount', container);
  const registry = await startRegistry();
  try {
    const said = await step('it starts', () =>
      inImage(mount, 'flightcheck --version; id -u; cd /tmp; flightcheck doctor || true'),
    );
    if (!said.startsWith(`${version}\n10001\n`)) throw new Error(`it is not ${version} of user 10001:\n${said}`);
    const base = await registry.base();
    const repo = join(mount, 'tmp/repo');
    mkdirSync(repo);
    for (const [name, text] of Object.entries(filesOf(base, `${registry.host}/ml/tried`))) writeFileSync(join(repo, name), text);
    run('chown', ['-R', '10001:10001', repo], folder);
    const git = 'git init -q; git add -A; git -c user.name=a -c user.email=a@b.c commit -qm first';
    const built = await step('it builds, tries and pushes an image without privileges', () =>
      inImage(mount, `cd /tmp/repo; ${git}; flightcheck build --push 2>&1; cat .flightcheck/build.env`),
    );
    const image = /FLIGHTCHECK_RESULT_IMAGE=(\S+@sha256:[0-9a-f]{64})/.exec(built)?.[1];
    if (!image) throw new Error(`no image came of it:\n${built}`);
    const digest = image.split('@')[1] ?? '';
    const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';
    const held = await fetch(`http://${registry.host}/v2/ml/tried/manifests/${digest}`, { headers: { accept } });
    if (held.headers.get('docker-content-digest') !== digest) throw new Error(`the registry has no ${image}`);
    const size = /localhost\/runner.*?(\d[\d.]* [KMG]B)/.exec(buildah('images'))?.[1];
    process.stdout.write(`The runner image (${size}) built ${image}.\n`);
  } finally {
    await registry.close();
    buildah('umount', container);
    buildah('rm', container);
  }
}

if (process.getuid?.() !== 0) throw new Error('Run it as root: debootstrap and a root of its own need that.');
const folder = mkdtempSync(join(tmpdir(), 'flightcheck-runner-'));
try {
  await tryImage(folder);
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
