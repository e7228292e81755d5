/** One execution of a hook: fresh working copy, inputs as copies, command under limits, output taken out. */
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fillCommand, type HookCommand, type Placeholder } from '../../facts/command.ts';
import type { Place } from '../../kernel/failure.ts';
import type {
  CacheRecord,
  CommandLimits,
  CommandRequest,
  CommandResult,
  HookMachine,
  Workspace,
} from '../../kernel/hook-machine.ts';
import { type HookRequest, sourceOf, type TableRef } from '../../kernel/hooks.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { TableStore } from '../../kernel/table-store.ts';
import type { HookName } from './commands.ts';
import { type FailedHook, failureOf, outputUnreadable, programMissing, wroteNothing } from './failures.ts';
import { type Budget, bytesOfSize, type Turns } from './limits.ts';
import type { ReleasedHooks } from './releases.ts';
import { isTraced, traceName, traceVariable } from './trace.ts';

/** What a hook may print, stdout and stderr together. */
const outputBytes = 64 * 2 ** 20;

/** Names of what a hook writes, in its output folder and in the cache. */
export const outputNames = {
  train: 'model',
  predict: 'predictions.csv',
  features: 'features.csv',
  serve: 'answers.csv',
} as const;
export const metricsName = 'metrics.jsonl';

export interface Surroundings {
  readonly manifest: ResolvedManifest;
  readonly machine: HookMachine;
  readonly tables: Pick<TableStore, 'export' | 'rows'>;
  readonly budget: Budget;
  /** Commands run in turn; what is made ready for them and what is taken out afterwards is not waited for. */
  readonly inTurn: Turns;
  readonly signal: AbortSignal;
  readonly now: () => Date;
  place(key: string): Place | undefined;
  onLine?(hook: HookName, line: string): void;
}

export type Values = Readonly<Partial<Record<Placeholder, string>>>;

export interface Job {
  readonly hook: HookName;
  readonly command: HookCommand;
  readonly hooks: ReleasedHooks;
  readonly workspace: Workspace;
  /** Folder that `setup` filled; null without one. */
  readonly env: string | null;
  /** Where the steps of a prediction go, when they are wanted. */
  readonly trace?: string;
}

export interface Prepared {
  readonly failed: FailedHook;
  /** What it may use if it begins now, and whether the run's budget sets that. Throws BUDGET_SPENT. */
  bounds(): { readonly limits: CommandLimits; readonly isBudget: boolean };
  request(values: Values): Omit<CommandRequest, 'limits'>;
  /** A result without the names of scratch folders, which tell nobody anything and differ in every run. */
  plain(result: CommandResult): CommandResult;
}

/** The manifest's variables over ours; where `setup` installed something, its folders stay on the lists that they are on. */
export function withOwn(
  base: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
  hasSetup: boolean,
): Readonly<Record<string, string>> {
  const joined = (hasSetup ? ['PYTHONPATH', 'R_LIBS_USER'] : []).flatMap((name) =>
    own[name] && base[name] ? [[name, `${own[name]}:${base[name]}`]] : [],
  );
  return { ...base, ...own, ...Object.fromEntries(joined) };
}

