/** Appends points to series. Only rows that are really new feed `latest` and the daily rollup, so a replay adds nothing. */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Connection } from './database.ts';

/** One number of a model at one time. `value` is finite. */
export interface Measurement {
  readonly name: string;
  readonly unit: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Batch {
  readonly modelId: number;
  readonly reportId: number;
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
  const sorted = [...rows].sort((a, b) => a.metricId - b.metricId || compare(a.labelKey, b.labelKey));
  const metrics = sorted.map((row) => row.metricId);
  const keys = sorted.map((row) => row.labelKey);
  const find = () =>
    sql<{ id: number; metricId: number; labelKey: string }>`
    select series.id, series.metric_id as "metricId", series.label_key as "labelKey" from series
    join unnest(${metrics}::bigint[], ${keys}::text[]) as wanted(metric_id, label_key) using (metric_id, label_key)
    where series.model_id = ${batch.modelId}`.execute(connection);
  let found = (await find()).rows;
  if (found.length < new Set(sorted.map(seriesKey)).size) {
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
}
const seriesKey = (row: { readonly metricId: number; readonly labelKey: string }): string => `${row.metricId}:${row.labelKey}`;

function known(ids: ReadonlyMap<string, number>, key: string): number {
  const id = ids.get(key);
  if (id === undefined) throw new Error(`No row for ${key} after its insert`);
  return id;
}

/** Writes the points inside the caller's transaction. @returns how many were new. */
export async function appendPoints(connection: Connection, batch: Batch): Promise<number> {
  if (batch.measurements.length === 0) return 0;
  const metrics = await metricIds(connection, batch.measurements);
  const rows = batch.measurements.map(
    (m): SeriesRow => ({
      metricId: known(metrics, metricKey(m)),
      labelKey: labelKey(batch.environment, batch.refClass, m.labels),
      labels: m.labels,
      value: m.value,
    }),
  );
  const series = await seriesIds(connection, batch, rows);
  const { rows: inserted } = await sql<{ n: number }>`
    with fresh as (
      insert into point (metric_id, series_id, ts, value, report_id)
      select metric_id, series_id, ${batch.at}::timestamptz, value, ${batch.reportId}
      from unnest(${rows.map((row) => row.metricId)}::bigint[], ${rows.map((row) => known(series, seriesKey(row)))}::bigint[],
        ${rows.map((row) => row.value)}::float8[]) with ordinality as t(metric_id, series_id, value, position)
      order by metric_id, series_id, position
      on conflict do nothing
      returning metric_id, series_id, ts, value
    ), newest as (
      insert into latest (series_id, metric_id, ts, value, report_id)
      select distinct on (series_id) series_id, metric_id, ts, value, ${batch.reportId} from fresh order by series_id, ts desc
      on conflict (series_id) do update set ts = excluded.ts, value = excluded.value, report_id = excluded.report_id
        where excluded.ts > latest.ts
    ), rolled as (
      insert into rollup_day (metric_id, day, series_id, n, sum, min, max, last, last_ts)
      select metric_id, (ts at time zone 'UTC')::date, series_id, count(*), sum(value), min(value), max(value),
        (array_agg(value order by ts desc))[1], max(ts)
      from fresh group by 1, 2, 3 order by 1, 2, 3
      on conflict (metric_id, day, series_id) do update set n = rollup_day.n + excluded.n, sum = rollup_day.sum + excluded.sum,
        min = least(rollup_day.min, excluded.min), max = greatest(rollup_day.max, excluded.max),
        last = case when excluded.last_ts > rollup_day.last_ts then excluded.last else rollup_day.last end,
        last_ts = greatest(rollup_day.last_ts, excluded.last_ts)
    )
    select count(*) as n from fresh`.execute(connection);
  return inserted[0]?.n ?? 0;
}
