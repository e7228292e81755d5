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
