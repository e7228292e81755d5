/**
 * What follows from new points: `latest`, the daily and weekly rollups, and the series that rules look at. A post leaves its new
 * points here in the transaction that stores them; they are added up for many posts at once, each exactly once. Whoever reads
 * what follows calls `rollUp` first and so sees every post that was acknowledged before.
 */
import { type RawBuilder, sql } from 'kysely';
import { type Database, inTransaction } from '../database.ts';

/** A part of the statement that inserts points: leaves what the relation `fresh` holds, if anything. */
export const leavePending = sql`pending as (
      insert into pending_rollup (n, metric_ids, series_ids, times, "values")
      select count(*), array_agg(metric_id), array_agg(series_id), array_agg(ts), array_agg(value) from fresh having count(*) > 0
    )`;

/** Value at the newest of the times; both keep every bit. */
export const lastOf = (value: RawBuilder<unknown>, ts: RawBuilder<unknown>) =>
  sql`(max(array[date_part('epoch', ${ts}), ${value}]))[2]`;

/** Adds a relation of rows of `unit` to its rollup. They come in the order of the key, so that all lock them in one. */
function addTo(table: 'rollup_day' | 'rollup_week', unit: 'day' | 'week', rows: RawBuilder<unknown>): RawBuilder<unknown> {
  const old = (column: string) => sql.ref(`${table}.${column}`);
  return sql`
    insert into ${sql.table(table)} (metric_id, ${sql.ref(unit)}, series_id, n, sum, min, max, last, last_ts)
    ${rows} order by 1, 2, 3
    on conflict (metric_id, ${sql.ref(unit)}, series_id) do update set n = ${old('n')} + excluded.n, sum = ${old('sum')} + excluded.sum,
      min = least(${old('min')}, excluded.min), max = greatest(${old('max')}, excluded.max),
      last = case when excluded.last_ts > ${old('last_ts')} then excluded.last else ${old('last')} end,
      last_ts = greatest(${old('last_ts')}, excluded.last_ts)`;
}

const addDays = addTo('rollup_day', 'day', sql`select metric_id, day, series_id, n, sum, min, max, last, last_ts from days`);
const addWeeks = addTo(
  'rollup_week',
  'week',
  sql`select metric_id, date_trunc('week', day::timestamp)::date, series_id, sum(n), sum(sum), min(min), max(max),
    ${lastOf(sql`last`, sql`last_ts`)}, max(last_ts) from days group by 1, 2, 3`,
);

/** Of one transaction, about: posts are as large as 10,000 points. */
const mostPosts = 1000;
const mostPoints = 200_000;

/** One at a time, of all replicas. */
const rollupLock = 7304216;

/** Adds up the oldest posts that wait. @returns how many these were. */
const addUp = (db: Database, upTo: number): Promise<number> =>
  inTransaction(db, async (connection) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(rollupLock)})`.execute(connection);
    const { rows } = await sql<{ posts: number }>`
      with next as (
        select id from (select id, n, sum(n) over (order by id) as points from pending_rollup
          where id <= ${upTo}::bigint order by id limit ${sql.lit(mostPosts)}) as waiting
        where points - n < ${sql.lit(mostPoints)}
      ), taken as materialized (
        delete from pending_rollup where id in (select id from next) returning *
      ), days as materialized (
        select metric_id, (ts at time zone 'UTC')::date as day, series_id, count(*) as n, sum(value) as sum, min(value) as min,
          max(value) as max, ${lastOf(sql`value`, sql`ts`)} as last, max(ts) as last_ts
        from taken, unnest(metric_ids, series_ids, times, "values") as point(metric_id, series_id, ts, value) group by 1, 2, 3
      ), newest as (
        insert into latest (series_id, metric_id, ts, value)
        select distinct on (series_id) series_id, metric_id, last_ts, last from days order by series_id, last_ts desc
        on conflict (series_id) do update set ts = excluded.ts, value = excluded.value where excluded.ts > latest.ts
      ), told as (
        -- Rules judge no previews.
        insert into touched (series_id)
        select distinct series.id from days join series on series.id = days.series_id and series.ref_class = 'authoritative'
        where days.metric_id = any(array(select metric.id from metric join rule on rule.metric_name = metric.name
          where rule.is_enabled and rule.retired_at is null))
        order by 1 on conflict do nothing
      ), by_day as (${addDays}), by_week as (${addWeeks})
      select count(*) as posts from taken`.execute(connection);
    return rows[0]?.posts ?? 0;
  });

/** Adds up every post that was acknowledged before the call. */
export async function rollUp(db: Database): Promise<void> {
  const { rows } = await sql<{ upTo: number | null }>`select max(id) as "upTo" from pending_rollup`.execute(db);
  const upTo = rows[0]?.upTo ?? null;
  // Another may be faster: then none is left.
  while (upTo !== null && (await addUp(db, upTo)) > 0);
}
