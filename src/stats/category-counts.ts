import { quoteName } from '../kernel/sql.ts';
import type { Query } from './query.ts';

/** Most categories with a bin of their own. */
const ownBins = 30;
/** Fewest rows that a category is expected to have in the smaller table for a bin of its own (Cochran 1954). */
const expectedRows = 5;

export interface CategoryCounts {
  /** Same order in both: the commonest categories, all rare ones together, unseen ones that are not rare. */
  readonly reference: readonly number[];
  readonly current: readonly number[];
  /** Categories of the current table that the reference has not: how many, rows, and up to five by frequency. */
  readonly unseen: { readonly categories: number; readonly rows: number; readonly examples: readonly string[] };
}

/**
 * Counts by category of one column in two tables; nulls are left out, unseen categories are one bin (the last).
 * What is rare is decided on both tables together: deciding it on the reference alone makes a long tail look unseen
 * in the other table, and unchanged data would alarm.
 */
export async function categoryCounts(tables: Query, reference: string, current: string, column: string): Promise<CategoryCounts> {
  const x = `CAST(${quoteName(column)} AS VARCHAR)`;
  const grouped = (table: string) => `(SELECT ${x} AS v, count(*) AS n FROM ${table} WHERE ${x} IS NOT NULL GROUP BY 1)`;
  const rows = await tables.query<{
    bin: number;
    isUnseen: boolean;
    r: number;
    c: number;
    categories: number;
    examples: string[];
  }>(
    `WITH joined AS (
       SELECT coalesce(r.v, c.v) AS v, coalesce(r.n, 0) AS r, coalesce(c.n, 0) AS c
       FROM ${grouped(reference)} r FULL JOIN ${grouped(current)} c ON r.v = c.v),
     sums AS (SELECT sum(r) AS n, sum(c) AS m FROM joined),
     ranked AS (SELECT *, row_number() OVER (ORDER BY r + c DESC, v) - 1 AS rank,
       (r + c) * least(n, m) / (n + m) < ${expectedRows} AS is_rare FROM joined, sums)
     SELECT CASE WHEN is_rare THEN ${ownBins} WHEN r = 0 THEN ${ownBins + 1} WHEN rank < ${ownBins} THEN rank ELSE ${ownBins} END AS bin,
       r = 0 AS "isUnseen", sum(r) AS r, sum(c) AS c, count(*) AS categories, list(v ORDER BY c DESC, v)[1:5] AS examples
     FROM ranked GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  const bins = [...new Set([...rows.map((row) => row.bin), ownBins + 1])];
  const total = (bin: number, side: 'r' | 'c') => rows.filter((row) => row.bin === bin).reduce((sum, row) => sum + row[side], 0);
  const unseen = rows.filter((row) => row.isUnseen).reverse();
  return {
    reference: bins.map((bin) => total(bin, 'r')),
    current: bins.map((bin) => total(bin, 'c')),
    unseen: {
      categories: unseen.reduce((sum, row) => sum + row.categories, 0),
      rows: unseen.reduce((sum, row) => sum + row.c, 0),
      examples: unseen.flatMap((row) => row.examples).slice(0, 5),
    },
  };
}
