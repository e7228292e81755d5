import { quoteName } from '../kernel/sql.ts';
import { batchesOf, type Query } from './query.ts';

/**
 * Counts of finite values per bin, `edges.length + 1` per column: bin i holds edge[i-1] < x <= edge[i].
 * NaN, Inf, null and text that is no number fall into no bin. Of the columns `finite` is known that they hold no NaN and no
 * Inf, which then need not be looked for.
 */
export async function binCounts(
  tables: Query,
  table: string,
  edges: ReadonlyMap<string, readonly number[]>,
  finite: ReadonlySet<string> = new Set(),
): Promise<ReadonlyMap<string, readonly number[]>> {
  const counts = new Map<string, readonly number[]>();
  for (const batch of batchesOf([...edges])) {
    // Finite or null, once: what histogram() is given is computed for each of its uses.
    const values = batch.map(([name], i) => {
      const v = `TRY_CAST(${quoteName(name)} AS DOUBLE)`;
      return `${finite.has(name) ? v : `CASE WHEN isfinite(${v}) THEN ${v} END`} AS f${i}`;
    });
    const parts = batch.map(([, cuts], i) => {
      // One text, because a thousand literals take longer to plan than the rows to count. The last boundary takes what
      // lies above every edge: histogram() drops an empty open bin.
      const list = `'[${[...cuts, 'inf'].join(', ')}]'::DOUBLE[]`;
      return `map_values(histogram(f${i}, ${list})) AS c${i}`;
    });
    const [row] = await tables.query<Record<string, number[] | null>>(
      `SELECT ${parts.join(', ')} FROM (SELECT ${values.join(', ')} FROM ${table})`,
    );
    for (const [i, [name, cuts]] of batch.entries())
      counts.set(name, row?.[`c${i}`] ?? new Array<number>(cuts.length + 1).fill(0));
  }
  return counts;
}

/** Counts over coarser bins, each edge of which is also one of the fine bins'. */
export function mergedCounts(fine: readonly number[], counts: readonly number[], edges: readonly number[]): readonly number[] {
  const merged = new Array<number>(edges.length + 1).fill(0);
  let bin = 0;
  for (const [i, count] of counts.entries()) {
    while (bin < edges.length && (fine[i] ?? Number.POSITIVE_INFINITY) > (edges[bin] ?? 0)) bin++;
    merged[bin] = (merged[bin] ?? 0) + count;
  }
  return merged;
}
