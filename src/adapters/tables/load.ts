/** Files -> one typed table. Each file is copied into our folder under a name of ours while its hash is computed. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FlightcheckError, type Place, UsageError } from '../../kernel/failure.ts';
import { quoteName, quoteText } from '../../kernel/sql.ts';
import type { Table } from '../../kernel/world.ts';
import { typedColumns } from './column-types.ts';
import { bookkeeping, type CsvHeader, maxColumns, type Refuse, readCsvHeader } from './csv-header.ts';
import type { Database } from './database.ts';
import type { SourceFile } from './source-files.ts';

export interface Loaded {
  readonly sources: Table['sources'];
  readonly dialect?: NonNullable<Table['dialect']>;
}

/** Copies and hashes in one pass, so that the hash is of the very bytes that are read. */
async function stage(file: SourceFile, to: string): Promise<string> {
  const hash = createHash('sha256');
  const tap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(createReadStream(file.absolute), tap, createWriteStream(to, { mode: 0o600 }));
  return hash.digest('hex');
}

async function formatOf(file: SourceFile, refuse: Refuse): Promise<'csv' | 'parquet'> {
  const handle = await open(file.absolute, 'r');
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    if (buffer[0] === 0x1f && buffer[1] === 0x8b)
      throw refuse('TABLE_COMPRESSED', 'is compressed', 'Unpack it, or write Parquet.');
    return buffer.toString('latin1') === 'PAR1' ? 'parquet' : 'csv';
  } finally {
    await handle.close();
  }
}

/** What DuckDB says about a bad line, in one sentence and without its own advice. */
function explain(error: unknown): { line?: number; what: string; hint: string } {
  const text = error instanceof Error ? error.message : String(error);
  const line = Number(/CSV Error on Line: (\d+)/.exec(text)?.[1]);
  const at = Number.isNaN(line) ? {} : { line };
  if (/invalid unicode|not utf-8/i.test(text))
    return { ...at, what: 'is not UTF-8', hint: 'Save it as UTF-8: iconv -f LATIN1 -t UTF-8 FILE.' };
  const columns = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(text);
  if (columns)
    return {
      ...at,
      what: `has ${columns[2]} fields where its header has ${columns[1]}`,
      hint: 'Quote fields that contain the delimiter, a quote or a line break.',
    };
  if (/out of memory/i.test(text))
    return { what: 'needs more memory than it may use', hint: 'Give the job more memory, or the table fewer columns.' };
  if (/invalid state/i.test(text))
    return {
      ...at,
      what: 'has line breaks of more than one kind, or has a quote that is not closed or not doubled',
      hint: 'End every row as the header ends, and double quotes inside quotes: "a ""b"" c".',
    };
  if (/quote/i.test(text))
    return { ...at, what: 'has a quote that is not closed or not doubled', hint: 'Double quotes inside quotes: "a ""b""".' };
  if (/maximum line size/i.test(text))
    return {
      ...at,
      what: 'has a line of more than 2 MB',
      hint: 'Keep long texts in files of their own and put their paths into the table.',
    };
  return {
    ...at,
    what: `cannot be read: ${(text.split('\n')[0] ?? text).slice(0, 300)}`,
    hint: 'Write a valid CSV (RFC 4180) or Parquet file.',
  };
}

function refuser(file: SourceFile, key: string, code?: string): (line?: number) => Refuse {
  return (line) => (fileCode, what, hint) => {
    const place: Place = { path: file.path, ...(line !== undefined && { line }) };
    return new UsageError(code ?? fileCode, `${key}: ${JSON.stringify(file.path).slice(1, -1)} ${what}`, { hint, place });
  };
}

async function parquetSelect(db: Database, path: string, refuse: Refuse): Promise<{ names: string[]; select: string }> {
  const from = `read_parquet(${quoteText(path)})`;
  const columns = await db.query<{ column_name: string; column_type: string }>(`DESCRIBE SELECT * FROM ${from}`);
  if (columns.length > maxColumns)
    throw refuse('TABLE_TOO_WIDE', `has ${columns.length} columns; at most ${maxColumns} are read`, 'Name a narrower table.');
  const reserved = columns.find(({ column_name }) => bookkeeping.has(column_name));
  if (reserved)
    throw refuse(
      'TABLE_RESERVED_COLUMN',
      `has a column ${reserved.column_name}`,
      'That name is used for bookkeeping; rename it.',
    );
  const cast = columns.map(({ column_name, column_type }) => {
    const x = quoteName(column_name);
    if (/^(HUGEINT|UHUGEINT|DECIMAL)/.test(column_type) && !column_type.endsWith(']')) return `CAST(${x} AS DOUBLE) AS ${x}`;
    const isPlain = /^(BOOLEAN|U?(TINY|SMALL|BIG)?INT|U?INTEGER|U?BIGINT|FLOAT|DOUBLE|VARCHAR|DATE|TIME|TIMESTAMP.*)$/.test(
      column_type,
    );
    return isPlain && !column_type.endsWith(']') ? x : `CAST(${x} AS VARCHAR) AS ${x}`;
  });
  return { names: columns.map((c) => c.column_name), select: `SELECT ${cast.join(', ')} FROM ${from}` };
}

