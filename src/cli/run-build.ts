/** Wires a build: what the repo says, a builder that this runner allows, the registry. */
import { join, resolve } from 'node:path';
import { appendBuilder } from '../adapters/image/append.ts';
import { buildahProblem, openBuildah } from '../adapters/image/buildah.ts';
import { openOutputFolder, writeAtomically } from '../adapters/output-folder.ts';
import { openRegistry, type Registry } from '../adapters/registry/registry.ts';
import { probeTool } from '../adapters/tools.ts';
import { type BuildStep, buildImage } from '../delivery/image/build.ts';
import { generateDockerfile, officialBase } from '../delivery/image/dockerfile.ts';
import { cycloneDx, type LockFile, readLockFile } from '../delivery/image/sbom.ts';
import { buildSuite } from '../delivery/image/suite.ts';
import { requireManifest } from '../engine/manifest/load.ts';
import { languageOf } from '../facts/language.ts';
import { EnvironmentError, exitCode, UsageError } from '../kernel/failure.ts';
import { type Builder, type BuildRequest, type ImageReference, parseImage } from '../kernel/image.ts';
import type { ResolvedManifest } from '../kernel/manifest.ts';
import type { Context, Invocation } from './command.ts';
import { finish } from './finish.ts';
import { optionValue } from './options.ts';
import { openRepo, type Repo, reportOf } from './repo.ts';
import { triggerOf } from './surroundings.ts';

interface Wired {
  readonly repo: Repo;
  readonly manifest: ResolvedManifest;
  readonly registry: Registry;
  readonly locks: readonly LockFile[];
  readonly dockerfile: string;
  readonly isGenerated: boolean;
}

/** `flightcheck build`. */
export async function build(context: Context, invocation: Invocation): Promise<number> {
  const wired = await wire(context, invocation);
  if (invocation.options.dockerfile === true) {
    context.print(wired.dockerfile);
    return exitCode.fine;
  }
  const { repo, manifest, registry } = wired;
  const request = await requestOf(context, wired);
  const to = targetOf(context, invocation, manifest, request);
  const { builder, words } = await chooseBuilder(context, manifest, registry);
  try {
    const before: BuildStep[] = [
      { id: 'builder', outcome: 'pass', seconds: 0, words },
      await writeBills(context, invocation, wired),
    ];
    const { smoke, reproducible } = manifest.image ?? {};
    const built = await context.log.step(`Building with ${builder.name}`, () =>
      buildImage({
        ...{ builder, request, to, before },
        smoke: smoke ?? null,
        reproducible: reproducible ?? 'off',
        digestOf: async (image) => (await registry.manifest(image, image.tag ?? 'latest'))?.digest ?? null,
        onStep: ({ id, outcome, words: said, seconds }) =>
          (outcome === 'fail' ? context.log.warn : context.log.info)(`${id}: ${said} (${seconds.toFixed(1)} s)`),
      }),
    );
    const report = reportOf(context, repo, 'build', [buildSuite(built, triggerOf(context.env))], {
      ...(built.image !== null && { image: built.image }),
    });
    const code = await finish(context, invocation, { root: repo.root, report, gate: manifest.gate, waivers: manifest.waivers });
    return code === exitCode.fine && !built.isBuilt ? exitCode.gateSaysNo : code;
  } finally {
    await builder.close();
  }
}

async function wire(context: Context, invocation: Invocation): Promise<Wired> {
  const repo = await context.log.step('Reading the repo', () => openRepo(context, invocation));
  const manifest = requireManifest(repo.manifest);
  const { CI_REGISTRY_USER: username, CI_REGISTRY_PASSWORD: password } = context.env;
  const credentials = username && password ? { username, password } : null;
  const locks: LockFile[] = [];
  for (const { path } of repo.files.all.filter((file) => !file.path.includes('/'))) {
    const text = /^(requirements[\w.-]*\.txt|(uv|poetry|renv)\.lock|DESCRIPTION)$/.test(path)
      ? await repo.files.text(path, 2 ** 24)
      : null;
    const lock = text === null ? null : readLockFile(path, text);
    if (lock) locks.push(lock);
  }
  const own = await repo.files.text(manifest.image?.file ?? 'Dockerfile');
  const dockerfile = own ?? (await generated(repo, manifest, locks));
  return {
    repo,
    manifest,
    locks,
    dockerfile,
    isGenerated: own === null,
    registry: openRegistry({ credentials, signal: context.signal }),
  };
}

