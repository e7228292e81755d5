/** The plan of a run: which hooks run how often and for whom, what is cached, what the budget allows. Executes nothing. */
import { canonical } from '../../kernel/canonical.ts';
import { type Failure, FlightcheckError, toFailure } from '../../kernel/failure.ts';
import type { HookMachine } from '../../kernel/hook-machine.ts';
import { type HookRequest, hasNewIds, type PlannedExecution, type SourceName, sourceOf } from '../../kernel/hooks.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { TableStore } from '../../kernel/table-store.ts';
import type { ManifestPort } from '../../kernel/world.ts';
import { hookKeys } from './keys.ts';
import { releases } from './releases.ts';
import { requestWords, withTraining } from './requests.ts';

export interface PlannedHook {
  readonly hook: HookRequest['hook'];
  readonly request: HookRequest;
  /** `train on train, seed 1`. */
  readonly words: string;
  /** Ids of the checks that share it. */
  readonly checks: readonly string[];
  readonly isCached: boolean;
  /** When it runs, if not always. */
  readonly sometimes?: string;
  /** Why its key cannot be told, and so probably why it will fail: a missing hook, table or program. */
  readonly problem?: Failure;
}

export interface HookPlan {
  /** Null without a setup hook. */
  readonly setup: { readonly command: string; readonly isCached: boolean } | null;
  /** In the order in which checks ask for them, trainings first where they are needed. */
  readonly executions: readonly PlannedHook[];
  /** Checks that are left out, with the reason: over budget, or untouched. */
  readonly leaveOut: ReadonlyMap<string, string>;
  readonly budget: ResolvedManifest['budget'];
  /** Executions to come: certain ones, and those that depend on what the others show. */
  readonly totals: Readonly<
    Record<HookRequest['hook'], { readonly runs: number; readonly cached: number; readonly sometimes: number }>
  >;
  /** The check that comes to a command soonest; null where none has to run. */
  readonly first: string | null;
  /** By check: its requests, each with its key, or why it has none. */
  readonly basis: ReadonlyMap<string, unknown>;
  /** What createHooks is told: the executions of the checks that are left. */
  readonly planned: readonly PlannedExecution[];
}

export interface PlanOptions {
  readonly manifest: ResolvedManifest;
  readonly place: ManifestPort['place'];
  readonly tables: Pick<TableStore, 'key' | 'open'>;
  readonly machine: HookMachine;
  /** The selected checks with what each announces. */
  readonly checks: readonly { readonly id: string; readonly planned: readonly PlannedExecution[] }[];
  /** Of these, the checks of this shard; default all. The budget is that of the whole rubric, so that shards leave out the same. */
  readonly own?: ReadonlySet<string>;
  /** Reads the tables too, which a run reads when it comes to them. */
  readonly isShown?: boolean;
  /** Checks that nothing touched, with the reason to leave them out; those whose evidence is all cached are shown all the same. */
  readonly untouched?: ReadonlyMap<string, string>;
}

interface Entry {
  readonly request: HookRequest;
  /** Ids of the checks with the condition under which each asks for it; undefined = always. */
  readonly checks: Map<string, string | undefined>;
  /** Null with a problem. */
  key: string | null;
  isCached: boolean;
  problem?: Failure;
}

