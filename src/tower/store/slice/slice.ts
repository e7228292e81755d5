/** Slices a metric: grouped by any label, filtered, in buckets of time, aggregated. */
import { type RawBuilder, sql } from 'kysely';
import type { Connection, Database } from '../database.ts';
import { pointStore } from '../points/point-store.ts';
import { lastOf, rollUp } from '../points/rollups.ts';
import { inScope, type Scope } from '../scope.ts';
import type { Bucket } from './buckets.ts';
import { dimension, matchesDimensions, type Where } from './dimensions.ts';
import { type PercentileLimits, type PercentileQuestion, percentilesOf } from './percentiles.ts';

export const aggregates = ['avg', 'min', 'max', 'sum', 'count', 'last', 'p50', 'p95', 'p99'] as const;
export type Aggregate = (typeof aggregates)[number];
export const orders = ['high', 'low', 'name'] as const;
export const fills = ['none', 'last'] as const;

export interface Slice {
  /** What the reader is confined to: nothing else is counted, named or drawn. */
  readonly scope: Scope;
  readonly metric: string;
  readonly unit: string;
  readonly refClass: 'authoritative' | 'preview';
  /** Names of dimensions: columns, or labels of the series or its model. */
  readonly by: readonly string[];
  readonly where: Where;
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
  readonly aggregate: Aggregate;
  readonly bucket: Bucket;
  /**
   * `last`: in a bucket without a value a series has its last one, for `heldDays`, and one value in each, whatever came; buckets and
   * times are then of whole days. So a mean is of all models, not of those that reported.
   */
  readonly fill?: (typeof fills)[number];
  readonly order: (typeof orders)[number];
  /** Groups. */
  readonly limit: number;
}

export interface SliceGroup {
  /** In the order of `by`; null: not said. */
  readonly key: readonly (string | null)[];
  /** When grouped by model. */
  readonly modelId: number | null;
  /** Over the whole time. */
  readonly value: number;
  readonly n: number;
  readonly points: readonly { readonly at: Date; readonly value: number; readonly n: number }[];
}

export interface Sliced {
  readonly groups: readonly SliceGroup[];
  /** Also those beyond the limit. */
  readonly groupCount: number;
  /** What was read: rollups where they are enough, else every point. */
  readonly source: 'point' | 'rollup_day' | 'rollup_week';
}

/** Days for which a value is held: what reports once a month is there, what has gone is not. */
export const heldDays = 35;

/** Of the percentiles, the part of all values that lies below. */
const fractions: Partial<Readonly<Record<Aggregate, number>>> = { p50: 0.5, p95: 0.95, p99: 0.99 };

/** Start of the day (UTC) in which a time lies, or the time itself when it is one. */
const isDayStart = (at: Date): boolean => at.getTime() % 86_400_000 === 0;

function sourceOf({ aggregate, bucket, from, to, fill }: Slice): Sliced['source'] {
  const isWhole = isDayStart(from) && isDayStart(to);
  const isOfPoints = fractions[aggregate] !== undefined && fill !== 'last';
  if (isOfPoints || bucket === 'hour' || !isWhole) return 'point';
  const isWeekly = bucket === 'week' && from.getUTCDay() === 1 && to.getUTCDay() === 1;
  return isWeekly ? 'rollup_week' : 'rollup_day';
}

const drawn: Readonly<Record<Aggregate, RawBuilder<unknown>>> = {
  avg: sql`sum(sum) / sum(n)`,
  min: sql`min(min)`,
  max: sql`max(max)`,
  sum: sql`sum(sum)`,
  count: sql`sum(n)::float8`,
  last: lastOf(sql`last`, sql`last_ts`),
  p50: sql`percentile_cont(0.5) within group (order by sum)`,
  p95: sql`percentile_cont(0.95) within group (order by sum)`,
  p99: sql`percentile_cont(0.99) within group (order by sum)`,
};

/** Null: there is no such metric. */
async function metricId(connection: Connection, { metric, unit }: Slice): Promise<number | null> {
  const { rows } = await sql<{ id: number }>`select id from metric where name = ${metric} and unit = ${unit}`.execute(connection);
  return rows[0]?.id ?? null;
}