/** Code and the files beside it that a model reads; data, tests and notebooks stay out. */
const runtimePaths = ['src', 'R', 'config', 'params.yaml', 'params.json', 'pyproject.toml', 'DESCRIPTION'];

async function generated(repo: Repo, manifest: ResolvedManifest, locks: readonly LockFile[]): Promise<string> {
  const paths = repo.files.all.map((file) => file.path);
  const language = languageOf(paths);
  if (language === 'other')
    throw new UsageError('BUILD_NO_DOCKERFILE', 'The repo has no Dockerfile, and it is neither a Python nor an R project', {
      hint: 'Write a Dockerfile, or name it under image.file in flightcheck.yml.',
    });
  const version = (await repo.files.text('.python-version'))?.trim() ?? null;
  const isThere = (path: string): boolean => paths.some((each) => each === path || each.startsWith(`${path}/`));
  const packages = paths.filter((path) => /^[A-Za-z_]\w*\/__init__\.py$/.test(path)).map((path) => path.split('/')[0] ?? '');
  const modules = paths.filter((path) => /^[^/]+\.(py|R)$/.test(path) && !/^(test_|conftest|setup)/.test(path));
  return generateDockerfile({
    language,
    base:
      manifest.image?.base ??
      officialBase(language, language === 'python' && /^\d+\.\d+(\.\d+)?$/.test(version ?? '') ? version : null),
    code: manifest.image?.code ?? '/app',
    lock: locks.find((lock) => lock.manager !== 'cran' && lock.packages.length > 0)?.path ?? null,
    paths: [...new Set([...runtimePaths.filter(isThere), ...packages.filter((name) => name !== 'tests'), ...modules])].sort(),
    entrypoint: manifest.image?.entrypoint ?? [],
  });
}

async function requestOf(context: Context, { repo, manifest, dockerfile }: Wired): Promise<BuildRequest> {
  const [head] = await repo.git.commits(1);
  if (!head)
    throw new UsageError('BUILD_NO_COMMIT', 'There is no commit to build', {
      hint: 'An image belongs to a commit: git init, git add, git commit.',
    });
  const { image } = manifest;
  const folder = image?.context ?? '.';
  const inside = folder === '.' ? '' : `${folder.replace(/\/+$/, '')}/`;
  const tracked = await repo.git.tracked();
  const secrets = Object.entries(image?.secrets ?? {}).map(([id, name]) => {
    const value = context.env[name];
    if (value === undefined)
      throw new EnvironmentError(
        'BUILD_SECRET_MISSING',
        `The build secret ${id} is read from the variable ${name}, which is not set`,
        {
          hint: 'Add it to the CI variables of the project, masked.',
        },
      );
    return [id, value] as const;
  });
  const timestamp = Math.floor(Date.parse(head.at) / 1000);
  return {
    context: resolve(repo.root, folder),
    files: [...tracked]
      .filter((path) => path.startsWith(inside))
      .map((path) => path.slice(inside.length))
      .sort(),
    dockerfile,
    base: image?.base ?? null,
    code: image?.code ?? '/app',
    entrypoint: image?.entrypoint ?? [],
    buildArgs: image?.buildArgs ?? {},
    secrets: Object.fromEntries(secrets),
    labels: {
      ...image?.labels,
      'org.opencontainers.image.created': new Date(timestamp * 1000).toISOString(),
      'org.opencontainers.image.revision': head.sha,
      'org.opencontainers.image.source': context.env.CI_PROJECT_URL ?? '',
      'org.opencontainers.image.title': manifest.model.name,
      'org.opencontainers.image.version': context.env.CI_COMMIT_TAG ?? head.sha.slice(0, 12),
    },
    platform: image?.platform ?? 'linux/amd64',
    timestamp,
  };
}

