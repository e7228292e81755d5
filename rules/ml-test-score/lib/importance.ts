/** Permutation importance from one batch of predictions: how much worse the metric gets when a feature is shuffled. */
import { type Bootstrap, bootstrap, once } from '../../../src/stats/bootstrap.ts';
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

/** Importance of each feature of the batch (Breiman 2001; Fisher, Rudin, Dominici 2019). */
export async function importances(
  tables: Query,
  scored: Scored,
  metric: Metric,
  features: readonly string[],
  seed: number,
): Promise<readonly Importance[]> {
  const rows = await tables.query<{ c: string | null; r: number | null; o: number; y: number; score: number }>(
    `SELECT __column AS c, __repeat AS r, __original AS o, y, score FROM ${scored.relation} ORDER BY __row`,
  );
  const base = new Map<number, { y: number; score: number }>();
  const blocks = new Map<string, Map<number, Map<number, number>>>();
  for (const { c, r, o, y, score } of rows) {
    if (c === null) base.set(o, { y, score });
    else {
      const repeats = blocks.get(c) ?? new Map<number, Map<number, number>>();
      blocks.set(c, repeats);
      repeats.set(r ?? 0, (repeats.get(r ?? 0) ?? new Map<number, number>()).set(o, score));
    }
  }
  const sign = metric.isGreaterBetter ? 1 : -1;
  return features.map((feature) => {
    const repeats = [...(blocks.get(feature)?.values() ?? [])];
    // A row that the model refused in one copy is left out of all, so that every copy has the same rows.
    const kept = [...base].filter(([original]) => repeats.every((scores) => scores.has(original)));
    const y = Float64Array.from(kept, ([, row]) => row.y);
    const original = metric.weighted(
      y,
      Float64Array.from(kept, ([, row]) => row.score),
    );
    const shuffled = repeats.map((scores) =>
      metric.weighted(
        y,
        Float64Array.from(kept, ([row]) => scores.get(row) ?? 0),
      ),
    );
    const loss = (weights: Uint16Array) => {
      const mean = shuffled.reduce((sum, of) => sum + of(weights), 0) / Math.max(1, shuffled.length);
      return sign * (original(weights) - mean);
    };
    return { feature, loss: once(loss, kept.length), interval: bootstrap(loss, kept.length, { seed, replicates }) };
  });
}
