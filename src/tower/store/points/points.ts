/** Points as they are read: those of open months from their partitions, those of sealed months from their chunks. */
import { type RawBuilder, sql } from 'kysely';

/** All that are given must hold. */
export interface Span {
  readonly from?: Date | undefined;
  readonly after?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
}

/** Start of a chunk's month, as a time. */
const monthStart = sql`chunk.month::timestamp at time zone 'UTC'`;

/** From `chunk`: one row `(ts, value)` for each point. */
export const unpacked = sql`lateral (
    select ${monthStart} + coalesce(packed.s * interval '1 second', packed.us * interval '1 microsecond') as ts, packed.value
    from unnest(chunk.seconds, chunk.micros, chunk."values") as packed(s, us, value)) as unpacked`;

/** Month in which a time lies. */
export const monthOf = (ts: RawBuilder<unknown>): RawBuilder<unknown> => sql`date_trunc('month', ${ts} at time zone 'UTC')::date`;

/** Microseconds of a time since its month began. */
export const microsOf = (ts: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(extract(epoch from ${ts} - date_trunc('month', ${ts}, 'UTC')) * 1000000)::bigint`;

function within(ts: RawBuilder<unknown>, { from, after, to }: Span): RawBuilder<unknown> {
  const conditions = [
    from && sql`${ts} >= ${from}::timestamptz`,
    after && sql`${ts} > ${after}::timestamptz`,
    to && sql`${ts} < ${to}::timestamptz`,
  ];
  return sql.join([sql`true`, ...conditions.filter((condition) => condition !== undefined)], sql` and `);
}

function withinMonths({ from, after, to }: Span): RawBuilder<unknown> {
  const start = from ?? after;
  const conditions = [
    start && sql`chunk.month >= ${monthOf(sql`${start}::timestamptz`)}`,
    to && sql`chunk.month < (${to}::timestamptz at time zone 'UTC')`,
  ];
  return sql.join([sql`true`, ...conditions.filter((condition) => condition !== undefined)], sql` and `);
}

/**
 * A relation with the columns of `series` (among them `id` and `metric_id`) and `ts`, `value`: every point of these series in
 * the span, once. `series` is the name of a relation, read twice.
 */
export const pointsOf = (series: string, span: Span): RawBuilder<unknown> => sql`(
    select of.*, point.ts, point.value from ${sql.table(series)} as of
      join point on point.metric_id = of.metric_id and point.series_id = of.id
    where ${within(sql`point.ts`, span)}
    union all
    select of.*, unpacked.ts, unpacked.value from ${sql.table(series)} as of
      join chunk on chunk.metric_id = of.metric_id and chunk.series_id = of.id and ${withinMonths(span)}, ${unpacked}
    where ${within(sql`unpacked.ts`, span)})`;

/** How many points of `chunk` come before a time of its month; null when the time is of another month. */
function countBefore(at: Date): RawBuilder<unknown> {
  const month = Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1);
  const ms = at.getTime() - month;
  return sql`case when chunk.month = ${new Date(month).toISOString().slice(0, 10)}::date then coalesce(
    width_bucket(${Math.ceil(ms / 1000) - 1}::int, chunk.seconds), width_bucket(${ms * 1000 - 1}::bigint, chunk.micros)) end`;
}

/**
 * The same points, many in a row: the columns of `series`, `times` and `values`, side by side. Times are text, `1756684800s{0,60}`:
 * seconds since 1970, and what is added to them, in seconds (`s`) or microseconds (`u`). Values are an array as PostgreSQL sends it
 * (`array_send`).
 * @param most Of open months, points of a series: more are left out.
 */
export const packedOf = (series: string, { from, to }: { from: Date; to: Date }, most: number): RawBuilder<unknown> => sql`(
    select of.*, '0u' || open.times::text as times, array_send(open."values") as "values"
    from ${sql.table(series)} as of, lateral (
      select array_agg((date_part('epoch', ts) * 1000000)::bigint) as times, array_agg(value) as "values" from (
        select point.ts, point.value from point
        where point.metric_id = of.metric_id and point.series_id = of.id and ${within(sql`point.ts`, { from, to })} limit ${most}
      ) as taken) as open
    where open.times is not null
    union all
    select of.*, extract(epoch from chunk.month)::bigint
        || coalesce('s' || chunk.seconds[part.first:part.last]::text, 'u' || chunk.micros[part.first:part.last]::text),
      array_send(chunk."values"[part.first:part.last])
    from ${sql.table(series)} as of
      join chunk on chunk.metric_id = of.metric_id and chunk.series_id = of.id and ${withinMonths({ from, to })},
      lateral (select coalesce(${countBefore(from)}, 0) + 1 as first, coalesce(${countBefore(to)}, chunk.n) as last) as part
    where part.first <= part.last)`;

/** The newest points of the series `of` (a name with columns `id` and `metric_id`), newest first: `(ts, value)`. */
export const newestOf = (of: string, limit: number): RawBuilder<unknown> => sql`(
    select ts, value from (
      (select point.ts, point.value from point
        where point.metric_id = ${sql.ref(`${of}.metric_id`)} and point.series_id = ${sql.ref(`${of}.id`)}
        order by point.ts desc limit ${limit})
      union all
      (select unpacked.ts, unpacked.value
        from (select *, sum(n) over (order by month desc) - n as newer from chunk as any_month
          where any_month.metric_id = ${sql.ref(`${of}.metric_id`)} and any_month.series_id = ${sql.ref(`${of}.id`)}) as chunk,
          ${unpacked}
        where chunk.newer < ${limit} order by unpacked.ts desc limit ${limit})
    ) as both_kinds order by ts desc limit ${limit})`;
