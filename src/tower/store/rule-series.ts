/** The series of the record that a rule looks at. */
import { type RawBuilder, sql } from 'kysely';
import { isAbsence, type RuleDefinition } from '../triggers/rule.ts';
import type { Connection } from './database.ts';
import type { RuleRow } from './rules.ts';
import { inNamespace, inScope, type Scope } from './scope.ts';
import { matchesDimensions } from './slice/dimensions.ts';

export interface RuleSeries {
  readonly seriesId: number;
  readonly metricId: number;
  readonly modelId: number;
  readonly model: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly unit: string;
  /** False: since then it has no value that could. */
  readonly mayRaise: boolean;
}

export interface RuleSeriesQuestion extends Partial<Pick<RuleRow, 'modelId' | 'namespace'>> {
  readonly scope: Scope;
  readonly since: Date;
  readonly limit: number;
}

/** Of `series` and the `first` week that is kept of its metric, which may be later than the first point. Weeks tell it many times as fast as points. */
function mayRaise({ when }: Pick<RuleDefinition, 'when'>, since: Date): RawBuilder<unknown> {
  if (isAbsence(when) || when.of === 'change') return sql`true`;
  const week = sql`date_trunc('week', ${since}::timestamptz at time zone 'UTC')::date`;
  const isBeyond = when.is === 'above' ? sql`max > ${when.limit}::float8` : sql`min < ${when.limit}::float8`;
  return sql`(coalesce(weeks.first > ${week}, true) or series.id in (
    select series_id from rollup_week join named on named.id = metric_id where week >= ${week} and ${isBeyond}))`;
}

/** By id. Whoever asks calls `rollUp` first. */
export async function seriesOfRule(
  connection: Connection,
  rule: Pick<RuleDefinition, 'metric' | 'where' | 'when'>,
  { scope, since, limit, modelId = null, namespace = '' }: RuleSeriesQuestion,
): Promise<readonly RuleSeries[]> {
  const { rows } = await sql<RuleSeries>`
    with named as materialized (select id, unit from metric where name = ${rule.metric})
    select series.id as "seriesId", series.metric_id as "metricId", model.id as "modelId", model.name as model, series.labels, named.unit,
      ${mayRaise(rule, since)} as "mayRaise"
    from named, lateral (select min(week) as first from rollup_week where metric_id = named.id) as weeks, series
      join model on model.id = series.model_id join project on project.id = model.project_id
    where series.metric_id = named.id and series.ref_class = 'authoritative' and ${inScope(scope)} and ${matchesDimensions(rule.where)}
      and ${modelId === null ? sql`true` : sql`model.id = ${modelId}`} and ${inNamespace(namespace)}
    order by series.id limit ${limit}`.execute(connection);
  return rows;
}
