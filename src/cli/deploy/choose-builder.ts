/** Which way of making an image this runner allows. */
import { join } from 'node:path';
import { appendBuilder } from '../../adapters/image/append.ts';
import { buildahProblem, openBuildah } from '../../adapters/image/buildah.ts';
import { buildkitProblem, openBuildkit } from '../../adapters/image/buildkit.ts';
import { openKeptBuildah } from '../../adapters/image/kept-buildah.ts';
import type { Credentials } from '../../adapters/registry/authorize.ts';
import type { Registry } from '../../adapters/registry/registry.ts';
import { probeTool } from '../../adapters/tools.ts';
import { withSmokeStage } from '../../delivery/image/smoke-stage.ts';
import { EnvironmentError } from '../../kernel/failure.ts';
import type { Builder } from '../../kernel/image.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { Context } from '../command.ts';

export interface Chosen {
  readonly builder: Builder;
  readonly words: string;
}

/**
 * Whoever builds can write into the store: projects, and the branches of one that anybody may push to, have stores of their own.
 */
const storeName = ({ env }: Context, driver: string): string =>
  [env.CI_PROJECT_ID ?? 'local', env.CI_COMMIT_REF_PROTECTED === 'true' ? 'protected' : 'open', driver].join('-');

/** Takes the builder that is asked for, or the first that works here, and says why. */
export async function chooseBuilder(
  context: Context,
  manifest: ResolvedManifest,
  registry: Registry,
  credentials: Credentials | null,
  cache: string,
): Promise<Chosen> {
  const asked = manifest.image?.builder ?? 'auto';
  const { PATH = '', HOME = '/tmp' } = context.env;
  if (asked === 'append')
    return { builder: appendBuilder(registry), words: 'append, as image.builder says: no privilege is needed' };
  const buildah = await probeTool('buildah', ['--version'], 'builds images', false);
  const mayBuildah = buildah.version !== null && (asked === 'auto' || asked === 'buildah');
  const isRoot = process.getuid?.() === 0;
  const options = {
    credentials,
    env: { PATH, HOME, STORAGE_DRIVER: '', ...(isRoot ? { BUILDAH_ISOLATION: 'chroot' } : {}) },
    signal: context.signal,
  };
  const buildkit = asked === 'buildkit' ? await openedBuildkit(context, registry, credentials) : null;
  if (buildkit !== null) return buildkit;
  const problems: string[] = [];
  for (const driver of mayBuildah ? (isRoot ? (['overlay', 'vfs'] as const) : (['vfs'] as const)) : []) {
    const problem = await buildahProblem({ ...options, driver });
    if (problem === null) {
      const opened = { ...options, driver, onLine: (line: string) => context.log.debug(line) };
      const words = `${buildah.version}, storage ${driver}`;
      if (cache === '') return { builder: await openBuildah(opened), words };
      const folder = join(cache, storeName(context, driver));
      const builder = await openKeptBuildah({ ...opened, cache: folder, onNote: (note) => context.log.warn(note) });
      return { builder, words: `${words}, ${builder.isWarm ? 'with the' : 'without'} layers of earlier builds in ${folder}` };
    }
    problems.push(problem);
  }
  const why = problems.length > 0 ? `buildah may not build here (${problems.at(-1)})` : 'this runner has no buildah';
  if (asked === 'auto' && manifest.image?.base !== undefined)
    return { builder: appendBuilder(registry), words: `append: ${why}, and image.base names what the code stands on` };
  if (problems.length > 0)
    throw new EnvironmentError('BUILD_NOT_ALLOWED', `buildah may not build on this runner: ${problems.at(-1)}`, {
      hint: 'Allow user namespaces on the runner (its seccomp profile), or name image.base by digest and let append build, which needs no privilege.',
    });
  throw new EnvironmentError(
    'BUILD_NO_BUILDER',
    asked === 'auto' ? 'This runner has no buildah' : `This runner has no ${asked}`,
    {
      hint:
        asked === 'buildkit'
          ? 'Run the job in an image that has buildctl, and set BUILDKIT_HOST to the address of a buildkitd.'
          : 'Run the job in an image that has buildah, or name image.base by digest and let append build without it.',
    },
  );
}

/** BuildKit is a service: it is taken when it is asked for, not because a client lies around. */
async function openedBuildkit(context: Context, registry: Registry, credentials: Credentials | null): Promise<Chosen | null> {
  const { version } = await probeTool('buildctl', ['--version'], 'builds images with BuildKit', false);
  if (version === null) return null;
  const { PATH = '', HOME = '/tmp', BUILDKIT_HOST } = context.env;
  const env = { PATH, HOME, ...(BUILDKIT_HOST !== undefined && { BUILDKIT_HOST }) };
  const problem = await buildkitProblem({ env, signal: context.signal });
  if (problem !== null)
    throw new EnvironmentError(
      'BUILD_NOT_ALLOWED',
      `buildctl finds no BuildKit at ${BUILDKIT_HOST ?? 'its usual socket'}: ${problem}`,
      {
        hint: 'Set BUILDKIT_HOST to the address of a buildkitd that this runner may use, or choose another builder.',
      },
    );
  const options = {
    registry,
    credentials,
    env,
    signal: context.signal,
    withSmokeStage,
    onLine: (line: string) => context.log.debug(line),
  };
  return { builder: await openBuildkit(options), words: `${version}, as image.builder says` };
}
