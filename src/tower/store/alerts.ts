/** What rules have raised. */
import { sql } from 'kysely';
import type { RuleDefinition } from '../triggers/rule.ts';
import { type Actor, recordAct, shownActor } from './audit.ts';
import { type Connection, type Database, inTransaction } from './database.ts';
import { inScope, type Scope } from './scope.ts';

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
  readonly unit: string;
  readonly labels: Readonly<Record<string, string>>;
  /** That opened it; where nothing came, the last before. */
  readonly value: number;
  /** Of a rule that waits for values: so many hours had passed without one. */
  readonly absentHours: number | null;
  readonly openedAt: Date;
  readonly closedAt: Date | null;
  readonly acknowledgedAt: Date | null;
  readonly acknowledgedBy: string | null;
  readonly acknowledgedWhy: string | null;
  readonly deliveries: readonly {
    readonly event: 'opened' | 'closed';
    readonly action: number;
    readonly state: 'waiting' | 'done' | 'refused';
    readonly attempts: number;
    readonly result: string | null;
  }[];
}

export interface AlertFilter {
  /** What the reader is confined to. */
  readonly scope: Scope;
  readonly state?: 'open' | 'closed' | undefined;
  readonly modelId?: number | undefined;
  readonly ruleId?: number | undefined;
  readonly severity?: RuleDefinition['severity'] | undefined;
  readonly owner?: string | undefined;
  readonly id?: number | undefined;
  readonly limit: number;
  /** Microseconds since 1970 and id of the last of the page before. */
  readonly after?: { readonly key: number; readonly id: number } | undefined;
}

const from = sql`from alert join rule on rule.id = alert.rule_id join model on model.id = alert.model_id
  join project on project.id = model.project_id join series on series.id = alert.series_id join metric on metric.id = series.metric_id`;
const severity = sql`rule.definition ->> 'severity'`;

const conditionsOf = ({ scope, ...filter }: Omit<AlertFilter, 'limit' | 'after' | 'state'>) => [
  inScope(scope),
  ...(filter.modelId === undefined ? [] : [sql`alert.model_id = ${filter.modelId}::bigint`]),
  ...(filter.ruleId === undefined ? [] : [sql`alert.rule_id = ${filter.ruleId}::bigint`]),
  ...(filter.severity === undefined ? [] : [sql`${severity} = ${filter.severity}`]),
  ...(filter.owner === undefined ? [] : [sql`model.owner = ${filter.owner}`]),
  ...(filter.id === undefined ? [] : [sql`alert.id = ${filter.id}::bigint`]),
];

export interface AlertCount {
  /** What is counted: all, or those of one rule, severity or owner. */
  readonly of: 'all' | 'rule' | 'severity' | 'owner';
  /** Id of the rule, the severity, or the owner; null: all, or no owner. */
  readonly key: string | null;
  readonly name: string | null;
  readonly open: number;
  readonly closed: number;
}

/** How many there are under a filter, of what. */
export async function countAlerts(
  connection: Connection,
  filter: Omit<AlertFilter, 'limit' | 'after' | 'state'>,
): Promise<readonly AlertCount[]> {
  const { rows } = await sql<AlertCount>`
    with found as (
      select rule.id as rule_id, rule.name as rule, ${severity} as severity, model.owner, alert.closed_at is null as is_open
      ${from} where ${sql.join(conditionsOf(filter), sql` and `)}
    )
    select case grouping(rule_id, severity, owner) when 7 then 'all' when 3 then 'rule' when 5 then 'severity' else 'owner' end as of,
      coalesce(rule_id::text, severity, owner) as key, coalesce(rule, severity, owner) as name,
      count(*) filter (where is_open) as open, count(*) filter (where not is_open) as closed
    from found group by grouping sets ((), (rule_id, rule), (severity), (owner)) order by 1, 3`.execute(connection);
  return rows;
}

/** Newest first. */
export async function listAlerts(connection: Connection, filter: AlertFilter): Promise<readonly (AlertRow & { key: number })[]> {
  const micros = sql`(extract(epoch from alert.opened_at) * 1000000)::bigint`;
  const conditions = [
    ...conditionsOf(filter),
    ...(filter.state ? [filter.state === 'open' ? sql`alert.closed_at is null` : sql`alert.closed_at is not null`] : []),
    ...(filter.after ? [sql`(${micros}, alert.id) < (${filter.after.key}::bigint, ${filter.after.id}::bigint)`] : []),
  ];
  // What follows the first line of a result tells of the operator's servers.
  const result = filter.scope === null ? sql`result` : sql`split_part(result, e'\\n', 1)`;
  const { rows } = await sql<AlertRow & { key: number }>`
    select alert.id, alert.uid, alert.recorded_at as "recordedAt", rule.name as rule, rule.id as "ruleId", ${severity} as severity,
      (rule.definition -> 'when' ->> 'absentHours')::float8 as "absentHours", model.id as "modelId",
      model.name as model, project.path as project, model.owner, metric.name as metric, metric.unit, series.labels, alert.value,
      alert.opened_at as "openedAt", alert.closed_at as "closedAt",
      alert.acknowledged_at as "acknowledgedAt", alert.acknowledged_by as "acknowledgedBy", alert.acknowledged_why as "acknowledgedWhy", ${micros} as key,
      coalesce((select json_agg(json_build_object('event', event, 'action', action, 'state', state, 'attempts', attempts, 'result', ${result}) order by id)
        from delivery where alert_id = alert.id), '[]') as deliveries
    ${from} where ${sql.join(conditions, sql` and `)} order by alert.opened_at desc, alert.id desc limit ${filter.limit}`.execute(
    connection,
  );
  return rows;
}

export async function readAlert(connection: Connection, id: number, scope: Scope): Promise<AlertRow | null> {
  return (await listAlerts(connection, { id, scope, limit: 1 }))[0] ?? null;
}

export interface Acknowledgement {
  readonly actor: Actor;
  readonly why: string;
  /** Where the actor may write. */
  readonly scope: Scope;
}

/** The newest one stands with the alert, all stand in the audit. @returns false where there is no such alert in scope. */
export const acknowledgeAlert = (db: Database, id: number, { actor, why, scope }: Acknowledgement): Promise<boolean> =>
  inTransaction(db, async (connection) => {
    const { rows } = await sql<{ uid: string; rule: string; model: string }>`
      update alert set acknowledged_at = now(), acknowledged_by = ${shownActor(actor)}, acknowledged_why = ${why}
      from rule, model, project where alert.id = ${id}::bigint and rule.id = alert.rule_id and model.id = alert.model_id
        and project.id = model.project_id and ${inScope(scope)}
      returning alert.uid, rule.name as rule, model.name as model`.execute(connection);
    const [alert] = rows;
    if (alert)
      await recordAct(connection, {
        actor,
        action: 'alert.acknowledged',
        subject: `${alert.rule}: ${alert.model}`,
        detail: { alert: alert.uid, why },
      });
    return alert !== undefined;
  });
