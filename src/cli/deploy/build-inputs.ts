/** What a build is made of: the repo, its lock files, a Dockerfile of its own or a generated one, where the image goes. */
import { resolve } from 'node:path';
import type { Credentials } from '../../adapters/registry/authorize.ts';
import { generateDockerfile, officialBase } from '../../delivery/image/dockerfile.ts';
import { type LockFile, readLockFile } from '../../delivery/image/sbom.ts';
import { requireManifest } from '../../engine/manifest/load.ts';
import { languageOf } from '../../facts/language.ts';
import { EnvironmentError, UsageError } from '../../kernel/failure.ts';
import { type BuildRequest, type ImageReference, parseImage } from '../../kernel/image.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { Context, Invocation } from '../command.ts';
import { optionValue } from '../options.ts';
import { openRepo, type Repo } from '../repo.ts';

export interface BuildInputs {
  readonly repo: Repo;
  readonly manifest: ResolvedManifest;
  readonly locks: readonly LockFile[];
  readonly dockerfile: string;
  readonly isGenerated: boolean;
}

/** Reads what a build is made of. */
export async function readBuildInputs(context: Context, invocation: Invocation): Promise<BuildInputs> {
  const repo = await context.log.step('Reading the repo', () => openRepo(context, invocation));
  const manifest = requireManifest(repo.manifest);
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
  return { repo, manifest, locks, dockerfile, isGenerated: own === null };
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

export async function requestOf(context: Context, { repo, manifest, dockerfile }: BuildInputs): Promise<BuildRequest> {
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

/** Where the image of this repo is pushed; null when nothing says it. */
export function repositoryOf(context: Context, manifest: ResolvedManifest): ImageReference | null {
  const given = manifest.image?.repository ?? context.env.CI_REGISTRY_IMAGE;
  if (given === undefined || given === '') return null;
  const repository = parseImage(given);
  if (repository === null)
    throw new UsageError('BUILD_NO_REPOSITORY', `${given} is no image repository`, {
      hint: 'Write registry.example.com/group/model.',
    });
  return repository;
}

export function targetOf(
  context: Context,
  invocation: Invocation,
  manifest: ResolvedManifest,
  request: BuildRequest,
): ImageReference | null {
  const isPushed = invocation.options.push === true || context.env.CI !== undefined;
  if (!isPushed) return null;
  const repository = repositoryOf(context, manifest);
  if (repository === null)
    throw new UsageError('BUILD_NO_REPOSITORY', 'It is not said where the image is pushed', {
      hint: 'Set image.repository in flightcheck.yml, --image-repository, or use GitLab’s container registry.',
    });
  const tag = optionValue<string>(invocation, 'image-tag') || (request.labels['org.opencontainers.image.revision'] ?? '');
  return { ...repository, tag, digest: null };
}

/** The credentials of this job's registry, which no other registry is shown, whatever the repo names. */
export function credentialsOf(context: Context, to: ImageReference | null): Credentials | null {
  const { CI_REGISTRY: given, CI_REGISTRY_USER: username, CI_REGISTRY_PASSWORD: password } = context.env;
  const registry = given || to?.registry;
  return username && password && registry !== undefined ? { registry, username, password } : null;
}