/** Rows to aggregate, all of one shape: group, a series of it, start of the stretch, n, sum, min, max, last, last_ts. */
function rowsOf(slice: Slice, source: Sliced['source'], metric: RawBuilder<unknown>): RawBuilder<unknown> {
  const { bucket, from, to } = slice;
  if (source === 'point') {
    const start = bucket === 'none' ? sql`null::timestamp` : sql`date_trunc(${sql.lit(bucket)}, ts at time zone 'UTC')`;
    return sql`select gid, id, ${start} as start, 1 as n, value as sum, value as min, value as max, value as last, ts as last_ts
      from ${pointStore.scan('chosen', { from, to })} as chosen_points`;
  }
  const start = source === 'rollup_day' ? sql`day` : sql`week`;
  const since = slice.fill === 'last' ? new Date(from.getTime() - heldDays * 86_400_000) : from;
  const rows = sql`select gid, id, ${start} as start, n, sum, min, max, last, last_ts
    from ${sql.table(source)} as r join chosen on chosen.id = r.series_id
    where r.metric_id = ${metric} and ${start} >= ${since.toISOString().slice(0, 10)}::date and ${start} < ${to.toISOString().slice(0, 10)}::date`;
  return slice.fill === 'last' ? held(rows, slice) : rows;
}

/** The same shape: of each series and bucket the last value up to its end, up to now. */
function held(rows: RawBuilder<unknown>, { bucket, from, to }: Slice): RawBuilder<unknown> {
  const truncated = (time: RawBuilder<unknown>) => sql`date_trunc(${sql.lit(bucket)}, ${time})`;
  const utc = (at: number) => truncated(sql`${new Date(at).toISOString()}::timestamptz at time zone 'UTC'`);
  const step = sql`interval '1 ${sql.raw(bucket)}'`;
  const end = truncated(sql`(last_ts at time zone 'UTC') + ${sql.lit(`${heldDays} days`)}::interval`);
  return sql`select gid, id, generate_series(greatest(start, ${utc(from.getTime())}),
      least(next - ${step}, ${end}, ${utc(Math.min(to.getTime(), Date.now()) - 1)}), ${step}) as start,
      1 as n, last as sum, last as min, last as max, last, last_ts
    from (select *, lead(start) over (partition by id order by start) as next from (
      select gid, id, ${truncated(sql`start::timestamp`)} as start, ${lastOf(sql`last`, sql`last_ts`)} as last, max(last_ts) as last_ts
      from (${rows}) as measured group by 1, 2, 3) as known) as known`;
}

interface Row {
  readonly gid: number;
  readonly groups: number;
  readonly key: readonly (string | null)[];
  readonly modelId: number | null;
  readonly total: number;
  readonly totalN: number;
  readonly at: Date | null;
  readonly value: number | null;
  readonly n: number | null;
}

const places = { high: sql`value desc, gid`, low: sql`value, gid`, name: sql`gid` } as const;

/** Series that are asked for, as a relation with their dimensions (`g0`, ...), and what tells groups apart. */
function pickedBy(wanted: Slice, metric: RawBuilder<unknown>) {
  const keys = wanted.by.map((name, i) => sql`${dimension(name)} as ${sql.ref(`g${i}`)}`);
  const names = wanted.by.map((_, i) => sql.ref(`g${i}`));
  const isByModel = wanted.by.includes('model');
  const picked = sql`
      select series.id, series.metric_id, ${isByModel ? sql`model.id` : sql`null::bigint`} as model_id
        ${keys.length > 0 ? sql`, ${sql.join(keys)}` : sql``}
      from series join model on model.id = series.model_id join project on project.id = model.project_id
      where series.metric_id = ${metric} and series.ref_class = ${wanted.refClass}
        and ${inScope(wanted.scope)} and ${matchesDimensions(wanted.where)}`;
  const key = sql`array[${names.length > 0 ? sql.join(names) : sql``}]::text[]`;
  return { picked, key, grouping: [...names, ...(isByModel ? [sql`model_id`] : [])] };
}

