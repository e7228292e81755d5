/** buildah: builds a Dockerfile without a daemon, chroot isolation, every stamp set to the commit's time. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EnvironmentError, type FlightcheckError, UsageError } from '../../kernel/failure.ts';
import { type Builder, formatImage, type ImageReference, isOnThisMachine } from '../../kernel/image.ts';
import { runCommand } from '../process.ts';
import type { Credentials } from '../registry/authorize.ts';
import { makeTemporary } from '../temporary.ts';
import { copyContext } from './context.ts';

export interface BuildahOptions {
  readonly credentials: Credentials | null;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** `overlay` where this user can mount it, else `vfs`, which copies everything. */
  readonly driver?: 'overlay' | 'vfs';
  /** Holds layers of earlier builds, and keeps those of the last; a folder of its own, empty, when absent. */
  readonly store?: string;
  onLine?(line: string): void;
}

const limits = { seconds: 3600, memoryBytes: 64 * 2 ** 30, outputBytes: 256 * 2 ** 20 };

/** Whether every image that a Dockerfile stands on comes from this machine: only there may a registry speak without TLS. */
function isAllLocal(dockerfile: string): boolean {
  const from = [...dockerfile.matchAll(/^[ \t]*FROM[ \t]+(?:--[^ \t\n]+[ \t]+)*([^ \t\n]+)/gim)].map(([, image = '']) => image);
  return from.every((image) => isOnThisMachine(image.split('/')[0] ?? ''));
}

