/** Rules and their alerts. */
import { sql } from 'kysely';
import { type RuleDefinition, retrains } from '../triggers/rule.ts';
import { type Actor, recordAct, shownActor } from './audit.ts';
import { type Connection, type Database, inTransaction, sqlStateOf } from './database.ts';
import { holdsFor, inNamespace, inNamespaceOfRule, inScope, type Scope } from './scope.ts';
import { matchesDimensions } from './slice/dimensions.ts';

export interface RuleRow {
  readonly id: number;
  readonly name: string;
  readonly definition: RuleDefinition;
  readonly isEnabled: boolean;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly judgesFrom: Date;
  /** The model in whose repository it stands; null: an admin made it, for all. */
  readonly modelId: number | null;
  /** Its name. */
  readonly model: string | null;
  /** Whose projects it looks at alone; empty: at all. */
  readonly namespace: string;
  /** The reader may read all of that namespace. */
  readonly isWhole: boolean;
  /** Of its metric; null where that has none yet, or several. */
  readonly unit: string | null;
  /** Alerts that are open now, and all there were. */
  readonly open: number;
  readonly alerts: number;
}

/** Alerts of others are not counted. */
const columnsFor = (scope: Scope) => {
  const alerts = sql`from alert join model on model.id = alert.model_id join project on project.id = model.project_id
    where rule_id = rule.id and ${inScope(scope)}`;
  return sql`rule.id, rule.name, rule.definition, rule.is_enabled as "isEnabled", rule.created_by as "createdBy",
    rule.created_at as "createdAt", rule.judges_from as "judgesFrom", rule.model_id as "modelId", (select name from model where id = rule.model_id) as model, rule.namespace,
    (select min(unit) from metric where metric.name = rule.metric_name having count(*) = 1) as unit,
    (rule.namespace <> '' and ${holdsFor(scope, sql`rule.namespace`)}) as "isWhole",
    (select count(*) ${alerts} and closed_at is null) as open, (select count(*) ${alerts}) as alerts`;
};

/** Rules of all models, and those of models in scope. */
const mayConcern = (scope: Scope) =>
  scope === null
    ? sql`true`
    : sql`(rule.model_id is null or exists (select 1 from model join project on project.id = model.project_id
        where model.id = rule.model_id and ${inScope(scope)}))`;

/**
 * Of a rule of more than the reader's projects, what concerns the models in scope: null when it looks at none of them. Of the values that it selects
 * by, those that these models have: the others may name models of others.
 */
async function asSeen(connection: Connection, rule: RuleRow, scope: Scope): Promise<RuleRow | null> {
  if (scope === null || rule.modelId !== null || rule.isWhole) return rule;
  const { metric, where, actions } = rule.definition;
  const pairs = Object.entries(where).flatMap(([name, values]) => values.map((value) => ({ name, value })));
  const has = pairs.map(({ name, value }) => sql`bool_or(${matchesDimensions({ [name]: [value] })})`);
  const { rows } = await sql<{ isAny: boolean | null; seen: readonly boolean[] }>`
    select bool_or(${matchesDimensions(where)}) as "isAny", array[${sql.join([...has, sql`true`])}] as seen
    from metric join series on series.metric_id = metric.id join model on model.id = series.model_id
      join project on project.id = model.project_id
    where metric.name = ${metric} and series.ref_class = 'authoritative' and ${inScope(scope)} and ${inNamespace(rule.namespace)}`.execute(
    connection,
  );
  const [found] = rows;
  if (!found?.isAny) return null;
  const own = pairs.filter((_, i) => found.seen[i]);
  return {
    ...rule,
    definition: {
      ...rule.definition,
      where: Object.fromEntries(
        Object.keys(where).map((name) => [name, own.filter((pair) => pair.name === name).map(({ value }) => value)]),
      ),
      actions: actions.map((action) => (action.do === 'pipeline' ? { do: action.do, ref: action.ref } : action)),
    },
  };
}

interface RulePage {
  /** What the reader is confined to. */
  readonly scope: Scope;
  readonly limit: number;
  /** Name and id of the last rule of the page before. */
  readonly after?: { readonly name: string; readonly id: number } | undefined;
}

const readAtOnce = 200;

/** By name. */
export async function listRules(connection: Connection, { scope, limit, after }: RulePage): Promise<readonly RuleRow[]> {
  const found: RuleRow[] = [];
  for (let last = after; found.length < limit; ) {
    const from = last ? sql`(name, id) > (${last.name}, ${last.id}::bigint)` : sql`true`;
    const { rows } = await sql<RuleRow>`
      select ${columnsFor(scope)} from (select * from rule where retired_at is null and ${from} and ${mayConcern(scope)}
        order by name, id limit ${readAtOnce}) as rule order by name, id`.execute(connection);
    for (const rule of rows) {
      const seen = found.length < limit && (await asSeen(connection, rule, scope));
      if (seen) found.push(seen);
    }
    last = rows.at(-1);
    if (rows.length < readAtOnce) break;
  }
  return found;
}

