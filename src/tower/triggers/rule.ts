/** A rule over a metric, and what one more value makes of its state. Pure: judging history and judging today are the same. */

export interface Condition {
  /** `value`: the value itself; `change`: its relative difference from the mean of the values before. */
  readonly of: 'value' | 'change';
  readonly is: 'above' | 'below';
  readonly limit: number;
  /** Where an alert closes; the limit when absent. Apart from it, a value that swings about the limit raises one alert. */
  readonly closesAt?: number;
  /** Values in a row; 1 when absent. */
  readonly times?: number;
}

export interface Absence {
  /** Hours without a value. */
  readonly absentHours: number;
}

export interface WebhookAction {
  readonly do: 'webhook';
  /** A destination of the server's own list. */
  readonly to: string;
}
export interface PipelineAction {
  readonly do: 'pipeline';
  readonly ref: string;
  readonly variables?: Readonly<Record<string, string>>;
}
export interface IssueAction {
  readonly do: 'issue';
}
export interface AirflowAction {
  readonly do: 'airflow';
  /** An Airflow of the server's own list. */
  readonly at: string;
  readonly dag: string;
}
export type Action = WebhookAction | PipelineAction | IssueAction | AirflowAction;

/** What costs machines: counted against the budget of a model, and never done because an alert closed. */
export const retrains: readonly Action['do'][] = ['pipeline', 'airflow'];

export const usualInARow = 2;
export const usualPerDay = 2;

export interface RuleDefinition {
  readonly metric: string;
  /** As in slices: by name of a dimension, any of its values. */
  readonly where: Readonly<Record<string, readonly string[]>>;
  readonly when: Condition | Absence;
  readonly severity: 'info' | 'warning' | 'critical';
  /** After an alert has opened no other opens for the same series for so long. */
  readonly cooldownHours: number;
  readonly actions: readonly Action[];
  /** Pipelines and DAG runs that all rules together may start for a model in 24 hours; of a repository's rules, for all its models. */
  readonly pipelinesPerDay: number;
  /** How often in a row a version that was made for an alert of the rule may raise the next, and be made again; 2 when absent. */
  readonly retrainsInARow?: number;
}

export interface RuleState {
  /** Milliseconds; of the newest value that was judged. */
  readonly judgedTo: number;
  readonly inARow: number;
  readonly isOpen: boolean;
  readonly quietUntil: number;
  /** Values before, for `change`; the newest last. */
  readonly before: readonly number[];
}

export interface Point {
  readonly at: number;
  readonly value: number;
}

export interface RuleEvent {
  readonly event: 'opened' | 'closed';
  readonly at: number;
  readonly value: number;
}

export const isAbsence = (when: RuleDefinition['when']): when is Absence => 'absentHours' in when;

export const freshState = (judgedTo: number): RuleState => ({ judgedTo, inARow: 0, isOpen: false, quietUntil: 0, before: [] });

/** How many values a change is measured against, and the fewest that make a mean. */
const window = 14;
const fewest = 3;

/** What the limit is compared with; null while there is too little before it. */
function signalOf(when: Condition, value: number, before: readonly number[]): number | null {
  if (when.of === 'value') return value;
  if (before.length < fewest) return null;
  const mean = before.reduce((sum, n) => sum + n, 0) / before.length;
  return mean === 0 ? null : (value - mean) / Math.abs(mean);
}

/** One more value. A value older than the last is no news: the state does not change. */
export function judge(rule: RuleDefinition, state: RuleState, point: Point): { state: RuleState; event: RuleEvent | null } {
  if (point.at <= state.judgedTo) return { state, event: null };
  const judged = { ...state, judgedTo: point.at };
  if (isAbsence(rule.when))
    return state.isOpen
      ? { state: { ...judged, isOpen: false }, event: { event: 'closed', ...point } }
      : { state: judged, event: null };
  const { when } = rule;
  const signal = signalOf(when, point.value, state.before);
  const sign = when.is === 'above' ? 1 : -1;
  const isBreach = signal !== null && sign * (signal - when.limit) > 0;
  const isBack = signal !== null && sign * (signal - (when.closesAt ?? when.limit)) <= 0;
  const inARow = isBreach ? state.inARow + 1 : 0;
  // While an alert is open the values are those of the trouble; what is usual was before.
  const before = when.of === 'change' && !isBreach ? [...state.before, point.value].slice(-window) : state.before;
  if (state.isOpen)
    return isBack
      ? { state: { ...judged, inARow, before, isOpen: false }, event: { event: 'closed', ...point } }
      : { state: { ...judged, inARow, before }, event: null };
  if (inARow < (when.times ?? 1) || point.at < state.quietUntil) return { state: { ...judged, inARow, before }, event: null };
  const quietUntil = point.at + rule.cooldownHours * 3_600_000;
  return { state: { ...judged, inARow, before, isOpen: true, quietUntil }, event: { event: 'opened', ...point } };
}

/** Nothing came: an alert opens, at the moment when it became too long. */
export function judgeSilence(rule: RuleDefinition, state: RuleState, newest: Point, now: number) {
  if (!isAbsence(rule.when) || state.isOpen) return { state, event: null };
  const due = newest.at + rule.when.absentHours * 3_600_000;
  if (now < due || due < state.quietUntil) return { state, event: null };
  const event: RuleEvent = { event: 'opened', at: due, value: newest.value };
  return { state: { ...state, isOpen: true, quietUntil: due + rule.cooldownHours * 3_600_000 }, event };
}

/** What a rule would have done over these values, oldest first. */
export function replay(rule: RuleDefinition, points: readonly Point[], until: number): readonly RuleEvent[] {
  const events: RuleEvent[] = [];
  let state = freshState(Number.NEGATIVE_INFINITY);
  let last: Point | null = null;
  const take = (next: { state: RuleState; event: RuleEvent | null }) => {
    state = next.state;
    if (next.event) events.push(next.event);
  };
  for (const point of points) {
    if (last) take(judgeSilence(rule, state, last, point.at));
    take(judge(rule, state, point));
    last = point;
  }
  if (last) take(judgeSilence(rule, state, last, until));
  return events;
}
