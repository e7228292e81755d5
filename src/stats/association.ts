import { quoteName } from '../kernel/sql.ts';
import type { Table } from '../kernel/world.ts';
import { quantileEdges } from './quantile-edges.ts';
import { kindOf, type Query } from './query.ts';

/** Values of a number are cut at deciles; of a category the commonest have a level of their own. */
const numberBins = 10;
const ownLevels = 30;

/** Cross table of counts, rows by columns, as given; empty rows and columns do not count. */
export function cramersV(counts: readonly (readonly number[])[]): number {
  const rows = counts.map((row) => row.reduce((sum, n) => sum + n, 0));
  const columns = (counts[0] ?? []).map((_, j) => counts.reduce((sum, row) => sum + (row[j] ?? 0), 0));
  const n = rows.reduce((sum, total) => sum + total, 0);
  const [r, k] = [rows.filter((total) => total > 0).length, columns.filter((total) => total > 0).length];
  if (n < 2 || r < 2 || k < 2) return 0;
  let chiSquare = 0;
  for (const [i, row] of counts.entries())
    for (const [j, observed] of row.entries()) {
      const expected = ((rows[i] ?? 0) * (columns[j] ?? 0)) / n;
      if (expected > 0) chiSquare += (observed - expected) ** 2 / expected;
    }
  // Without the correction a table of many cells looks associated by chance alone.
  const phi = Math.max(0, chiSquare / n - ((k - 1) * (r - 1)) / (n - 1));
  const [rCorrected, kCorrected] = [r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)];
  const least = Math.min(rCorrected - 1, kCorrected - 1);
  return least > 0 ? Math.min(1, Math.sqrt(phi / least)) : 0;
}

/** SQL of the level of a value: the decile of a number, else one of the commonest categories or all others together. */
async function levelSql(tables: Query, table: Table, name: string): Promise<string> {
  const x = quoteName(name);
  const column = table.columns.find((one) => one.name === name);
  if (column && kindOf(column) === 'number') {
    const edges = (await quantileEdges(tables, table, [name], numberBins)).get(name) ?? [];
    return `CASE WHEN ${x} IS NULL OR NOT isfinite(CAST(${x} AS DOUBLE)) THEN -1 ${edges.map((edge, i) => `WHEN ${x} <= ${edge} THEN ${i}`).join(' ')} ELSE ${edges.length} END`;
  }
  return `coalesce((SELECT level FROM (SELECT CAST(${x} AS VARCHAR) AS v, row_number() OVER (ORDER BY count(*) DESC, CAST(${x} AS VARCHAR)) AS level
    FROM ${table.name} WHERE ${x} IS NOT NULL GROUP BY 1) l WHERE l.v = CAST(t.${x} AS VARCHAR) AND level <= ${ownLevels}), 0)`;
}

/**
 * Association of two columns of a table, 0 (independent) to 1 (one tells the other): Cramer's V with Bergsma's bias
 * correction (Bergsma 2013, doi 10.1016/j.jkss.2012.10.002), numbers cut at their deciles. Finds more than a correlation.
 */
export async function association(tables: Query, table: Table, a: string, b: string): Promise<number> {
  const [left, right] = [await levelSql(tables, table, a), await levelSql(tables, table, b)];
  const cells = await tables.query<{ a: number; b: number; n: number }>(
    `SELECT a, b, count(*) AS n FROM (SELECT ${left} AS a, ${right} AS b FROM ${table.name} t) GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  const rows = [...new Set(cells.map((cell) => cell.a))];
  const columns = [...new Set(cells.map((cell) => cell.b))];
  const at = new Map(cells.map((cell) => [`${cell.a} ${cell.b}`, cell.n]));
  return cramersV(rows.map((i) => columns.map((j) => at.get(`${i} ${j}`) ?? 0)));
}