export async function readRule(connection: Connection, id: number, scope: Scope): Promise<RuleRow | null> {
  const { rows } = await sql<RuleRow>`
    select ${columnsFor(scope)} from rule
    where id = ${id}::bigint and retired_at is null and ${mayConcern(scope)}`.execute(connection);
  return rows[0] ? asSeen(connection, rows[0], scope) : null;
}

export class RuleNameTaken extends Error {}

export interface NewRule {
  readonly name: string;
  readonly definition: RuleDefinition;
  readonly isEnabled: boolean;
  readonly createdBy: Actor;
  /** Values after it are judged; now unless told. */
  readonly judgesFrom?: Date;
  readonly modelId?: number | null;
  /** Whose projects it looks at alone; at all when absent. */
  readonly namespace?: string;
}

async function unlessTaken<T>(made: Promise<T>): Promise<T> {
  try {
    return await made;
  } catch (error) {
    if (sqlStateOf(error) === '23505') throw new RuleNameTaken();
    throw error;
  }
}

/** @throws RuleNameTaken */
export const createRule = (db: Database, rule: NewRule): Promise<number> =>
  unlessTaken(inTransaction(db, (connection) => insertRule(connection, rule)));

/** A rule as somebody read it: all else of it never changes. */
export type ReadRule = Pick<RuleRow, 'id' | 'isEnabled'>;

/**
 * The old rule is retired: alerts stay with the rule by which they were raised.
 * @returns null where it is no longer there, or no longer switched as it was read. @throws RuleNameTaken
 */
export const replaceRule = (db: Database, rule: NewRule, old: ReadRule): Promise<number | null> =>
  unlessTaken(
    inTransaction(db, async (connection) => {
      const { rows } = await sql`select 1 from rule
        where id = ${old.id}::bigint and is_enabled = ${old.isEnabled} and retired_at is null for update`.execute(connection);
      if (rows.length === 0) return null;
      await retire(connection, old.id, rule.createdBy);
      return insertRule(connection, rule, old.id);
    }),
  );

/** Of a rule that an admin took away or changed: for whom it was, and the last that came in its place. Null where there is none such. */
export async function afterRetired(
  connection: Connection,
  id: number,
): Promise<{ readonly namespace: string; readonly last: number } | null> {
  const { rows } = await sql<{ namespace: string; last: number }>`
    with recursive line as (
      select id, namespace from rule where id = ${id}::bigint and model_id is null and retired_at is not null
      union all
      select rule.id, line.namespace from line join rule on rule.replaces = line.id
    ) select namespace, max(id) as last from line group by namespace`.execute(connection);
  return rows[0] ?? null;
}

/** For the record: a name is one of its namespace. */
const ofNamespace = (namespace = ''): Readonly<Record<string, unknown>> => (namespace === '' ? {} : { namespace });

async function insertRule(connection: Connection, rule: NewRule, replaces: number | null = null): Promise<number> {
  const { name, definition, isEnabled, createdBy, judgesFrom = null, modelId = null, namespace = '' } = rule;
  const { rows } = await sql<{ id: number }>`
    insert into rule (name, definition, metric_name, is_enabled, created_by, judges_from, model_id, namespace, replaces)
    values (${name}, ${JSON.stringify(definition)}::jsonb, ${definition.metric}, ${isEnabled}, ${shownActor(createdBy)},
      coalesce(${judgesFrom}::timestamptz, now()), ${modelId}::bigint, ${namespace}, ${replaces}::bigint) returning id`.execute(
    connection,
  );
  await recordAct(connection, {
    actor: createdBy,
    action: 'rule.created',
    subject: name,
    detail: { isEnabled, ...ofNamespace(namespace), ...definition },
  });
  return rows[0]?.id ?? 0;
}

export type RepositoryRule = Pick<NewRule, 'name' | 'definition'>;

/**
 * The rules of a model's repository are those of its newest report: one that is as it was goes on with its state, one that is
 * changed ends and begins anew, one that is not named any more ends.
 */
