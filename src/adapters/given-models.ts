/** Models that are not trained in this run: paths of the repo, versions of MLflow's registry. */
import { lstat, mkdir, realpath } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { EnvironmentError, type Place, UsageError } from '../kernel/failure.ts';
import type { FoundModel, HookMachine } from '../kernel/hook-machine.ts';
import type { ResolvedManifest } from '../kernel/manifest.ts';
import { type MlflowModel, parseMlflowHook } from '../kernel/mlflow-model.ts';
import type { Answer, MlflowVersion } from '../kernel/world.ts';
import type { MlflowClient } from './mlflow/open.ts';
import { copyTree, hashEntries, listTree } from './tree.ts';

export interface GivenModelsOptions {
  /** Absolute path of the model repo. */
  readonly root: string;
  readonly manifest: ResolvedManifest;
  readonly mlflow: MlflowClient;
  place(key: string): Place | undefined;
}

const missing = (message: string, hint: string, place?: Place): UsageError =>
  new UsageError('MODEL_MISSING', message, { hint, place });

/** The value of an answer; what is not there is the repo's matter, what cannot be reached is the machine's. */
function foundOf<T>(answer: Answer<T>, place: Place | undefined): T {
  if (answer.ok) return answer.value;
  if (answer.isAbsent) throw missing(answer.reason, 'Name a registered model and an alias that one of its versions has.', place);
  const hint = 'See that MLflow is up and reached from this job, with MLFLOW_TRACKING_URI and read access; then run again.';
  throw new EnvironmentError('MODEL_UNREACHABLE', answer.reason, { hint, place });
}

async function atPath(root: string, path: string, place: Place | undefined): Promise<FoundModel> {
  const hint = 'Name a file or folder inside the repo.';
  const full = await realpath(join(root, path)).catch(() => null);
  if (full === null) throw missing(`there is no ${path}`, hint, place);
  if (!full.startsWith(`${await realpath(root)}${sep}`)) throw missing(`${path} leads out of the repo`, hint, place);
  const stats = await lstat(full);
  if (!stats.isFile() && !stats.isDirectory()) throw missing(`${path} is neither a file nor a folder`, hint, place);
  const hash = stats.isFile()
    ? await hashEntries(join(full, '..'), [Buffer.from(basename(full))])
    : await hashEntries(full, await listTree(full));
  return {
    key: `path ${hash}`,
    words: path,
    async fetch(folder) {
      const target = join(folder, basename(full));
      await mkdir(folder, { recursive: true });
      await copyTree(full, target);
      return target;
    },
  };
}

/** The version before the one in production, of those that can be used. */
function before(versions: readonly MlflowVersion[], production: MlflowVersion): MlflowVersion | undefined {
  return versions.find(({ version, status }) => Number(version) < Number(production.version) && status === 'READY');
}

/** See `HookMachine.model`. */
export function givenModels({ root, manifest, mlflow, place }: GivenModelsOptions): HookMachine['model'] {
  const registered = (found: MlflowVersion, at: Place | undefined): FoundModel => {
    const { name, version, status, runId, source } = found;
    if (status !== 'READY')
      throw missing(`${name} ${version} in MLflow is ${status}, not READY`, 'Register the version again.', at);
    return {
      key: JSON.stringify(['mlflow', mlflow.address, name, version, runId, source]),
      words: `${name} ${version} in MLflow`,
      fetch: async (folder) => foundOf(await mlflow.download(found, folder), at),
    };
  };
  const named = async (model: MlflowModel | null): Promise<FoundModel> => {
    const at = place('hooks.predict');
    if (model === null) throw missing('hooks.predict names no MLflow model', 'Write mlflow:models/NAME@ALIAS.', at);
    return 'path' in model ? atPath(root, model.path, at) : registered(foundOf(await mlflow.find(model), at), at);
  };
  const find: Record<Parameters<HookMachine['model']>[0], () => Promise<FoundModel>> = {
    named: () => named(parseMlflowHook(manifest.hooks.predict ?? '')),
    async production() {
      const path = manifest.quality.production;
      if (path !== undefined) return atPath(root, path, place('quality.production'));
      return registered(foundOf(await mlflow.production(), place('mlflow')), place('mlflow'));
    },
    async previous() {
      const at = place('mlflow');
      const production = foundOf(await mlflow.production(), at);
      const version = before(foundOf(await mlflow.versions(), at), production);
      if (!version)
        throw missing(
          `${production.name} has no version before ${production.version} in MLflow`,
          'Keep the versions that were in production.',
          at,
        );
      return registered(version, at);
    },
  };
  const known = new Map<string, Promise<FoundModel>>();
  return (which) => {
    const model = known.get(which) ?? find[which]();
    known.set(which, model);
    return model;
  };
}
