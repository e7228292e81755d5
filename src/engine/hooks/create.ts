/** The Hooks port: every distinct request runs once, under the budget, or comes from the cache. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HookMachine } from '../../kernel/hook-machine.ts';
import type {
  Execution,
  FeaturesRequest,
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
import { type HookName, hookCommands } from './commands.ts';
import { type Executed, execute, metricsName, outputNames, runSetup, type Surroundings } from './execute.ts';
import { interrupted } from './failures.ts';
import { canonical, hookKeys } from './keys.ts';
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
  const now = options.now ?? (() => new Date());
  const commands = hookCommands(manifest, options.place);
  const keys = hookKeys({ manifest, commands, tables, machine });
  const budget = openBudget(manifest.budget);
  const around: Surroundings = { ...options, budget, now };
  const inTurn = turns(manifest.budget.parallel);
  const announced = new Set(options.planned.flatMap(withTraining).map(({ request }) => canonical(request)));
  const shared = new Map<string, Promise<Execution>>();
  let [executed, cached, seconds] = [0, 0, 0];
  let setup: Promise<string | null> | undefined;

  const prepare = async (): Promise<string | null> => {
    const key = await keys.setup();
    if (key === null) return null;
    const command = commands.get('setup');
    return machine.dependencies(key, options.signal, async (folder) => {
      const begun = performance.now();
      options.onExecution?.({ hook: 'setup', words: 'setup', isCached: false });
      await runSetup(around, command, folder);
      const took = (performance.now() - begun) / 1000;
      seconds += took;
      executed += 1;
      options.onExecution?.({ hook: 'setup', words: 'setup', seconds: took, isCached: false });
    });
  };

  const once = <T extends Execution>(request: HookRequest, make: () => Promise<T>): Promise<T> => {
    const name = canonical(request);
    if (!announced.has(name)) return Promise.reject(new Error(`${requestWords(request)} was announced by no check`));
    const known = (shared.get(name) as Promise<T> | undefined) ?? make();
    shared.set(name, known);
    return known;
  };

  /** From the cache, or executed; `accept` reads the output and throws when it is not fit to be kept. */
  const obtain = async <T>(
    request: HookRequest,
    model: () => Promise<string | undefined>,
    accept: (found: Executed) => Promise<T>,
  ) => {
    const { hook } = request;
    const words = requestWords(request);
    const command = commands.get(hook);
    const key = await keys.of(request);
    const hit = await machine.cache?.read(key);
    if (hit) {
      cached += 1;
      options.onExecution?.({ hook, words, seconds: hit.seconds, isCached: true });
      return { key, found: hit, isCached: true, accepted: await accept(hit) };
    }
    setup ??= prepare();
    const [env, given] = await Promise.all([setup, model()]);
    return inTurn(async () => {
      if (options.signal.aborted) throw interrupted(hook);
      if (hook === 'train') budget.takeTraining();
      options.onExecution?.({ hook, words, isCached: false });
      const found = await execute(around, { request, key, command, env, ...(given !== undefined && { model: given }) });
      executed += 1;
      seconds += found.seconds;
      options.onExecution?.({ hook, words, seconds: found.seconds, isCached: false });
      const accepted = await accept(found);
      await machine.cache?.write(key, found.folder, found);
      return { key, found, isCached: false, accepted };
    });
  };

  const plain = async (request: TrainRequest | FeaturesRequest): Promise<Execution> => {
    const { key, found, isCached } = await obtain(
      request,
      async () => undefined,
      async () => {},
    );
    const { folder, ranAt, seconds: took, maxRssBytes } = found;
    const metrics = join(folder, metricsName);
    const hasMetrics = await stat(metrics).then(
      (stats) => stats.isFile(),
      () => false,
    );
    const output = join(folder, outputNames[request.hook]);
    return { request, key, isCached, ranAt, seconds: took, maxRssBytes, output, ...(hasMetrics && { trainingMetrics: metrics }) };
  };
  const train = (request: TrainRequest): Promise<Execution> => once(request, () => plain(request));
  const predict = async (request: PredictRequest): Promise<Predictions> => {
    const model = async () => (await train(request.model)).output;
    const accept = async (found: Executed) => {
      const name = `predictions_${(await keys.of(request)).slice(0, 16)}`;
      return tables.readPredictions(join(found.folder, outputNames.predict), request.input, name);
    };
    const { key, found, isCached, accepted } = await obtain(request, model, accept);
    const { ranAt, seconds: took, maxRssBytes, folder } = found;
    const output = join(folder, outputNames.predict);
    return { request, key, isCached, ranAt, seconds: took, maxRssBytes, output, ...accepted };
  };
  return {
    train,
    predict: (request) => once(request, () => predict(request)),
    features: (request) => once(request, () => plain(request)),
    has: commands.has,
    summary: () => ({ executed, cached, seconds }),
  };
}
