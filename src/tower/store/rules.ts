/** Rules and their alerts. */
import { sql } from 'kysely';
import type { RuleDefinition } from '../triggers/rule.ts';
import { recordAct } from './audit.ts';
import { type Connection, type Database, inTransaction, sqlStateOf } from './database.ts';
import { matchesDimensions } from './slice.ts';

export interface RuleRow {
  readonly id: number;
  readonly name: string;
  readonly definition: RuleDefinition;
  readonly isEnabled: boolean;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly judgesFrom: Date;
  /** Alerts that are open now, and all there were. */
  readonly open: number;
  readonly alerts: number;
}

const columns = sql`rule.id, rule.name, rule.definition, rule.is_enabled as "isEnabled", rule.created_by as "createdBy",
  rule.created_at as "createdAt", rule.judges_from as "judgesFrom",
  (select count(*) from alert where rule_id = rule.id and closed_at is null) as open,
  (select count(*) from alert where rule_id = rule.id) as alerts`;

export async function listRules(connection: Connection): Promise<readonly RuleRow[]> {
  const { rows } = await sql<RuleRow>`select ${columns} from rule where retired_at is null order by name`.execute(connection);
  return rows;
}

export async function readRule(connection: Connection, id: number): Promise<RuleRow | null> {
  const { rows } = await sql<RuleRow>`select ${columns} from rule where id = ${id}::bigint and retired_at is null`.execute(
    connection,
  );
  return rows[0] ?? null;
}

export class RuleNameTaken extends Error {}

export interface NewRule {
  readonly name: string;
  readonly definition: RuleDefinition;
  readonly isEnabled: boolean;
  readonly createdBy: string;
  /** Values after it are judged; now unless told. */
  readonly judgesFrom?: Date;
}

/** @throws RuleNameTaken */
export async function createRule(db: Database, { name, definition, isEnabled, createdBy, judgesFrom }: NewRule): Promise<number> {
  try {
    return await inTransaction(db, async (connection) => {
      const { rows } = await sql<{ id: number }>`
      insert into rule (name, definition, metric_name, is_enabled, created_by, judges_from)
      values (${name}, ${JSON.stringify(definition)}::jsonb, ${definition.metric}, ${isEnabled}, ${createdBy},
        coalesce(${judgesFrom ?? null}::timestamptz, now())) returning id`.execute(connection);
      await recordAct(connection, {
        actor: createdBy,
        action: 'rule.created',
        subject: name,
        detail: { isEnabled, ...definition },
      });
      return rows[0]?.id ?? 0;
    });
  } catch (error) {
    if (sqlStateOf(error) === '23505') throw new RuleNameTaken();
    throw error;
  }
}

/** Switched on again, a rule judges what comes from then on; what came meanwhile is past. */
export const enableRule = (db: Database, id: number, isEnabled: boolean, actor = 'server'): Promise<void> =>
  inTransaction(db, async (connection) => {
    const { rows } = await sql<{ name: string }>`update rule set is_enabled = ${isEnabled},
      judges_from = case when ${isEnabled} and not is_enabled then now() else judges_from end
      where id = ${id}::bigint returning name`.execute(connection);
    await recordAct(connection, { actor, action: isEnabled ? 'rule.enabled' : 'rule.disabled', subject: rows[0]?.name ?? '' });
    if (!isEnabled) await closeAlerts(connection, id);
  });

/** Its alerts stay on record. */
export const retireRule = (db: Database, id: number, actor = 'server'): Promise<void> =>
  inTransaction(db, async (connection) => {
    const { rows } = await sql<{ name: string }>`
      update rule set is_enabled = false, retired_at = now() where id = ${id}::bigint returning name`.execute(connection);
    await recordAct(connection, { actor, action: 'rule.retired', subject: rows[0]?.name ?? '' });
    await closeAlerts(connection, id);
  });

