/** Files -> one typed table. Each file is copied into our folder under a name of ours which is then read and hashed. */
import { randomUUID } from 'node:crypto';
import { chmod, constants, copyFile, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FlightcheckError, type Place, UsageError } from '../../kernel/failure.ts';
import { quoteName, quoteText } from '../../kernel/sql.ts';
import type { Table } from '../../kernel/world.ts';
import { typedColumns } from './column-types.ts';
import { type CsvHeader, type Refuse, readCsvHeader } from './csv-header.ts';
import { type Database, withoutRoom } from './database.ts';
import { type ParquetPart, parquetPart, requireReadable, viewOfParts } from './parquet.ts';
import type { SourceFile } from './source-files.ts';
import { hashOf } from './sources.ts';

export interface Loaded {
  readonly sources: Table['sources'];
  readonly dialect?: NonNullable<Table['dialect']>;
}

/** Under a name of ours, so that what is hashed are the very bytes that are read. */
async function stage(file: SourceFile, to: string): Promise<void> {
  await copyFile(file.absolute, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  await chmod(to, 0o600);
}

const isFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');

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

/** A file in our folder. */
interface Staged extends Shape {
  readonly path: string;
  /** SQL of its rows. */
  readonly select: string;
  /** Of a Parquet file. */
  readonly part?: ParquetPart;
}

const isSame = (a: readonly string[], b: readonly string[]) => [...a].sort().join('\0') === [...b].sort().join('\0');

/** Copies a file to `path` and looks at its columns, which must be those of the files before it. */
async function examine(
  db: Database,
  path: string,
  file: SourceFile,
  before: Staged | undefined,
  refuse: Refuse,
): Promise<Staged> {
  // The header is read before the file is copied: too wide a table fails at once.
  const header = (await formatOf(file, refuse)) === 'csv' ? await readCsvHeader(file.absolute, refuse) : null;
  await stage(file, path);
  const part = header ? undefined : await parquetPart(db, path, before?.part, refuse);
  const shape = header ? { names: header.names, dialect: header.dialect } : { names: part?.names ?? [] };
  if (before && ((before.part === undefined) !== (part === undefined) || !isSame(before.names, shape.names)))
    throw refuse(
      'TABLE_MIXED',
      'has another format or other columns than the files before it',
      'All files of one table have the same columns.',
    );
  return { path, select: header ? csvSelect(path, header) : (part?.select ?? ''), ...shape, ...(part && { part }) };
}

/**
 * Creates the table `target` (an identifier) with all rows of `files` in their order.
 * @param options.key - what the files are, for messages: `data.train`
 * @param options.asText - columns that stay text whatever they hold
 * @param options.code - one code for every refusal instead of TABLE_*
 * @param options.inPlace - Parquet is read where it was staged: `target` is a view, which also has `__row`
 * Throws UsageError with the file and line.
 */
export async function load(
  db: Database,
  target: string,
  files: readonly SourceFile[],
  options: { readonly key: string; readonly asText: readonly string[]; readonly code?: string; readonly inPlace?: boolean },
): Promise<Loaded> {
  const raw = quoteName(`raw_${randomUUID()}`);
  const staged: Staged[] = [];
  const sources: { path: string; sha256: string }[] = [];
  const remove = async (path: string): Promise<void> => {
    db.release(path);
    await rm(path, { force: true });
  };
  const discard = async (): Promise<void> => {
    await db.run(`DROP TABLE IF EXISTS ${raw}`);
    for (const { path } of staged) await remove(path);
  };
  for (const file of files) {
    const refuseAt = refuser(file, options.key, options.code);
    const path = join(db.exchange, randomUUID());
    try {
      const found = await examine(db, path, file, staged[0], refuseAt());
      const isKept = found.part !== undefined && options.inPlace === true;
      if (isKept) await db.keep(path, `${options.key}: ${file.path}`);
      const read = isKept
        ? requireReadable(db, found.part)
        : db.run(staged[0] ? `INSERT INTO ${raw} BY NAME ${found.select}` : `CREATE TEMP TABLE ${raw} AS ${found.select}`);
      const [sha256] = await Promise.all([hashOf(path), read]);
      if (!isKept) await remove(path);
      sources.push({ path: file.path, sha256 });
      staged.push(found);
    } catch (error) {
      await remove(path);
      await discard();
      if (error instanceof FlightcheckError) throw error;
      if (isFull(error)) throw withoutRoom(`${options.key}: the temporary folder has no room for a copy of ${file.path}`, error);
      const { line, what, hint } = explain(error);
      throw refuseAt(line)('TABLE_UNREADABLE', line === undefined ? what : `(line ${line}) ${what}`, hint);
    }
  }
  const [first] = staged;
  if (!first) throw new UsageError('TABLE_MISSING', `${options.key} names no file`, { hint: 'Name a CSV or Parquet file.' });
  if (!first.dialect) {
    const parts = staged.flatMap(({ part }) => part ?? []);
    await (options.inPlace ? viewOfParts(db, target, parts) : db.run(`ALTER TABLE ${raw} RENAME TO ${target}`));
    return { sources };
  }
  const inferred = first.names.filter((name) => !options.asText.includes(name));
  const typed = new Map((await typedColumns(db, raw, inferred)).map((sql, i) => [inferred[i], sql]));
  const select = first.names.map((name) => `${typed.get(name) ?? quoteName(name)} AS ${quoteName(name)}`);
  await db.run(`CREATE TABLE ${target} AS SELECT ${select.join(', ')} FROM ${raw}`);
  await db.run(`DROP TABLE ${raw}`);
  return { sources, dialect: first.dialect };
}
