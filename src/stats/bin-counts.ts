import { quoteName } from '../kernel/sql.ts';
import { batchesOf, type Query } from './query.ts';

/**
 * Counts of finite values per bin, `edges.length + 1` per column: bin i holds edge[i-1] < x <= edge[i].
 * NaN, Inf, null and text that is no number fall into no bin.
 */
export async function binCounts(
  tables: Query,
  table: string,
  edges: ReadonlyMap<string, readonly number[]>,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const counts = new Map<string, readonly number[]>();
  for (const batch of batchesOf([...edges])) {
    const parts = batch.map(([name, cuts], i) => {
      const v = `TRY_CAST(${quoteName(name)} AS DOUBLE)`;
      // The last boundary takes what lies above every edge: histogram() drops an empty open bin.
      const list = [...cuts.map((cut) => `${cut}::DOUBLE`), "'inf'::DOUBLE"].join(', ');
      return `map_values(histogram(${v}, [${list}]) FILTER (isfinite(${v}))) AS c${i}`;
    });
    const [row] = await tables.query<Record<string, number[] | null>>(`SELECT ${parts.join(', ')} FROM ${table}`);
    for (const [i, [name, cuts]] of batch.entries())
      counts.set(name, row?.[`c${i}`] ?? new Array<number>(cuts.length + 1).fill(0));
  }
  return counts;
}
