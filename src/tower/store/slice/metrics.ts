/** Which metrics there are, and by what they can be told apart. */
import { type RawBuilder, sql } from 'kysely';
import type { Connection } from '../database.ts';
import { inScope, type Scope } from '../scope.ts';

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
