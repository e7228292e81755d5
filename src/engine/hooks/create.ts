/** The Hooks port: every distinct request runs once, under the budget, or comes from the cache. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HookMachine } from '../../kernel/hook-machine.ts';
import type {
  Execution,
  FeaturesRequest,
  FeatureTable,
  HookRequest,
  Hooks,
  PlannedExecution,
  Predictions,
  PredictRequest,
  TrainRequest,
} from '../../kernel/hooks.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { TableStore } from '../../kernel/table-store.ts';
import type { ManifestPort } from '../../kernel/world.ts';
import { type HookCommands, type HookName, hookCommands } from './commands.ts';
import { type Executed, execute, metricsName, outputNames, runSetup, type Surroundings } from './execute.ts';
import { interrupted } from './failures.ts';
import { canonical, type HookKeys, hookKeys } from './keys.ts';
import { openBudget, turns } from './limits.ts';
import { requestWords, withTraining } from './requests.ts';

export interface HooksOptions {
  readonly manifest: ResolvedManifest;
  /** Where a key of the manifest stands. */
  readonly place: ManifestPort['place'];
  readonly tables: TableStore;
  readonly machine: HookMachine;
  /** What the checks announced: nothing else is ever executed. */
  readonly planned: readonly PlannedExecution[];
  readonly signal: AbortSignal;
  /** A line of a hook's log. */
  onLine?(hook: HookName, line: string): void;
  /** An execution began (`seconds` absent) or ended. */
  onExecution?(event: {
    readonly hook: HookName;
    readonly words: string;
    readonly seconds?: number;
    readonly isCached: boolean;
  }): void;
  readonly now?: () => Date;
}

/** The port, and what it did. */
export interface RunningHooks extends Hooks {
  /** Commands that ran and results that came from the cache, in this run. */
  summary(): { readonly executed: number; readonly cached: number; readonly seconds: number };
}

/**
 * Opens the port; the budget's minutes count from here. Requests reject with HOOK_* errors (the repo's fault),
 * PREDICTIONS_INVALID, BUDGET_SPENT (the check is skipped) or INTERRUPTED; a request that no check announced is a bug.
 */
export function createHooks(options: HooksOptions): RunningHooks {
  const { manifest, machine, tables } = options;
  const commands = hookCommands(manifest, options.place);
  const keys = hookKeys({ manifest, commands, tables, machine });
  const announced = new Set(options.planned.flatMap(withTraining).map(({ request }) => canonical(request)));
  const shared = new Map<string, Promise<Execution>>();
  const once = <T extends Execution>(request: HookRequest, make: () => Promise<T>): Promise<T> => {
    const name = canonical(request);
    if (!announced.has(name)) return Promise.reject(new Error(`${requestWords(request)} was announced by no check`));
    const known = (shared.get(name) as Promise<T> | undefined) ?? make();
    shared.set(name, known);
    return known;
  };
  const { obtain, summary } = obtainer(options, commands, keys);

  const plain = async (request: TrainRequest): Promise<Execution> => {
    const { execution, folder } = await obtain(request, nothing, nothing);
    const metrics = join(folder, metricsName);
    const hasMetrics = await stat(metrics).then(
      (stats) => stats.isFile(),
      () => false,
    );
    return hasMetrics ? { ...execution, trainingMetrics: metrics } : execution;
  };
  const train = (request: TrainRequest): Promise<Execution> => once(request, () => plain(request));
  const predict = async (request: PredictRequest): Promise<Predictions> => {
    const model = async () => (await train(request.model)).output;
    const read = async (output: string) => {
      const name = `predictions_${(await keys.of(request)).slice(0, 16)}`;
      return tables.readPredictions(output, request.input, name);
    };
    const { execution, accepted } = await obtain(request, model, read);
    return { ...execution, ...accepted };
  };
  const features = async (request: FeaturesRequest): Promise<FeatureTable> => {
    const read = async (output: string) => tables.readFeatures(output, `features_${(await keys.of(request)).slice(0, 16)}`);
    const { execution, accepted } = await obtain(request, nothing, read);
    return { ...execution, ...accepted };
  };
  return {
    train,
    predict: (request) => once(request, () => predict(request)),
    features: (request) => once(request, () => features(request)),
    has: commands.has,
    summary,
  };
}

const nothing = async (): Promise<undefined> => undefined;

/** Gets results: from the cache, or by executing, in turn and under the budget. */
function obtainer(options: HooksOptions, commands: HookCommands, keys: HookKeys) {
  const { manifest, machine } = options;
  const budget = openBudget(manifest.budget);
  const around: Surroundings = { ...options, budget, now: options.now ?? (() => new Date()) };
  const inTurn = turns(manifest.budget.parallel);
  const total = { executed: 0, cached: 0, seconds: 0 };
  const measured = async <T extends { readonly seconds: number }>(
    hook: HookName,
    words: string,
    work: () => Promise<T>,
  ): Promise<T> => {
    options.onExecution?.({ hook, words, isCached: false });
    const done = await work();
    total.executed += 1;
    total.seconds += done.seconds;
    options.onExecution?.({ hook, words, seconds: done.seconds, isCached: false });
    return done;
  };
  const setup = async (): Promise<string | null> => {
    const key = await keys.setup();
    if (key === null) return null;
    return machine.dependencies(key, options.signal, async (folder) => {
      await measured('setup', 'setup', () => runSetup(around, commands.get('setup'), folder));
    });
  };
  let prepared: Promise<string | null> | undefined;

  const toExecution = (request: HookRequest, key: string, found: Executed, isCached: boolean): Execution => {
    const { folder, ranAt, seconds, maxRssBytes } = found;
    return { request, key, isCached, ranAt, seconds, maxRssBytes, output: join(folder, outputNames[request.hook]) };
  };
  /** `model` gives the model that predict needs; `accept` reads the output and throws when it is not fit to be kept. */
  const obtain = async <T>(
    request: HookRequest,
    model: () => Promise<string | undefined>,
    accept: (output: string) => Promise<T>,
  ) => {
    const { hook } = request;
    const words = requestWords(request);
    const command = commands.get(hook);
    const key = await keys.of(request);
    const hit = await machine.cache?.read(key);
    if (hit) {
      total.cached += 1;
      options.onExecution?.({ hook, words, seconds: hit.seconds, isCached: true });
      const execution = toExecution(request, key, hit, true);
      return { execution, folder: hit.folder, accepted: await accept(execution.output) };
    }
    prepared ??= setup();
    const [env, given] = await Promise.all([prepared, model()]);
    return inTurn(async () => {
      if (options.signal.aborted) throw interrupted(hook);
      if (hook === 'train') budget.takeTraining();
      const job = { request, key, command, env, ...(given !== undefined && { model: given }) };
      const found = await measured(hook, words, () => execute(around, job));
      const execution = toExecution(request, key, found, false);
      const accepted = await accept(execution.output);
      await machine.cache?.write(key, found.folder, found);
      return { execution, folder: found.folder, accepted };
    });
  };
  return { obtain, summary: () => ({ ...total }) };
}
