/** Parquet files are compressed columns already: our copies are not loaded but read, once per statement and column that is asked for. */
import { quoteName, quoteText } from '../../kernel/sql.ts';
import { bookkeeping, maxColumns, type Refuse } from './csv-header.ts';
import type { Database } from './database.ts';

export interface ParquetPart {
  readonly names: readonly string[];
  /** Type of each column as the table has it. */
  readonly types: ReadonlyMap<string, string>;
  /** SQL of its rows. */
  readonly select: string;
  /** SQL behind FROM. */
  readonly from: string;
  /** SQL of each column, as `names` has them. */
  readonly columns: readonly string[];
}

const isPlain = (type: string): boolean =>
  /^(BOOLEAN|U?(TINY|SMALL|BIG)?INT|U?INTEGER|U?BIGINT|FLOAT|DOUBLE|VARCHAR|DATE|TIME|TIMESTAMP.*)$/.test(type) &&
  !type.endsWith(']');

/** What a type of the file becomes: numbers that no double holds exactly are rounded, nested values are text. */
function typeOf(type: string): string {
  if (/^(HUGEINT|UHUGEINT|DECIMAL)/.test(type) && !type.endsWith(']')) return 'DOUBLE';
  return isPlain(type) ? type : 'VARCHAR';
}

/** Looks at the columns of a file; those of a table's later files get the types of its `first`. */
export async function parquetPart(
  db: Database,
  path: string,
  first: ParquetPart | undefined,
  refuse: Refuse,
): Promise<ParquetPart> {
  const from = `read_parquet(${quoteText(path)})`;
  const found = await db.query<{ column_name: string; column_type: string }>(`DESCRIBE SELECT * FROM ${from}`);
  if (found.length > maxColumns)
    throw refuse('TABLE_TOO_WIDE', `has ${found.length} columns; at most ${maxColumns} are read`, 'Name a narrower table.');
  const reserved = found.find(({ column_name }) => bookkeeping.has(column_name));
  if (reserved)
    throw refuse(
      'TABLE_RESERVED_COLUMN',
      `has a column ${reserved.column_name}`,
      'That name is used for bookkeeping; rename it.',
    );
  const types = new Map(found.map(({ column_name, column_type }) => [column_name, typeOf(column_type)]));
  const columns = found.map(({ column_name, column_type }) => {
    const x = quoteName(column_name);
    const own = types.get(column_name) ?? column_type;
    const value = own === column_type ? x : `CAST(${x} AS ${own})`;
    const wanted = first?.types.get(column_name) ?? own;
    return wanted === own ? (value === x ? x : `${value} AS ${x}`) : `CAST(${value} AS ${wanted}) AS ${x}`;
  });
  return {
    names: found.map((column) => column.column_name),
    types,
    from,
    columns,
    select: `SELECT ${columns.join(', ')} FROM ${from}`,
  };
}

const columnsPerPass = 1000;

/** Reads every value once, so that a file that is broken, or has a value of another type, is refused here and not by a check. */
export async function requireReadable(db: Database, { names, select }: ParquetPart): Promise<void> {
  for (let start = 0; start < names.length; start += columnsPerPass) {
    const read = names.slice(start, start + columnsPerPass).map((name) => `bit_xor(hash(${quoteName(name)}))`);
    await db.query(`SELECT ${read.join(', ')} FROM (${select})`);
  }
}

/** A view over all rows of the files in their order, with the position of each as `__row`, counted from 0. */
export async function viewOfParts(db: Database, view: string, parts: readonly ParquetPart[]): Promise<void> {
  const selects: string[] = [];
  let before = 0;
  for (const { names, columns, from } of parts) {
    // A column of that name hides the position that DuckDB knows.
    const isHidden = names.some((name) => name.toLowerCase() === 'file_row_number');
    const position = isHidden ? 'row_number() OVER () - 1' : 'file_row_number';
    selects.push(`SELECT ${position} + ${before} AS __row, ${columns.join(', ')} FROM ${from}`);
    const [total] = await db.query<{ n: number }>(`SELECT count(*) AS n FROM ${from}`);
    before += total?.n ?? 0;
  }
  await db.run(`CREATE VIEW ${view} AS ${selects.join(' UNION ALL BY NAME ')}`);
}
