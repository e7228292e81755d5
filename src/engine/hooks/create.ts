/** The Hooks port: every distinct request runs once, under the budget, or comes from the cache. */

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readLosses } from '../../facts/training-metrics.ts';
import { canonical } from '../../kernel/canonical.ts';
import type { HookMachine, Release } from '../../kernel/hook-machine.ts';
import type {
  Execution,
  FeaturesRequest,
  FeatureTable,
  GivenModel,
  HookRequest,
  Hooks,
  ModelRequest,
  PlannedExecution,
  Predictions,
  PredictRequest,
  Served,
  ServeRequest,
  TrainRequest,
} from '../../kernel/hooks.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { Metric } from '../../kernel/report.ts';
import type { TableStore } from '../../kernel/table-store.ts';
import type { ManifestPort } from '../../kernel/world.ts';
import { type HookName, hookCommands } from './commands.ts';
import { type Costs, costName, setupCost } from './costs.ts';
import { type Executed, execute, type Model, metricsName, outputNames, runSetup, type Surroundings } from './execute.ts';
import { interrupted } from './failures.ts';
import { executeInterrupted, leftoverName, readInterruption } from './interrupt.ts';
import { type HookKeys, hookKeys } from './keys.ts';
import { openBudget, type RunShare, turns } from './limits.ts';
import { withNamedModel, withNamedModels } from './named-model.ts';
import { performanceOf } from './performance.ts';
import { type Releases, releaseOf, releases } from './releases.ts';
import { requestWords, uninterrupted, withTraining } from './requests.ts';
import { executeServe, readServing } from './serve.ts';
import { timed } from './timed.ts';
import { readTrace } from './trace.ts';

/** Bytes of `metrics.jsonl` that are read. */
const largestMetrics = 64 * 2 ** 20;

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
  /** Executions and results that came from the cache, in this run; the seconds of every command that ran. */
  summary(): { readonly executed: number; readonly cached: number; readonly seconds: number };
  /** How fast and how large the model's commands were, as metrics of the report. */
  performance(): readonly Metric[];
  /** Where `setup` has installed to, once it has; null when there is no setup hook. */
  dependencies(): Promise<string | null>;
  /** Seconds of each command that ran. */
  costs(): Costs;
  /** For what runs beside the hooks and is none. */
  readonly share: RunShare;
  /** Resolves when the first command runs. */
  readonly isUnderWay: Promise<void>;
}

/**
 * Opens the port; the budget's minutes count from here. Requests reject with HOOK_* errors (the repo's fault),
 * PREDICTIONS_INVALID, BUDGET_SPENT (the check is skipped) or INTERRUPTED; a request that no check announced is a bug.
 */
export function createHooks(options: HooksOptions): RunningHooks {
  const { manifest, machine, tables } = options;
  const commands = hookCommands(manifest, options.place);
  const released = releases(manifest, options.place, machine);
  const keys = hookKeys({ releases: released, tables, machine });
  const announced = new Set(
    withNamedModels(manifest, options.planned)
      .flatMap(withTraining)
      .map(({ request }) => canonical(request)),
  );
  const shared = new Map<string, Promise<Execution>>();
  const once = <T extends Execution>(request: HookRequest, make: () => Promise<T>): Promise<T> => {
    const name = canonical(request);
    if (!announced.has(name)) return Promise.reject(new Error(`${requestWords(request)} was announced by no check`));
    const known = (shared.get(name) as Promise<T> | undefined) ?? make();
    shared.set(name, known);
    return known;
  };
  const { obtain, ...others } = obtainer(options, released, keys);
  const given = givenModels(machine);
  const done: Execution[] = [];
  const noted = <T extends Execution>(execution: T): T => {
    done.push(execution);
    return execution;
  };

  const plain = async (request: TrainRequest): Promise<Execution> => {
    // Only how long it takes is wanted of the training that is left alone.
    const alone = () => (request.interrupted ? modelOf(uninterrupted(request)) : nothing());
    const { execution, folder } = await obtain(request, alone, nothing);
    return noted({
      ...execution,
      ...(await metricsOf(folder)),
      ...(request.interrupted && { interruption: await readInterruption(folder) }),
    });
  };
  const train = (request: TrainRequest): Promise<Execution> => once(request, () => plain(request));
  const predict = async (request: PredictRequest): Promise<Predictions> => {
    const read = async (output: string) => {
      const name = `predictions_${(await keys.of(request)).slice(0, 16)}`;
      return tables.readPredictions(output, request.input, name);
    };
    const model = () => modelOf(request.model, request.leftover);
    const { execution, folder, accepted } = await obtain(request, model, read);
    const trace = request.trace && { trace: await readTrace(tables, folder, `trace_${execution.key.slice(0, 16)}`) };
    return noted({ ...execution, ...accepted, ...trace });
  };
  const modelOf = async (model: ModelRequest, isLeftover = false): Promise<Model> => {
    if (model.hook === 'given') return given(model.which);
    const { output, seconds } = await train(model);
    return { path: isLeftover ? join(output, '..', leftoverName) : output, seconds };
  };
  const serve = async (request: ServeRequest): Promise<Served> => {
    const read = async (output: string) => {
      const name = `answers_${(await keys.of(request)).slice(0, 16)}`;
      return tables.readPredictions(output, request.input, name);
    };
    const { execution, folder, accepted } = await obtain(request, () => modelOf(request.model), read);
    return noted({ ...execution, ...accepted, ...(await readServing(folder)) });
  };
  const features = async (request: FeaturesRequest): Promise<FeatureTable> => {
    const read = async (output: string) => tables.readFeatures(output, `features_${(await keys.of(request)).slice(0, 16)}`);
    const { execution, accepted } = await obtain(request, nothing, read);
    return { ...execution, ...accepted };
  };
  return {
    train,
    predict: (asked) => {
      const request = withNamedModel(manifest, asked);
      return once(request, () => predict(request));
    },
    features: (request) => once(request, () => features(request)),
    serve: (asked) => {
      const request = withNamedModel(manifest, asked);
      return once(request, () => serve(request));
    },
    textsIn: (execution, texts) => machine.textsIn(execution.output, texts),
    has: commands.has,
    performance: () => performanceOf(done),
    ...others,
  };
}