function targetOf(
  context: Context,
  invocation: Invocation,
  manifest: ResolvedManifest,
  request: BuildRequest,
): ImageReference | null {
  const isPushed = invocation.options.push === true || context.env.CI !== undefined;
  if (!isPushed) return null;
  const given = manifest.image?.repository ?? context.env.CI_REGISTRY_IMAGE;
  const tag = optionValue<string>(invocation, 'image-tag') || (request.labels['org.opencontainers.image.revision'] ?? '');
  const target = given === undefined ? null : parseImage(`${given}:${tag}`);
  if (target === null)
    throw new UsageError(
      'BUILD_NO_REPOSITORY',
      given === undefined ? 'It is not said where the image is pushed' : `${given} is no image repository`,
      {
        hint: 'Set image.repository in flightcheck.yml, --image-repository, or use GitLab’s container registry.',
      },
    );
  return target;
}

/** Takes the builder that is asked for, or the first that works here, and says why. */
async function chooseBuilder(
  context: Context,
  manifest: ResolvedManifest,
  registry: Registry,
): Promise<{ readonly builder: Builder; readonly words: string }> {
  const asked = manifest.image?.builder ?? 'auto';
  const { CI_REGISTRY_USER: username, CI_REGISTRY_PASSWORD: password, PATH = '', HOME = '/tmp' } = context.env;
  if (asked === 'append')
    return { builder: appendBuilder(registry), words: 'append, as image.builder says: no privilege is needed' };
  const buildah = await probeTool('buildah', ['--version'], 'builds images', false);
  const mayBuildah = buildah.version !== null && (asked === 'auto' || asked === 'buildah');
  const isRoot = process.getuid?.() === 0;
  const options = {
    credentials: username && password ? { username, password } : null,
    env: { PATH, HOME, STORAGE_DRIVER: '', ...(isRoot ? { BUILDAH_ISOLATION: 'chroot' } : {}) },
    signal: context.signal,
  };
  const problems: string[] = [];
  for (const driver of mayBuildah ? (isRoot ? (['overlay', 'vfs'] as const) : (['vfs'] as const)) : []) {
    const problem = await buildahProblem({ ...options, driver });
    if (problem === null) {
      const builder = await openBuildah({ ...options, driver, onLine: (line) => context.log.debug(line) });
      return { builder, words: `${buildah.version}, storage ${driver}` };
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
      hint: 'Run the job in an image that has buildah, or name image.base by digest and let append build without it.',
    },
  );
}

/** Bills of materials, one for each lock file, beside the reports. */
async function writeBills(context: Context, invocation: Invocation, { repo, manifest, locks }: Wired): Promise<BuildStep> {
  const folder = await openOutputFolder(repo.root, optionValue<string>(invocation, 'output'));
  const [head] = await repo.git.commits(1);
  const subject = {
    name: manifest.model.name,
    version: head?.sha ?? '0',
    at: head?.at ?? new Date(0).toISOString(),
    tool: context.version,
  };
  for (const lock of locks) {
    const name = `build.${lock.path.replaceAll(/[^A-Za-z0-9.-]/g, '-')}.cdx.json`;
    await writeAtomically(join(folder, name), `${JSON.stringify(cycloneDx(lock, subject), null, 2)}\n`);
  }
  const packages = locks.flatMap((lock) => lock.packages);
  const open = packages.filter((each) => each.version === null).map((each) => each.name);
  const words = `${packages.length} packages in ${locks.length} lock files${open.length > 0 ? `; without a version: ${open.slice(0, 10).join(', ')}` : ''}`;
  return { id: 'sbom', outcome: 'pass', seconds: 0, words };
}
