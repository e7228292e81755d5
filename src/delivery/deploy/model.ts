/** The registered model of a deployment: is its version fit to be deployed, and where does its alias point afterwards. */
import type { DeliveryRecord, ModelRegistry, RegisteredVersion } from '../../kernel/delivery.ts';
import type { Result } from './deployment.ts';

export interface ModelGate {
  readonly registry: ModelRegistry;
  /** Absent: the newest version of the commit. */
  readonly version?: string;
  readonly metric?: { readonly name: string; readonly greaterIsBetter: boolean; readonly tolerance: number };
}

/** `before`: the version that the alias pointed to; where there are no aliases, that of the last delivery. */
export type Judged =
  | { readonly isMet: false; readonly words: string }
  | {
      readonly isMet: true;
      readonly words: string;
      readonly version: string;
      readonly before: string | null;
      readonly hasAliases: boolean;
    };

type Delivered = NonNullable<DeliveryRecord['model']>;

/** What speaks against the version itself; null when nothing does. */
function unfit({ version, status, run }: RegisteredVersion): string | null {
  if (status !== 'READY') return `version ${version} is ${status}, not READY: deploy when MLflow has it`;
  if (run === null) return `version ${version} has no run, so nothing says that its training ended: register it from one`;
  return run.status === 'FINISHED'
    ? null
    : `run ${run.id} of version ${version} is ${run.status}, not FINISHED: end it, or register a version of a run that did`;
}

/** A number that somebody logged; NaN and infinite ones compare with nothing. */
function metricOf({ version, run }: RegisteredVersion, name: string): number | string {
  const value = run?.metrics[name];
  if (value !== undefined && Number.isFinite(value)) return value;
  const state = value === undefined ? 'no' : 'no usable';
  return `the run of version ${version} has ${state} metric ${name}: log it there (mlflow.log_metric), or leave environments.*.mlflow.metric out`;
}

/** Compares with the champion. Null of `champion`: there is none yet. */
function compare(
  candidate: RegisteredVersion,
  champion: RegisteredVersion | null,
  { name, greaterIsBetter, tolerance }: NonNullable<ModelGate['metric']>,
): { readonly isMet: boolean; readonly words: string } {
  const own = metricOf(candidate, name);
  if (typeof own === 'string') return { isMet: false, words: own };
  if (champion === null) return { isMet: true, words: `${name} ${own}, with no version before it to compare with` };
  const theirs = metricOf(champion, name);
  if (typeof theirs === 'string') return { isMet: false, words: theirs };
  const loss = greaterIsBetter ? theirs - own : own - theirs;
  const both = `${name} ${own}, ${theirs} of version ${champion.version}`;
  // 0.90 - 0.88 is a little more than 0.02 in binary.
  if (loss <= tolerance + 1e-12 * Math.max(1, Math.abs(own), Math.abs(theirs))) return { isMet: true, words: both };
  return { isMet: false, words: `${both}: worse by more than ${tolerance}` };
}

/** Judges before anything is delivered. Rejects when MLflow cannot be asked. */
export async function judgeModel(
  { registry, version, metric }: ModelGate,
  commit: string,
  last: Delivered | undefined,
): Promise<Judged> {
  const refused = (words: string): Judged => ({ isMet: false, words: `${registry.words}: ${words}` });
  if (version === undefined && commit === '') return refused('this is no Git commit: name environments.*.mlflow.version');
  const candidate = await registry.find(version === undefined ? { commit } : { version });
  if (candidate === null)
    return refused(
      version === undefined
        ? `no version is of commit ${commit.slice(0, 12)}: register the model that it trained; the run or the version needs the tag mlflow.source.git.commit`
        : `there is no version ${version}: look at environments.*.mlflow.version`,
    );
  const problem = unfit(candidate);
  if (problem !== null) return refused(problem);
  const alias = await registry.aliased();
  const before = alias === 'unsupported' ? (last?.version ?? null) : alias.version;
  const chosen = { isMet: true, version: candidate.version, before, hasAliases: alias !== 'unsupported' } as const;
  const is = `version ${candidate.version} of ${registry.words} is READY, its run FINISHED`;
  if (before === candidate.version)
    return { ...chosen, words: `${is}; it is the ${chosen.hasAliases ? registry.alias : 'deployed one'} already` };
  const none = chosen.hasAliases ? `there is no ${registry.alias} yet` : 'no version was deployed before';
  const state = before === null ? none : `${chosen.hasAliases ? registry.alias : 'deployed before'}: version ${before}`;
  if (!metric) return { ...chosen, words: `${is}; ${state}` };
  const champion = before === null ? null : await registry.find({ version: before });
  if (before !== null && champion === null) return refused(`version ${before}, to compare with, is gone`);
  const compared = compare(candidate, champion, metric);
  return compared.isMet ? { ...chosen, words: `${is}; ${state}; ${compared.words}` } : refused(compared.words);
}