/** Makes everything ready for a command in a workspace. */
export async function prepare(around: Surroundings, job: Job): Promise<Prepared> {
  const { machine, signal } = around;
  const { hook, command, workspace } = job;
  const { manifest } = job.hooks;
  const failed: FailedHook = { hook, command, place: around.place(`hooks.${hook}`) };
  const [first] = command.words;
  const isFixed = first?.every((piece) => 'text' in piece) ?? false;
  const program = command.isShell
    ? 'sh'
    : isFixed
      ? (first ?? []).map((piece) => ('text' in piece ? piece.text : '')).join('')
      : '';
  const { home, temporary } = workspace;
  const env = {
    ...machine.environment({ home, temporary, env: job.env }),
    ...manifest.hooks.env,
    ...(job.trace !== undefined && { [traceVariable]: job.trace }),
  };
  // Setup may bring programs along; the shell's own "not found" is explained when it ends.
  if (
    program !== '' &&
    job.env === null &&
    manifest.hooks.env.PATH === undefined &&
    (await machine.programVersion(program)) === null
  )
    throw programMissing(failed, program);
  const folder = join(workspace.repo, '..');
  const { secrets } = machine;
  const local = (line: string): string => line.replaceAll(`${workspace.repo}/`, '').replaceAll(`${folder}/`, '');
  const onLine = around.onLine && ((line: string): void => around.onLine?.(hook, local(line)));
  return {
    failed,
    bounds() {
      const { seconds, isBudget } = around.budget.next();
      return { limits: { seconds, memoryBytes: bytesOfSize(manifest.budget.memory), outputBytes }, isBudget };
    },
    request: (values) => ({
      ...{ argv: fillCommand(command, values), cwd: workspace.repo, folder, env, signal, secrets },
      ...(onLine && { onLine }),
    }),
    plain: (result) => ({ ...result, tail: result.tail.map(local) }),
  };
}

/** Runs a command in a workspace; throws the error of a command that did not end well. */
export async function runHook(around: Surroundings, job: Job, values: Values): Promise<CommandResult> {
  const { failed, bounds, request, plain } = await prepare(around, job);
  // Its process starts while those before it run, so that its turn begins with the command.
  const held = await around.machine.hold(request(values));
  try {
    return await around.inTurn(async (giveOn) => {
      const { limits, isBudget } = bounds();
      // The next command begins while we make sure that nothing is left of this one.
      const result = plain(await held.begin(limits, giveOn));
      const failure = failureOf(failed, result, limits, isBudget);
      if (failure) throw failure;
      return result;
    });
  } finally {
    held.release();
  }
}

export interface Executed extends CacheRecord {
  /** Folder with the output, of this run alone. */
  readonly folder: string;
}

export interface Execution {
  readonly request: HookRequest;
  readonly key: string;
  readonly command: HookCommand;
  readonly hooks: ReleasedHooks;
  readonly env: string | null;
  /** The model that predict is given a copy of. */
  readonly model?: Model;
}

export interface Model {
  readonly path: string;
  /** How long it took to train or to download it. */
  readonly seconds: number;
}

/** Executes a request. Rejects with a HOOK_* error that says what happened and what to do. */
export async function execute(around: Surroundings, execution: Execution): Promise<Executed> {
  const { machine } = around;
  const { request, command, key, hooks, env } = execution;
  const { hook } = request;
  const workspace = await machine.workspace(hooks.release);
  try {
    const values = await handOver(around, execution, workspace);
    const ranAt = around.now().toISOString();
    const trace = isTraced(request) ? join(workspace.outputs, traceName) : undefined;
    if (trace !== undefined) await mkdir(trace);
    const result = await runHook(around, { hook, command, hooks, workspace, env, ...(trace !== undefined && { trace }) }, values);
    const folder = await machine.keep(`${key}-${basename(join(workspace.repo, '..'))}`);
    await takeOut(around, execution, workspace, result, folder);
    if (trace !== undefined && !(await isNothing(trace))) await machine.copy(trace, join(folder, traceName));
    return { folder, ranAt, seconds: result.seconds, maxRssBytes: result.maxRssBytes };
  } finally {
    await workspace.remove();
  }
}

