/** DuckDB that can touch one folder of ours and nothing else, however hostile a table or a name is. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance, DuckDBValue } from '@duckdb/node-api';
import { EnvironmentError } from '../../kernel/failure.ts';
import { quoteText } from '../../kernel/sql.ts';
import { type KeptFiles, keptFiles } from './kept-files.ts';

export type Parameter = string | number | boolean | null;

export interface DatabaseLimits {
  readonly memoryLimit: string;
  readonly threads: number;
  /** What may spill to the folder; by default most of what its disk has free. */
  readonly spillLimit?: string | undefined;
}

export interface Database extends Omit<KeptFiles, 'requireUnchanged'> {
  /** Files that statements may name lie here and nowhere else. */
  readonly exchange: string;
  query<Row extends object>(sql: string, params?: readonly Parameter[]): Promise<readonly Row[]>;
  run(sql: string): Promise<void>;
  close(): Promise<void>;
}

/** BIGINT and HUGEINT as number where that is exact, else as text; dates as RFC 3339; lists and structs likewise inside. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  return value;
}

/** A full disk is nobody's bug, and no fault of a table. */
export const withoutRoom = (what: string, cause: unknown): EnvironmentError =>
  new EnvironmentError('TABLES_NO_ROOM', what, {
    hint: 'Free space where TMPDIR points, or point it to a larger disk.',
    cause,
  });

/** What DuckDB says when what does not fit in memory does not fit on the disk either. */
const noRoom = /no space left on device|max_temp_directory_size|could not write (all|to) (bytes|file).*temp/i;

/** DuckDB's own words, but for a full disk and too little memory, which are nobody's bug. */
function asTold(error: unknown): never {
  if (error instanceof Error && noRoom.test(error.message))
    throw withoutRoom('The tables are larger than memory, and the temporary folder has no room for the rest', error);
  throw error;
}

function asAsked(error: unknown): never {
  if (error instanceof Error && /^out of memory/i.test(error.message))
    throw new EnvironmentError('TABLES_NO_MEMORY', 'A statistic of the tables needs more memory than it may use', {
      hint: 'Give the job more memory, or the tables fewer columns.',
      cause: error,
    });
  throw error;
}

interface Opened {
  readonly path: string;
  readonly instance: DuckDBInstance;
  readonly connection: DuckDBConnection;
}

async function open(folder: string, exchange: string, { memoryLimit, threads, spillLimit }: DatabaseLimits): Promise<Opened> {
  // Loaded when the first statement comes: a run whose results are all known needs no database.
  const { DuckDBInstance: Instance } = await import('./duckdb.ts');
  const path = join(folder, `tables-${process.pid}-${Date.now()}.duckdb`);
  const instance = await Instance.create(path, {
    memory_limit: memoryLimit,
    threads: String(threads),
    // A column takes a block at least: small ones keep tables of thousands of columns in memory.
    default_block_size: '16384',
  }).catch((cause: unknown) => {
    throw new EnvironmentError('DATABASE', `The table database could not be created: ${String(cause)}`, {
      hint: 'Check that the temporary folder is writable and that the disk has room.',
      cause,
    });
  });
  const connection = await instance.connect();
  for (const statement of [
    `SET temp_directory = ${quoteText(join(folder, 'spill'))}`,
    ...(spillLimit === undefined ? [] : [`SET max_temp_directory_size = ${quoteText(spillLimit)}`]),
    `SET allowed_directories = [${quoteText(`${exchange}/`)}]`,
    'SET enable_external_access = false',
    'SET autoinstall_known_extensions = false',
    'SET autoload_known_extensions = false',
    "SET TimeZone = 'UTC'",
    'SET preserve_insertion_order = true',
    // The file is removed with the run: what is still in its log need not be written into it.
    'PRAGMA disable_checkpoint_on_shutdown',
    'SET lock_configuration = true',
  ])
    await connection.run(statement);
  return { path, instance, connection };
}

/** A fresh database in `folder`; tables that outgrow `memoryLimit` spill there. Statements run one after another. */
export async function openDatabase(folder: string, limits: DatabaseLimits): Promise<Database> {
  const exchange = join(folder, 'exchange');
  await mkdir(exchange, { recursive: true });
  let opened: Promise<Opened> | undefined;
  const connected = async (): Promise<DuckDBConnection> => {
    opened ??= open(folder, exchange, limits);
    return (await opened).connection;
  };

  const { keep, release, requireUnchanged } = keptFiles();
  // Afterwards, so that no answer counts that was read while somebody wrote; what a change broke is told as the change.
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } finally {
      await requireUnchanged();
    }
  };
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const run = () => guarded(work);
    const next = last.then(run, run).catch(asTold);
    last = next.catch(() => undefined);
    return next;
  };
  return {
    exchange,
    keep,
    release,
    query: <Row extends object>(sql: string, params: readonly Parameter[] = []) =>
      inTurn(async () => {
        const connection = await connected();
        const reader = await connection.runAndReadAll(sql, [...params] as DuckDBValue[]);
        return reader.getRowObjectsJS().map((row) => plain(row) as Row);
      }).catch(asAsked),
    run: (sql) => inTurn(async () => void (await (await connected()).run(sql))),
    async close() {
      const there = await opened?.catch(() => undefined);
      if (!there) return;
      there.connection.closeSync();
      there.instance.closeSync();
      for (const path of [there.path, `${there.path}.wal`, join(folder, 'spill')])
        await rm(path, { recursive: true, force: true });
    },
  };
}
