import { quoteName } from '../kernel/sql.ts';
import { batchesOf, type Query, remembered } from './query.ts';

export interface ColumnMoments {
  /** Of finite numbers, null when there is none; to the digits that no order of addition changes: 13 of some hundred rows, 11 of ten million. */
  readonly mean: number | null;
  /** Sample standard deviation (n - 1). */
  readonly sd: number | null;
}

type Row = Readonly<Record<string, number | null>>;

/**
 * Threads add up in another order each time, and the last digits of a sum are theirs: of 15 digits, about half as many as
 * the number of rows has.
 */
const settled = (value: number | null, rows: number): number | null =>
  value === null ? null : Number(value.toPrecision(15 - Math.ceil(Math.log10(Math.max(rows, 1)) / 2)));

/** Mean and standard deviation of columns of numbers. Apart from the summary, because they take as long and few ask. */
export function columnMoments(
  tables: Query,
  table: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, ColumnMoments>> {
  return remembered(tables, `moments ${JSON.stringify([table, names])}`, async () => {
    const found = new Map<string, ColumnMoments>();
    for (const batch of batchesOf(names)) {
      const inner = batch.map((name, i) => {
        const v = `CAST(${quoteName(name)} AS DOUBLE)`;
        return `CASE WHEN isfinite(${v}) THEN ${v} END AS f${i}`;
      });
      const parts = batch.map((_, i) => `favg(f${i}) AS mean${i}, stddev_samp(f${i}) AS sd${i}`);
      const [row = {}] = await tables.query<Row>(
        `SELECT count(*) AS n, ${parts.join(', ')} FROM (SELECT ${inner.join(', ')} FROM ${table})`,
      );
      const of = (key: string) => settled(row[key] ?? null, row.n ?? 0);
      for (const [i, name] of batch.entries()) found.set(name, { mean: of(`mean${i}`), sd: of(`sd${i}`) });
    }
    return found;
  });
}
