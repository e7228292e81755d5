/** Points of many series, read a few statements at a time, each about as large as the others. */
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import { pointStore } from '../points/point-store.ts';

export interface PackedQuestion {
  readonly metricId: number;
  /** Ids of the series of each group, in the order of their names; a series is in one group. */
  readonly groups: readonly (readonly string[])[];
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
}

/** Points of a group, as `packedOf` gives them, one series after the other. */
export interface Packed {
  /** Of the group. */
  readonly place: number;
  readonly times: string;
  readonly values: Uint8Array;
}

/** Null: there were too many. */
type Sent = Packed | { readonly place: number; readonly times: null; readonly values: null };
const fits = (row: Sent): row is Packed => row.values !== null;

/** An array of float8 as PostgreSQL sends it: five numbers of 4 bytes, then for each value its size in 4 bytes and itself. */
export const headBytes = 20;
export const elementBytes = 12;

/** Points of one statement, about: 8 MB of text on their way. How many series these are is found out by asking for more each time. */
const batchPoints = 250_000;
const growth = 16;
/** Statements, each on a connection of its own. */
const atOnce = 3;

/**
 * All series in turn, those of each statement by group; what comes next is read while somebody works on what came.
 * Yields null when one statement has found more points than `most`.
 */
export async function* packedBatches(
  db: Database,
  { metricId, groups, from, to }: PackedQuestion,
  most: number,
): AsyncGenerator<readonly Packed[] | null> {
  const ids = groups.flat();
  const places = groups.flatMap((series, place) => series.map(() => place));
  let [taken, size, densest] = [0, 1, 1];
  const take = () => {
    const [first, last] = [taken, Math.min(taken + size, ids.length)];
    taken = last;
    const read = sql<Sent>`
      with wanted as (
        select id, place, ${metricId}::bigint as metric_id
        from unnest(${`{${ids.slice(first, last).join()}}`}::bigint[], ${`{${places.slice(first, last).join()}}`}::int[]) as given(id, place)
      ), grouped as (
        select place, string_agg(times, '') as times, string_agg("values", '') as "values"
        from ${pointStore.packed('wanted', { from, to }, most)} as packed group by place
      )
      select place, case when fits then times end as times, case when fits then "values" end as "values"
      from (select *, sum(length("values")) over () < ${most * elementBytes} as fits from grouped) as checked`.execute(db);
    // It fails when it is asked for, and nobody may ask any more.
    read.catch(() => {});
    return { read, series: last - first };
  };
  const underWay: ReturnType<typeof take>[] = [];
  const fill = () => {
    while (underWay.length < atOnce && taken < ids.length) underWay.push(take());
  };
  fill();
  for (let next = underWay.shift(); next; next = underWay.shift()) {
    const { rows } = await next.read;
    if (!rows.every(fits)) return yield null;
    const points = rows.reduce((sum, { values }) => sum + values.byteLength, 0) / elementBytes;
    densest = Math.max(densest, points / next.series);
    size = Math.ceil(Math.min(next.series * growth, batchPoints / densest));
    fill();
    yield rows;
  }
}
