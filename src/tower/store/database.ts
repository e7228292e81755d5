/** The store's database: PostgreSQL, or PGlite (PostgreSQL in WebAssembly) behind the same dialect. One SQL text for both. */
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';

/** Every statement is SQL text with bound parameters (`sql` of Kysely); no table types are declared twice. */
export type Database = Kysely<unknown>;
export type Connection = Database | Transaction<unknown>;

export interface OpenDatabase {
  readonly db: Database;
  readonly engine: 'PGlite' | 'PostgreSQL';
  /** Where it is, without secrets: a folder, or host and database name. */
  readonly location: string;
  /** What survives: one clause for the start-up line. */
  readonly durability: string;
  close(): Promise<void>;
}

/** Of types that are read or written in our way. */
export const oid = { bytea: 17, int8: 20, date: 1082 } as const;

/** bigint as number (ids and counts stay exact far below 2^53), date as `YYYY-MM-DD`. */
export const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  [oid.int8]: Number,
  [oid.date]: (text) => text,
};

/** Begins the text of a statement that is planned once. */
export const preparedMark = '/* prepared */ ';

/**
 * As `sql`, for a statement of the write path that comes thousands of times: the database plans it once for each connection.
 * Texts of such statements must be few, for each is kept.
 */
export const prepared = <T>(text: TemplateStringsArray, ...parameters: unknown[]): RawBuilder<T> =>
  sql<T>`${sql.raw(preparedMark)}${sql(text, ...parameters)}`;

/** Milliseconds after which a question of a page is given up: it must not hold a connection for ever. */
export const longestMs = 60_000;

const queryCanceled = '57014';

/** A question took longer than `longestMs`, all statements together; as the database says it of one. */
export class TooSlow extends Error {
  readonly code = queryCanceled;
}

const serializationFailures: ReadonlySet<string> = new Set(['40P01', '40001']);

/** The SQLSTATE of a database error, from either client. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

export const isTooSlow = (error: unknown): boolean => sqlStateOf(error) === queryCanceled;

/** Another writer was in the way: the same may succeed when it is tried again. */
export const isSerializationFailure = (error: unknown): boolean => serializationFailures.has(sqlStateOf(error) ?? '');

/** Runs `work` in one transaction; a deadlock with another replica is tried again, up to three times. */
export async function inTransaction<T>(db: Database, work: (connection: Connection) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      if (attempt === 3 || !isSerializationFailure(error)) throw error;
    }
  }
}

/** True when the database answers. */
export async function isAlive(db: Database): Promise<boolean> {
  try {
    await sql`select 1`.execute(db);
    return true;
  } catch {
    return false;
  }
}