/** Plans a run. Never executes code of the repo and never throws for what the repo lacks: problems are in the plan. */
export async function planHooks(options: PlanOptions): Promise<HookPlan> {
  const { manifest, machine } = options;
  const keys = hookKeys({ releases: releases(manifest, options.place, machine), tables: options.tables, machine });
  const entries = entriesOf(options.checks);
  await Promise.all(
    entries.map((entry) =>
      noting(entry, async () => {
        entry.key = await keys.of(entry.request);
        entry.isCached = ((await machine.cache?.record(entry.key)) ?? null) !== null;
      }),
    ),
  );
  if (options.isShown) await tryTables(entries, options.tables);
  const basis = basisOf(entries);
  spareTrainings(entries, options.checks);
  const isOwn = (check: string): boolean => options.own?.has(check) ?? true;
  const untouched = unlessCached(options.untouched ?? new Map(), entries);
  const left = overBudget(entries, manifest.budget.trains, new Map([...withoutId(entries, manifest), ...untouched]));
  const leaveOut = new Map([...left].filter(([check]) => isOwn(check)));
  const isLeft = (check: string): boolean => isOwn(check) && !leaveOut.has(check);
  const remaining = entries.flatMap((entry) => {
    const checks = [...entry.checks].filter(([check]) => isLeft(check));
    if (checks.length === 0) return [];
    const sometimes = checks.every(([, condition]) => condition !== undefined) ? checks[0]?.[1] : undefined;
    return [{ ...entry, checks: checks.map(([check]) => check), ...(sometimes !== undefined && { sometimes }) }];
  });
  return {
    setup: await setupOf(options, () => keys.setup(undefined)),
    executions: remaining.map(({ checks, sometimes, problem, request, isCached }) => ({
      ...{ hook: request.hook, request, words: requestWords(request), checks, isCached },
      ...(sometimes !== undefined && { sometimes }),
      ...(problem && { problem }),
    })),
    leaveOut,
    budget: manifest.budget,
    totals: {
      train: totalOf(remaining, 'train'),
      predict: totalOf(remaining, 'predict'),
      features: totalOf(remaining, 'features'),
      serve: totalOf(remaining, 'serve'),
    },
    planned: options.checks.filter(({ id }) => isLeft(id)).flatMap(({ planned }) => planned),
    basis,
    first: firstOf(entries, isLeft),
  };
}

/** Of the checks that surely come to the first command the one that asks for least, and so is there soonest. */
function firstOf(entries: readonly Entry[], isLeft: (check: string) => boolean): string | null {
  const asked = (check: string): number => entries.filter(({ checks }) => checks.has(check)).length;
  for (const { isCached, problem, checks } of entries) {
    const sure = [...checks].flatMap(([check, sometimes]) => (sometimes === undefined && isLeft(check) ? [check] : []));
    const [soonest] = isCached || problem ? [] : sure.sort((a, b) => asked(a) - asked(b));
    if (soonest !== undefined) return soonest;
  }
  return null;
}

async function noting(entry: Entry, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof FlightcheckError)) throw error;
    entry.problem = toFailure(error);
  }
}

/** A table that no execution has read so far is read now: what is wrong with it belongs into a plan that is shown. */
async function tryTables(entries: readonly Entry[], tables: PlanOptions['tables']): Promise<void> {
  const sourceFor = (request: HookRequest): SourceName => sourceOf(request.hook === 'train' ? request.data : request.input);
  const read = new Set(entries.filter(({ isCached }) => isCached).map(({ request }) => sourceFor(request)));
  for (const entry of entries) {
    const table = sourceFor(entry.request);
    if (!entry.problem && !read.has(table)) await noting(entry, async () => void (await tables.open({ table })));
  }
}

/** By check: each of its requests with what its result depends on. */
function basisOf(entries: readonly Entry[]): HookPlan['basis'] {
  const basis = new Map<string, (readonly [HookRequest, string | Failure])[]>();
  for (const { request, key, problem, checks } of entries)
    for (const check of checks.keys()) {
      const those = basis.get(check) ?? [];
      those.push([request, key ?? problem ?? '']);
      basis.set(check, those);
    }
  return basis;
}

function entriesOf(checks: PlanOptions['checks']): Entry[] {
  const entries = new Map<string, Entry>();
  for (const { id, planned } of checks)
    for (const { request, sometimes } of planned.flatMap(withTraining)) {
      const name = canonical(request);
      const entry = entries.get(name) ?? { request, checks: new Map(), key: null, isCached: false };
      const isCertain = entry.checks.has(id) && entry.checks.get(id) === undefined;
      entry.checks.set(id, isCertain ? undefined : sometimes);
      entries.set(name, entry);
    }
  return [...entries.values()];
}

