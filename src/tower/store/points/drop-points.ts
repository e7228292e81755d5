/** Removes points that are older than they are to be kept. */
import { sql } from 'kysely';
import { type Database, inTransaction } from '../database.ts';
import { lockToSeal } from './seal.ts';

export const batchRows = 20_000;

/** Removes batch after batch: none holds locks for long. @returns rows removed. */
export async function removeInBatches(db: Database, remove: (connection: Database) => Promise<number>): Promise<number> {
  let all = 0;
  for (;;) {
    const n = await remove(db);
    all += n;
    if (n < batchRows) return all;
  }
}

/** From when on points are kept is written before any is removed: what is gone must not be taken again. */
export async function dropPoints(db: Database, from: string): Promise<number> {
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
