/** Points of the series of a model's metric, newest last. */
import { sql } from 'kysely';
import type { Connection } from '../database.ts';
import { inScope, type Scope } from '../scope.ts';
import { pointStore } from './point-store.ts';

export interface SeriesFilter {
  readonly model: string;
  readonly metric: string;
  /** All must hold. */
  readonly labels: Readonly<Record<string, string>>;
  /** Whose series. */
  readonly project: Scope;
  /** Newest points of each series. */
  readonly limit: number;
}

export interface SeriesRow {
  readonly id: number;
  readonly modelId: number;
  readonly project: string;
  readonly unit: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly { readonly at: Date; readonly value: number }[];
}

const mostSeries = 100;

/** Only the authoritative record: what merge requests measured is no history of the model. */
export async function readSeries(connection: Connection, filter: SeriesFilter): Promise<readonly SeriesRow[]> {
  const { model, metric, labels, project, limit } = filter;
  const { rows } = await sql<Omit<SeriesRow, 'points'> & { metricId: number }>`
    select series.id, series.metric_id as "metricId", model.id as "modelId", project.path as project, metric.unit, series.labels
    from series join model on model.id = series.model_id join project on project.id = model.project_id
      join metric on metric.id = series.metric_id
    where model.name = ${model} and metric.name = ${metric} and series.ref_class = 'authoritative'
      and series.labels @> ${JSON.stringify(labels)}::jsonb and ${inScope(project)}
    order by series.id limit ${mostSeries}`.execute(connection);
  if (rows.length === 0) return [];
  const points = await sql<{ seriesId: number; at: Date; value: number }>`
    select wanted.id as "seriesId", newest.ts as at, newest.value
    from unnest(${rows.map((row) => row.id)}::bigint[], ${rows.map((row) => row.metricId)}::bigint[]) as wanted(id, metric_id),
      lateral ${pointStore.newest('wanted', limit)} as newest
    order by wanted.id, newest.ts`.execute(connection);
  return rows.map(({ metricId: _, ...row }) => ({
    ...row,
    points: points.rows.filter((point) => point.seriesId === row.id).map(({ at, value }) => ({ at, value })),
  }));
}
