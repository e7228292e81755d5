import { quoteName } from '../kernel/sql.ts';
import { batchesOf, type Query } from './query.ts';

/** Exact quantiles need all values in memory, so larger tables give them from this many rows. */
const sampleRows = 100_000;

/**
 * Inner edges of bins that hold about equal shares of a reference table's finite values: at most `bins - 1` distinct
 * values, ascending. Value x belongs to the first bin whose edge is >= x; the last bin is open.
 * Rows are chosen by position (a golden-ratio sequence), so the edges are the same on every run and engine.
 */
export async function quantileEdges(
  tables: Query,
  table: { readonly name: string; readonly rows: number },
  columns: readonly string[],
  bins: number,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const share = Math.min(1, sampleRows / Math.max(1, table.rows));
  const cut = share === 1 ? 'true' : `(__row * 2654435761) % 4294967296 < ${Math.floor(share * 4294967296)}`;
  const levels = Array.from({ length: bins - 1 }, (_, i) => (i + 1) / bins).join(', ');
  const edges = new Map<string, readonly number[]>();
  for (const batch of batchesOf(columns)) {
    const parts = batch.map((name, i) => {
      const v = `TRY_CAST(${quoteName(name)} AS DOUBLE)`;
      return `quantile_disc(${v}, [${levels}]) FILTER (isfinite(${v})) AS q${i}`;
    });
    const [row] = await tables.query<Record<string, number[] | null>>(
      `SELECT ${parts.join(', ')} FROM ${table.name} WHERE ${cut}`,
    );
    for (const [i, name] of batch.entries()) edges.set(name, [...new Set(row?.[`q${i}`] ?? [])]);
  }
  return edges;
}
