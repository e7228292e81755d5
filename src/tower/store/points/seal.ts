/**
 * Seals months into chunks: one row for each series and month instead of one for each point. A batch of series moves in one
 * transaction, so a crash leaves each point in one of the two places, and readers see it once. Points that come for a sealed
 * month wait in its partition (or the default one) until the next seal; `append.ts` tells those that the chunk has already.
 */
import { sql } from 'kysely';
import { type Connection, type Database, inTransaction, prepared, sqlStateOf } from '../database.ts';
import { microsOf, unpacked } from './points.ts';

/** Held shared by who appends points of a past month, exclusively by who moves or removes them. */
const sealLock = 7304215;

export const lockAgainstSeal = (connection: Connection) =>
  prepared`select pg_advisory_xact_lock_shared(${sql.lit(sealLock)})`.execute(connection);
export const lockToSeal = (connection: Connection) => sql`select pg_advisory_xact_lock(${sql.lit(sealLock)})`.execute(connection);

/** Rows that one transaction moves, about. */
const batchRows = 20_000;
const lockNotAvailable = '55P03';

interface Month {
  /** First day, and first day of the month after. */
  readonly from: string;
  readonly to: string;
}

interface Series {
  readonly metricId: number;
  readonly seriesId: number;
}

const startOf = (day: string) => sql`${day}::date::timestamp at time zone 'UTC'`;

/** Months with points that ended before `horizon`, oldest first: partitions by their names, and what lies in the default one. */
async function openMonths(db: Connection, horizon: Date): Promise<readonly Month[]> {
  const { rows } = await sql<Month>`
    select to_char(month, 'YYYY-MM-DD') as from, to_char(month + interval '1 month', 'YYYY-MM-DD') as to from (
      select to_date(relname, '"point_"YYYY_MM') as month from pg_inherits join pg_class on pg_class.oid = inhrelid
        where inhparent = 'point'::regclass and relname ~ '^point_[0-9]{4}_[0-9]{2}$'
      union select distinct date_trunc('month', ts at time zone 'UTC')::date from point_default) as months
    where month + interval '1 month' <= ${horizon}::timestamptz at time zone 'UTC' order by month`.execute(db);
  return rows;
}

/** Moves the next series of the month. @returns the last of them; null when none is left. */
const moveBatch = (db: Database, { from, to }: Month, after: Series): Promise<(Series & { readonly points: number }) | null> =>
  inTransaction(db, async (connection) => {
    await lockToSeal(connection);
    const { rows } = await sql<Series & { points: number }>`
      with next as (
        select metric_id, series_id from point
        where ts >= ${startOf(from)} and ts < ${startOf(to)} and (metric_id, series_id) > (${after.metricId}, ${after.seriesId})
        order by metric_id, series_id limit ${batchRows}
      ), batch as materialized (select distinct metric_id, series_id from next),
      moved as (
        delete from point using batch where point.metric_id = batch.metric_id and point.series_id = batch.series_id
          and ts >= ${startOf(from)} and ts < ${startOf(to)}
        returning point.metric_id, point.series_id, point.ts, point.value
      ), merged as (
        select distinct on (metric_id, series_id, ts) metric_id, series_id, ts, value, ${microsOf(sql`ts`)} as us from (
          select metric_id, series_id, ts, value, 1 as place from moved
          union all
          select chunk.metric_id, chunk.series_id, unpacked.ts, unpacked.value, 0 from batch
            -- By its series: with statistics of before, the planner would read all chunks of the month for each of them.
            join chunk on chunk.metric_id = batch.metric_id and chunk.series_id = batch.series_id and chunk.month + 0 = ${from}::date,
            ${unpacked}) as all_points
        order by metric_id, series_id, ts, place
      ), sealed as (
        insert into chunk (metric_id, series_id, month, n, sum, min, max, seconds, micros, "values")
        select metric_id, series_id, ${from}::date, count(*), sum(value), min(value), max(value),
          case when bool_and(us % 1000000 = 0) then array_agg((us / 1000000)::int order by ts) end,
          case when not bool_and(us % 1000000 = 0) then array_agg(us order by ts) end,
          array_agg(value order by ts)
        from merged group by 1, 2
        on conflict (metric_id, series_id, month) do update set n = excluded.n, sum = excluded.sum, min = excluded.min,
          max = excluded.max, seconds = excluded.seconds, micros = excluded.micros, "values" = excluded."values"
      )
      select metric_id as "metricId", series_id as "seriesId", (select count(*) from moved) as points
      from batch order by 1 desc, 2 desc limit 1`.execute(connection);
    return rows[0] ?? null;
  });

/** Frees what the month took; points that came meanwhile, or a busy table, leave it for the next round. */
async function dropEmpty(db: Database, { from }: Month): Promise<void> {
  const name = `point_${from.slice(0, 7).replace('-', '_')}`;
  try {
    await inTransaction(db, async (connection) => {
      await lockToSeal(connection);
      // Whoever reads or writes points waits behind this lock: not for long.
      await sql`set local lock_timeout = '2s'`.execute(connection);
      const { rows } = await sql<{ isThere: boolean }>`select to_regclass(${name}) is not null as "isThere"`.execute(connection);
      if (!rows[0]?.isThere) return;
      await sql`lock table point in access exclusive mode`.execute(connection);
      const left = await sql`select 1 from ${sql.table(name)} limit 1`.execute(connection);
      if (left.rows.length === 0) await sql`drop table ${sql.table(name)}`.execute(connection);
    });
  } catch (error) {
    if (sqlStateOf(error) !== lockNotAvailable) throw error;
  }
}

export interface SealOptions {
  /** Days after the end of a month before it is sealed: late points are cheap until then. At least 1. */
  readonly afterDays: number;
  readonly signal?: AbortSignal | undefined;
}

const dayMs = 86_400_000;

/** Seals every month that ended long enough ago. Replicas that do it at once take turns. @returns points moved. */
export async function sealMonths(db: Database, now: Date, { afterDays, signal }: SealOptions): Promise<number> {
  const horizon = new Date(now.getTime() - Math.max(1, afterDays) * dayMs);
  // The partition of the last month stays: the server makes it anew at each start.
  const lastMonth = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1)).toISOString().slice(0, 10);
  let moved = 0;
  for (const month of await openMonths(db, horizon)) {
    let last: Series = { metricId: 0, seriesId: 0 };
    while (!signal?.aborted) {
      const batch = await moveBatch(db, month, last);
      if (!batch) break;
      moved += batch.points;
      last = batch;
    }
    if (signal?.aborted) return moved;
    if (month.from < lastMonth) await dropEmpty(db, month);
  }
  return moved;
}
