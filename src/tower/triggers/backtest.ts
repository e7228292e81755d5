/** What a rule would have raised over the past: the same judgement over the stored values. */
import { sql } from 'kysely';
import type { Connection } from '../store/database.ts';
import { pointStore } from '../store/points/point-store.ts';
import { type RuleSeries, seriesOfRule } from '../store/rules.ts';
import type { Scope } from '../store/scope.ts';
import { type Point, type RuleDefinition, replay } from './rule.ts';

export interface PastAlert {
  readonly series: RuleSeries;
  readonly openedAt: number;
  readonly closedAt: number | null;
  readonly value: number;
}

export interface Backtest {
  /** Newest first. */
  readonly alerts: readonly PastAlert[];
  readonly seriesCount: number;
  /** There were more series than are judged at once. */
  readonly isCut: boolean;
}

const mostSeries = 5000;
const atOnce = 250;

async function pointsOf(
  connection: Connection,
  series: readonly RuleSeries[],
  since: Date,
): Promise<ReadonlyMap<number, readonly Point[]>> {
  // As JSON: arrays of PostgreSQL, of times most of all, take many times as long to read.
  const { rows } = await sql<{ id: number; times: readonly number[]; values: readonly number[] }>`
    with wanted as (select * from unnest(${series.map((one) => one.seriesId)}::bigint[],
      ${series.map((one) => one.metricId)}::bigint[]) as t(id, metric_id))
    select id, json_agg(floor(date_part('epoch', ts) * 1000) order by ts) as times, json_agg(value order by ts) as values
    from ${pointStore.scan('wanted', { from: since })} as wanted_points group by id`.execute(connection);
  return new Map(rows.map(({ id, times, values }) => [id, times.map((at, i) => ({ at, value: values[i] ?? 0 }))]));
}

/** Episodes of one series: what opened, and when it closed. */
function episodesOf(series: RuleSeries, events: ReturnType<typeof replay>): readonly PastAlert[] {
  return events.flatMap(({ event, at, value }, i) => {
    if (event !== 'opened') return [];
    const end = events[i + 1];
    return [{ series, openedAt: at, closedAt: end?.event === 'closed' ? end.at : null, value }];
  });
}

export interface Past {
  /** What the reader is confined to. */
  readonly scope: Scope;
  readonly days: number;
  readonly now: number;
  /** Of a rule of its repository: it looks at this model alone. */
  readonly modelId?: number | null;
  /** Of a rule of a namespace: at its projects alone. */
  readonly namespace?: string;
}

export async function backtest(
  connection: Connection,
  rule: RuleDefinition,
  { scope, days, now, ...of }: Past,
): Promise<Backtest> {
  const found = await seriesOfRule(connection, rule, scope, mostSeries + 1, of);
  const series = found.slice(0, mostSeries);
  const since = new Date(now - days * 86_400_000);
  const alerts: PastAlert[] = [];
  for (let from = 0; from < series.length; from += atOnce) {
    const part = series.slice(from, from + atOnce);
    const points = await pointsOf(connection, part, since);
    for (const one of part) alerts.push(...episodesOf(one, replay(rule, points.get(one.seriesId) ?? [], now)));
  }
  return { alerts: alerts.sort((a, b) => b.openedAt - a.openedAt), seriesCount: series.length, isCut: found.length > mostSeries };
}
