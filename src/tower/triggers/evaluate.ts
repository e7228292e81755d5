/** Judges new values by the rules, and writes what follows: alerts, and the deliveries for them, in one transaction. */
import { sql } from 'kysely';
import { causeOf } from '../store/chain.ts';
import { type Connection, type Database, inTransaction } from '../store/database.ts';
import { pointStore } from '../store/points/point-store.ts';
import { rollUp } from '../store/points/rollups.ts';
import { closeStrayed } from '../store/rules.ts';
import { inNamespace } from '../store/scope.ts';
import { matchesDimensions } from '../store/slice/dimensions.ts';
import {
  freshState,
  isAbsence,
  judge,
  judgeSilence,
  type Point,
  type RuleDefinition,
  type RuleEvent,
  type RuleState,
  retrains,
  usualInARow,
} from './rule.ts';

interface Series {
  readonly seriesId: number;
  readonly metricId: number;
  readonly modelId: number;
  readonly metric: string;
}

interface Rule {
  readonly id: number;
  readonly definition: RuleDefinition;
  readonly judgesFrom: Date;
  readonly modelId?: number | null;
  readonly namespace?: string;
}

/** Made by others than the operator. */
const isConfined = ({ modelId, namespace = '' }: Rule): boolean => typeof modelId === 'number' || namespace !== '';

/** Of one series, by a rule at once and by all rules in one transaction: nobody's values wait long for those of another. */
const mostPoints = 500;
const mostEvents = 100;

/** The state of a rule for a series, locked; made when there is none. */
async function lockState(connection: Connection, rule: Rule, seriesId: number): Promise<RuleState> {
  const fresh = freshState(rule.judgesFrom.getTime());
  await sql`insert into rule_state (rule_id, series_id, state)
    values (${rule.id}, ${seriesId}, ${JSON.stringify(fresh)}::jsonb) on conflict do nothing`.execute(connection);
  const { rows } = await sql<{ state: RuleState }>`
    select state from rule_state where rule_id = ${rule.id} and series_id = ${seriesId} for update`.execute(connection);
  return rows[0]?.state ?? fresh;
}

const keepState = (connection: Connection, rule: Rule, seriesId: number, state: RuleState) =>
  sql`update rule_state set state = ${JSON.stringify(state)}::jsonb
    where rule_id = ${rule.id} and series_id = ${seriesId}`.execute(connection);

/**
 * Pipelines and DAG runs that were or will be started for a model within a day before; for a rule of a repository or a namespace,
 * also those of such rules for all models of its project: their names cost nothing. Two servers count one after the other.
 */
async function pipelinesOf(connection: Connection, rule: Rule, modelId: number): Promise<number> {
  await sql`select pg_advisory_xact_lock(7304213, ${modelId}::int)`.execute(connection);
  const project = sql`(select project_id from model where id = ${modelId})`;
  if (isConfined(rule)) await sql`select pg_advisory_xact_lock(7304215, ${project}::int)`.execute(connection);
  const siblings = sql`(rule.model_id is not null or rule.namespace <> '') and alert.model_id in (select id from model where project_id = ${project})`;
  const { rows } = await sql<{ n: number }>`
    select count(*) as n from delivery join alert on alert.id = delivery.alert_id join rule on rule.id = alert.rule_id
    where (alert.model_id = ${modelId} ${isConfined(rule) ? sql`or ${siblings}` : sql``}) and delivery.event = 'opened' and delivery.state <> 'refused'
      and rule.definition -> 'actions' -> delivery.action ->> 'do' = any(${retrains}::text[])
      and alert.recorded_at > now() - interval '24 hours'`.execute(connection);
  return rows[0]?.n ?? 0;
}

