/**
 * BuildKit through `buildctl`: builds a Dockerfile with a daemon that runs elsewhere (`BUILDKIT_HOST`). The image comes back as
 * an OCI layout and is pushed by our own client, so that the registry's password is shown to the daemon for base images alone.
 */
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EnvironmentError, UsageError } from '../../kernel/failure.ts';
import type { Builder, BuildRequest } from '../../kernel/image.ts';
import { runCommand } from '../process.ts';
import type { Credentials } from '../registry/authorize.ts';
import { digestOf, type Registry } from '../registry/registry.ts';
import { makeTemporary } from '../temporary.ts';
import { copyContext } from './context.ts';

export interface BuildkitOptions {
  readonly registry: Registry;
  readonly credentials: Credentials | null;
  /** With `BUILDKIT_HOST`, unless the daemon listens where buildctl looks. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** The Dockerfile with a last stage of that name which runs a command in the image; null when it cannot be written. */
  withSmokeStage(dockerfile: string, stage: string, command: readonly string[]): string | null;
  onLine?(line: string): void;
}

const smokeStage = 'flightcheck-smoke';
const limits = { seconds: 3600, memoryBytes: 64 * 2 ** 30, outputBytes: 256 * 2 ** 20 };

/** Where the parts of a build lie. */
export interface BuildkitFolders {
  readonly context: string;
  /** Folder of the file named Dockerfile. */
  readonly dockerfile: string;
  /** File of each secret by its id. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** The arguments of `buildctl` that a request and its smoke run share. */
export const buildArguments = (request: BuildRequest, folders: BuildkitFolders): readonly string[] => [
  ...['build', '--progress', 'plain', '--frontend', 'dockerfile.v0'],
  ...['--local', `context=${folders.context}`, '--local', `dockerfile=${folders.dockerfile}`],
  ...['--opt', `platform=${request.platform}`],
  ...Object.entries({ ...request.buildArgs, SOURCE_DATE_EPOCH: String(request.timestamp) }).flatMap(([name, value]) => [
    '--opt',
    `build-arg:${name}=${value}`,
  ]),
  ...Object.entries(request.labels).flatMap(([name, value]) => ['--opt', `label:${name}=${value}`]),
  ...Object.entries(folders.secrets).flatMap(([id, file]) => ['--secret', `id=${id},src=${file}`]),
];

/** Every stamp in the layers is the commit's time: SOURCE_DATE_EPOCH alone sets those of the configuration only. */
export const outputArguments = (folder: string): readonly string[] => [
  '--output',
  `type=oci,tar=false,dest=${folder},rewrite-timestamp=true`,
];

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
}

const blobPath = (layout: string, digest: string): string => join(layout, 'blobs', ...digest.split(':', 2));

