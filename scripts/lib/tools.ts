/** Tools that the full suite and the demo use beyond Node, Git and Python: which are there, and how they are got. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface Tool {
  readonly name: string;
  /** Succeeds when the tool is there. */
  readonly probe: readonly string[];
  /** Debian packages. */
  readonly packages: readonly string[];
  /** What pip installs where Debian's packages are of another Python than the one on the PATH; pinned. */
  readonly requirements?: readonly string[];
  /** What cannot be done without it. */
  readonly why: string;
}

export const tools: readonly Tool[] = [
  { name: 'rsync', probe: ['rsync', '--version'], packages: ['rsync'], why: 'gitlab-ci-local copies artifacts with it' },
  { name: 'R', probe: ['Rscript', '--version'], packages: ['r-base-core'], why: 'the R example and the R hooks run with it' },
  {
    name: 'testthat',
    probe: ['Rscript', '--vanilla', '-e', 'quit(status = !requireNamespace("testthat", quietly = TRUE))'],
    packages: ['r-cran-testthat'],
    why: "the R example's unit tests use it",
  },
  {
    name: 'covr',
    probe: ['Rscript', '--vanilla', '-e', 'quit(status = !requireNamespace("covr", quietly = TRUE))'],
    packages: ['r-cran-covr'],
    why: 'coverage of R code is measured with it',
  },
  {
    name: 'pytest',
    probe: ['python3', '-c', 'import pytest, pytest_cov'],
    packages: ['python3-pytest', 'python3-pytest-cov'],
    requirements: ['pytest==9.2.0', 'pytest-cov==7.1.0', 'coverage==7.17.3'],
    why: "the Python example's unit tests, and their coverage, use it",
  },
  { name: 'Chromium', probe: ['chromium', '--version'], packages: ['chromium'], why: 'pages are looked at with it' },
  {
    name: 'PostgreSQL',
    probe: ['sh', '-c', 'ls /usr/lib/postgresql/*/bin/initdb'],
    packages: ['postgresql'],
    why: "Control Tower's store is tested against it",
  },
  {
    name: 'shellcheck',
    probe: ['shellcheck', '--version'],
    packages: ['shellcheck'],
    why: 'the script of the jobs is checked with it',
  },
  { name: 'buildah', probe: ['buildah', '--version'], packages: ['buildah', 'uidmap'], why: 'images are built with it' },
  {
    name: 'docker-registry',
    probe: ['docker-registry', '--version'],
    packages: ['docker-registry'],
    why: 'images are pushed to it',
  },
  { name: 'openssl', probe: ['openssl', 'version'], packages: ['openssl'], why: 'certificates of tests are made with it' },
  { name: 'busybox', probe: ['busybox', 'true'], packages: ['busybox'], why: 'the script of the jobs is tried in its shell' },
];

const succeeds = ([command = '', ...args]: readonly string[], env = process.env): boolean =>
  spawnSync(command, args, { stdio: 'ignore', env }).status === 0;

export const isThere = (tool: Tool): boolean => succeeds(tool.probe);

/** The words before `apt-get` that may install packages; null where this user may not. */
export function installer(): readonly string[] | null {
  if (!succeeds(['apt-get', '--version'])) return null;
  if (process.getuid?.() === 0) return [];
  return succeeds(['sudo', '-n', 'true']) ? ['sudo', '-n'] : null;
}

/** Installs Debian packages; returns what apt-get said when it failed, null when it did not. */
export function aptInstall(prefix: readonly string[], packages: readonly string[]): string | null {
  const apt = (...args: string[]) => {
    const [command = '', ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y', ...args];
    return spawnSync(command, rest, { encoding: 'utf8' });
  };
  const install = () => apt('install', '--no-install-recommends', ...packages);
  let result = install();
  if (result.status !== 0) {
    // A fresh machine has no package lists, or old ones.
    apt('update');
    result = install();
  }
  return result.status === 0 ? null : result.stderr.trim().split('\n').slice(-2).join(' ');
}

/** Installs pinned packages for the python3 on the PATH; returns the last line that pip said when it failed. */
export function pipInstall(requirements: readonly string[]): string | null {
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...requirements];
  const result = spawnSync('python3', args, { encoding: 'utf8' });
  return result.status === 0 ? null : (result.stderr?.trim().split('\n').at(-1) ?? 'python3 is not there');
}

/**
 * rsync without root: the Debian packages unpacked under `.tools/`, with a wrapper in `.tools/bin`. Returns the folder to put on
 * PATH (empty when rsync is on it already), or null when it cannot be had.
 */
export function rsyncFolder(root: string): string | null {
  if (succeeds(['rsync', '--version'])) return '';
  const bin = join(root, '.tools/bin');
  const env = { ...process.env, PATH: [bin, process.env.PATH ?? ''].join(delimiter) };
  if (existsSync(join(bin, 'rsync')) && succeeds(['rsync', '--version'], env)) return bin;
  const work = mkdtempSync(join(tmpdir(), 'rsync-'));
  try {
    execFileSync('apt-get', ['download', 'rsync', 'libxxhash0', 'libpopt0'], { cwd: work, stdio: 'ignore' });
    for (const file of readdirSync(work)) execFileSync('dpkg', ['-x', file, 'tree'], { cwd: work, stdio: 'ignore' });
    const tree = join(root, '.tools/rsync');
    mkdirSync(bin, { recursive: true });
    rmSync(tree, { recursive: true, force: true });
    execFileSync('cp', ['-a', join(work, 'tree'), tree]);
    const script =
      '#!/bin/sh\ntree=$(dirname "$0")/../rsync\nLD_LIBRARY_PATH=$(echo "$tree"/usr/lib/*-linux-gnu) exec "$tree/usr/bin/rsync" "$@"\n';
    writeFileSync(join(bin, 'rsync.part'), script);
    chmodSync(join(bin, 'rsync.part'), 0o755);
    renameSync(join(bin, 'rsync.part'), join(bin, 'rsync'));
    return succeeds(['rsync', '--version'], env) ? bin : null;
  } catch {
    return null;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