/** Why the alert starts nothing; null when it may. */
async function whyNotRetrained(connection: Connection, rule: Rule, modelId: number, inARow: number): Promise<string | null> {
  const { pipelinesPerDay, retrainsInARow = usualInARow } = rule.definition;
  if (inARow >= retrainsInARow)
    return `the version in use was made for an alert of this rule, as ${inARow} in a row were, and did not help: a person has to look`;
  return (await pipelinesOf(connection, rule, modelId)) >= pipelinesPerDay
    ? `the ${pipelinesPerDay} pipelines or DAG runs that ${typeof rule.modelId === 'number' ? 'rules of this repository' : isConfined(rule) ? 'rules of this project' : 'this model'} may start in 24 hours are used up`
    : null;
}

async function open(connection: Connection, rule: Rule, series: Series, { at, value }: RuleEvent): Promise<void> {
  const cause = await causeOf(connection, { ruleId: rule.id, modelId: series.modelId, at: new Date(at) });
  const { rows } = await sql<{ id: number }>`
    insert into alert (rule_id, series_id, model_id, value, opened_at, cause_id)
    values (${rule.id}, ${series.seriesId}, ${series.modelId}, ${value}, ${new Date(at)}::timestamptz, ${cause?.id ?? null})
    on conflict do nothing returning id`.execute(connection);
  const alertId = rows[0]?.id;
  if (alertId === undefined) return;
  for (const [action, { do: kind }] of rule.definition.actions.entries()) {
    const why = retrains.includes(kind) ? await whyNotRetrained(connection, rule, series.modelId, cause?.inARow ?? 0) : null;
    await sql`insert into delivery (alert_id, event, action, state, result)
      values (${alertId}, 'opened', ${action}, ${why === null ? 'waiting' : 'refused'}, ${why}::text)`.execute(connection);
  }
}

async function close(connection: Connection, rule: Rule, series: Series, { at }: RuleEvent): Promise<void> {
  const { rows } = await sql<{ id: number }>`
    update alert set closed_at = ${new Date(at)}::timestamptz
    where rule_id = ${rule.id} and series_id = ${series.seriesId} and closed_at is null returning id`.execute(connection);
  const alertId = rows[0]?.id;
  if (alertId === undefined) return;
  for (const [action, { do: kind }] of rule.definition.actions.entries())
    if (!retrains.includes(kind))
      await sql`insert into delivery (alert_id, event, action) values (${alertId}, 'closed', ${action})`.execute(connection);
}

const record = (connection: Connection, rule: Rule, series: Series, event: RuleEvent): Promise<void> =>
  event.event === 'opened' ? open(connection, rule, series, event) : close(connection, rule, series, event);

/** @returns how many alerts opened or closed, and whether there is more to judge. */
async function judgeSeries(connection: Connection, rule: Rule, series: Series, most: number) {
  let state = await lockState(connection, rule, series.seriesId);
  const { rows } = await sql<{ at: Date; value: number }>`
    with judged as (select ${series.seriesId}::bigint as id, ${series.metricId}::bigint as metric_id)
    select ts as at, value from ${pointStore.scan('judged', { after: new Date(state.judgedTo) })} as judged_points
    order by ts limit ${mostPoints}`.execute(connection);
  let events = 0;
  let judgedPoints = 0;
  for (const { at, value } of rows) {
    if (events >= most) break;
    const judged = judge(rule.definition, state, { at: at.getTime(), value });
    state = judged.state;
    judgedPoints += 1;
    if (!judged.event) continue;
    await record(connection, rule, series, judged.event);
    events += 1;
  }
  await keepState(connection, rule, series.seriesId, state);
  return { events, hasMore: judgedPoints < rows.length || rows.length === mostPoints };
}

/** Rules that judge the series. They cannot be switched off until the transaction ends. */
async function rulesFor(connection: Connection, series: Series): Promise<readonly Rule[]> {
  const { rows } = await sql<Rule>`
    select id, definition, judges_from as "judgesFrom", model_id as "modelId", namespace from rule
    where metric_name = ${series.metric} and (model_id is null or model_id = ${series.modelId}) and is_enabled and retired_at is null order by id for share`.execute(
    connection,
  );
  const matching: Rule[] = [];
  for (const rule of rows) {
    const found =
      await sql`select 1 from series join model on model.id = series.model_id join project on project.id = model.project_id
      where series.id = ${series.seriesId} and ${matchesDimensions(rule.definition.where)}
        and ${inNamespace(rule.namespace ?? '')}`.execute(connection);
    if (found.rows.length > 0) matching.push(rule);
  }
  return matching;
}