/** Copies what the hook wrote into a folder of ours; throws when it wrote nothing, or nothing that can be read. */
export async function takeOut(
  { machine, place }: Pick<Surroundings, 'machine' | 'place'>,
  { request: { hook }, command }: Pick<Execution, 'request' | 'command'>,
  workspace: Workspace,
  result: CommandResult,
  folder: string,
): Promise<void> {
  const placeholder = hook === 'train' ? 'model' : 'out';
  const failed: FailedHook = { hook, command, place: place(`hooks.${hook}`) };
  const name = outputNames[hook];
  const written = join(workspace.outputs, name);
  if (await isNothing(written)) throw wroteNothing(failed, placeholder, result.tail);
  try {
    await machine.copy(written, join(folder, name));
    const metrics = join(workspace.outputs, metricsName);
    if (hook === 'train' && !(await isNothing(metrics))) await machine.copy(metrics, join(folder, metricsName));
    // A symlink out of its folder is not copied: then there is nothing here either.
    if (await isNothing(join(folder, name))) throw new Error('it is neither a file nor a folder');
  } catch (error) {
    throw outputUnreadable(failed, placeholder, error);
  }
}

export async function isNothing(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => null);
  if (!stats) return true;
  return stats.isDirectory() ? (await readdir(path)).length === 0 : false;
}

/**
 * Columns that whoever predicts must not see: the label and, in logged requests, what was answered and by whom. A feature is
 * seen whatever its name.
 */
export function hiddenColumns({ columns }: ResolvedManifest, ref: TableRef): readonly string[] {
  const label = columns.label === undefined ? [] : [columns.label];
  if (sourceOf(ref) !== 'serving') return label;
  const features = columns.features === 'auto' ? [] : columns.features;
  return [...label, ...['score', 'prediction', 'model_version'].filter((name) => !features.includes(name))];
}

/** Writes what the command asks for, and nothing else; the values are absolute paths or numbers. */
export async function handOver(
  around: Surroundings,
  { request, command, model, hooks: { manifest } }: Execution,
  workspace: Workspace,
): Promise<Partial<Record<Placeholder, string>>> {
  const { tables, machine } = around;
  const { uses } = command;
  const values: Partial<Record<Placeholder, string>> = {};
  const input = (name: string): string => join(workspace.inputs, name);
  const output = (name: string): string => join(workspace.outputs, name);
  if (uses.has('params')) {
    values.params = input('params.json');
    const trained = request.hook === 'features' ? undefined : request.hook === 'train' ? request : request.model;
    const given = trained?.hook === 'train' ? trained.params : undefined;
    await writeFile(values.params, JSON.stringify({ ...manifest.hooks.params, ...given }));
  }
  if (request.hook === 'train') {
    values.seed = String(request.seed);
    values.model = output(outputNames.train);
    if (uses.has('data')) {
      values.data = input('data.csv');
      await tables.export(request.data, values.data, { without: [] });
    }
    return values;
  }
  // A server writes no file; what it answers is written by us.
  if (request.hook === 'serve') return values;
  values.out = output(outputNames[request.hook]);
  if (request.hook === 'predict') {
    const trained = request.model.hook === 'train' ? request.model : null;
    values.seed = String(trained?.seed ?? 1);
    if (uses.has('model') && model !== undefined) {
      values.model = input('model');
      await machine.copy(model.path, values.model);
    }
    if (uses.has('historic')) {
      values.historic = input('historic.csv');
      await tables.export(trained?.data ?? { table: 'train' }, values.historic, { without: [] });
    }
  }
  const without = request.hook === 'predict' ? hiddenColumns(manifest, request.input) : [];
  for (const name of ['in', 'future'] as const)
    if (uses.has(name)) {
      const path = input(`${name === 'in' ? 'rows' : 'future'}.csv`);
      values[name] = path;
      await tables.export(request.input, path, { without });
    }
  return values;
}

/** Runs the setup hook in a fresh copy; what it installs goes to `env`. */
export async function runSetup(around: Surroundings, hooks: ReleasedHooks, env: string): Promise<CommandResult> {
  const workspace = await around.machine.workspace(hooks.release);
  try {
    await mkdir(env, { recursive: true });
    const command = hooks.commands.get('setup');
    return await runHook(around, { hook: 'setup', command, hooks, workspace, env }, {});
  } finally {
    await workspace.remove();
  }
}