/** A rule that does not judge has no open alert and no state. */
async function closeAlerts(connection: Connection, ruleId: number): Promise<void> {
  await sql`update alert set closed_at = greatest(now(), opened_at) where rule_id = ${ruleId}::bigint and closed_at is null`.execute(
    connection,
  );
  await sql`delete from rule_state where rule_id = ${ruleId}::bigint`.execute(connection);
}

export interface AlertRow {
  readonly id: number;
  /** Unique among all servers. */
  readonly uid: string;
  readonly recordedAt: Date;
  readonly rule: string;
  readonly ruleId: number;
  readonly severity: RuleDefinition['severity'];
  readonly modelId: number;
  readonly model: string;
  readonly project: string;
  readonly owner: string | null;
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly openedAt: Date;
  readonly closedAt: Date | null;
  readonly deliveries: readonly {
    readonly event: 'opened' | 'closed';
    readonly action: number;
    readonly state: 'waiting' | 'done' | 'refused';
    readonly attempts: number;
    readonly result: string | null;
  }[];
}

export interface AlertFilter {
  readonly state?: 'open' | 'closed' | undefined;
  readonly modelId?: number | undefined;
  readonly id?: number | undefined;
  readonly limit: number;
  /** Microseconds since 1970 and id of the last of the page before. */
  readonly after?: { readonly key: number; readonly id: number } | undefined;
}

/** Newest first. */
export async function listAlerts(connection: Connection, filter: AlertFilter): Promise<readonly (AlertRow & { key: number })[]> {
  const micros = sql`(extract(epoch from alert.opened_at) * 1000000)::bigint`;
  const conditions = [
    sql`true`,
    ...(filter.state ? [filter.state === 'open' ? sql`alert.closed_at is null` : sql`alert.closed_at is not null`] : []),
    ...(filter.modelId === undefined ? [] : [sql`alert.model_id = ${filter.modelId}::bigint`]),
    ...(filter.id === undefined ? [] : [sql`alert.id = ${filter.id}::bigint`]),
    ...(filter.after ? [sql`(${micros}, alert.id) < (${filter.after.key}::bigint, ${filter.after.id}::bigint)`] : []),
  ];
  const { rows } = await sql<AlertRow & { key: number }>`
    select alert.id, alert.uid, alert.recorded_at as "recordedAt", rule.name as rule, rule.id as "ruleId", rule.definition ->> 'severity' as severity, model.id as "modelId",
      model.name as model, project.path as project, model.owner, metric.name as metric, series.labels, alert.value,
      alert.opened_at as "openedAt", alert.closed_at as "closedAt", ${micros} as key,
      coalesce((select json_agg(json_build_object('event', event, 'action', action, 'state', state, 'attempts', attempts, 'result', result) order by id)
        from delivery where alert_id = alert.id), '[]') as deliveries
    from alert join rule on rule.id = alert.rule_id join model on model.id = alert.model_id join project on project.id = model.project_id
      join series on series.id = alert.series_id join metric on metric.id = series.metric_id
    where ${sql.join(conditions, sql` and `)} order by alert.opened_at desc, alert.id desc limit ${filter.limit}`.execute(
    connection,
  );
  return rows;
}

export interface RuleSeries {
  readonly seriesId: number;
  readonly metricId: number;
  readonly modelId: number;
  readonly model: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The series of the record that a rule looks at. */
export async function seriesOfRule(
  connection: Connection,
  { metric, where }: RuleDefinition,
  limit: number,
): Promise<readonly RuleSeries[]> {
  const { rows } = await sql<RuleSeries>`
    select series.id as "seriesId", series.metric_id as "metricId", model.id as "modelId", model.name as model, series.labels
    from metric join series on series.metric_id = metric.id join model on model.id = series.model_id
      join project on project.id = model.project_id
    where metric.name = ${metric} and series.ref_class = 'authoritative' and ${matchesDimensions(where)}
    order by series.id limit ${limit}`.execute(connection);
  return rows;
}
