import { quoteName } from '../kernel/sql.ts';
import type { Column } from '../kernel/world.ts';
import { batchesOf, kindOf, type Query, remembered } from './query.ts';

export interface ColumnSummary {
  readonly rows: number;
  readonly nulls: number;
  /** Counted apart; they take no part in the numbers below. */
  readonly nans: number;
  readonly infinities: number;
  /** Of finite numbers; null for other columns and when there is none. */
  readonly min: number | null;
  readonly max: number | null;
  /** To the digits that no order of addition changes, as is the deviation: 13 of some hundred rows, 11 of ten million. */
  readonly mean: number | null;
  /** Sample standard deviation (n - 1). */
  readonly sd: number | null;
  /** HyperLogLog: exact for a few values, within about 10 % for millions. */
  readonly distinct: number;
}

/**
 * Threads add up in another order each time, and the last digits of a sum are theirs: of 15 digits, about half as many as
 * the number of rows has.
 */
const settled = (value: number | null, rows: number): number | null =>
  value === null ? null : Number(value.toPrecision(15 - Math.ceil(Math.log10(Math.max(rows, 1)) / 2)));

/** Summaries of all columns in one pass over the table per 50 columns. Times have no numbers, only counts. */
export function summarise(tables: Query, table: string, columns: readonly Column[]): Promise<ReadonlyMap<string, ColumnSummary>> {
  return remembered(tables, `summary ${JSON.stringify([table, columns])}`, () => passes(tables, table, columns));
}

async function passes(tables: Query, table: string, columns: readonly Column[]): Promise<ReadonlyMap<string, ColumnSummary>> {
  const found = new Map<string, ColumnSummary>();
  for (const batch of batchesOf(columns)) {
    // `f` is the finite value or null: one filter for all that is computed from it.
    const inner = batch.map((column, i) => {
      const x = quoteName(column.name);
      const v = `CAST(${x} AS DOUBLE)`;
      return kindOf(column) === 'number' ? `${x} AS x${i}, CASE WHEN isfinite(${v}) THEN ${v} END AS f${i}` : `${x} AS x${i}`;
    });
    const parts = batch.flatMap((column, i) => {
      const shared = [`count(x${i}) AS n${i}`, `approx_count_distinct(x${i}) AS d${i}`];
      if (kindOf(column) !== 'number') return shared;
      return [
        ...shared,
        `count(f${i}) AS finite${i}`,
        `count(*) FILTER (isinf(CAST(x${i} AS DOUBLE))) AS inf${i}`,
        `min(f${i}) AS min${i}`,
        `max(f${i}) AS max${i}`,
        `favg(f${i}) AS mean${i}`,
        `stddev_samp(f${i}) AS sd${i}`,
      ];
    });
    const [row] = await tables.query<Record<string, number | null>>(
      `SELECT count(*) AS n, ${parts.join(', ')} FROM (SELECT ${inner.join(', ')} FROM ${table})`,
    );
    const rows = row?.n ?? 0;
    for (const [i, column] of batch.entries()) {
      const of = (key: string) => row?.[`${key}${i}`] ?? null;
      found.set(column.name, {
        rows,
        nulls: rows - (of('n') ?? 0),
        nans: kindOf(column) === 'number' ? (of('n') ?? 0) - (of('finite') ?? 0) - (of('inf') ?? 0) : 0,
        infinities: of('inf') ?? 0,
        min: of('min'),
        max: of('max'),
        mean: settled(of('mean'), rows),
        sd: settled(of('sd'), rows),
        distinct: of('d') ?? 0,
      });
    }
  }
  return found;
}