/** The next series with new values, by id. */
async function claimSeries(connection: Connection, after: number): Promise<Series | undefined> {
  const { rows } = await sql<Series>`
    with claimed as (
      delete from touched where series_id = (
        select series_id from touched where series_id > ${after} order by series_id limit 1 for update skip locked)
      returning series_id
    )
    select series.id as "seriesId", series.metric_id as "metricId", series.model_id as "modelId", metric.name as metric
    from claimed join series on series.id = claimed.series_id join metric on metric.id = series.metric_id`.execute(connection);
  return rows[0];
}

/**
 * Judges one series that has new values: the first after the one given, so that all take turns.
 * @returns its id; null when there is none.
 */
export async function evaluateNext(db: Database, after = 0): Promise<number | null> {
  await rollUp(db);
  return inTransaction(db, async (connection) => {
    const series = (await claimSeries(connection, after)) ?? (after > 0 ? await claimSeries(connection, 0) : undefined);
    if (!series) return null;
    let left = mostEvents;
    let hasMore = false;
    for (const rule of await rulesFor(connection, series)) {
      const judged = left > 0 ? await judgeSeries(connection, rule, series, left) : { events: 0, hasMore: true };
      left -= judged.events;
      hasMore ||= judged.hasMore;
    }
    if (hasMore)
      await sql`insert into touched (series_id) values (${series.seriesId}) on conflict do nothing`.execute(connection);
    return series.seriesId;
  });
}

interface Silent extends Series, Point {}

const mostSilent = 500;

async function silentSeries(
  connection: Connection,
  { id, definition, modelId = null, namespace = '' }: Rule,
  now: Date,
): Promise<readonly Silent[]> {
  if (!isAbsence(definition.when)) return [];
  const cutoff = new Date(now.getTime() - definition.when.absentHours * 3_600_000);
  const { rows } = await sql<Series & { ts: Date; value: number }>`
    select series.id as "seriesId", series.metric_id as "metricId", series.model_id as "modelId", metric.name as metric, latest.ts, latest.value
    from metric join series on series.metric_id = metric.id join latest on latest.series_id = series.id
      join model on model.id = series.model_id join project on project.id = model.project_id
    where metric.name = ${definition.metric} and series.ref_class = 'authoritative' and latest.ts <= ${cutoff}::timestamptz
      and ${matchesDimensions(definition.where)} and ${modelId === null ? sql`true` : sql`model.id = ${modelId}`}
      and ${inNamespace(namespace)} and not exists (select 1 from alert where rule_id = ${id} and series_id = series.id and closed_at is null)
    order by series.id limit ${mostSilent}`.execute(connection);
  return rows.map(({ ts, ...row }) => ({ ...row, at: ts.getTime() }));
}

/** Opens alerts for series from which nothing has come for too long, and closes those of projects that have moved. @returns how many series were judged. */
export async function evaluateSilence(db: Database, now: Date): Promise<number> {
  await rollUp(db);
  await closeStrayed(db);
  const { rows: rules } = await sql<Rule>`
    select id, definition, judges_from as "judgesFrom", model_id as "modelId", namespace from rule
    where is_enabled and retired_at is null and definition -> 'when' ? 'absentHours' order by id`.execute(db);
  let judged = 0;
  for (const rule of rules)
    for (const series of await silentSeries(db, rule, now)) {
      judged += 1;
      await inTransaction(db, async (connection) => {
        const still = await sql`select 1 from rule where id = ${rule.id} and is_enabled and retired_at is null for share`.execute(
          connection,
        );
        if (still.rows.length === 0) return;
        const state = await lockState(connection, rule, series.seriesId);
        const next = judgeSilence(rule.definition, state, series, now.getTime());
        if (next.event) await record(connection, rule, series, next.event);
        await keepState(connection, rule, series.seriesId, next.state);
      });
    }
  return judged;
}
