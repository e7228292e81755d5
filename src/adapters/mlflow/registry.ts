/** The ModelRegistry port over MLflow's REST API 2.0, and over the part of it that GitLab's model registry speaks. */
import type { ModelRegistry, RegisteredVersion } from '../../kernel/delivery.ts';
import { EnvironmentError } from '../../kernel/failure.ts';
import type { MlflowVersion } from '../../kernel/world.ts';
import { listOf, outcomeOf, versionOf } from './answers.ts';
import { isMissing, limitsOf, versionsOf } from './open.ts';
import { type MlflowAccess, MlflowProblem, type MlflowRequester, mlflowRequester, type RequestLimits } from './requester.ts';

export interface RegistrySettings {
  readonly model: string;
  readonly alias: string;
}

const commitTag = 'mlflow.source.git.commit';

/** The model of a commit is a young one: older versions are not asked for their runs. */
const mostRuns = 50;

/** A request that this server has never heard of: GitLab serves a part of MLflow's API. */
const isUnknown = (error: unknown): boolean =>
  error instanceof MlflowProblem && error.code === null && (error.status === 404 || error.status === 405);

/** An alias that is not there is a 400 of MLflow. */
const isNoAlias = (error: unknown): boolean => error instanceof MlflowProblem && error.code === 'INVALID_PARAMETER_VALUE';

/** Null for what does not exist. */
const orNull = <T>(found: Promise<T>, isAbsent: (error: unknown) => boolean = isMissing): Promise<T | null> =>
  found.catch((error: unknown) => {
    if (isAbsent(error)) return null;
    throw error;
  });

/** Newest first; of GitLab's registry, which cannot be searched, the newest alone. */
async function versions(requester: MlflowRequester, name: string): Promise<readonly MlflowVersion[]> {
  try {
    return await versionsOf(requester, name);
  } catch (error) {
    if (!isUnknown(error)) throw error;
    const answer = await requester.json('mlflow/registered-models/get-latest-versions', { post: { name } });
    return listOf(answer.model_versions, 'versions')
      .filter((version) => version !== null)
      .map(versionOf);
  }
}

async function withRun(
  requester: MlflowRequester,
  { version, status, runId }: Pick<MlflowVersion, 'version' | 'status' | 'runId'>,
): Promise<RegisteredVersion> {
  const query = { run_id: runId ?? '' };
  const answer = runId === null ? null : await orNull(requester.json('mlflow/runs/get', { query }));
  return { version, status, run: answer && outcomeOf(answer.run) };
}

async function byCommit(requester: MlflowRequester, name: string, commit: string): Promise<RegisteredVersion | null> {
  const all = (await orNull(versions(requester, name))) ?? [];
  const tagged = all.find(({ tags }) => tags[commitTag] === commit);
  if (tagged) return withRun(requester, tagged);
  for (const version of all.slice(0, mostRuns)) {
    const found = await withRun(requester, version);
    if (found.run?.tags[commitTag] === commit) return found;
  }
  return null;
}

async function named(requester: MlflowRequester, name: string, version: string): Promise<RegisteredVersion | null> {
  const asked = /^\d+$/.test(version)
    ? requester.json('mlflow/model-versions/get', { query: { name, version } })
    : requester.json('mlflow/registered-models/alias', { query: { name, alias: version } });
  const answer = await orNull(asked, (error) => isMissing(error) || isNoAlias(error));
  return answer && withRun(requester, versionOf(answer.model_version));
}

/** GitLab, which has no aliases but versions, says 404 to one: as if the model, which is there, were not. */
async function aliased(requester: MlflowRequester, name: string, alias: string) {
  try {
    const answer = await requester.json('mlflow/registered-models/alias', { query: { name, alias } });
    return { version: versionOf(answer.model_version).version };
  } catch (error) {
    if (isUnknown(error) || isMissing(error)) return 'unsupported';
    if (isNoAlias(error)) return { version: null };
    throw error;
  }
}

/** Nothing is kept of an answer, nor of a silence: what is asked is how it is now. */
export function openModelRegistry(
  access: MlflowAccess,
  { model, alias }: RegistrySettings,
  env: Readonly<Record<string, string | undefined>>,
  limits: RequestLimits = {},
): ModelRegistry {
  const ask = async <T>(talk: (requester: MlflowRequester) => Promise<T>): Promise<T> => {
    try {
      return await talk(mlflowRequester(access, limitsOf(env, limits)));
    } catch (error) {
      const why = error instanceof MlflowProblem ? error.message : 'its answer could not be read';
      const isRefusal = error instanceof MlflowProblem && (error.status === 401 || error.status === 403);
      throw new EnvironmentError(isRefusal ? 'MLFLOW_REFUSED' : 'MLFLOW_FAILED', `MLflow at ${access.address}: ${why}`, {
        hint: 'Nothing was delivered. Check mlflow.tracking and the MLFLOW_TRACKING_ variables of this job, and deploy again once MLflow answers.',
        cause: error,
      });
    }
  };
  return {
    ...{ model, alias, words: `${model} in MLflow at ${access.address}` },
    find: (wanted) =>
      ask((requester) =>
        'version' in wanted ? named(requester, model, wanted.version) : byCommit(requester, model, wanted.commit),
      ),
    aliased: () => ask((requester) => aliased(requester, model, alias)),
    moveAlias: (version) =>
      ask(async (requester) => {
        const path = 'mlflow/registered-models/alias';
        await requester.json(
          path,
          version === null ? { delete: { name: model, alias } } : { post: { name: model, alias, version } },
        );
      }),
  };
}
