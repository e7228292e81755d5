/** PostgreSQL 15 or later through node-postgres. */
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import { Pool, types } from 'pg';
import { EnvironmentError, UsageError } from '../../kernel/failure.ts';
import { type Database, longestMs, type OpenDatabase, parsers, preparedMark } from './database.ts';

/** Host, port and database of a connection string, without user and password. */
function locationOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (!parsed || !/^postgres(ql)?:$/.test(parsed.protocol))
    throw new UsageError('TOWER_DATABASE_URL', 'The database URL is not of the form postgresql://user:password@host:port/name', {
      hint: 'Give --database-url or DATABASE_URL in that form; characters such as @ in a password must be percent-encoded.',
    });
  return `${parsed.searchParams.get('host') ?? (parsed.host || 'the local socket')}${parsed.pathname}`;
}

/** The pool, with a name for each statement that is to be prepared. */
function preparing(pool: Pool): PostgresPool {
  const names = new Map<string, string>();
  const nameOf = (text: string): string => {
    const name = names.get(text) ?? `prepared_${names.size}`;
    names.set(text, name);
    return name;
  };
  return {
    async connect() {
      const client = await pool.connect();
      const query: unknown = (text: string, values: unknown[]) =>
        text.startsWith(preparedMark) ? client.query({ name: nameOf(text), text, values }) : client.query(text, values);
      return { query: query as PostgresPoolClient['query'], release: () => client.release() };
    },
    end: () => pool.end(),
  };
}

/**
 * Connects and checks the server's version.
 * @throws UsageError for a malformed URL, EnvironmentError when the server does not answer, refuses, or is too old.
 */
export async function openPostgres(url: string): Promise<OpenDatabase> {
  const location = locationOf(url);
  const pool = new Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 10_000,
    statement_timeout: longestMs,
    application_name: 'flightcheck-tower',
    // Compiling a question of a page takes longer than answering it; 10,000 models are grouped in memory, not on disk.
    options: '-c jit=off -c work_mem=32MB',
    types: {
      getTypeParser: ((id: number, format?: 'text') =>
        parsers[id] ?? types.getTypeParser(id, format)) as typeof types.getTypeParser,
    },
  });
  // A connection that breaks while idle is replaced at the next use.
  pool.on('error', () => {});
  // One that breaks between two statements of a transaction tells nobody but its client: the next statement fails then.
  pool.on('connect', (client) => client.on('error', () => {}));
  try {
    const { rows } = await pool.query<{ version: number; fsync: string; commit: string }>(
      "select current_setting('server_version_num')::int as version, current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit",
    );
    const [found] = rows;
    if (!found || found.version < 150_000)
      throw new EnvironmentError('TOWER_DATABASE', `PostgreSQL at ${location} is version ${found?.version ?? 'unknown'}`, {
        hint: 'Control Tower needs PostgreSQL 15 or later.',
      });
    const isDurable = found.fsync === 'on' && found.commit !== 'off';
    const db: Database = new Kysely({ dialect: new PostgresDialect({ pool: preparing(pool) }) });
    return {
      db,
      engine: 'PostgreSQL',
      location,
      durability: isDurable
        ? 'every acknowledged report is on disk'
        : `fsync=${found.fsync}, synchronous_commit=${found.commit}: a crash of the machine may lose the newest reports`,
      close: () => db.destroy(),
    };
  } catch (error) {
    await pool.end();
    if (error instanceof EnvironmentError) throw error;
    const reason = error instanceof Error ? error.message || error.name : String(error);
    throw new EnvironmentError('TOWER_DATABASE', `PostgreSQL at ${location} cannot be used: ${reason}`, {
      hint: 'Check that it runs, that the user may connect, and the URL of --database-url or DATABASE_URL.',
      cause: error,
    });
  }
}
