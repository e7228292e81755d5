import { quoteName } from '../kernel/sql.ts';
import type { Column } from '../kernel/world.ts';
import { batchesOf, kindOf, type Query } from './query.ts';

export interface ColumnSummary {
  readonly rows: number;
  readonly nulls: number;
  /** Counted apart; they take no part in the numbers below. */
  readonly nans: number;
  readonly infinities: number;
  /** Of finite numbers; null for other columns and when there is none. */
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  /** Sample standard deviation (n - 1). */
  readonly sd: number | null;
  /** HyperLogLog: exact for a few values, within about 10 % for millions. */
  readonly distinct: number;
}

/** Summaries of all columns in one pass over the table per 50 columns. Times have no numbers, only counts. */
export async function summarise(
  tables: Query,
  table: string,
  columns: readonly Column[],
): Promise<ReadonlyMap<string, ColumnSummary>> {
  const found = new Map<string, ColumnSummary>();
  for (const batch of batchesOf(columns)) {
    const parts = batch.flatMap((column, i) => {
      const x = quoteName(column.name);
      const shared = [`count(${x}) AS n${i}`, `approx_count_distinct(${x}) AS d${i}`];
      if (kindOf(column) !== 'number') return shared;
      const v = `CAST(${x} AS DOUBLE)`;
      const finite = `FILTER (isfinite(${v}))`;
      return [
        ...shared,
        `count(*) FILTER (isnan(${v})) AS nan${i}`,
        `count(*) FILTER (isinf(${v})) AS inf${i}`,
        `min(${v}) ${finite} AS min${i}`,
        `max(${v}) ${finite} AS max${i}`,
        `favg(${v}) ${finite} AS mean${i}`,
        `stddev_samp(${v}) ${finite} AS sd${i}`,
      ];
    });
    const [row] = await tables.query<Record<string, number | null>>(`SELECT count(*) AS n, ${parts.join(', ')} FROM ${table}`);
    const rows = row?.n ?? 0;
    for (const [i, column] of batch.entries()) {
      const of = (key: string) => row?.[`${key}${i}`] ?? null;
      found.set(column.name, {
        rows,
        nulls: rows - (of('n') ?? 0),
        nans: of('nan') ?? 0,
        infinities: of('inf') ?? 0,
        min: of('min'),
        max: of('max'),
        mean: of('mean'),
        sd: of('sd'),
        distinct: of('d') ?? 0,
      });
    }
  }
  return found;
}
