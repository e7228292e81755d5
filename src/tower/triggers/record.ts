/** Writes what judging came to: alerts, and the deliveries for them. Of many series at once, in the caller's transaction. */
import { sql } from 'kysely';
import { type Cause, causesOf } from '../store/chain.ts';
import type { Connection } from '../store/database.ts';
import { type RuleDefinition, type RuleEvent, retrains, usualInARow } from './rule.ts';

export interface Series {
  readonly seriesId: number;
  readonly metricId: number;
  readonly modelId: number;
  readonly projectId: number;
}

export interface Rule {
  readonly id: number;
  readonly definition: RuleDefinition;
  readonly judgesFrom: Date;
  /** The model in whose repository it stands. */
  readonly modelId: number | null;
  readonly namespace: string;
}

/** A rule and a series that it looks at. */
export interface Pair {
  readonly rule: Rule;
  readonly series: Series;
}

export interface Happened extends Pair {
  readonly event: RuleEvent;
}

interface Episode extends Pair {
  readonly openedAt: Date;
  readonly value: number;
  closedAt: Date | null;
}

interface Opened extends Episode {
  readonly alertId: number;
  readonly cause: Cause | null;
}

/** Made by others than the operator. */
const isConfined = ({ modelId, namespace }: Rule): boolean => modelId !== null || namespace !== '';

const keyOf = (ruleId: number, seriesId: number, at?: Date): string => `${ruleId} ${seriesId} ${at?.getTime() ?? ''}`;

interface Delivery {
  readonly alertId: number;
  readonly event: RuleEvent['event'];
  readonly action: number;
  /** Why it is not done. */
  readonly refused: string | null;
}

/** In this order they are delivered. */
async function leaveDeliveries(connection: Connection, deliveries: readonly Delivery[]): Promise<void> {
  if (deliveries.length === 0) return;
  await sql`
    insert into delivery (alert_id, event, action, state, result)
    select alert_id, event, action, case when refused is null then 'waiting' else 'refused' end, refused
    from unnest(${deliveries.map(({ alertId }) => alertId)}::bigint[], ${deliveries.map(({ event }) => event)}::text[],
      ${deliveries.map(({ action }) => action)}::int[], ${deliveries.map(({ refused }) => refused)}::text[])
      with ordinality as given(alert_id, event, action, refused, place) order by place`.execute(connection);
}

/** Nothing is retrained because an alert closed. */
const endsOf = ({ definition }: Rule, alertId: number): readonly Delivery[] =>
  [...definition.actions.entries()]
    .filter(([, { do: kind }]) => !retrains.includes(kind))
    .map(([action]) => ({ alertId, event: 'closed', action, refused: null }));

async function close(connection: Connection, ended: readonly Happened[]): Promise<void> {
  if (ended.length === 0) return;
  const { rows } = await sql<{ id: number; ruleId: number }>`
    update alert set closed_at = ended.at
    from unnest(${ended.map(({ rule }) => rule.id)}::bigint[], ${ended.map(({ series }) => series.seriesId)}::bigint[],
      ${ended.map(({ event }) => new Date(event.at).toISOString())}::timestamptz[]) as ended(rule_id, series_id, at)
    where alert.rule_id = ended.rule_id and alert.series_id = ended.series_id and alert.closed_at is null
    returning alert.id, alert.rule_id as "ruleId"`.execute(connection);
  const rules = new Map(ended.map(({ rule }) => [rule.id, rule]));
  await leaveDeliveries(
    connection,
    rows.flatMap(({ id, ruleId }) => {
      const rule = rules.get(ruleId);
      return rule ? endsOf(rule, id) : [];
    }),
  );
}

interface Used {
  readonly modelId: number;
  readonly projectId: number;
  readonly isConfined: boolean;
  readonly n: number;
}

/**
 * Pipelines and DAG runs that were or will be started within a day before, of these models; for rules of a repository or a
 * namespace, also those of such rules for all models of their projects: their names cost nothing. Two servers count one after the
 * other; all take their locks in one order.
 */
async function startsOf(connection: Connection, pairs: readonly Pair[]): Promise<Used[]> {
  const models = [...new Set(pairs.map(({ series }) => series.modelId))].sort((a, b) => a - b);
  const confined = pairs.filter(({ rule }) => isConfined(rule));
  const projects = [...new Set(confined.map(({ series }) => series.projectId))].sort((a, b) => a - b);
  for (const [lock, ids] of [[7304213, models] as const, [7304215, projects] as const])
    await sql`select pg_advisory_xact_lock(${sql.lit(lock)}, id) from unnest(${ids}::int[]) as id`.execute(connection);
  const isOfSuch = sql`(rule.model_id is not null or rule.namespace <> '')`;
  const { rows } = await sql<Used>`
    select model.id as "modelId", model.project_id as "projectId", ${isOfSuch} as "isConfined", count(*)::int as n
    from delivery join alert on alert.id = delivery.alert_id join rule on rule.id = alert.rule_id join model on model.id = alert.model_id
    where alert.model_id in (select id from model where id = any(${models}::bigint[]) or project_id = any(${projects}::bigint[]))
      and delivery.event = 'opened' and delivery.state <> 'refused' and alert.recorded_at > now() - interval '24 hours'
      and rule.definition -> 'actions' -> delivery.action ->> 'do' = any(${retrains}::text[])
    group by 1, 2, 3`.execute(connection);
  return [...rows];
}

