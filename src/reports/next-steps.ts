/** What to do next, ranked: what blocks first, then what raises the score (the weakest section) with the least work. */
import { type Report, type Result, resultsOf, type SectionReport, type SuiteReport, severities } from '../kernel/report.ts';
import { withReason } from '../kernel/said.ts';
import { executionOf, pointsOf } from '../kernel/score.ts';
import { causeOf } from './causes.ts';
import { inOrder, type Move, type Raise } from './raise.ts';
import { formatScore, partWords, plural } from './words.ts';

export interface Step {
  readonly result: Result;
  /** What to do, in one or two sentences. */
  readonly action: string;
  /** What it brings when the tests then hold and the steps before it are done: `Monitoring 0.5 → 1.5`. */
  readonly gain: string;
  /** `final score 0.5 → 1.0`, where it raises that. */
  readonly final?: string;
  /** Line to add to the manifest, where one line does it. */
  readonly manifestLine?: string;
  /** True when it lifts a section that sets the score. */
  readonly liftsWeakest: boolean;
  /** Other checks that the same action mends. */
  readonly also: readonly string[];
}

/** The line to add is shown by itself, ready to be copied; the sentence need not repeat it. */
const withoutLine = (action: string, line: string | undefined): string =>
  line === undefined ? action : action.replace(`: ${line}`, '').replace(/([^.!?`])$/, '$1.');

/** Less is easier: a line in the manifest, a mend that is named, a schedule, something to add, an automation. */
function effortOf(result: Result): number {
  if (result.outcome === 'pass') return 2;
  if (result.manifestLine ?? result.findings[0]?.manifestLine) return 0;
  if (result.outcome === 'fail' || result.outcome === 'error') return 1;
  return result.outcome === 'manual' ? 4 : 3;
}

function actionOf(result: Result, section: SectionReport): string | undefined {
  const [first, ...others] = result.findings;
  switch (result.outcome) {
    case 'pass':
      return section.id === 'monitor'
        ? 'Let a scheduled pipeline run it: a monitor counts in full only when it runs by itself.'
        : 'Run it in the pipeline of a push, a merge request or a schedule: started by hand it counts half.';
    case 'error':
      return `${withReason(result.failure?.message ?? 'It could not be judged')}. ${result.failure?.hint ?? ''}`.trim();
    case 'fail': {
      const more = others.length > 0 ? ` (and ${plural(others.length, 'more finding')})` : '';
      return `${first?.fix ?? result.evidence?.nextStep ?? result.fix}${more}`;
    }
    case 'manual':
      return result.evidence?.nextStep ?? result.fix;
    case 'skipped':
      return result.nextStep ?? (result.manifestLine && 'Add this line to flightcheck.yml');
    case 'not-applicable':
      return undefined;
  }
}

interface RubricMove extends Move {
  readonly results: readonly Result[];
  readonly action: string;
  readonly manifestLine: string | undefined;
}

/** What one action brings to one section. */
function moveOf(result: Result, section: SectionReport, trigger: string): RubricMove | undefined {
  const now = result.passingPoints ?? 0;
  const isWaitingForTrigger = result.outcome === 'pass' || result.outcome === 'manual';
  const then = isWaitingForTrigger ? 1 : pointsOf('pass', executionOf('pass', section.id, trigger)).passingPoints;
  const action = actionOf(result, section);
  if (then <= now || action === undefined) return undefined;
  const manifestLine = result.manifestLine ?? result.findings[0]?.manifestLine;
  return {
    results: [result],
    action: withoutLine(action, manifestLine),
    manifestLine,
    gains: new Map([[section.id, then - now]]),
    effort: effortOf(result) + 1,
    isFirst: result.outcome === 'error',
  };
}

const keyOf = ({ action, manifestLine = '' }: { readonly action: string; readonly manifestLine?: string | undefined }): string =>
  `${causeOf(action)}\n${manifestLine}`;

/** One action is one move, however many tests it mends. */
function unitedMoves(moves: readonly RubricMove[]): readonly RubricMove[] {
  const byAction = new Map<string, RubricMove>();
  for (const move of moves) {
    const key = keyOf(move);
    const first = byAction.get(key);
    if (!first) byAction.set(key, move);
    else {
      const gains = new Map(first.gains);
      for (const [section, gain] of move.gains) gains.set(section, (gains.get(section) ?? 0) + gain);
      byAction.set(key, {
        ...first,
        gains,
        results: [...first.results, ...move.results],
        effort: Math.max(first.effort, move.effort),
        isFirst: first.isFirst || move.isFirst,
      });
    }
  }
  return [...byAction.values()];
}

const mostSections = 2;

function rubricStepOf({ move, sections, final, liftsWeakest }: Raise<RubricMove>, suite: SuiteReport): Step | undefined {
  const [result, ...others] = move.results;
  if (!result) return undefined;
  const titleOf = (id: string) => suite.sections.find((section) => section.id === id)?.title ?? id;
  const gains = sections.map(({ id, from, to }) => `${titleOf(id)} ${formatScore(from)} → ${formatScore(to)}`);
  // A test that did not pass has to hold first, and nobody knows that it will.
  const isSure = move.results.every(({ outcome }) => outcome === 'pass' || outcome === 'manual');
  const left = gains.length > mostSections ? `, ${plural(gains.length - mostSections, 'more section')}` : '';
  return {
    result,
    action: move.action,
    gain: `${gains.slice(0, mostSections).join(', ')}${left}`,
    // The score of a part of the tests is no score of the model.
    ...(final.to > final.from &&
      partWords(suite) === undefined && {
        final: `final score ${formatScore(final.from)} → ${isSure ? '' : 'up to '}${formatScore(final.to)}`,
      }),
    liftsWeakest,
    also: others.map(({ check }) => check),
    ...(move.manifestLine && { manifestLine: move.manifestLine }),
  };
}

/** The steps of the rubric in the order in which they raise the score with the least work. */
function rubricSteps(suite: SuiteReport, trigger: string): readonly Step[] {
  const moves = suite.sections.flatMap((section) => section.results.flatMap((result) => moveOf(result, section, trigger) ?? []));
  const scores = new Map(suite.sections.map((section) => [section.id, section.score ?? 0]));
  return inOrder(unitedMoves(moves), scores).flatMap((raise) => rubricStepOf(raise, suite) ?? []);
}

function structureStep(result: Result, section: SectionReport): Step | undefined {
  const isOpen = result.outcome === 'error' || (result.outcome === 'fail' && !result.waived) || result.outcome === 'skipped';
  const action = isOpen ? actionOf(result, section) : undefined;
  if (action === undefined) return undefined;
  const manifestLine = result.manifestLine ?? result.findings[0]?.manifestLine;
  const gain = result.outcome === 'skipped' ? 'judged' : `${result.severity} · weight ${result.weight}`;
  return {
    result,
    action: withoutLine(action, manifestLine),
    gain,
    liftsWeakest: false,
    also: [],
    ...(manifestLine && { manifestLine }),
  };
}

function rankOf({ result, liftsWeakest }: Step, suite: SuiteReport): number {
  if (result.outcome === 'error') return 0;
  const severity = severities.indexOf(result.severity);
  if (suite.method !== 'ml-test-score' && result.outcome === 'fail') return severity >= 3 ? 1 : severity === 2 ? 3 : 5;
  return liftsWeakest ? 2 : suite.method === 'ml-test-score' ? 4 : 6;
}

/** One action is one step, however many rules it mends. */
function united(steps: readonly Step[]): readonly Step[] {
  const byAction = new Map<string, Step>();
  for (const step of steps) {
    const key = keyOf(step);
    const first = byAction.get(key);
    byAction.set(key, first ? { ...first, also: [...first.also, step.result.check, ...step.also] } : step);
  }
  return [...byAction.values()];
}

/** Every step that the report knows of, best first. */
export function nextSteps(report: Report): readonly Step[] {
  const ranked: { step: Step; rank: number; place: number }[] = [];
  for (const suite of report.suites)
    if (suite.method === 'ml-test-score')
      for (const [place, step] of rubricSteps(suite, report.run.trigger).entries())
        ranked.push({ step, rank: rankOf(step, suite), place });
  for (const { suite, section, result } of resultsOf(report)) {
    const step = suite.method === 'ml-test-score' ? undefined : structureStep(result, section);
    if (step) ranked.push({ step, rank: rankOf(step, suite), place: 0 });
  }
  const bySeverity = (step: Step) => severities.length - severities.indexOf(step.result.severity);
  const sorted = ranked
    .sort(
      (a, b) =>
        a.rank - b.rank ||
        a.place - b.place ||
        effortOf(a.step.result) - effortOf(b.step.result) ||
        bySeverity(a.step) - bySeverity(b.step) ||
        b.step.result.weight - a.step.result.weight,
    )
    .map(({ step }) => step);
  return united(sorted);
}

/** `, also for data-2, model-5 and 3 more`; empty when it is for one check. */
export function alsoFor({ also }: Step): string {
  if (also.length === 0) return '';
  const left = also.length > 3 ? ` and ${also.length - 3} more` : '';
  return ` Also for ${also.slice(0, 3).join(', ')}${left}.`;
}

/** `Monitoring 0.5 → 1.5, final score 0.5 → 1.0`. */
export const gainWords = ({ gain, final }: Pick<Step, 'gain' | 'final'>): string =>
  final === undefined ? gain : `${gain}, ${final}`;
