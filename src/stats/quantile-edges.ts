import { quoteName } from '../kernel/sql.ts';
import { batchesOf, type Query, remembered } from './query.ts';

/** Exact quantiles need all values in memory, so larger tables give them from this many rows. */
const sampleRows = 100_000;
/** Bins whose edges are computed once for all who ask for a divisor of them: every hundredth thousandth is a tenth. */
const finestBins = 1000;

/**
 * Inner edges of bins that hold about equal shares of a reference table's finite values: at most `bins - 1` distinct
 * values, ascending. Value x belongs to the first bin whose edge is >= x; the last bin is open.
 * Rows are chosen by position (a golden-ratio sequence), so the edges are the same on every run and engine.
 */
export function quantileEdges(
  tables: Query,
  table: { readonly name: string; readonly rows: number },
  columns: readonly string[],
  bins: number,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const known = finestBins % bins === 0 ? finestBins : bins;
  const key = (count: number) => `edges ${JSON.stringify([table.name, table.rows, columns, count])}`;
  const quantiles = () => remembered(tables, `quantiles ${key(known)}`, () => quantilesOf(tables, table, columns, known));
  const step = known / bins;
  const edgesOf = (all: readonly number[]) => [...new Set(all.filter((_, i) => (i + 1) % step === 0))];
  return remembered(tables, key(bins), async () => new Map([...(await quantiles())].map(([name, all]) => [name, edgesOf(all)])));
}

/** The `bins - 1` inner quantiles of each column, also those that are the same value; none of a column without values. */
async function quantilesOf(
  tables: Query,
  table: { readonly name: string; readonly rows: number },
  columns: readonly string[],
  bins: number,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const share = Math.min(1, sampleRows / Math.max(1, table.rows));
  const cut = share === 1 ? 'true' : `(__row * 2654435761) % 4294967296 < ${Math.floor(share * 4294967296)}`;
  const quantiles = new Map<string, readonly number[]>();
  for (const batch of batchesOf(columns)) {
    const sorted = batch.map((name, i) => {
      const v = `TRY_CAST(${quoteName(name)} AS DOUBLE)`;
      return `list_sort(list(${v}) FILTER (isfinite(${v}))) AS s${i}`;
    });
    // The k-th quantile is the smallest value that at least k / bins of the values do not exceed.
    const parts = batch.map(
      (_, i) => `[s${i}[(k * len(s${i}) + ${bins - 1}) // ${bins}] FOR k IN range(1, ${bins}) IF len(s${i}) > 0] AS q${i}`,
    );
    const [row] = await tables.query<Record<string, number[] | null>>(
      `SELECT ${parts.join(', ')} FROM (SELECT ${sorted.join(', ')} FROM ${table.name} WHERE ${cut})`,
    );
    for (const [i, name] of batch.entries()) quantiles.set(name, row?.[`q${i}`] ?? []);
  }
  return quantiles;
}