/** What keeps buildctl from building here, in its own words; null when nothing does. */
export async function buildkitProblem(options: Pick<BuildkitOptions, 'env' | 'signal'>): Promise<string | null> {
  const folder = await makeTemporary('buildkit');
  try {
    const argv = ['buildctl', '--timeout', '5', 'debug', 'workers'];
    const short = { ...limits, seconds: 30 };
    const tried = await runCommand({ argv, cwd: folder, folder, env: options.env, limits: short, signal: options.signal });
    return tried.exitCode === 0 ? null : (tried.tail.findLast((line) => line.trim() !== '') ?? 'it said nothing');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function openBuildkit(options: BuildkitOptions): Promise<Builder> {
  const { registry, credentials } = options;
  const folder = await makeTemporary('build');
  const layout = join(folder, 'layout');
  const docker = join(folder, 'docker');
  await mkdir(docker, { mode: 0o700 });
  const { registry: host, username, password } = credentials ?? { registry: '', username: '', password: '' };
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const auths = credentials ? { [host]: { auth } } : {};
  await writeFile(join(docker, 'config.json'), JSON.stringify({ auths }), { mode: 0o600 });
  let last: { readonly request: BuildRequest; readonly folders: BuildkitFolders } | undefined;

  const buildctl = (args: readonly string[], secrets: readonly string[]) =>
    runCommand({
      argv: ['buildctl', ...args],
      ...{ cwd: folder, folder, limits, signal: options.signal },
      env: { ...options.env, DOCKER_CONFIG: docker },
      secrets: [...(credentials ? [password] : []), ...secrets],
      ...(options.onLine && { onLine: options.onLine }),
    });
  const prepare = async (request: BuildRequest): Promise<BuildkitFolders> => {
    const [context, dockerfile] = [join(folder, 'context'), join(folder, 'dockerfile')];
    await rm(context, { recursive: true, force: true });
    await mkdir(context, { recursive: true, mode: 0o755 });
    await mkdir(dockerfile, { recursive: true });
    await copyContext(request, context);
    await writeFile(join(dockerfile, 'Dockerfile'), request.dockerfile);
    const secrets = await Promise.all(
      Object.entries(request.secrets).map(async ([id, value], i) => {
        const path = join(folder, `secret-${i}`);
        await writeFile(path, value, { mode: 0o600 });
        return [id, path] as const;
      }),
    );
    return { context, dockerfile, secrets: Object.fromEntries(secrets) };
  };

  return {
    name: 'buildkit',
    async build(request, { isFresh } = { isFresh: false }) {
      const folders = await prepare(request);
      await rm(layout, { recursive: true, force: true });
      const args = [...buildArguments(request, folders), ...outputArguments(layout), ...(isFresh ? ['--no-cache'] : [])];
      const { exitCode, tail, isTimedOut } = await buildctl(args, Object.values(request.secrets));
      if (exitCode !== 0) {
        const words = tail.slice(-15).join('\n');
        if (/connection refused|no such file or directory.*sock|failed to list workers/i.test(words))
          throw new EnvironmentError('BUILD_NOT_ALLOWED', `buildctl finds no BuildKit:\n${words}`, {
            hint: 'Set BUILDKIT_HOST to the address of a buildkitd, or choose another builder.',
          });
        throw new UsageError('BUILD_FAILED', `The build failed${isTimedOut ? ' (it took too long)' : ''}:\n${words}`, {
          hint: 'Mend the Dockerfile; the lines above are the last that BuildKit printed.',
        });
      }
      last = { request, folders };
      const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as { manifests: readonly Descriptor[] };
      const [manifest] = index.manifests;
      if (!manifest) throw new EnvironmentError('BUILD_FAILED', 'BuildKit left no image', { hint: 'Run again with --debug.' });
      return { id: manifest.digest, bytes: null };
    },
    async run(_image, command) {
      if (!last) return null;
      const { request, folders } = last;
      const dockerfile = options.withSmokeStage(request.dockerfile, smokeStage, command);
      if (dockerfile === null) return null;
      await writeFile(join(folders.dockerfile, 'Dockerfile'), dockerfile);
      // Without an output nothing is kept; the stage itself never comes from the cache.
      const args = [...buildArguments(request, folders), '--opt', `target=${smokeStage}`, '--opt', `no-cache=${smokeStage}`];
      const { exitCode, tail } = await buildctl(args, Object.values(request.secrets));
      if (exitCode === 0) return { exitCode, tail };
      // buildctl tells the code of the command last; before that stands what the command printed, which may look the same.
      const told = [...tail.join('\n').matchAll(/did not complete successfully: exit code: (\d+)/g)].at(-1)?.[1];
      return { exitCode: Number(told) || exitCode || -1, tail };
    },
    async push({ id }, to) {
      const bytes = await readFile(blobPath(layout, id));
      if (digestOf(bytes) !== id) throw new Error(`the layout holds other bytes than ${id}`);
      const manifest = JSON.parse(bytes.toString('utf8')) as {
        mediaType?: string;
        config: Descriptor;
        layers: readonly Descriptor[];
      };
      for (const { digest } of [manifest.config, ...manifest.layers])
        if (!(await registry.hasBlob(to, digest))) {
          const path = blobPath(layout, digest);
          await registry.putBlob(to, { path, digest, size: (await stat(path)).size });
        }
      const mediaType = manifest.mediaType ?? 'application/vnd.oci.image.manifest.v1+json';
      await registry.putManifest(to, to.tag ?? id, { mediaType, bytes });
      return id;
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
