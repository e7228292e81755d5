/** Brings a database to the newest schema and keeps the partitions of `point` ahead of the calendar. */
import { Migrator, sql } from 'kysely';
import { EnvironmentError } from '../../../kernel/failure.ts';
import { type Connection, type Database, inTransaction } from '../database.ts';
import { schema1 } from './schema-1.ts';
import { schema2 } from './schema-2.ts';
import { schema3 } from './schema-3.ts';
import { schema4 } from './schema-4.ts';
import { schema5 } from './schema-5.ts';
import { schema6 } from './schema-6.ts';
import { schema7 } from './schema-7.ts';
import { schema8 } from './schema-8.ts';
import { schema9 } from './schema-9.ts';
import { schema10 } from './schema-10.ts';
import { schema11 } from './schema-11.ts';
import { schema12 } from './schema-12.ts';
import { schema13 } from './schema-13.ts';
import { schema14 } from './schema-14.ts';
import { schema15 } from './schema-15.ts';
import { schema16 } from './schema-16.ts';
import { schema17 } from './schema-17.ts';
import { schema18 } from './schema-18.ts';
import { schema19 } from './schema-19.ts';
import { schema20 } from './schema-20.ts';
import { schema21 } from './schema-21.ts';
import { schema22 } from './schema-22.ts';
import { schema23 } from './schema-23.ts';
import { schema24 } from './schema-24.ts';
import { schema25 } from './schema-25.ts';

/** In order; a released migration is never edited. */
const migrations: Readonly<Record<string, string>> = {
  '001-reports-and-points': schema1,
  '002-metrics-without-reports': schema2,
  '003-rules-and-alerts': schema3,
  '004-chunks': schema4,
  '005-tokens-and-audit': schema5,
  '006-dashboards': schema6,
  '007-logins': schema7,
  '008-waivers': schema8,
  '009-reports-by-time': schema9,
  '010-notes': schema10,
  '011-dashboards-of-a-namespace': schema11,
  '012-acknowledged-alerts': schema12,
  '013-logins-in-cookies': schema13,
  '014-owners-of-leases': schema14,
  '015-chains-of-alerts': schema15,
  '016-rules-of-repositories': schema16,
  '017-signed-badges': schema17,
  '018-posts-for-alerts': schema18,
  '019-rules-of-namespaces': schema19,
  '020-pending-rollups': schema20,
  '021-weeks-in-their-index': schema21,
  '022-rollups-without-references': schema22,
  '023-the-token-of-the-operator': schema23,
  '024-previews-beside-their-record': schema24,
  '025-rules-in-place-of-others': schema25,
};

export const migrationNames: readonly string[] = Object.keys(migrations);

/** Name of the newest migration that the database has seen; null when none. */
export async function schemaOf(db: Connection): Promise<string | null> {
  const { rows: found } = await sql<{
    isThere: boolean;
  }>`select to_regclass('kysely_migration') is not null as "isThere"`.execute(db);
  if (!found[0]?.isThere) return null;
  const { rows } = await sql<{ name: string | null }>`select max(name) as name from kysely_migration`.execute(db);
  return rows[0]?.name ?? null;
}

/** Applies what is missing, one replica at a time (advisory lock). @param to The newest to apply; all when absent. */
export async function migrate(db: Database, to?: string): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: {
      getMigrations: async () =>
        Object.fromEntries(
          Object.entries(migrations).map(([name, text]) => [
            name,
            {
              up: async (connection: Database) => {
                await sql.raw(text).execute(connection);
              },
            },
          ]),
        ),
    },
  });
  const { error } = await (to === undefined ? migrator.migrateToLatest() : migrator.migrateTo(to));
  if (error !== undefined)
    throw new EnvironmentError('TOWER_SCHEMA', `The database schema could not be brought up to date: ${messageOf(error)}`, {
      hint: 'Use a database that only Control Tower writes to, and a server at least as new as the one that last used it.',
      cause: error,
    });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const monthStart = (year: number, month: number): string => new Date(Date.UTC(year, month, 1)).toISOString().slice(0, 10);

/**
 * Makes the partitions of `monthsBefore` to two months ahead of `now`. A month that already has points in the default
 * partition stays there: nothing is moved while the server runs.
 */
export async function ensurePartitions(db: Database, now: Date, monthsBefore = 1): Promise<void> {
  for (let offset = -monthsBefore; offset <= 2; offset++) {
    const from = monthStart(now.getUTCFullYear(), now.getUTCMonth() + offset);
    const to = monthStart(now.getUTCFullYear(), now.getUTCMonth() + offset + 1);
    const name = `point_${from.slice(0, 7).replace('-', '_')}`;
    await inTransaction(db, async (connection) => {
      await sql`select pg_advisory_xact_lock(7304211)`.execute(connection);
      const { rows } = await sql<{ exists: boolean; isLate: boolean }>`
        select to_regclass(${name}) is not null as exists,
          exists (select 1 from point_default where ts >= ${from}::date::timestamp at time zone 'UTC'
            and ts < ${to}::date::timestamp at time zone 'UTC') as "isLate"`.execute(connection);
      if (rows[0]?.exists || rows[0]?.isLate) return;
      await sql`create table ${sql.table(name)} partition of point
        for values from (${sql.lit(`${from}T00:00:00Z`)}) to (${sql.lit(`${to}T00:00:00Z`)})`.execute(connection);
    });
  }
}
