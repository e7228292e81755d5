/** Permutation importance from one batch of predictions: how much worse the metric gets when a feature is shuffled. */
import { type Bootstrap, bootstrapAll } from '../../../src/stats/bootstrap.ts';
import type { Metric } from '../../../src/stats/metrics/metric.ts';
import type { Query } from '../../../src/stats/query.ts';
import type { Scored } from './scored.ts';

export interface Importance {
  readonly feature: string;
  /** Loss of the metric, mean over repeats, positive = the feature helps. */
  readonly loss: number;
  /** Over resampled rows; null where the metric is not defined. */
  readonly interval: Bootstrap | null;
}

const replicates = 200;

/** By what they were computed from: more than one probe asks for the same batch. */
const known = new WeakMap<Query, Map<string, Promise<readonly Importance[]>>>();

/** Importance of each feature of the batch (Breiman 2001; Fisher, Rudin, Dominici 2019). */
export function importances(
  tables: Query,
  scored: Scored,
  metric: Metric,
  features: readonly string[],
  seed: number,
): Promise<readonly Importance[]> {
  const ofTables = known.get(tables) ?? new Map<string, Promise<readonly Importance[]>>();
  known.set(tables, ofTables);
  const name = JSON.stringify([scored.relation, metric.name, features, seed]);
  const found = ofTables.get(name) ?? compute(tables, scored, metric, features, seed);
  ofTables.set(name, found);
  return found;
}

interface Batch {
  /** Labels and scores of the rows as they are, by their position. */
  readonly base: ReadonlyMap<number, { readonly y: number; readonly score: number }>;
  /** By feature, the scores of each shuffled copy by the position of the row. */
  readonly copies: ReadonlyMap<string, ReadonlyMap<number, ReadonlyMap<number, number>>>;
}

async function batchOf(tables: Query, scored: Scored): Promise<Batch> {
  const rows = await tables.query<{ c: string | null; r: number | null; o: number; y: number; score: number }>(
    `SELECT __column AS c, __repeat AS r, __original AS o, y, score FROM ${scored.relation} ORDER BY __row`,
  );
  const base = new Map<number, { y: number; score: number }>();
  const copies = new Map<string, Map<number, Map<number, number>>>();
  for (const { c, r, o, y, score } of rows) {
    if (c === null) base.set(o, { y, score });
    else {
      const repeats = copies.get(c) ?? new Map<number, Map<number, number>>();
      copies.set(c, repeats);
      const scores = repeats.get(r ?? 0) ?? new Map<number, number>();
      repeats.set(r ?? 0, scores);
      scores.set(o, score);
    }
  }
  return { base, copies };
}

async function compute(tables: Query, scored: Scored, metric: Metric, features: readonly string[], seed: number) {
  const { base, copies } = await batchOf(tables, scored);
  const rowsOf = (feature: string): readonly number[] => {
    const repeats = [...(copies.get(feature)?.values() ?? [])];
    // A row that the model refused in one copy is left out of all, so that every copy has the same rows.
    return [...base.keys()].filter((original) => repeats.every((scores) => scores.has(original)));
  };
  const found = new Map<string, Importance>();
  const rows = new Map(features.map((feature) => [feature, rowsOf(feature)]));
  // Features that kept all rows are compared on the same draws; the others each on their own.
  const whole = features.filter((feature) => rows.get(feature)?.length === base.size);
  const groups = [whole, ...features.filter((feature) => !whole.includes(feature)).map((feature) => [feature])];
  for (const group of groups.filter((each) => each.length > 0)) {
    const kept = rows.get(group[0] ?? '') ?? [];
    const y = Float64Array.from(kept, (row) => base.get(row)?.y ?? Number.NaN);
    const weighted = (scoreOf: (row: number) => number | undefined) =>
      metric.weighted(
        y,
        Float64Array.from(kept, (row) => scoreOf(row) ?? 0),
      );
    const original = weighted((row) => base.get(row)?.score);
    const shuffled = group.map((feature) =>
      [...(copies.get(feature)?.values() ?? [])].map((scores) => weighted((row) => scores.get(row))),
    );
    const sign = metric.isGreaterBetter ? 1 : -1;
    const losses = (weights: Uint16Array): readonly number[] => {
      const whatIs = original(weights);
      return shuffled.map((of) => sign * (whatIs - of.reduce((sum, one) => sum + one(weights), 0) / Math.max(1, of.length)));
    };
    const now = losses(new Uint16Array(kept.length).fill(1));
    const intervals = bootstrapAll(losses, kept.length, { seed, replicates });
    for (const [i, feature] of group.entries())
      found.set(feature, { feature, loss: now[i] ?? Number.NaN, interval: intervals[i] ?? null });
  }
  return features.flatMap((feature) => found.get(feature) ?? []);
}
