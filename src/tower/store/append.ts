/** Appends points to series. Only rows that are really new feed `latest` and the rollups, so a replay adds nothing. */
import { createHash } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import type { Connection } from './database.ts';
import { microsOf, monthOf } from './points.ts';
import { lockAgainstSeal } from './seal.ts';

/** One number of a model at one time. `value` is finite. */
export interface Measurement {
  readonly name: string;
  readonly unit: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** RFC 3339; the time of the batch when absent. */
  readonly at?: string | undefined;
}

export interface Batch {
  readonly modelId: number;
  /** Null: the points came without a report. */
  readonly reportId: number | null;
  readonly refClass: 'authoritative' | 'preview';
  readonly environment: string;
  /** RFC 3339. */
  readonly at: string;
  readonly measurements: readonly Measurement[];
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Digest of what tells one series of a model's metric from another; the order of labels does not matter. */
export function labelKey(environment: string, refClass: string, labels: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => compare(a, b));
  return createHash('sha256')
    .update(JSON.stringify([environment, refClass, sorted]))
    .digest('hex')
    .slice(0, 32);
}

const metricKey = (m: { readonly name: string; readonly unit: string }): string => `${m.name}\n${m.unit}`;

/** Ids of the metrics, made when they are new; sorted, so that two writers lock them in one order. */
async function metricIds(connection: Connection, measurements: readonly Measurement[]): Promise<ReadonlyMap<string, number>> {
  const keys = [...new Set(measurements.map(metricKey))].sort(compare).map((key) => key.split('\n') as [string, string]);
  const names = keys.map(([name]) => name);
  const units = keys.map(([, unit]) => unit);
  const find = () =>
    sql<{ id: number; name: string; unit: string }>`
    select metric.id, metric.name, metric.unit from metric
    join unnest(${names}::text[], ${units}::text[]) as wanted(name, unit) using (name, unit)`.execute(connection);
  let { rows } = await find();
  if (rows.length < keys.length) {
    await sql`insert into metric (name, unit) select name, unit from unnest(${names}::text[], ${units}::text[]) as t(name, unit)
      on conflict do nothing`.execute(connection);
    ({ rows } = await find());
  }
  return new Map(rows.map((row) => [metricKey(row), row.id]));
}

/** Ids of the series by metric id and label key, made when they are new. */
async function seriesIds(connection: Connection, batch: Batch, rows: readonly SeriesRow[]): Promise<ReadonlyMap<string, number>> {
  const distinct = [...new Map(rows.map((row) => [seriesKey(row), row])).values()];
  const sorted = distinct.sort((a, b) => a.metricId - b.metricId || compare(a.labelKey, b.labelKey));
  const metrics = sorted.map((row) => row.metricId);
  const keys = sorted.map((row) => row.labelKey);
  const find = () =>
    sql<{ id: number; metricId: number; labelKey: string }>`
    select series.id, series.metric_id as "metricId", series.label_key as "labelKey" from series
    join unnest(${metrics}::bigint[], ${keys}::text[]) as wanted(metric_id, label_key) using (metric_id, label_key)
    where series.model_id = ${batch.modelId}`.execute(connection);
  let found = (await find()).rows;
  if (found.length < sorted.length) {
    await sql`insert into series (model_id, metric_id, environment, ref_class, labels, label_key)
      select ${batch.modelId}, metric_id, ${batch.environment}, ${batch.refClass}, labels::jsonb, label_key
      from unnest(${metrics}::bigint[], ${sorted.map((row) => JSON.stringify(row.labels))}::text[], ${keys}::text[])
        as t(metric_id, labels, label_key)
      on conflict do nothing`.execute(connection);
    found = (await find()).rows;
  }
  return new Map(found.map((row) => [seriesKey(row), row.id]));
}

interface SeriesRow {
  readonly metricId: number;
  readonly labelKey: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly at: string;
}
const seriesKey = (row: { readonly metricId: number; readonly labelKey: string }): string => `${row.metricId}:${row.labelKey}`;

function known(ids: ReadonlyMap<string, number>, key: string): number {
  const id = ids.get(key);
  if (id === undefined) throw new Error(`No row for ${key} after its insert`);
  return id;
}

/** Adds the fresh points to a rollup; its rows are locked in one order. */
function rollUp(table: 'rollup_day' | 'rollup_week', unit: 'day' | 'week'): RawBuilder<unknown> {
  const [into, start] = [sql.table(table), sql.ref(unit)];
  const old = (column: string) => sql.ref(`${table}.${column}`);
  return sql`
    insert into ${into} (metric_id, ${start}, series_id, n, sum, min, max, last, last_ts)
    select metric_id, date_trunc(${sql.lit(unit)}, ts at time zone 'UTC')::date, series_id, count(*), sum(value), min(value),
      max(value), (array_agg(value order by ts desc))[1], max(ts)
    from fresh group by 1, 2, 3 order by 1, 2, 3
    on conflict (metric_id, ${start}, series_id) do update set n = ${old('n')} + excluded.n, sum = ${old('sum')} + excluded.sum,
      min = least(${old('min')}, excluded.min), max = greatest(${old('max')}, excluded.max),
      last = case when excluded.last_ts > ${old('last_ts')} then excluded.last else ${old('last')} end,
      last_ts = greatest(${old('last_ts')}, excluded.last_ts)`;
}