/** What keeps buildah from building here, in its own words; null when nothing does. */
export async function buildahProblem(options: Omit<BuildahOptions, 'onLine'>): Promise<string | null> {
  const folder = await makeTemporary('buildah');
  const global = [
    '--root',
    join(folder, 'store'),
    '--runroot',
    join(folder, 'run'),
    '--storage-driver',
    options.driver ?? 'overlay',
  ];
  const buildah = (...args: string[]) =>
    runCommand({ argv: ['buildah', ...global, ...args], cwd: folder, folder, env: options.env, limits, signal: options.signal });
  try {
    // The smallest thing that needs a store, a mount and the rights that a build needs.
    const tried = await buildah('from', '--quiet', 'scratch');
    await buildah('rm', '--all');
    return tried.exitCode === 0 ? null : (tried.tail.findLast((line) => line.trim() !== '') ?? 'it said nothing');
  } finally {
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Whether buildah failed over what lies in its store, not over a command of the Dockerfile. */
const isDamage = (words: string, store: string): boolean =>
  !/while running runtime/.test(words) &&
  (words.includes(store) ||
    /(layer|image|container) not known|did not match|integrity checksum|unmarshal|invalid character|end of JSON/.test(words));

/** By this name the last image and all that it stands on stay in a store. */
const lastImage = 'localhost/flightcheck/last';

/** What a registry refused, from the words of buildah; null when the registry is not what failed. */
function registryProblem(what: string, words: string): FlightcheckError | null {
  if (/unauthorized|authentication required|access to the resource is denied|requested access/i.test(words))
    return new UsageError('REGISTRY_REFUSED', `${what} failed, the registry does not accept the credentials:\n${words}`, {
      hint: 'Give CI_REGISTRY_USER and CI_REGISTRY_PASSWORD of an account that may do this.',
    });
  if (/manifest unknown|name unknown|repository name not known/i.test(words))
    return new UsageError('BUILD_NO_BASE', `${what} failed, an image that it stands on does not exist:\n${words}`, {
      hint: 'Check FROM in the Dockerfile, or image.base in flightcheck.yml.',
    });
  const isPush = what === 'The push';
  if (isPush || /pinging container registry|connection refused|toomanyrequests|received unexpected HTTP status/i.test(words))
    return new EnvironmentError('REGISTRY_FAILED', `${what} failed:\n${words}`, {
      hint: 'The lines above are the last that buildah printed; see what the registry says, and try again later.',
    });
  return null;
}

export async function openBuildah(options: BuildahOptions): Promise<Builder> {
  const folder = await makeTemporary('build');
  const store = options.store ?? join(folder, 'store');
  const global = ['--root', store, '--runroot', join(folder, 'run'), '--storage-driver', options.driver ?? 'overlay'];
  const secrets = options.credentials ? [options.credentials.password] : [];
  let last: string | null = null;
  const buildah = (
    args: readonly string[],
    more: { readonly secrets?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
  ) =>
    runCommand({
      argv: ['buildah', ...global, ...args],
      cwd: folder,
      folder,
      env: { ...options.env, ...more.env },
      limits,
      signal: options.signal,
      secrets: [...secrets, ...(more.secrets ?? [])],
      ...(options.onLine && { onLine: options.onLine }),
    });
  const must = async (
    what: string,
    args: readonly string[],
    more: Parameters<typeof buildah>[1] = {},
  ): Promise<readonly string[]> => {
    const { exitCode, tail, isTimedOut } = await buildah(args, more);
    if (exitCode === 0) return tail;
    const words = tail.slice(-15).join('\n');
    if (options.store !== undefined && isDamage(words, store))
      throw new EnvironmentError('BUILD_STORE_DAMAGED', `${what} failed over the layers in ${store}:\n${words}`, {
        hint: 'Remove that folder, and build again.',
      });
    const isLocked = /unshare|CLONE_NEW|operation not permitted|newuidmap/i.test(words);
    if (isLocked)
      throw new EnvironmentError('BUILD_NOT_ALLOWED', `buildah may not run here: ${words}`, {
        hint: 'The runner forbids user namespaces. Allow them (seccomp), or use `image: { builder: append, base: ...@sha256:... }`, which needs no privilege.',
      });
    const problem = registryProblem(what, words);
    if (problem !== null) throw problem;
    throw new UsageError('BUILD_FAILED', `${what} failed${isTimedOut ? ' (it took too long)' : ''}:\n${words}`, {
      hint: 'Mend the Dockerfile; the lines above are the last that buildah printed.',
    });
  };
  const authFile = async (): Promise<string[]> => {
    if (options.credentials === null) return [];
    const { registry, username, password } = options.credentials;
    const path = join(folder, 'auth.json');
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    await writeFile(path, JSON.stringify({ auths: { [registry]: { auth } } }), { mode: 0o600 });
    return ['--authfile', path];
  };
  const tls = ({ registry }: ImageReference): string => `--tls-verify=${isOnThisMachine(registry) ? 'false' : 'true'}`;

  return {
    name: 'buildah',
    async build(request, { isFresh } = { isFresh: false }) {
      const context = join(folder, 'context');
      await rm(context, { recursive: true, force: true });
      await mkdir(context, { recursive: true, mode: 0o755 });
      await copyContext(request, context);
      const file = join(folder, 'Dockerfile');
      await writeFile(file, request.dockerfile);
      const secretFiles = await Promise.all(
        Object.entries(request.secrets).map(async ([id, value], i) => {
          const path = join(folder, `secret-${i}`);
          await writeFile(path, value, { mode: 0o600 });
          return `--secret=id=${id},src=${path}`;
        }),
      );
      const id = join(folder, 'image-id');
      await must(
        'The build',
        [
          ...['bud', '--isolation', 'chroot', '--layers', '--timestamp', String(request.timestamp), '--omit-history=false'],
          ...[
            '--platform',
            request.platform,
            '--file',
            file,
            '--iidfile',
            id,
            `--tls-verify=${isAllLocal(request.dockerfile) ? 'false' : 'true'}`,
            '--pull-always=false',
            ...(isFresh ? ['--no-cache'] : []),
          ],
          ...Object.entries({ ...request.buildArgs, SOURCE_DATE_EPOCH: String(request.timestamp) }).map(
            ([name, value]) => `--build-arg=${name}=${value}`,
          ),
          ...Object.entries(request.labels).map(([name, value]) => `--label=${name}=${value}`),
          ...secretFiles,
          ...(await authFile()),
          context,
        ],
        { secrets: Object.values(request.secrets) },
      );
      last = (await readFile(id, 'utf8')).trim();
      return { id: last, bytes: null };
    },
    async run(image, command) {
      const [container = ''] = (await must('Starting the image', ['from', '--quiet', image.id])).slice(-1);
      const { exitCode, tail } = await buildah(['run', '--isolation', 'chroot', container.trim(), '--', ...command]);
      await buildah(['rm', container.trim()]);
      // A layer that has lost files shows when it is packed.
      if (exitCode !== 0 && options.store !== undefined)
        await must('A look at the image', ['push', '--quiet', image.id, `oci:${join(folder, 'look')}`]);
      return { exitCode: exitCode ?? -1, tail };
    },
    async push(image, to) {
      const file = join(folder, 'digest');
      const auth = await authFile();
      await must('The push', [
        'push',
        '--quiet',
        tls(to),
        ...auth,
        '--digestfile',
        file,
        image.id,
        `docker://${formatImage({ ...to, digest: null })}`,
      ]);
      return (await readFile(file, 'utf8')).trim();
    },
    async close() {
      // The mounts of the store are not ours to remove by hand.
      await buildah(['rm', '--all']).catch(() => undefined);
      if (options.store !== undefined && last !== null) {
        await buildah(['tag', last, lastImage]).catch(() => undefined);
        await buildah(['rmi', '--prune']).catch(() => undefined);
      }
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    },
  };
}
