/** One execution of a hook: fresh working copy, inputs as copies, command under limits, output taken out. */
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fillCommand, type HookCommand, type Placeholder } from '../../facts/command.ts';
import type { Place } from '../../kernel/failure.ts';
import type { CacheRecord, CommandResult, HookMachine, Workspace } from '../../kernel/hook-machine.ts';
import type { HookRequest } from '../../kernel/hooks.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { TableStore } from '../../kernel/table-store.ts';
import type { HookName } from './commands.ts';
import { type FailedHook, failureOf, outputUnreadable, programMissing, wroteNothing } from './failures.ts';
import { type Budget, bytesOfSize } from './limits.ts';

/** What a hook may print, stdout and stderr together. */
const outputBytes = 64 * 2 ** 20;

/** Names of what a hook writes, in its output folder and in the cache. */
export const outputNames = { train: 'model', predict: 'predictions.csv', features: 'features.csv' } as const;
export const metricsName = 'metrics.jsonl';

export interface Surroundings {
  readonly manifest: ResolvedManifest;
  readonly machine: HookMachine;
  readonly tables: Pick<TableStore, 'export'>;
  readonly budget: Budget;
  readonly signal: AbortSignal;
  readonly now: () => Date;
  place(key: string): Place | undefined;
  onLine?(hook: HookName, line: string): void;
}

interface Job {
  readonly hook: HookName;
  readonly command: HookCommand;
  readonly workspace: Workspace;
  readonly values: Readonly<Partial<Record<Placeholder, string>>>;
  /** Folder that `setup` filled; null without one. */
  readonly env: string | null;
}

/** Runs a command in a workspace; throws the error of a command that did not end well. */
async function runHook(around: Surroundings, job: Job): Promise<CommandResult> {
  const { manifest, machine, signal } = around;
  const { hook, command, workspace } = job;
  const failed: FailedHook = { hook, command, place: around.place(`hooks.${hook}`) };
  const argv = fillCommand(command, job.values);
  const program = argv[0] ?? '';
  const { home, temporary } = workspace;
  const env = { ...machine.environment({ home, temporary, env: job.env }), ...manifest.hooks.env };
  // Setup may bring programs along; the shell's own "not found" is explained when it ends.
  if (job.env === null && manifest.hooks.env.PATH === undefined && (await machine.programVersion(program)) === null)
    throw programMissing(failed, program);
  const { seconds, isBudget } = around.budget.next();
  const limits = { seconds, memoryBytes: bytesOfSize(manifest.budget.memory), outputBytes };
  const folder = join(workspace.repo, '..');
  const { secrets } = machine;
  // The names of scratch folders tell nobody anything and differ in every run.
  const local = (line: string): string => line.replaceAll(`${workspace.repo}/`, '').replaceAll(`${folder}/`, '');
  const onLine = around.onLine && ((line: string): void => around.onLine?.(hook, local(line)));
  const ran = await machine.run({
    ...{ argv, cwd: workspace.repo, folder, env, limits, signal, secrets },
    ...(onLine && { onLine }),
  });
  const result = { ...ran, tail: ran.tail.map(local) };
  const failure = failureOf(failed, result, limits, isBudget);
  if (failure) throw failure;
  return result;
}

export interface Executed extends CacheRecord {
  /** Folder with the output, of this run alone. */
  readonly folder: string;
}

export interface Execution {
  readonly request: HookRequest;
  readonly key: string;
  readonly command: HookCommand;
  readonly env: string | null;
  /** The model that predict is given a copy of. */
  readonly model?: string;
}

/** Executes a request. Rejects with a HOOK_* error that says what happened and what to do. */
export async function execute(around: Surroundings, execution: Execution): Promise<Executed> {
  const { machine } = around;
  const { request, command, key } = execution;
  const { hook } = request;
  const workspace = await machine.workspace();
  try {
    const values = await handOver(around, execution, workspace);
    const ranAt = around.now().toISOString();
    const result = await runHook(around, { hook, command, workspace, values, env: execution.env });
    const placeholder = hook === 'train' ? 'model' : 'out';
    const failed: FailedHook = { hook, command, place: around.place(`hooks.${hook}`) };
    const name = outputNames[hook];
    const written = join(workspace.outputs, name);
    if (await isNothing(written)) throw wroteNothing(failed, placeholder, result.tail);
    const folder = await machine.keep(`${key}-${basename(join(workspace.repo, '..'))}`);
    try {
      await machine.copy(written, join(folder, name));
      const metrics = join(workspace.outputs, metricsName);
      if (hook === 'train' && !(await isNothing(metrics))) await machine.copy(metrics, join(folder, metricsName));
      // A symlink out of its folder is not copied: then there is nothing here either.
      if (await isNothing(join(folder, name))) throw new Error('it is neither a file nor a folder');
    } catch (error) {
      throw outputUnreadable(failed, placeholder, error);
    }
    return { folder, ranAt, seconds: result.seconds, maxRssBytes: result.maxRssBytes };
  } finally {
    await workspace.remove();
  }
}

async function isNothing(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => null);
  if (!stats) return true;
  return stats.isDirectory() ? (await readdir(path)).length === 0 : false;
}

/** Writes what the command asks for, and nothing else; the values are absolute paths or numbers. */
async function handOver(
  around: Surroundings,
  { request, command, model }: Execution,
  workspace: Workspace,
): Promise<Partial<Record<Placeholder, string>>> {
  const { manifest, tables, machine } = around;
  const { uses } = command;
  const label = manifest.columns.label === undefined ? [] : [manifest.columns.label];
  const values: Partial<Record<Placeholder, string>> = {};
  const input = (name: string): string => join(workspace.inputs, name);
  const output = (name: string): string => join(workspace.outputs, name);
  if (uses.has('params')) {
    values.params = input('params.json');
    const given = request.hook === 'train' ? request.params : request.hook === 'predict' ? request.model.params : undefined;
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
  values.out = output(outputNames[request.hook]);
  if (request.hook === 'predict') {
    values.seed = String(request.model.seed);
    if (uses.has('model') && model !== undefined) {
      values.model = input('model');
      await machine.copy(model, values.model);
    }
    if (uses.has('historic')) {
      values.historic = input('historic.csv');
      await tables.export(request.model.data, values.historic, { without: [] });
    }
  }
  const without = request.hook === 'predict' ? label : [];
  for (const name of ['in', 'future'] as const)
    if (uses.has(name)) {
      const path = input(`${name === 'in' ? 'rows' : 'future'}.csv`);
      values[name] = path;
      await tables.export(request.input, path, { without });
    }
  return values;
}

/** Runs the setup hook in a fresh copy; what it installs goes to `env`. */
export async function runSetup(around: Surroundings, command: HookCommand, env: string): Promise<CommandResult> {
  const workspace = await around.machine.workspace();
  try {
    await mkdir(env, { recursive: true });
    return await runHook(around, { hook: 'setup', command, workspace, values: {}, env });
  } finally {
    await workspace.remove();
  }
}
