import type { Query } from '../query.ts';

/** A statistic of rows whose row i counts `weights[i]` times; NaN where it is not defined. */
export type Weighted = (weights: Uint16Array) => number;

/**
 * How good predictions are. A scored relation is SQL in parentheses with the columns `y` (1 = yes, 0 = no; or the value)
 * and `score`, both DOUBLE, finite, not null: refusals and NaN are counted by the caller, never scored.
 */
export interface Metric {
  readonly name: string;
  /** `1` for shares, `unit of the label`, ... */
  readonly unit: string;
  readonly isGreaterBetter: boolean;
  /** Over all rows, in SQL; null where it is not defined (no rows, one class). */
  measure(tables: Query, scored: string): Promise<number | null>;
  /** The same over fetched rows, for resampling. */
  weighted(y: Float64Array, score: Float64Array): Weighted;
}

interface Mean {
  readonly name: string;
  readonly unit: string;
  readonly isGreaterBetter: boolean;
  /** SQL of one row's loss or gain over `y` and `score`, and the same in code. */
  readonly sql: string;
  readonly of: (y: number, score: number) => number;
  /** Applied to the mean: the root of a mean square, say. */
  readonly finish?: (mean: number) => number;
}

/** A metric that is the mean of something of each row. */
export function meanMetric({ name, unit, isGreaterBetter, sql, of, finish = (mean) => mean }: Mean): Metric {
  return {
    name,
    unit,
    isGreaterBetter,
    async measure(tables, scored) {
      const [row] = await tables.query<{ mean: number | null }>(`SELECT favg(${sql}) AS mean FROM ${scored}`);
      return typeof row?.mean === 'number' ? finish(row.mean) : null;
    },
    weighted(y, score) {
      const losses = y.map((value, i) => of(value, score[i] ?? Number.NaN));
      return (weights) => {
        let sum = 0;
        let rows = 0;
        for (let i = 0; i < losses.length; i++) {
          const weight = weights[i] ?? 0;
          sum += weight * (losses[i] ?? 0);
          rows += weight;
        }
        return finish(sum / rows);
      };
    },
  };
}