export async function takeRules(
  connection: Connection,
  modelId: number,
  { rules, actor }: { readonly rules: readonly RepositoryRule[]; readonly actor: string },
): Promise<void> {
  const wanted = new Map(rules.map((rule) => [rule.name, rule]));
  const { rows } = await sql<{ id: number; name: string; isSame: boolean }>`
    select rule.id, rule.name, rule.definition = given.definition as "isSame" from rule
      left join unnest(${[...wanted.keys()]}::text[], ${[...wanted.values()].map(({ definition }) => JSON.stringify(definition))}::jsonb[])
        as given(name, definition) on given.name = rule.name
    where rule.model_id = ${modelId} and rule.retired_at is null order by rule.id for update of rule`.execute(connection);
  for (const { id, name, isSame } of rows) {
    if (isSame) wanted.delete(name);
    else await retire(connection, id, actor);
  }
  for (const rule of wanted.values()) await insertRule(connection, { ...rule, isEnabled: true, createdBy: actor, modelId });
}

type Named = Pick<RuleRow, 'name' | 'namespace'>;

/** Switched on again, a rule judges what comes from then on; what came meanwhile is past. */
export const enableRule = (db: Database, id: number, isEnabled: boolean, actor: Actor = 'server'): Promise<void> =>
  inTransaction(db, async (connection) => {
    const { rows } = await sql<Named>`update rule set is_enabled = ${isEnabled},
      judges_from = case when ${isEnabled} and not is_enabled then now() else judges_from end
      where id = ${id}::bigint and retired_at is null returning name, namespace`.execute(connection);
    const [rule] = rows;
    if (!rule) return;
    const detail = ofNamespace(rule.namespace);
    await recordAct(connection, { actor, action: isEnabled ? 'rule.enabled' : 'rule.disabled', subject: rule.name, detail });
    if (!isEnabled) await closeAlerts(connection, id, 'the rule was switched off');
  });

/** Its alerts stay on record. */
export const retireRule = (db: Database, id: number, actor: Actor = 'server'): Promise<void> =>
  inTransaction(db, (connection) => retire(connection, id, actor));

async function retire(connection: Connection, id: number, actor: Actor): Promise<void> {
  const { rows } = await sql<Named>`
    update rule set is_enabled = false, retired_at = now()
    where id = ${id}::bigint and retired_at is null returning name, namespace`.execute(connection);
  const [rule] = rows;
  if (!rule) return;
  await recordAct(connection, { actor, action: 'rule.retired', subject: rule.name, detail: ofNamespace(rule.namespace) });
  await closeAlerts(connection, id, 'the rule was changed or taken away');
}

/**
 * A rule that does not judge has no open alert and no state. What waits to be done for an opened one is not done any more; who was
 * told of it, or may have been, is told of the end.
 */
async function closeAlerts(connection: Connection, ruleId: number, why: string, which = sql`true`): Promise<void> {
  await sql`
    with closed as (
      update alert set closed_at = greatest(now(), opened_at)
      where rule_id = ${ruleId}::bigint and closed_at is null and ${which} returning id
    ), refused as (
      update delivery set state = 'refused', result = ${why}::text from alert
      where alert.id = delivery.alert_id and alert.rule_id = ${ruleId}::bigint
        and delivery.event = 'opened' and delivery.state = 'waiting' and ${which}
    )
    -- An attempt may be under way: the end waits until it is over.
    insert into delivery (alert_id, event, action, next_at)
    select opened.alert_id, 'closed', opened.action, case when opened.state = 'waiting' then opened.next_at else now() end
    from closed join delivery as opened on opened.alert_id = closed.id and opened.event = 'opened'
      join rule on rule.id = ${ruleId}::bigint
    where (opened.state = 'done' or opened.attempts > 0)
      and not (rule.definition -> 'actions' -> opened.action ->> 'do' = any(${retrains}::text[]))
    order by opened.alert_id, opened.action`.execute(connection);
  // A series is of one model, as its alerts are.
  await sql`delete from rule_state using series as alert
    where rule_id = ${ruleId}::bigint and series_id = alert.id and ${which}`.execute(connection);
}

/** Alerts of projects that have left the namespace of their rule: it judges them no more, and nothing more is done for them. */
export async function closeStrayed(db: Database): Promise<void> {
  const { rows } = await sql<{ id: number; models: readonly number[] }>`
    select rule.id, array_agg(distinct model.id) as models from alert join rule on rule.id = alert.rule_id
      join model on model.id = alert.model_id join project on project.id = model.project_id
    where alert.closed_at is null and not ${inNamespaceOfRule} group by rule.id`.execute(db);
  for (const { id, models } of rows)
    await inTransaction(db, (connection) =>
      closeAlerts(connection, id, "the project has left the rule's namespace", sql`alert.model_id = any(${models}::bigint[])`),
    );
}

/** Rules of this namespace and below that there are. */
export async function countRules(connection: Connection, namespace: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from rule
    where retired_at is null and model_id is null and namespace <> ''
      and (namespace = ${namespace} or starts_with(namespace, ${`${namespace}/`}))`.execute(connection);
  return rows[0]?.n ?? 0;
}