/** Series that a rule looks at wait to be judged: written with their points, so that none is missed. Previews are not judged. */
const tellRules = (refClass: Batch['refClass']): RawBuilder<unknown> => sql`
  insert into touched (series_id) select distinct series_id from fresh
  where ${refClass === 'authoritative'} and exists (select 1 from metric join rule on rule.metric_name = metric.name
    where metric.id = fresh.metric_id and rule.is_enabled and rule.retired_at is null)
  order by 1 on conflict do nothing`;

/** Points come that are older than those that are kept. */
export class TooOld extends Error {
  readonly keptFrom: Date;

  constructor(keptFrom: Date) {
    super(`points before ${keptFrom.toISOString()} are not kept`);
    this.keptFrom = keptFrom;
  }
}

/**
 * The condition that a point of a past month is new to its chunk too; null when every point is of this month, which is never
 * sealed. Until the transaction ends no such month is.
 */
async function newToChunks(
  connection: Connection,
  batch: Batch,
  points: readonly SeriesRow[],
): Promise<RawBuilder<unknown> | null> {
  const now = new Date();
  const month = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
  const oldest = points.reduce((least, { at }) => Math.min(least, Date.parse(at)), Number.POSITIVE_INFINITY);
  if (oldest >= month) return null;
  await lockAgainstSeal(connection);
  const { rows } = await sql<{ from: Date | null }>`
    select (select points_from from kept_from where points_from > ${new Date(oldest)}::timestamptz) as from`.execute(connection);
  const keptFrom = rows[0]?.from ?? null;
  if (keptFrom !== null && batch.reportId === null) throw new TooOld(keptFrom);
  return sql`ts >= coalesce(${keptFrom}::timestamptz, '-infinity') and not exists (select 1 from chunk
    where chunk.metric_id = t.metric_id and chunk.series_id = t.series_id and chunk.month = ${monthOf(sql`t.ts`)}
      and case when chunk.seconds is null then ${microsOf(sql`t.ts`)} = any(chunk.micros)
        else ${microsOf(sql`t.ts`)} % 1000000 = 0 and ${microsOf(sql`t.ts`)} / 1000000 = any(chunk.seconds) end)`;
}

/**
 * Writes the points inside the caller's transaction. Of a report, points that are too old to be kept are left out.
 * @returns how many were new. @throws TooOld
 */
export async function appendPoints(connection: Connection, batch: Batch): Promise<number> {
  if (batch.measurements.length === 0) return 0;
  const metrics = await metricIds(connection, batch.measurements);
  const rows = batch.measurements.map(
    (m): SeriesRow => ({
      metricId: known(metrics, metricKey(m)),
      labelKey: labelKey(batch.environment, batch.refClass, m.labels),
      labels: m.labels,
      value: m.value,
      at: m.at ?? batch.at,
    }),
  );
  const series = await seriesIds(connection, batch, rows);
  const isNew = await newToChunks(connection, batch, rows);
  const { rows: inserted } = await sql<{ n: number }>`
    with fresh as (
      insert into point (metric_id, series_id, ts, value, report_id)
      select metric_id, series_id, ts, value, ${batch.reportId}::bigint
      from unnest(${rows.map((row) => row.metricId)}::bigint[], ${rows.map((row) => known(series, seriesKey(row)))}::bigint[],
        ${rows.map((row) => row.at)}::timestamptz[], ${rows.map((row) => row.value)}::float8[])
        with ordinality as t(metric_id, series_id, ts, value, position)
      where ${isNew ?? sql`true`}
      order by metric_id, series_id, ts, position
      on conflict do nothing
      returning metric_id, series_id, ts, value
    ), newest as (
      insert into latest (series_id, metric_id, ts, value, report_id)
      select distinct on (series_id) series_id, metric_id, ts, value, ${batch.reportId}::bigint
      from fresh order by series_id, ts desc
      on conflict (series_id) do update set ts = excluded.ts, value = excluded.value, report_id = excluded.report_id
        where excluded.ts > latest.ts
    ), told as (${tellRules(batch.refClass)}), by_day as (${rollUp('rollup_day', 'day')}), by_week as (${rollUp('rollup_week', 'week')})
    select count(*) as n from fresh`.execute(connection);
  return inserted[0]?.n ?? 0;
}
