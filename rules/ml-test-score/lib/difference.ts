/** How far two sets of predictions of the same rows are apart. */
import type { Predictions } from '../../../src/kernel/hooks.ts';
import type { Query } from '../../../src/stats/query.ts';

/** Largest difference of two predictions of the same training. */
export const tolerance = 1e-6;

export interface Difference {
  readonly rows: number;
  readonly differing: number;
  readonly bothNaN: number;
  readonly largest: number | null;
  readonly mean: number | null;
  readonly examples: readonly string[] | null;
}

/** Row by row: a null equals a null (refused both times); NaN equals nothing; labels are compared as text. */
export async function difference(tables: Query, a: Predictions, b: Predictions): Promise<Difference> {
  const d = a.column === 'score' ? 'abs(a.score - b.score)' : 'CAST(a.prediction IS DISTINCT FROM b.prediction AS DOUBLE)';
  const notFinite = a.column === 'score' ? '(NOT isfinite(a.score) AND NOT isfinite(b.score))' : 'false';
  const isNull = (row: string) => `${row}.${a.column} IS NULL`;
  const differs = `((${isNull('a')}) <> (${isNull('b')}) OR coalesce(NOT isfinite(${d}), false) OR coalesce(${d} > ${tolerance}, false))`;
  const [row] = await tables.query<Difference>(
    `SELECT count(*) AS "rows", count(*) FILTER (${differs}) AS differing, count(*) FILTER (${notFinite}) AS "bothNaN",
      max(${d}) FILTER (isfinite(${d})) AS largest, favg(${d}) FILTER (isfinite(${d})) AS mean,
      list(a.id ORDER BY a.id) FILTER (${differs})[1:5] AS examples
     FROM ${a.table} a JOIN ${b.table} b USING (id)`,
  );
  return row ?? { rows: 0, differing: 0, bothNaN: 0, largest: null, mean: null, examples: null };
}
