import { quoteName } from '../../kernel/sql.ts';
import type { Column, Table } from '../../kernel/world.ts';
import { type ColumnSummary, summarise } from '../column-summary.ts';
import { quantileEdges } from '../quantile-edges.ts';
import { kindOf, type Query } from '../query.ts';

/** Most categories that a schema lists; a column with more is text. */
export const maxCategories = 100;
/** How many times that the estimate of a column with at most so many values cannot be. */
const surelyMore = 3;

/** What a column looks like: enough to write expectations from. */
export interface ColumnProfile {
  readonly column: Column;
  readonly summary: ColumnSummary;
  /** Deciles of the finite values, distinct and ascending; empty for columns that are no numbers. */
  readonly deciles: readonly number[];
  /** Every category when there are at most 100, else null. */
  readonly categories: readonly string[] | null;
}

/** Profiles of the named columns. */
export async function profile(tables: Query, table: Table, names: readonly string[]): Promise<readonly ColumnProfile[]> {
  const columns = table.columns.filter((column) => names.includes(column.name));
  const summaries = await summarise(tables, table.name, columns);
  const numbers = columns.filter((column) => kindOf(column) === 'number').map((column) => column.name);
  const deciles = await quantileEdges(tables, table, numbers, 10);
  const profiles: ColumnProfile[] = [];
  for (const column of columns) {
    const summary = summaries.get(column.name);
    if (!summary) continue;
    let categories: readonly string[] | null = null;
    // Columns that surely have more values need not be sorted to see that.
    if (kindOf(column) === 'category' && (summary.distinct ?? 0) < surelyMore * maxCategories) {
      const x = `CAST(${quoteName(column.name)} AS VARCHAR)`;
      const rows = await tables.query<{ v: string }>(
        `SELECT DISTINCT ${x} AS v FROM ${table.name} WHERE ${x} IS NOT NULL ORDER BY 1 LIMIT ${maxCategories + 1}`,
      );
      categories = rows.length <= maxCategories ? rows.map((row) => row.v) : null;
    }
    profiles.push({ column, summary, deciles: deciles.get(column.name) ?? [], categories });
  }
  return profiles;
}
