/** Appends points to series. Only rows that are really new feed `latest` and the rollups, so a replay adds nothing. */
import { createHash } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import { type Connection, type Database, isSerializationFailure } from './database.ts';
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

/** Makes the metrics and series that are new; sorted, so that two writers lock them in one order. */
async function makeSeries(connection: Connection, batch: Batch, rows: readonly SeriesRow[]): Promise<void> {
  const key = (row: SeriesRow): string => [row.name, row.unit, row.labelKey].join('\n');
  const distinct = [...new Map(rows.map((row) => [key(row), row])).values()].sort((a, b) => compare(key(a), key(b)));
  const names = distinct.map(({ name }) => name);
  const units = distinct.map(({ unit }) => unit);
  await sql`insert into metric (name, unit) select distinct name, unit from unnest(${names}::text[], ${units}::text[]) as t(name, unit)
    order by 1, 2 on conflict do nothing`.execute(connection);
  await sql`insert into series (model_id, metric_id, environment, ref_class, labels, label_key)
    select ${batch.modelId}, metric.id, ${batch.environment}, ${batch.refClass}, labels::jsonb, label_key
    from unnest(${names}::text[], ${units}::text[], ${distinct.map((row) => JSON.stringify(row.labels))}::text[],
      ${distinct.map((row) => row.labelKey)}::text[]) as t(name, unit, labels, label_key) join metric using (name, unit)
    order by metric.id, label_key on conflict do nothing`.execute(connection);
}

interface SeriesRow {
  readonly name: string;
  readonly unit: string;
  readonly labelKey: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly at: string;
}

const rowsOf = (batch: Batch): readonly SeriesRow[] =>
  batch.measurements.map(({ name, unit, labels, value, at = batch.at }) => ({
    ...{ name, unit, labels, value, at },
    labelKey: labelKey(batch.environment, batch.refClass, labels),
  }));

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

const startOfMonth = (now: Date): number => Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
const oldestOf = (points: readonly SeriesRow[]): number =>
  points.reduce((least, { at }) => Math.min(least, Date.parse(at)), Number.POSITIVE_INFINITY);

/**
 * The condition that a point of a past month is new to its chunk too; null when every point is of this month, which is never
 * sealed. Until the transaction ends no such month is.
 */
async function newToChunks(
  connection: Connection,
  batch: Batch,
  points: readonly SeriesRow[],
): Promise<RawBuilder<unknown> | null> {
  const oldest = oldestOf(points);
  if (oldest >= startOfMonth(new Date())) return null;
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

/** What is written down of a post that is no report. */
export interface PostRecord {
  /** SHA-256 of the body, hexadecimal. */
  readonly sha256: string;
  /** `token NAME` or `job ID`. */
  readonly writtenBy: string;
  /** Id of the alert that started what posts; one of another model is none. */
  readonly alert: string | null;
}

const alertOf = ({ modelId }: Batch, alert: string | null): RawBuilder<unknown> =>
  alert === null ? sql`null::bigint` : sql`(select id from alert where uid::text = ${alert} and model_id = ${modelId})`;

const recordPost = (batch: Batch, post: PostRecord | null): RawBuilder<unknown> =>
  post === null
    ? sql``
    : sql`, recorded as (
      insert into metric_post (model_id, sha256, ref_class, environment, written_by, alert_id, points)
      select ${batch.modelId}, ${post.sha256}, ${batch.refClass}, ${batch.environment}, ${post.writtenBy}, ${alertOf(batch, post.alert)}, count(*) from fresh having count(*) > 0)`;

/** One statement: all points or, where a series is still unknown, none. @returns how many were new, or null for none. */
async function insertPoints(
  connection: Connection,
  batch: Batch,
  rows: readonly SeriesRow[],
  isNew: RawBuilder<unknown> | null,
  post: PostRecord | null,
): Promise<number | null> {
  const { rows: inserted } = await sql<{ n: number; isComplete: boolean }>`
    with measured as materialized (
      -- By itself, for then the index of series is searched by all its columns.
      select metric.id as metric_id, wanted.label_key, wanted.ts, wanted.value, wanted.position
      from unnest(${rows.map(({ name }) => name)}::text[], ${rows.map(({ unit }) => unit)}::text[],
          ${rows.map((row) => row.labelKey)}::text[], ${rows.map(({ at }) => at)}::timestamptz[],
          ${rows.map(({ value }) => value)}::float8[]) with ordinality as wanted(name, unit, label_key, ts, value, position)
      join metric using (name, unit)
    ), t as materialized (
      select measured.metric_id, series.id as series_id, measured.ts, measured.value, measured.position
      from measured join series on series.model_id = ${batch.modelId} and series.metric_id = measured.metric_id
        and series.label_key = measured.label_key
    ), complete as (select count(*) = ${rows.length} as is_complete from t), fresh as (
      insert into point (metric_id, series_id, ts, value, report_id)
      select metric_id, series_id, ts, value, ${batch.reportId}::bigint from t, complete
      where is_complete and ${isNew ?? sql`true`}
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
    ${recordPost(batch, post)}
    select (select count(*) from fresh) as n, is_complete as "isComplete" from complete`.execute(connection);
  const [found] = inserted;
  return found?.isComplete ? found.n : null;
}

/**
 * Writes the points inside the caller's transaction. Of a report, points that are too old to be kept are left out.
 * @returns how many were new. @throws TooOld
 */
export async function appendPoints(connection: Connection, batch: Batch, post: PostRecord | null = null): Promise<number> {
  if (batch.measurements.length === 0) return 0;
  const rows = rowsOf(batch);
  const isNew = await newToChunks(connection, batch, rows);
  const insert = () => insertPoints(connection, batch, rows, isNew, post);
  const inserted = await insert();
  if (inserted !== null) return inserted;
  await makeSeries(connection, batch, rows);
  const made = await insert();
  if (made === null) throw new Error('A series is not there after it was made');
  return made;
}

/**
 * The usual post, points of this month for series that are known, is one statement: a transaction by itself, one way to the
 * database and back. @returns how many were new; null: nothing was written, `appendPoints` does it.
 */
export async function appendAtOnce(db: Database, batch: Batch, post: PostRecord): Promise<number | null> {
  const rows = rowsOf(batch);
  if (rows.length === 0 || oldestOf(rows) < startOfMonth(new Date())) return null;
  try {
    return await insertPoints(db, batch, rows, null, post);
  } catch (error) {
    // The transaction tries again.
    if (isSerializationFailure(error)) return null;
    throw error;
  }
}
