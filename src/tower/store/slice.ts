/** Slices a metric: grouped by any label, filtered, in buckets of time, aggregated. One statement for both databases. */
import { type RawBuilder, sql } from 'kysely';
import type { Connection, Database } from './database.ts';
import { pointStore } from './point-store.ts';
import { rollUp } from './rollups.ts';
import { inScope, type Scope } from './scope.ts';

export const aggregates = ['avg', 'min', 'max', 'sum', 'count', 'last', 'p50', 'p95', 'p99'] as const;
export type Aggregate = (typeof aggregates)[number];
export const buckets = ['none', 'hour', 'day', 'week', 'month'] as const;
export type Bucket = (typeof buckets)[number];
export const orders = ['high', 'low', 'name'] as const;

export interface Slice {
  /** What the reader is confined to: nothing else is counted, named or drawn. */
  readonly scope: Scope;
  readonly metric: string;
  readonly unit: string;
  readonly refClass: 'authoritative' | 'preview';
  /** Names of dimensions: columns, or labels of the series or its model. */
  readonly by: readonly string[];
  /** By name of the dimension: any of its values; an empty one stands for "not said". All names must hold. */
  readonly where: Readonly<Record<string, readonly string[]>>;
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
  readonly aggregate: Aggregate;
  readonly bucket: Bucket;
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

/** What is not a label. A label of the same name is reached as `label:NAME`. */
export const dimensionColumns: Readonly<Record<string, string>> = {
  model: 'model.name',
  owner: 'model.owner',
  tier: 'model.tier',
  language: 'model.language',
  task: 'model.task',
  project: 'project.path',
  environment: 'series.environment',
};

function dimension(name: string): RawBuilder<string | null> {
  const column = Object.hasOwn(dimensionColumns, name) ? dimensionColumns[name] : undefined;
  if (column !== undefined) return sql`nullif(${sql.ref(column)}, '')`;
  const label = name.replace(/^label:/, '');
  return sql`nullif(coalesce(series.labels ->> ${label}::text, model.labels ->> ${label}::text), '')`;
}

/** Conditions over `series`, `model` and `project`. */
export function matchesDimensions(where: Slice['where']): RawBuilder<unknown> {
  const conditions = Object.entries(where).map(([name, values]) => {
    const isUnsaid = values.includes('') ? sql`or ${dimension(name)} is null` : sql``;
    return sql`(${dimension(name)} = any(${values}::text[]) ${isUnsaid})`;
  });
  return sql.join([sql`true`, ...conditions], sql` and `);
}

const isPercentile = (aggregate: Aggregate): boolean => /^p\d/.test(aggregate);

/** Start of the day (UTC) in which a time lies, or the time itself when it is one. */
const isDayStart = (at: Date): boolean => at.getTime() % 86_400_000 === 0;

function sourceOf({ aggregate, bucket, from, to }: Slice): Sliced['source'] {
  const isWhole = isDayStart(from) && isDayStart(to);
  if (isPercentile(aggregate) || bucket === 'hour' || !isWhole) return 'point';
  const isWeekly = bucket === 'week' && from.getUTCDay() === 1 && to.getUTCDay() === 1;
  return isWeekly ? 'rollup_week' : 'rollup_day';
}

const drawn: Readonly<Record<Aggregate, RawBuilder<unknown>>> = {
  avg: sql`sum(sum) / sum(n)`,
  min: sql`min(min)`,
  max: sql`max(max)`,
  sum: sql`sum(sum)`,
  count: sql`sum(n)::float8`,
  last: sql`(array_agg(last order by last_ts desc))[1]`,
  p50: sql`percentile_cont(0.5) within group (order by sum)`,
  p95: sql`percentile_cont(0.95) within group (order by sum)`,
  p99: sql`percentile_cont(0.99) within group (order by sum)`,
};

/** Null: there is no such metric. */
async function metricId(connection: Connection, { metric, unit }: Slice): Promise<number | null> {
  const { rows } = await sql<{ id: number }>`select id from metric where name = ${metric} and unit = ${unit}`.execute(connection);
  return rows[0]?.id ?? null;
}

/** Rows to aggregate, all of one shape: group, bucket, n, sum, min, max, last, last_ts. */
function rowsOf(slice: Slice, source: Sliced['source'], metric: RawBuilder<unknown>): RawBuilder<unknown> {
  const { bucket, from, to } = slice;
  if (source === 'point') {
    const start = bucket === 'none' ? sql`null::timestamp` : sql`date_trunc(${sql.lit(bucket)}, ts at time zone 'UTC')`;
    return sql`select gid, ${start} as bucket, 1 as n, value as sum, value as min, value as max, value as last, ts as last_ts
      from ${pointStore.scan('chosen', { from, to })} as chosen_points`;
  }
  const column = source === 'rollup_day' ? sql`day` : sql`week`;
  const start = bucket === 'none' ? sql`null::timestamp` : sql`date_trunc(${sql.lit(bucket)}, ${column}::timestamp)`;
  return sql`select gid, ${start} as bucket, n, sum, min, max, last, last_ts
    from ${sql.table(source)} as r join chosen on chosen.id = r.series_id
    where r.metric_id = ${metric} and ${column} >= ${from.toISOString().slice(0, 10)}::date and ${column} < ${to.toISOString().slice(0, 10)}::date`;
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

export async function slice(db: Database, wanted: Slice): Promise<Sliced> {
  const source = sourceOf(wanted);
  if (source !== 'point') await rollUp(db);
  const id = await metricId(db, wanted);
  if (id === null) return { groups: [], groupCount: 0, source };
  // Said as a number, for the planner: it would read the rows of all metrics, or not in parallel.
  const metric = sql`${id}::bigint`;
  const keys = wanted.by.map((name, i) => sql`${dimension(name)} as ${sql.ref(`g${i}`)}`);
  const names = wanted.by.map((_, i) => sql.ref(`g${i}`));
  const isByModel = wanted.by.includes('model');
  const grouping = [...names, ...(isByModel ? [sql`model_id`] : [])];
  const { rows } = await sql<Row>`
    with picked as (
      select series.id, series.metric_id, ${isByModel ? sql`model.id` : sql`null::bigint`} as model_id
        ${keys.length > 0 ? sql`, ${sql.join(keys)}` : sql``}
      from series join model on model.id = series.model_id join project on project.id = model.project_id
      where series.metric_id = ${metric} and series.ref_class = ${wanted.refClass}
        and ${inScope(wanted.scope)} and ${matchesDimensions(wanted.where)}
    ), chosen as materialized (
      select *, ${grouping.length > 0 ? sql`dense_rank() over (order by ${sql.join(grouping)})` : sql`1::bigint`} as gid from picked
    ), raw as (${rowsOf(wanted, source, metric)}), cells as materialized (
      select gid, bucket, grouping(bucket) as is_total, ${drawn[wanted.aggregate]} as value, sum(n)::bigint as n
      from raw group by grouping sets ((gid, bucket), (gid))
    ), ranked as (
      select gid, value, n, count(*) over () as groups, row_number() over (order by ${places[wanted.order]}) as place
      from cells where is_total = 1
    ), named as (
      select distinct gid, model_id, array[${names.length > 0 ? sql.join(names) : sql``}]::text[] as key from chosen
    )
    select ranked.gid, ranked.groups, named.key, named.model_id as "modelId", ranked.value as total, ranked.n as "totalN",
      cells.bucket at time zone 'UTC' as at, cells.value, cells.n
    from ranked join named using (gid)
      left join cells on cells.gid = ranked.gid and cells.is_total = 0 and cells.bucket is not null
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

export interface MetricRow {
  readonly name: string;
  readonly unit: string;
  readonly series: number;
  readonly models: number;
}

/** Whether `series` is one of a model in scope; asks nothing where all are. */
const isSeriesSeen = (scope: Scope): RawBuilder<unknown> =>
  scope === null
    ? sql`true`
    : sql`exists (select 1 from model join project on project.id = model.project_id
        where model.id = series.model_id and ${inScope(scope)})`;

/** Every metric that a model in scope has, by name; or those of one name. */
export async function listMetrics(connection: Connection, scope: Scope, name?: string): Promise<readonly MetricRow[]> {
  const { rows } = await sql<MetricRow>`
    select metric.name, metric.unit, count(*) as series, count(distinct series.model_id) as models
    from metric join series on series.metric_id = metric.id where ${isSeriesSeen(scope)} and ${name === undefined ? sql`true` : sql`metric.name = ${name}`}
    group by metric.id order by metric.name, metric.unit`.execute(connection);
  return rows;
}

export async function metricNames(connection: Connection, scope: Scope): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`select distinct name from metric
    where ${scope === null ? sql`true` : sql`exists (select 1 from series where metric_id = metric.id and ${isSeriesSeen(scope)})`}`.execute(
    connection,
  );
  return rows.map((row) => row.name);
}

/** Names of the labels that series of a metric, and their models, carry. */
export async function labelNames(connection: Connection, metric: string, scope: Scope): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    with sample as (
      select series.labels || model.labels as labels from metric join series on series.metric_id = metric.id
        join model on model.id = series.model_id where metric.name = ${metric} and ${isSeriesSeen(scope)}
        order by series.id desc limit 2000
    ) select distinct jsonb_object_keys(labels) as name from sample order by 1 limit 40`.execute(connection);
  return rows.map((row) => row.name);
}
