/** Removes what is older than it is to be kept; nothing unless told. */
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import { batchRows, removeInBatches } from './drop-points.ts';
import { pointStore } from './point-store.ts';
import { rollUp } from './rollups.ts';

export interface Retention {
  /** Months that points, and the receipts of posts, are kept; all when absent. */
  readonly pointMonths?: number | undefined;
  /** The same of daily and weekly values. */
  readonly dayMonths?: number | undefined;
  readonly weekMonths?: number | undefined;
}

/** Days that an Idempotency-Key is remembered: nobody tries longer. */
const keyDays = 90;

/** First day of the month that lies `months` before this one. */
const monthsBefore = (now: Date, months: number): string =>
  new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 1)).toISOString().slice(0, 10);

async function dropRollups(db: Database, table: 'rollup_day' | 'rollup_week', column: string, from: string): Promise<number> {
  return removeInBatches(db, async (connection) => {
    const { rows } = await sql<{ n: number }>`
      with gone as (delete from ${sql.table(table)} where ctid in
        (select ctid from ${sql.table(table)} where ${sql.ref(column)} < ${from}::date limit ${batchRows}) returning 1)
      select count(*) as n from gone`.execute(connection);
    return rows[0]?.n ?? 0;
  });
}

/** @returns rows removed. */
export async function removeOld(db: Database, now: Date, { pointMonths, dayMonths, weekMonths }: Retention): Promise<number> {
  // What is removed must not be added up afterwards.
  await rollUp(db);
  let removed = 0;
  if (pointMonths !== undefined) removed += await pointStore.removeBefore(db, monthsBefore(now, pointMonths));
  if (dayMonths !== undefined) removed += await dropRollups(db, 'rollup_day', 'day', monthsBefore(now, dayMonths));
  if (weekMonths !== undefined) removed += await dropRollups(db, 'rollup_week', 'week', monthsBefore(now, weekMonths));
  await sql`delete from idempotency where created_at < ${now}::timestamptz - make_interval(days => ${sql.lit(keyDays)})`.execute(
    db,
  );
  return removed;
}
