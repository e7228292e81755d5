/** Judges new values by the rules, many series in one transaction; what follows is written in it: see `record.ts`. */
import { sql } from 'kysely';
import { type Connection, type Database, inTransaction } from '../store/database.ts';
import { rollUp } from '../store/points/rollups.ts';
import { closeStrayed } from '../store/rules.ts';
import { inNamespaceOfRule } from '../store/scope.ts';
import { matchesRule } from '../store/slice/dimensions.ts';
import { type Happened, type Pair, type Rule, record, type Series } from './record.ts';
import { freshState, judge, judgeSilence, type Point, type RuleState } from './rule.ts';
import { valuesOf, type Wanted } from './values.ts';

/** Of one transaction. Whoever adds up new points of these series waits for it, so it is short. */
const mostSeries = 50;
/** Of one series, by all rules in one transaction: nobody's values wait long for those of another. */
const mostPoints = 250;
const mostEvents = 20;

interface Looked extends Pair {
  readonly state: RuleState;
}

/** The states of rules for series, locked in one order; made where there are none. */
async function lockStates(connection: Connection, pairs: readonly Pair[]): Promise<readonly Looked[]> {
  const ids = sql`unnest(${pairs.map(({ rule }) => rule.id)}::bigint[], ${pairs.map(({ series }) => series.seriesId)}::bigint[])`;
  const fresh = pairs.map(({ rule }) => JSON.stringify(freshState(rule.judgesFrom.getTime())));
  await sql`insert into rule_state (rule_id, series_id, state)
    select rule_id, series_id, state from rows from (${ids}, unnest(${fresh}::jsonb[])) as given(rule_id, series_id, state)
    order by 1, 2 on conflict do nothing`.execute(connection);
  const { rows } = await sql<{ ruleId: number; seriesId: number; state: RuleState }>`
    select rule_id as "ruleId", series_id as "seriesId", state from rule_state
    where (rule_id, series_id) in (select * from ${ids} as given(rule_id, series_id)) order by 1, 2 for update`.execute(
    connection,
  );
  const found = new Map(rows.map(({ ruleId, seriesId, state }) => [`${ruleId} ${seriesId}`, state]));
  return pairs.flatMap((pair) => {
    const state = found.get(`${pair.rule.id} ${pair.series.seriesId}`);
    return state ? [{ ...pair, state }] : [];
  });
}

async function keepStates(connection: Connection, looked: readonly Looked[]): Promise<void> {
  await sql`update rule_state set state = given.state
    from unnest(${looked.map(({ rule }) => rule.id)}::bigint[], ${looked.map(({ series }) => series.seriesId)}::bigint[],
      ${looked.map(({ state }) => JSON.stringify(state))}::jsonb[]) as given(rule_id, series_id, state)
    where rule_state.rule_id = given.rule_id and rule_state.series_id = given.series_id`.execute(connection);
}

type PairRow = Omit<Rule, 'modelId'> & Series & { readonly ofModel: number | null };

/** Of `pair`, a rule and a series that it looks at; the rule cannot be switched off until the transaction ends. */
const lockedPairs = sql`select rule.id, rule.definition, rule.judges_from as "judgesFrom", rule.model_id as "ofModel", rule.namespace,
    series.id as "seriesId", series.metric_id as "metricId", series.model_id as "modelId", model.project_id as "projectId", pair.*
  from pair join rule on rule.id = pair.rule_id join series on series.id = pair.series_id join model on model.id = series.model_id
  where rule.is_enabled and rule.retired_at is null order by rule.id, series.id for share of rule`;

const pairOf = ({ id, definition, judgesFrom, ofModel, namespace, seriesId, metricId, modelId, projectId }: PairRow): Pair => ({
  rule: { id, definition, judgesFrom, modelId: ofModel, namespace },
  series: { seriesId, metricId, modelId, projectId },
});

/** Rules that judge the series. */
async function pairsOf(connection: Connection, series: readonly number[]): Promise<readonly Pair[]> {
  const { rows } = await sql<PairRow>`
    with pair as materialized (
      select rule.id as rule_id, series.id as series_id
      from series join metric on metric.id = series.metric_id join model on model.id = series.model_id
        join project on project.id = model.project_id, lateral (
        -- As the index of names has it; and from the series to their rules, however few rules there are.
        select * from rule where coalesce(model_id, 0) = any(array[0, series.model_id]) and metric_name = metric.name
          and is_enabled and retired_at is null offset 0) as rule
      where series.id = any(${series}::bigint[]) and ${inNamespaceOfRule} and ${matchesRule}
    ) ${lockedPairs}`.execute(connection);
  return rows.map(pairOf);
}

/** The next series with new values, by id. */
async function claimSeries(connection: Connection, after: number): Promise<readonly number[]> {
  const { rows } = await sql<{ id: number }>`
    delete from touched where series_id in (
      select series_id from touched where series_id > ${after} order by series_id limit ${mostSeries} for update skip locked)
    returning series_id as id`.execute(connection);
  return rows.map(({ id }) => id);
}