const nothing = async (): Promise<undefined> => undefined;

/** What a training said of its steps, when it did. */
async function metricsOf(folder: string): Promise<Pick<Execution, 'trainingMetrics' | 'losses'>> {
  const path = join(folder, metricsName);
  const stats = await stat(path).catch(() => null);
  if (!stats?.isFile()) return {};
  if (stats.size > largestMetrics) return { trainingMetrics: path };
  return { trainingMetrics: path, losses: readLosses(await readFile(path, 'utf8')) };
}

/** Gets each model that is not trained here once. */
function givenModels(machine: HookMachine) {
  const got = new Map<GivenModel['which'], Promise<Model>>();
  const get = async (which: GivenModel['which']): Promise<Model> => {
    const found = await machine.model(which);
    const started = performance.now();
    const path = await found.fetch(await machine.keep(`model-${which}`));
    return { path, seconds: (performance.now() - started) / 1000 };
  };
  return (which: GivenModel['which']): Promise<Model> => {
    const known = got.get(which) ?? get(which);
    got.set(which, known);
    return known;
  };
}

function executor(request: HookRequest): typeof execute {
  if (request.hook === 'serve') return executeServe;
  return request.hook === 'train' && request.interrupted ? executeInterrupted : execute;
}

/** Gets results: from the cache, or by executing, in turn and under the budget. */
function obtainer(options: HooksOptions, released: Releases, keys: HookKeys) {
  const { manifest, machine } = options;
  const budget = openBudget(manifest.budget);
  const { parallel } = manifest.budget;
  const total = { executed: 0, cached: 0, seconds: 0 };
  let start = (): void => {};
  const isUnderWay = new Promise<void>((resolve) => {
    start = resolve;
  });
  const end = (seconds: number): void => {
    total.seconds += seconds;
  };
  const around: Surroundings = {
    ...options,
    budget,
    machine: timed(machine, start, end),
    inTurn: turns(parallel),
    now: options.now ?? (() => new Date()),
  };
  // One more is made ready while the others run.
  const inPreparation = turns(parallel + 1);
  const costs = new Map<string, number>();
  const measured = async <T extends { readonly seconds: number }>(
    { hook, words, cost }: { readonly hook: HookName; readonly words: string; readonly cost: string },
    work: () => Promise<T>,
  ): Promise<T> => {
    options.onExecution?.({ hook, words, isCached: false });
    const done = await work();
    costs.set(cost, done.seconds);
    total.executed += 1;
    options.onExecution?.({ hook, words, seconds: done.seconds, isCached: false });
    return done;
  };
  const setup = async (release: Release): Promise<string | null> => {
    const key = await keys.setup(release);
    if (key === null) return null;
    const hooks = await released(release);
    return machine.dependencies(key, options.signal, async (folder) => {
      await measured({ hook: 'setup', words: 'setup', cost: setupCost }, () => runSetup(around, hooks, folder));
    });
  };
  const prepared = new Map<Release, Promise<string | null>>();
  const prepare = (release: Release): Promise<string | null> => {
    const known = prepared.get(release) ?? setup(release);
    prepared.set(release, known);
    return known;
  };

  const toExecution = (request: HookRequest, key: string, found: Executed, isCached: boolean): Execution => {
    const { folder, ranAt, seconds, maxRssBytes } = found;
    return { request, key, isCached, ranAt, seconds, maxRssBytes, output: join(folder, outputNames[request.hook]) };
  };
  /** `model` gives the model that predict needs; `accept` reads the output and throws when it is not fit to be kept. */
  const obtain = async <T>(
    request: HookRequest,
    model: () => Promise<Model | undefined>,
    accept: (output: string) => Promise<T>,
  ) => {
    const { hook } = request;
    const words = requestWords(request);
    const hooks = await released(releaseOf(request));
    const command = hooks.commands.get(hook);
    const key = await keys.of(request);
    const hit = await machine.cache?.read(key);
    if (hit) {
      total.cached += 1;
      options.onExecution?.({ hook, words, seconds: hit.seconds, isCached: true });
      const execution = toExecution(request, key, hit, true);
      return { execution, folder: hit.folder, accepted: await accept(execution.output) };
    }
    const [env, given] = await Promise.all([prepare(hooks.release), model()]);
    const found = await inPreparation(() => {
      if (options.signal.aborted) throw interrupted(hook);
      if (hook === 'train') budget.takeTraining();
      const job = { request, key, command, hooks, env, ...(given !== undefined && { model: given }) };
      return measured({ hook, words, cost: costName(request) }, () => executor(request)(around, job));
    });
    // The next command runs while this one's output is read.
    const execution = toExecution(request, key, found, false);
    const accepted = await accept(execution.output);
    await machine.cache?.write(key, found.folder, found);
    return { execution, folder: found.folder, accepted };
  };
  const share: RunShare = { inTurn: around.inTurn, secondsLeft: budget.secondsLeft };
  return {
    ...{ obtain, share, isUnderWay, dependencies: () => prepare(undefined) },
    ...{ summary: () => ({ ...total }), costs: () => new Map(costs) },
  };
}
