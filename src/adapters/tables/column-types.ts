/**
 * Types of CSV columns, decided over every row: a column is a number, date or time only when all of its values are,
 * and when writing it back gives the same value. So `0800` stays text, `30/06/2026` stays text, and no row is lost.
 */
import { quoteName } from '../../kernel/sql.ts';
import type { Database } from './database.ts';

type ColumnType = 'BIGINT' | 'DOUBLE' | 'DATE' | 'TIMESTAMP';

/**
 * Text that would cast but is no plain number: `0800`, `1_000`, ` 7`, an identifier of 20 digits. Ranges of text instead of
 * patterns, because this is asked of every value: `:` follows `9`.
 */
const isCode = (x: string): string =>
  `((${x} >= '00' AND ${x} < '0:') OR (${x} >= '-00' AND ${x} < '-0:') OR (${x} >= '+00' AND ${x} < '+0:') OR ${x} < '!'
    OR contains(${x}, '_') OR (strlen(${x}) > 17 AND NOT contains(${x}, '.') AND NOT contains(lower(${x}), 'e')))`;

/** `NA` is what R writes for a missing value; in a column of numbers it is null, elsewhere it is text. */
const fits: Readonly<Record<ColumnType, (x: string) => string>> = {
  BIGINT: (x) => `(${x} = 'NA' OR coalesce(TRY_CAST(${x} AS BIGINT)::VARCHAR = ${x}, false))`,
  DOUBLE: (x) => `(${x} = 'NA' OR (TRY_CAST(${x} AS DOUBLE) IS NOT NULL AND NOT ${isCode(x)}))`,
  DATE: (x) => `coalesce(TRY_CAST(${x} AS DATE)::VARCHAR = ${x}, false)`,
  TIMESTAMP: (x) => `coalesce(TRY_CAST(${x} AS TIMESTAMP)::VARCHAR = ${x}, false)`,
};
const order = ['BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP'] as const satisfies readonly ColumnType[];

const columnsPerPass = 1000;
const firstRows = 256;

interface Misfits {
  /** Types that some value of a column does not fit. */
  readonly of: ReadonlyMap<string, readonly ColumnType[]>;
  /** Columns that have a value at all. */
  readonly filled: ReadonlySet<string>;
}

/**
 * Tries columns against types. Values are stacked into one column first: one expression over many columns is planned in no
 * time, thousands of expressions are not.
 */
async function misfits(
  db: Database,
  rows: (columns: string) => string,
  columns: readonly string[],
  types: readonly ColumnType[],
): Promise<Misfits> {
  const of = new Map<string, readonly ColumnType[]>();
  const filled = new Set<string>();
  const counts = types.map((type) => `count(*) FILTER (NOT ${fits[type]('x')}) AS ${type}`).join(', ');
  for (let start = 0; start < columns.length; start += columnsPerPass) {
    const batch = columns.slice(start, start + columnsPerPass);
    const list = batch.map((column, i) => `${quoteName(column)} AS x${start + i}`).join(', ');
    const found = await db.query<{ name: string } & Record<ColumnType, number>>(
      `SELECT name, ${counts} FROM (UNPIVOT (${rows(list)}) ON COLUMNS(*) INTO NAME name VALUE x) GROUP BY name`,
    );
    for (const row of found) {
      const column = columns[Number(row.name.slice(1))];
      if (column === undefined) continue;
      filled.add(column);
      of.set(
        column,
        types.filter((type) => row[type] > 0),
      );
    }
  }
  return { of, filled };
}

/** SQL that turns each text column of `raw` into its type; in the order of `columns`. */
export async function typedColumns(db: Database, raw: string, columns: readonly string[]): Promise<readonly string[]> {
  const types = new Map<string, ColumnType>();
  // Most types fall out in the first rows; what is left is tested on every row.
  const early = await misfits(db, (list) => `SELECT ${list} FROM ${raw} LIMIT ${firstRows}`, columns, order);
  const [total] = await db.query<{ n: number }>(`SELECT count(*) AS n FROM ${raw}`);
  const isSmall = (total?.n ?? 0) <= firstRows;
  let open = columns;
  for (const type of order) {
    const isLikely = (column: string): boolean => !early.of.get(column)?.includes(type);
    const likely = open.filter(isLikely);
    const late = isSmall ? early : await misfits(db, (list) => `SELECT ${list} FROM ${raw}`, likely, [type]);
    const isOfType = (column: string): boolean => late.filled.has(column) && !late.of.get(column)?.includes(type);
    for (const column of likely.filter(isOfType)) types.set(column, type);
    // A column without any value stays text: it needs no further look.
    open = open.filter((column) => !isLikely(column) || (late.filled.has(column) && !isOfType(column)));
  }
  return columns.map((column) => {
    const type = types.get(column);
    const x = quoteName(column);
    if (type === undefined) return x;
    return type === 'BIGINT' || type === 'DOUBLE' ? `CAST(nullif(${x}, 'NA') AS ${type})` : `CAST(${x} AS ${type})`;
  });
}