type Chosen = Extract<Judged, { isMet: true }>;

const noAliases = ({ registry }: Pick<ModelGate, 'registry'>): Result => ({
  outcome: 'skipped',
  words: `${registry.words}: this registry has no aliases (GitLab's has none), so none is moved`,
});

const pointing = (version: string | null): string => (version === null ? 'was taken away' : `points to version ${version}`);

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What moves an alias by hand, in MLflow's own client. */
function byHand({ model, alias }: ModelRegistry, version: string | null): string {
  const args = [model, alias, ...(version === null ? [] : [version])].map((arg) => JSON.stringify(arg)).join(', ');
  return `mlflow.MlflowClient().${version === null ? 'delete' : 'set'}_registered_model_alias(${args})`;
}

/**
 * Lets the alias point to what was proven, if it still points where the gate found it: MLflow cannot be asked to move it only
 * then, so a change between this look and the move is overwritten. Never rejects.
 */
export async function moveAlias(registry: ModelRegistry, { version, before, hasAliases }: Chosen): Promise<Result> {
  if (!hasAliases) return noAliases({ registry });
  const moved: Result = { outcome: 'pass', words: `${registry.alias} points to version ${version} of ${registry.model}` };
  const now = async (): Promise<string | null | undefined> => {
    const found = await registry.aliased();
    return found === 'unsupported' ? undefined : found.version;
  };
  try {
    const found = await now();
    if (found === version) return moved;
    if (found !== before && found !== undefined)
      return {
        outcome: 'skipped',
        words: `${registry.alias} ${pointing(found)} meanwhile, by somebody else: left so. To move it: ${byHand(registry, version)}`,
      };
    await registry.moveAlias(version);
    return moved;
  } catch (error) {
    // It may have been moved although the answer was lost.
    if ((await now().catch(() => undefined)) === version) return moved;
    return { outcome: 'fail', words: `${registry.alias} could not be moved to version ${version}: ${said(error)}` };
  }
}

/** The alias after a try of this version that was killed before it came to it: moved, unless somebody has moved it since. */
export async function finishAlias(registry: ModelRegistry, chosen: Chosen, last: Delivered | undefined): Promise<Result> {
  const { version, before } = chosen;
  const isOurs = before === null || before === version || (last?.version === version && last.previousVersion === before);
  if (!chosen.hasAliases || isOurs) return moveAlias(registry, chosen);
  return {
    outcome: 'skipped',
    words: `${registry.alias} ${pointing(before)} since this version was deployed: left so. To move it: ${byHand(registry, version)}`,
  };
}

/** The alias after a rollback by hand, as far as the delivery remembers it; null where no model has to do with it. */
export async function undoneAlias(registry: ModelRegistry | undefined, { model }: DeliveryRecord): Promise<Result | null> {
  if (model) return giveAliasBack(registry, model);
  if (!registry) return null;
  const words = `the delivery does not say which version it was of: ${registry.alias} stays. To move it: ${byHand(registry, 'VERSION')}`;
  return { outcome: 'skipped', words };
}

/** Gives the alias back that a delivery took, unless it points elsewhere by now. Never rejects. */
export async function giveAliasBack(
  registry: ModelRegistry | undefined,
  { version, previousVersion }: Delivered,
): Promise<Result> {
  if (!registry)
    return {
      outcome: 'skipped',
      words: `MLflow cannot be asked here (environments.*.mlflow), so the alias of the registered model stays: the delivery chose version ${version}, before it was ${previousVersion ?? 'none'}`,
    };
  const back: Result = {
    outcome: 'pass',
    words:
      previousVersion === null
        ? `${registry.alias} is gone, as before`
        : `${registry.alias} points to version ${previousVersion}, as before`,
  };
  try {
    const found = await registry.aliased();
    if (found === 'unsupported') return noAliases({ registry });
    if (found.version === previousVersion) return back;
    if (found.version !== version)
      return {
        outcome: 'skipped',
        words: `${registry.alias} ${pointing(found.version)}, which this deployment did not do: left so`,
      };
    await registry.moveAlias(previousVersion);
    return back;
  } catch (error) {
    return {
      outcome: 'fail',
      words: `${registry.alias} may still point to version ${version}: ${said(error)}. To move it: ${byHand(registry, previousVersion)}`,
    };
  }
}
