/** Removes what is older than it is to be kept; nothing unless told. */
import { sql } from 'kysely';
import { type Database, inTransaction } from './database.ts';
import { lockToSeal } from './seal.ts';

export interface Retention {
  /** Months that points, and the receipts of posts, are kept; all when absent. */
  readonly pointMonths?: number | undefined;
  /** The same of daily and weekly values. */
  readonly dayMonths?: number | undefined;
  readonly weekMonths?: number | undefined;
}

/** Days that an Idempotency-Key is remembered: nobody tries longer. */
const keyDays = 90;
const batchRows = 20_000;

/** First day of the month that lies `months` before this one. */
const monthsBefore = (now: Date, months: number): string =>
  new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 1)).toISOString().slice(0, 10);

/** Removes batch after batch: none holds locks for long. @returns rows removed. */
async function removeInBatches(db: Database, remove: (connection: Database) => Promise<number>): Promise<number> {
  let all = 0;
  for (;;) {
    const n = await remove(db);
    all += n;
    if (n < batchRows) return all;
  }
}

/** From when on points are kept is written before any is removed: what is gone must not be taken again. */
async function dropPoints(db: Database, from: string): Promise<number> {
  const start = sql`${from}::date::timestamp at time zone 'UTC'`;
  await inTransaction(db, async (connection) => {
    await lockToSeal(connection);
    await sql`insert into kept_from (points_from) values (${start})
      on conflict (is_only) do update set points_from = greatest(kept_from.points_from, excluded.points_from)`.execute(
      connection,
    );
  });
  const chunks = await removeInBatches(db, async (connection) => {
    const { rows } = await sql<{ n: number }>`
      with gone as (delete from chunk where ctid in (select ctid from chunk where month < ${from}::date limit ${batchRows}) returning 1)
      select count(*) as n from gone`.execute(connection);
    return rows[0]?.n ?? 0;
  });
  // Late points of such a month that were not sealed yet; the partitions go with the next seal.
  const points = await removeInBatches(db, async (connection) => {
    const { rows } = await sql<{ n: number }>`
      with old as (select metric_id, series_id, ts from point where ts < ${start} limit ${batchRows}),
        gone as (delete from point using old where point.metric_id = old.metric_id and point.series_id = old.series_id
          and point.ts = old.ts and point.ts < ${start} returning 1)
      select count(*) as n from gone`.execute(connection);
    return rows[0]?.n ?? 0;
  });
  // Which posts brought them. Reports are the record and stay.
  const posts = await removeInBatches(db, async (connection) => {
    const { rows } = await sql<{ n: number }>`
      with gone as (delete from metric_post where ctid in
        (select ctid from metric_post where received_at < ${start} limit ${batchRows}) returning 1)
      select count(*) as n from gone`.execute(connection);
    return rows[0]?.n ?? 0;
  });
  return chunks + points + posts;
}

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
  let removed = 0;
  if (pointMonths !== undefined) removed += await dropPoints(db, monthsBefore(now, pointMonths));
  if (dayMonths !== undefined) removed += await dropRollups(db, 'rollup_day', 'day', monthsBefore(now, dayMonths));
  if (weekMonths !== undefined) removed += await dropRollups(db, 'rollup_week', 'week', monthsBefore(now, weekMonths));
  await sql`delete from idempotency where created_at < ${now}::timestamptz - make_interval(days => ${sql.lit(keyDays)})`.execute(
    db,
  );
  return removed;
}