export interface Judged {
  readonly series: number;
  /** The last of them by id. */
  readonly last: number;
}

/**
 * Judges series that have new values: the next ones after the one given, so that all take turns.
 * @returns null when there are none.
 */
export async function evaluateNext(db: Database, after = 0): Promise<Judged | null> {
  await rollUp(db);
  return inTransaction(db, async (connection) => {
    const next = await claimSeries(connection, after);
    const series = next.length === 0 && after > 0 ? await claimSeries(connection, 0) : next;
    if (series.length === 0) return null;
    await judgeSeries(connection, series);
    return { series: series.length, last: Math.max(...series) };
  });
}

async function judgeSeries(connection: Connection, series: readonly number[]): Promise<void> {
  const looked = await lockStates(connection, await pairsOf(connection, series));
  const wanted = new Map<number, Wanted>();
  // What one rule has judged already is no news to it.
  for (const { series: one, state } of looked)
    wanted.set(one.seriesId, { ...one, after: Math.min(state.judgedTo, wanted.get(one.seriesId)?.after ?? state.judgedTo) });
  const values = await valuesOf(connection, [...wanted.values()], mostPoints);
  const happened: Happened[] = [];
  const judged: Looked[] = [];
  const unfinished = new Set([...values].filter(([, points]) => points.length === mostPoints).map(([id]) => id));
  const eventsLeft = new Map(series.map((id) => [id, mostEvents]));
  for (const { rule, series: of, state: before } of looked) {
    let state = before;
    let left = eventsLeft.get(of.seriesId) ?? 0;
    for (const point of values.get(of.seriesId) ?? []) {
      if (left === 0) {
        unfinished.add(of.seriesId);
        break;
      }
      const { state: after, event } = judge(rule.definition, state, point);
      state = after;
      if (!event) continue;
      happened.push({ rule, series: of, event });
      left -= 1;
    }
    eventsLeft.set(of.seriesId, left);
    judged.push({ rule, series: of, state });
  }
  await record(connection, happened);
  await keepStates(connection, judged);
  await sql`insert into touched (series_id) select unnest(${[...unfinished]}::bigint[]) on conflict do nothing`.execute(
    connection,
  );
}

/** From which nothing has come for so long, for rules that wait for it: the next after the one given. */
async function silentPairs(connection: Connection, now: Date, after: Silent | null): Promise<readonly Silent[]> {
  const { rows } = await sql<PairRow & { ts: Date; value: number }>`
    with pair as materialized (
      select rule.id as rule_id, series.id as series_id, latest.ts, latest.value
      from rule join metric on metric.name = rule.metric_name join series on series.metric_id = metric.id
        join latest on latest.series_id = series.id join model on model.id = series.model_id join project on project.id = model.project_id
      where rule.is_enabled and rule.retired_at is null and rule.definition -> 'when' ? 'absentHours'
        and (rule.id, series.id) > (${after?.rule.id ?? 0}::bigint, ${after?.series.seriesId ?? 0}::bigint)
        and series.ref_class = 'authoritative' and coalesce(rule.model_id, series.model_id) = series.model_id
        and latest.ts <= ${now}::timestamptz - make_interval(secs => (rule.definition -> 'when' ->> 'absentHours')::float8 * 3600)
        and ${inNamespaceOfRule} and ${matchesRule}
        and not exists (select 1 from alert where rule_id = rule.id and series_id = series.id and closed_at is null)
      order by rule.id, series.id limit ${mostSeries}
    ) ${lockedPairs}`.execute(connection);
  return rows.map(({ ts, value, ...row }) => ({ ...pairOf(row), newest: { at: ts.getTime(), value } }));
}

interface Silent extends Pair {
  readonly newest: Point;
}

/** Opens alerts for series from which nothing has come for too long, and closes those of projects that have moved. @returns how many series were judged. */
export async function evaluateSilence(db: Database, now: Date): Promise<number> {
  await rollUp(db);
  await closeStrayed(db);
  let judged = 0;
  let last: Silent | null = null;
  for (;;) {
    const after: Silent | null = last;
    const silent = await inTransaction(db, async (connection) => {
      const pairs = await silentPairs(connection, now, after);
      const newest = new Map(pairs.map((pair) => [`${pair.rule.id} ${pair.series.seriesId}`, pair.newest]));
      const next = (await lockStates(connection, pairs)).map(({ rule, series, state }) => {
        const point = newest.get(`${rule.id} ${series.seriesId}`);
        return { rule, series, ...(point ? judgeSilence(rule.definition, state, point, now.getTime()) : { state, event: null }) };
      });
      await record(
        connection,
        next.flatMap(({ rule, series, event }) => (event ? [{ rule, series, event }] : [])),
      );
      await keepStates(connection, next);
      return pairs;
    });
    judged += silent.length;
    last = silent.at(-1) ?? null;
    if (silent.length < mostSeries) return judged;
  }
}
