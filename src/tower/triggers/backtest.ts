/** What a rule would have raised over the past: the same judgement over the stored values. */
import type { Database } from '../store/database.ts';
import { rollUp } from '../store/points/rollups.ts';
import { type RuleSeries, seriesOfRule } from '../store/rule-series.ts';
import type { Scope } from '../store/scope.ts';
import { type RuleDefinition, replay } from './rule.ts';
import { valuesOf } from './values.ts';

export interface PastAlert {
  readonly series: RuleSeries;
  readonly openedAt: number;
  readonly closedAt: number | null;
  readonly value: number;
}

export interface Backtest {
  /** Newest first. */
  readonly alerts: readonly PastAlert[];
  /** That were judged, the first by id. */
  readonly seriesCount: number;
  /** There are more: they would have taken too long. */
  readonly isCut: boolean;
  /** Of all series; null where they have several. */
  readonly unit: string | null;
}

const mostSeries = 100_000;
/** Somebody waits for it. */
const usualLongestMs = 3000;
const atOnce = 250;

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
  readonly longestMs?: number;
}

export async function backtest(
  db: Database,
  rule: RuleDefinition,
  { days, now, longestMs = usualLongestMs, ...of }: Past,
): Promise<Backtest> {
  const until = performance.now() + longestMs;
  const since = new Date(now - days * 86_400_000);
  await rollUp(db);
  const found = await seriesOfRule(db, rule, { ...of, since, limit: mostSeries + 1 });
  const series = found.slice(0, mostSeries);
  const raising = series.filter(({ mayRaise }) => mayRaise);
  const alerts: PastAlert[] = [];
  let judged = 0;
  while (judged < raising.length && performance.now() < until) {
    const part = raising.slice(judged, judged + atOnce);
    const values = await valuesOf(
      db,
      part.map((one) => ({ ...one, after: since.getTime() - 1 })),
    );
    for (const one of part) alerts.push(...episodesOf(one, replay(rule, values.get(one.seriesId) ?? [], now)));
    judged += part.length;
  }
  const next = raising[judged];
  const units = new Set(found.map(({ unit }) => unit));
  return {
    alerts: alerts.sort((a, b) => b.openedAt - a.openedAt),
    seriesCount: next ? series.indexOf(next) : series.length,
    isCut: next !== undefined || found.length > series.length,
    unit: units.size === 1 ? ([...units][0] ?? null) : null,
  };
}