const whose = (rule: Rule): string =>
  rule.modelId !== null ? 'rules of this repository' : isConfined(rule) ? 'rules of this project' : 'this model';

/** Why the alert starts nothing; null when it may. */
function whyNotRetrained({ rule, series, cause }: Opened, used: readonly Used[]): string | null {
  const { pipelinesPerDay, retrainsInARow = usualInARow } = rule.definition;
  const inARow = cause?.inARow ?? 0;
  if (inARow >= retrainsInARow)
    return `the version in use was made for an alert of this rule, as ${inARow} in a row were, and did not help: a person has to look`;
  const started = used
    .filter((one) => one.modelId === series.modelId || (isConfined(rule) && one.isConfined && one.projectId === series.projectId))
    .reduce((sum, { n }) => sum + n, 0);
  return started >= pipelinesPerDay
    ? `the ${pipelinesPerDay} pipelines or DAG runs that ${whose(rule)} may start in 24 hours are used up`
    : null;
}

/** What is done as alerts open. What one starts counts for the next. */
async function beginningsOf(connection: Connection, opened: readonly Opened[]): Promise<readonly Delivery[]> {
  const isRetrained = ({ rule }: Pair) => rule.definition.actions.some(({ do: kind }) => retrains.includes(kind));
  const retrained = opened.filter(isRetrained);
  const used = retrained.length > 0 ? await startsOf(connection, retrained) : [];
  return opened.flatMap((one) =>
    one.rule.definition.actions.map(({ do: kind }, action) => {
      const isStart = retrains.includes(kind);
      const refused = isStart ? whyNotRetrained(one, used) : null;
      if (isStart && refused === null)
        used.push({ modelId: one.series.modelId, projectId: one.series.projectId, isConfined: isConfined(one.rule), n: 1 });
      return { alertId: one.alertId, event: 'opened' as const, action, refused };
    }),
  );
}

async function open(connection: Connection, episodes: readonly Episode[]): Promise<void> {
  if (episodes.length === 0) return;
  const causes = await causesOf(
    connection,
    episodes.map(({ rule, series, openedAt }) => ({ ruleId: rule.id, modelId: series.modelId, at: openedAt })),
  );
  const { rows } = await sql<{ id: number; ruleId: number; seriesId: number; openedAt: Date }>`
    insert into alert (rule_id, series_id, model_id, value, opened_at, closed_at, cause_id)
    select rule_id, series_id, model_id, value, opened_at, closed_at, cause_id
    from unnest(${episodes.map(({ rule }) => rule.id)}::bigint[], ${episodes.map(({ series }) => series.seriesId)}::bigint[],
      ${episodes.map(({ series }) => series.modelId)}::bigint[], ${episodes.map(({ value }) => value)}::float8[],
      ${episodes.map(({ openedAt }) => openedAt.toISOString())}::timestamptz[],
      ${episodes.map(({ closedAt }) => closedAt?.toISOString() ?? null)}::timestamptz[], ${causes.map((cause) => cause?.id ?? null)}::bigint[])
      with ordinality as raised(rule_id, series_id, model_id, value, opened_at, closed_at, cause_id, place)
    order by place on conflict do nothing
    returning id, rule_id as "ruleId", series_id as "seriesId", opened_at as "openedAt"`.execute(connection);
  const ids = new Map(rows.map(({ id, ruleId, seriesId, openedAt }) => [keyOf(ruleId, seriesId, openedAt), id]));
  const opened = episodes.flatMap((episode, i): readonly Opened[] => {
    const alertId = ids.get(keyOf(episode.rule.id, episode.series.seriesId, episode.openedAt));
    return alertId === undefined ? [] : [{ ...episode, alertId, cause: causes[i] ?? null }];
  });
  const closed = opened.filter(({ closedAt }) => closedAt !== null);
  await leaveDeliveries(connection, [
    ...(await beginningsOf(connection, opened)),
    ...closed.flatMap(({ rule, alertId }) => endsOf(rule, alertId)),
  ]);
}

/** Events of a rule and a series are in order of time. */
export async function record(connection: Connection, happened: readonly Happened[]): Promise<void> {
  const episodes: Episode[] = [];
  const ended: Happened[] = [];
  const newest = new Map<string, Episode>();
  for (const one of happened) {
    const { rule, series, event } = one;
    const key = keyOf(rule.id, series.seriesId);
    const before = newest.get(key);
    if (event.event === 'opened') {
      const episode: Episode = { rule, series, openedAt: new Date(event.at), value: event.value, closedAt: null };
      episodes.push(episode);
      newest.set(key, episode);
    } else if (before) before.closedAt = new Date(event.at);
    else ended.push(one);
  }
  // A series has one open alert of a rule at a time: what was open ends before the next begins.
  await close(connection, ended);
  await open(connection, episodes);
}
