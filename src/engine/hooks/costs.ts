/** What executions cost: seconds that earlier runs recorded, else estimates. Requests are known by what they ask, not by commit. */
import { createHash } from 'node:crypto';
import { isMap } from '../../facts/is-map.ts';
import { canonical } from '../../kernel/canonical.ts';
import type { HookRequest } from '../../kernel/hooks.ts';

/** Seconds by name of an execution, see `costName`. */
export type Costs = ReadonlyMap<string, number>;

export const setupCost = 'setup';

/** `train-1f0c...`: the same request has the same name in every run and on every machine. */
export const costName = (request: HookRequest): string =>
  `${request.hook}-${createHash('sha256').update(canonical(request)).digest('hex').slice(0, 16)}`;

/** Seconds where nothing is recorded: only their proportions matter. */
const guesses: Readonly<Record<HookRequest['hook'] | 'setup', number>> = {
  setup: 30,
  train: 60,
  predict: 15,
  features: 15,
  serve: 20,
};

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

/** Seconds of an execution, always the same for the same record: as recorded, else the median of its hook, else a guess. */
export function costOf(costs: Costs): (name: string) => number {
  const hookOf = (name: string): string => name.split('-', 1)[0] ?? '';
  const byHook = new Map<string, number[]>();
  for (const [name, seconds] of costs) byHook.set(hookOf(name), [...(byHook.get(hookOf(name)) ?? []), seconds]);
  return (name) => {
    const hook = hookOf(name);
    return costs.get(name) ?? median(byHook.get(hook) ?? []) ?? guesses[hook as keyof typeof guesses] ?? guesses.predict;
  };
}

/** Below this change a record stays: a division that follows every tremor would find nothing in the caches of its shards. */
const tolerance = 1.3;

const mostBytes = 1024 * 1024;
const isName = (name: string): boolean => /^(setup|(train|predict|features|serve)-[0-9a-f]{16})$/.test(name);
const isSeconds = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1e6;

/** A record as text. */
export const writeCosts = (costs: Costs): string =>
  `${JSON.stringify({ seconds: Object.fromEntries([...costs].sort(([a], [b]) => (a < b ? -1 : 1))) }, null, 2)}\n`;

/** The record in a text that another job wrote; empty when it is none. What is no name and no number is left out. */
export function readCosts(text: string | null): Costs {
  if (text === null || text.length > mostBytes) return new Map();
  try {
    const { seconds } = JSON.parse(text) as { seconds?: unknown };
    if (!isMap(seconds)) return new Map();
    return new Map(Object.entries(seconds).filter((entry): entry is [string, number] => isName(entry[0]) && isSeconds(entry[1])));
  } catch {
    return new Map();
  }
}

/** The record after a run. */
export function updatedCosts(known: Costs, measured: Costs): Costs {
  const next = new Map(known);
  for (const [name, seconds] of measured) {
    const before = known.get(name);
    const isNear = before !== undefined && seconds < before * tolerance && before < seconds * tolerance;
    if (!isNear) next.set(name, Math.round(seconds * 10) / 10);
  }
  return next;
}
