/** The stored values that rules judge. */
import { sql } from 'kysely';
import type { Connection } from '../store/database.ts';
import { pointStore } from '../store/points/point-store.ts';
import type { Point } from './rule.ts';

export interface Wanted {
  readonly seriesId: number;
  readonly metricId: number;
  /** Milliseconds; what comes later is read. */
  readonly after: number;
}

/** By series the oldest points that are wanted, in order of time, and no more than `most` of each. */
export async function valuesOf(
  connection: Connection,
  wanted: readonly Wanted[],
  most: number | null = null,
): Promise<ReadonlyMap<number, readonly Point[]>> {
  const first = wanted.reduce((least, { after }) => Math.min(least, after), Number.POSITIVE_INFINITY);
  if (wanted.length === 0) return new Map();
  // As JSON: arrays of PostgreSQL, of times most of all, take many times as long to read.
  const { rows } = await sql<{ id: number; times: readonly number[]; values: readonly number[] }>`
    select wanted.id, points.times, points."values"
    from unnest(${wanted.map(({ seriesId }) => seriesId)}::bigint[], ${wanted.map(({ metricId }) => metricId)}::bigint[],
      ${wanted.map(({ after }) => new Date(after).toISOString())}::timestamptz[]) as wanted(id, metric_id, after), lateral (
      with one as (select wanted.id, wanted.metric_id)
      select json_agg(floor(date_part('epoch', ts) * 1000) order by ts) as times, json_agg(value order by ts) as "values" from (
        select ts, value from ${pointStore.scan('one', { after: new Date(first) })} as any_point
        where ts > wanted.after order by ts limit ${most}) as oldest) as points
    where points.times is not null`.execute(connection);
  return new Map(rows.map(({ id, times, values }) => [id, times.map((at, i) => ({ at, value: values[i] ?? 0 }))]));
}
