/** What a deployment is about: the environment of the manifest, the DAG that the repo renders for it. */
import { dagIdOf, environmentOf, resolveDag } from '../../delivery/dag/resolve.ts';
import { withTasksOf } from '../../delivery/dag/source.ts';
import type { DagSpec, Environment } from '../../delivery/dag/spec.ts';
import { requireManifest } from '../../engine/manifest/load.ts';
import { type Place, UsageError } from '../../kernel/failure.ts';
import { manifestFile, type ResolvedManifest } from '../../kernel/manifest.ts';
import type { Context, Invocation } from '../command.ts';
import { optionValue } from '../options.ts';
import { openRepo, type Repo } from '../repo.ts';

export type Deployable = Environment & { readonly airflow: NonNullable<Environment['airflow']> };

export interface Located {
  readonly repo: Repo;
  /** With the environment as this call means it. */
  readonly manifest: ResolvedManifest;
  readonly name: string;
  readonly environment: Deployable;
  /** Where the environment stands in the manifest. */
  readonly place: Place;
  readonly mlflow: ResolvedManifest['mlflow'];
  readonly dagId: string;
}

export interface Wired extends Located {
  readonly spec: DagSpec;
  readonly commit: string;
  readonly imageDigest: string | null;
}

/** A merge request has a DAG of its own beside that of the default branch: what two of them deploy never meets. */
function mergeRequestSuffix({ env }: Context): string {
  const number = env.CI_MERGE_REQUEST_IID ?? '';
  if (!/^\d{1,9}$/.test(number))
    throw new UsageError('NO_MERGE_REQUEST', `--per-merge-request: CI_MERGE_REQUEST_IID is ${number || 'not set'}`, {
      hint: 'Call it in a merge request pipeline, or set that variable to the number of the merge request.',
    });
  return `__mr${number}`;
}

/** The environment that the call names. */
export async function locate(context: Context, invocation: Invocation): Promise<Located> {
  const repo = await context.log.step('Reading the repo', () => openRepo(context, invocation));
  const manifest = requireManifest(repo.manifest);
  const isOwn = invocation.options['per-merge-request'] === true;
  const name = optionValue<string>(invocation, 'env') || (isOwn ? optionValue<string>(invocation, 'review-env') : '');
  if (name === '')
    throw new UsageError('ENVIRONMENT_MISSING', 'Which environment?', {
      hint: `Say --env NAME; flightcheck.yml has ${Object.keys(manifest.environments ?? {}).join(', ') || 'none yet, add `environments:`'}.`,
    });
  const found = environmentOf(manifest, name, (key) => repo.manifest.place(key));
  const place = repo.manifest.place(`environments.${name}`) ?? { path: manifestFile };
  const { airflow } = found;
  if (!airflow)
    throw new UsageError('ENVIRONMENT_WITHOUT_AIRFLOW', `The environment ${name} has no airflow`, {
      hint: 'Add `airflow: { url: https://airflow.example.com }` to it.',
      place,
    });
  const own = isOwn ? mergeRequestSuffix(context) : '';
  const environment = { ...found, airflow, dagIdSuffix: `${found.dagIdSuffix}${own}` };
  return {
    ...{ repo, name, environment, place, mlflow: manifest.mlflow },
    manifest: { ...manifest, environments: { ...manifest.environments, [name]: environment } },
    dagId: dagIdOf(manifest, environment),
  };
}

/** The DAG of this commit for it. */
export async function wire(context: Context, invocation: Invocation, located: Located): Promise<Wired> {
  const { repo, name } = located;
  const placeOf = (key: string): Place | undefined => repo.manifest.place(key);
  const manifest = await withTasksOf(located.manifest, (path) => repo.files.text(path), placeOf);
  const image = optionValue<string>(invocation, 'task-image') || context.env.FLIGHTCHECK_RESULT_IMAGE || null;
  const commit = repo.git.head ?? context.env.CI_COMMIT_SHA ?? '';
  const tags = await repo.git.tags();
  const version = context.env.CI_COMMIT_TAG ?? tags[0] ?? commit.slice(0, 12);
  const spec = resolveDag(manifest, { environment: name, image, commit, version }, placeOf);
  return { ...located, spec, commit, imageDigest: /@(sha256:[0-9a-f]{64})$/.exec(image ?? '')?.[1] ?? null };
}