/** DuckDB's names of line breaks. */
const lineBreakNames = { '\n': '\\n', '\r\n': '\\r\\n', '\r': '\\r' } as const;

// Left to guess, DuckDB takes a break inside a quoted column name for the one that ends rows, and then finds no row at all.
const csvSelect = (path: string, { names, dialect, lineBreak }: CsvHeader): string =>
  `SELECT * FROM read_csv(${quoteText(path)}, auto_detect = false, header = true, delim = ${quoteText(dialect.delimiter)},
    quote = '"', escape = '"', nullstr = '',${lineBreak ? ` new_line = '${lineBreakNames[lineBreak]}',` : ''} columns = {${names.map((name) => `${quoteText(name)}: 'VARCHAR'`).join(', ')}})`;

interface Shape {
  readonly names: readonly string[];
  readonly dialect?: NonNullable<Table['dialect']>;
}

/** Appends one file to the table `raw`, which it creates when `shape` is not known yet. */
async function append(
  db: Database,
  raw: string,
  file: SourceFile,
  shape: Shape | undefined,
  refuse: Refuse,
): Promise<Shape & { sha256: string }> {
  // The header is read before the file is copied: too wide a table fails at once.
  const header = (await formatOf(file, refuse)) === 'csv' ? await readCsvHeader(file.absolute, refuse) : null;
  const staged = join(db.exchange, randomUUID());
  try {
    const sha256 = await stage(file, staged);
    const { names, select } = header
      ? { names: header.names, select: csvSelect(staged, header) }
      : await parquetSelect(db, staged, refuse);
    const isSame = (a: readonly string[], b: readonly string[]) => [...a].sort().join('\0') === [...b].sort().join('\0');
    if (shape && ((shape.dialect === undefined) !== (header === null) || !isSame(shape.names, names)))
      throw refuse(
        'TABLE_MIXED',
        'has another format or other columns than the files before it',
        'All files of one table have the same columns.',
      );
    await db.run(shape ? `INSERT INTO ${raw} BY NAME ${select}` : `CREATE TEMP TABLE ${raw} AS ${select}`);
    return { names, sha256, ...(header && { dialect: header.dialect }) };
  } finally {
    await rm(staged, { force: true });
  }
}

/**
 * Creates the table `target` (an identifier) with all rows of `files` in their order.
 * @param options.key - what the files are, for messages: `data.train`
 * @param options.asText - columns that stay text whatever they hold
 * @param options.code - one code for every refusal instead of TABLE_*
 * Throws UsageError with the file and line.
 */
export async function load(
  db: Database,
  target: string,
  files: readonly SourceFile[],
  options: { readonly key: string; readonly asText: readonly string[]; readonly code?: string },
): Promise<Loaded> {
  const raw = quoteName(`raw_${randomUUID()}`);
  const sources: { path: string; sha256: string }[] = [];
  let shape: Shape | undefined;
  for (const file of files) {
    const refuseAt = refuser(file, options.key, options.code);
    try {
      const { sha256, ...found } = await append(db, raw, file, shape, refuseAt());
      shape ??= found;
      sources.push({ path: file.path, sha256 });
    } catch (error) {
      await db.run(`DROP TABLE IF EXISTS ${raw}`);
      if (error instanceof FlightcheckError) throw error;
      const { line, what, hint } = explain(error);
      throw refuseAt(line)('TABLE_UNREADABLE', line === undefined ? what : `(line ${line}) ${what}`, hint);
    }
  }
  if (!shape) throw new UsageError('TABLE_MISSING', `${options.key} names no file`, { hint: 'Name a CSV or Parquet file.' });
  if (!shape.dialect) {
    await db.run(`ALTER TABLE ${raw} RENAME TO ${target}`);
    return { sources };
  }
  const inferred = shape.names.filter((name) => !options.asText.includes(name));
  const typed = new Map((await typedColumns(db, raw, inferred)).map((sql, i) => [inferred[i], sql]));
  const select = shape.names.map((name) => `${typed.get(name) ?? quoteName(name)} AS ${quoteName(name)}`);
  await db.run(`CREATE TABLE ${target} AS SELECT ${select.join(', ')} FROM ${raw}`);
  await db.run(`DROP TABLE ${raw}`);
  return { sources, dialect: shape.dialect };
}
