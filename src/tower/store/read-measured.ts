/** What a model measures by itself: each series with its newest value and its last days. */
import { sql } from 'kysely';
import type { Database } from './database.ts';
import { pointStore } from './points/point-store.ts';
import { rollUp } from './points/rollups.ts';

export interface MeasuredSeries {
  readonly metric: string;
  readonly unit: string;
  readonly environment: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly at: Date;
  /** Oldest first. */
  readonly recent: readonly { readonly at: Date; readonly value: number }[];
}

const mostSeries = 80;
/** What the score card shows better. */
const shownElsewhere = sql`(metric.name like 'tower.%' or metric.name in ('suite.score', 'suite.paper_score', 'section.score', 'check.value'))`;

/** Series of the record that have a value since `since`, by metric; drift comes first where it is largest. */
export async function readMeasured(db: Database, modelId: number, since: Date): Promise<readonly MeasuredSeries[]> {
  await rollUp(db);
  const { rows } = await sql<Omit<MeasuredSeries, 'recent'> & { times: readonly Date[]; values: readonly number[] }>`
    with newest as (
      select series.id, series.metric_id, metric.name as metric, metric.unit, series.environment, series.labels, latest.value, latest.ts as at
      from series join metric on metric.id = series.metric_id join latest on latest.series_id = series.id
      where series.model_id = ${modelId}::bigint and series.ref_class = 'authoritative' and latest.ts >= ${since}::timestamptz
        and not ${shownElsewhere}
      order by metric.name, latest.value desc limit ${mostSeries}
    ), wanted as (select id, metric_id from newest), recent as (
      select id, array_agg(ts order by ts) as times, array_agg(value order by ts) as values
      from ${pointStore.scan('wanted', { from: since })} as wanted_points group by id
    )
    select newest.metric, unit, environment, labels, newest.value, at, times, values
    from newest left join recent using (id) order by metric, value desc`.execute(db);
  return rows.map(({ times, values, ...row }) => ({
    ...row,
    recent: (times ?? []).map((at, i) => ({ at, value: values[i] ?? 0 })),
  }));
}