/** A training that only cached predictions ask for does not run. */
function spareTrainings(entries: readonly Entry[], checks: PlanOptions['checks']): void {
  const asked = new Set(checks.flatMap(({ planned }) => planned.map(({ request }) => canonical(request))));
  const needed = entries.flatMap(({ request, isCached }) =>
    (request.hook === 'predict' || request.hook === 'serve') && !isCached ? [canonical(request.model)] : [],
  );
  for (const entry of entries) {
    const name = canonical(entry.request);
    if (entry.request.hook === 'train' && !asked.has(name) && !needed.includes(name)) entry.isCached = true;
  }
}

/** Of untouched checks those that would have to execute something, or that have no evidence in the cache. */
function unlessCached(untouched: ReadonlyMap<string, string>, entries: readonly Entry[]): ReadonlyMap<string, string> {
  const isShown = (check: string): boolean => {
    const own = entries.filter(({ checks }) => checks.has(check));
    // What was not asked then, as nothing called for it, is not asked now.
    const isKnown = ({ isCached, checks }: Entry): boolean => isCached || checks.get(check) !== undefined;
    return own.some(({ isCached }) => isCached) && own.every(isKnown);
  };
  return new Map([...untouched].filter(([check]) => !isShown(check)));
}

/**
 * Checks that have made-up or copied rows predicted, of a model whose rows have no id: the answer names its rows by the
 * columns of the key, and those of copies are the same.
 */
function withoutId(entries: readonly Entry[], { columns }: ResolvedManifest): ReadonlyMap<string, string> {
  if (columns.key === undefined) return new Map();
  const key = columns.key.join(' and ');
  const reason = `it predicts copies of rows, which ${key} (columns.key) cannot tell apart; rows with an id of their own can be (columns.id)`;
  return new Map(
    entries
      .filter(({ request }) => request.hook !== 'train' && hasNewIds(request.input))
      .flatMap(({ checks }) => [...checks.keys()].map((check) => [check, reason] as const)),
  );
}

/**
 * Leaves out the dearest checks until the certain trainings fit. Dear is who alone causes most trainings; cached ones
 * cost nothing. Trainings that happen only sometimes are not counted: they end with BUDGET_SPENT when there are none left.
 */
function overBudget(
  entries: readonly Entry[],
  allowed: number,
  untouched: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const leaveOut = new Map(untouched);
  const trainings = entries
    .filter(({ request, isCached }) => request.hook === 'train' && !isCached)
    .map(({ checks }) => [...checks].flatMap(([check, sometimes]) => (sometimes === undefined ? [check] : [])));
  for (;;) {
    const needed = trainings.map((checks) => checks.filter((check) => !leaveOut.has(check))).filter((c) => c.length > 0);
    if (needed.length <= allowed) return leaveOut;
    const costs = new Map<string, { alone: number; all: number }>();
    for (const checks of needed)
      for (const check of checks) {
        const cost = costs.get(check) ?? { alone: 0, all: 0 };
        costs.set(check, { alone: cost.alone + (checks.length === 1 ? 1 : 0), all: cost.all + 1 });
      }
    const [dearest] = [...costs].sort(([a, x], [b, y]) => y.alone - x.alone || y.all - x.all || (a < b ? 1 : -1));
    if (!dearest) return leaveOut;
    const [check, { all }] = dearest;
    leaveOut.set(check, `over budget: it needs ${all} of the ${needed.length} trainings, and budget.trains allows ${allowed}`);
  }
}

function totalOf(entries: readonly Pick<PlannedHook, 'request' | 'isCached' | 'sometimes'>[], hook: HookRequest['hook']) {
  const those = entries.filter(({ request }) => request.hook === hook);
  const toRun = those.filter(({ isCached }) => !isCached);
  const sometimes = toRun.filter((entry) => entry.sometimes !== undefined).length;
  return { runs: toRun.length - sometimes, cached: those.length - toRun.length, sometimes };
}

async function setupOf({ manifest, machine }: PlanOptions, keyOf: () => Promise<string | null>): Promise<HookPlan['setup']> {
  const command = manifest.hooks.setup;
  if (command === undefined) return null;
  try {
    const key = await keyOf();
    return { command, isCached: key !== null && (await machine.hasDependencies(key)) };
  } catch (error) {
    if (!(error instanceof FlightcheckError)) throw error;
    return { command, isCached: false };
  }
}