/** Null: too many values to compute with them here. */
async function slicePercentiles(
  db: Database,
  wanted: Slice & Pick<PercentileQuestion, 'metricId' | 'fraction'>,
  limits?: PercentileLimits,
): Promise<Sliced | null> {
  const { picked, key, grouping } = pickedBy(wanted, sql`${wanted.metricId}::bigint`);
  const group = sql.join([...grouping, sql`model_id`]);
  const { rows } = await sql<Pick<SliceGroup, 'key' | 'modelId'> & { series: string }>`
    select ${key} as key, model_id as "modelId", string_agg(id::text, ',') as series
    from (${picked}) as picked group by ${group} order by ${group}`.execute(db);
  const found = await percentilesOf(db, { ...wanted, groups: rows.map(({ series }) => series.split(',')) }, limits);
  return (
    found && {
      groups: found.groups.flatMap(({ place, ...group }) =>
        rows.slice(place, place + 1).map(({ key, modelId }) => ({ key, modelId, ...group })),
      ),
      groupCount: found.groupCount,
      source: 'point',
    }
  );
}

/** @param limits Of percentiles that are computed here. @throws TooSlow */
export async function slice(db: Database, wanted: Slice, limits?: PercentileLimits): Promise<Sliced> {
  const source = sourceOf(wanted);
  if (source !== 'point') await rollUp(db);
  const id = await metricId(db, wanted);
  if (id === null) return { groups: [], groupCount: 0, source };
  const fraction = fractions[wanted.aggregate];
  const isInDatabase = fraction === undefined || wanted.fill === 'last';
  const percentiles = isInDatabase ? null : await slicePercentiles(db, { ...wanted, metricId: id, fraction }, limits);
  return percentiles ?? sliceInDatabase(db, wanted, source, id);
}

/** All of it in one statement. */
async function sliceInDatabase(db: Database, wanted: Slice, source: Sliced['source'], metricId: number): Promise<Sliced> {
  // Said as a number, for the planner: it would read the rows of all metrics, or not in parallel.
  const metric = sql`${metricId}::bigint`;
  const { picked, key, grouping } = pickedBy(wanted, metric);
  const isPercentile = fractions[wanted.aggregate] !== undefined;
  const bucket = wanted.bucket === 'none' ? sql`null::timestamp` : sql`date_trunc(${sql.lit(wanted.bucket)}, start::timestamp)`;
  // Of a condition that is a boolean the planner expects half of the cells to hold; of any other hardly one, and then it looks for
  // the points of each group through all cells.
  // Percentiles are of single values; all else is added up once, before the totals are.
  const summed = sql`select gid, start, min(id) as id, sum(n) as n, sum(sum) as sum, min(min) as min, max(max) as max,
    ${lastOf(sql`last`, sql`last_ts`)} as last, max(last_ts) as last_ts from rows group by gid, start`;
  const { rows } = await sql<Row>`
    with chosen as (
      select id, metric_id, ${grouping.length > 0 ? sql`dense_rank() over (order by ${sql.join(grouping)})` : sql`1::bigint`} as gid
      from (${picked}) as picked
    ), rows as (${rowsOf(wanted, source, metric)}), parts as (${isPercentile ? sql`select * from rows` : summed}),
    cells as materialized (
      select gid, bucket, grouping(bucket) = 1 as is_total, min(id) as one, ${drawn[wanted.aggregate]} as value, sum(n)::bigint as n
      from (select *, ${bucket} as bucket from parts) as parts group by grouping sets ((gid, bucket), (gid))
    ), ranked as (
      select gid, one, value, n, count(*) over () as groups, row_number() over (order by ${places[wanted.order]}) as place
      from cells where is_total
    )
    select ranked.gid, ranked.groups, ${key} as key, named.model_id as "modelId", ranked.value as total, ranked.n as "totalN",
      cells.bucket at time zone 'UTC' as at, cells.value, cells.n
    from ranked join (${picked}) as named on named.id = ranked.one
      left join cells on cells.gid = ranked.gid and not cells.is_total and cells.bucket is not null
    where place <= ${wanted.limit} order by place, cells.bucket`.execute(db);
  return { groups: groupsOf(rows), groupCount: rows[0]?.groups ?? 0, source };
}

/** Rows come in order, those of a group together. */
function groupsOf(rows: readonly Row[]): readonly SliceGroup[] {
  const groups = new Map<number, SliceGroup & { points: { at: Date; value: number; n: number }[] }>();
  for (const { gid, key, modelId, total, totalN, at, value, n } of rows) {
    const group = groups.get(gid) ?? { key, modelId, value: total, n: totalN, points: [] };
    if (at !== null && value !== null && n !== null) group.points.push({ at, value, n });
    groups.set(gid, group);
  }
  return [...groups.values()];
}
