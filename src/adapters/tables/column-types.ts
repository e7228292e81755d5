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

const columnsPerPass = 50;
const firstRows = 4096;

/**
 * For each column the types of `candidates` that all its values fit; every one of them when it has no value.
 * @param rows - what follows FROM; only the columns of a batch are read
 */
async function fitting(
  db: Database,
  raw: string,
  rows: string,
  candidates: ReadonlyMap<string, readonly ColumnType[]>,
): Promise<{ readonly types: ReadonlyMap<string, readonly ColumnType[]>; readonly empty: ReadonlySet<string> }> {
  const types = new Map<string, readonly ColumnType[]>();
  const empty = new Set<string>();
  const wanted = [...candidates].filter(([, some]) => some.length > 0);
  for (let start = 0; start < wanted.length; start += columnsPerPass) {
    const batch = wanted.slice(start, start + columnsPerPass);
    const columns = batch.map(([column], i) => `${quoteName(column)} AS x${i}`);
    const parts = batch.flatMap(([, some], i) => [
      `count(x${i}) AS n${i}`,
      ...some.map((type) => `count(*) FILTER (x${i} IS NOT NULL AND NOT ${fits[type](`x${i}`)}) AS f${i}_${type}`),
    ]);
    const [row = {}] = await db.query<Record<string, number>>(
      `SELECT ${parts.join(', ')} FROM (SELECT ${columns.join(', ')} FROM ${raw} ${rows})`,
    );
    for (const [i, [column, some]] of batch.entries()) {
      if (row[`n${i}`] === 0) empty.add(column);
      types.set(
        column,
        some.filter((type) => row[`f${i}_${type}`] === 0),
      );
    }
  }
  return { types, empty };
}

/** SQL that turns each text column of `raw` into its type; in the order of `columns`. */
export async function typedColumns(db: Database, raw: string, columns: readonly string[]): Promise<readonly string[]> {
  const all = new Map<string, readonly ColumnType[]>(columns.map((column) => [column, order]));
  // Most types fall away in the first rows; only the survivors are tested on every row.
  const likely = await fitting(db, raw, `LIMIT ${firstRows}`, all);
  const certain = await fitting(db, raw, '', likely.types);
  return columns.map((column) => {
    const type = certain.empty.has(column) ? undefined : certain.types.get(column)?.[0];
    const x = quoteName(column);
    if (type === undefined) return x;
    return type === 'BIGINT' || type === 'DOUBLE' ? `CAST(nullif(${x}, 'NA') AS ${type})` : `CAST(${x} AS ${type})`;
  });
}
