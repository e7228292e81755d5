/** What to do next, ranked: what blocks first, then what lifts the section that sets the score with the least work. */
import { type Report, type Result, resultsOf, type SectionReport, type SuiteReport, severities } from '../kernel/report.ts';
import { executionOf, pointsOf } from '../kernel/score.ts';
import { formatScore, plural, weakestSections } from './words.ts';

export interface Step {
  readonly result: Result;
  /** What to do, in one or two sentences. */
  readonly action: string;
  /** What it brings: `Monitoring 0.5 → 1.5`. */
  readonly gain: string;
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
      return `${result.failure?.message ?? 'It could not be judged'}. ${result.failure?.hint ?? ''}`.trim();
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

function rubricStep(result: Result, section: SectionReport, trigger: string, liftsWeakest: boolean): Step | undefined {
  const now = result.passingPoints ?? 0;
  const isWaitingForTrigger = result.outcome === 'pass' || result.outcome === 'manual';
  const then = isWaitingForTrigger ? 1 : pointsOf('pass', executionOf('pass', section.id, trigger)).passingPoints;
  const action = actionOf(result, section);
  if (then <= now || action === undefined) return undefined;
  const before = section.score ?? 0;
  const manifestLine = result.manifestLine ?? result.findings[0]?.manifestLine;
  const gain = `${section.title} ${formatScore(before)} → ${formatScore(before + then - now)}`;
  return {
    result,
    action: withoutLine(action, manifestLine),
    gain,
    liftsWeakest,
    also: [],
    ...(manifestLine && { manifestLine }),
  };
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

/** One action is one step, however many checks it mends. */
function united(steps: readonly Step[]): readonly Step[] {
  const byAction = new Map<string, Step>();
  for (const step of steps) {
    const key = `${step.action}\n${step.manifestLine ?? ''}`;
    const first = byAction.get(key);
    byAction.set(key, first ? { ...first, also: [...first.also, step.result.check] } : step);
  }
  return [...byAction.values()];
}

/** Every step that the report knows of, best first. */
export function nextSteps(report: Report): readonly Step[] {
  const weakest = new Set(report.suites.filter((suite) => suite.method === 'ml-test-score').flatMap(weakestSections));
  const ranked: { step: Step; rank: number }[] = [];
  for (const { suite, section, result } of resultsOf(report)) {
    const isRubric = suite.method === 'ml-test-score';
    const step = isRubric
      ? rubricStep(result, section, report.run.trigger, weakest.has(section))
      : structureStep(result, section);
    if (step) ranked.push({ step, rank: rankOf(step, suite) });
  }
  const bySeverity = (step: Step) => severities.length - severities.indexOf(step.result.severity);
  const sorted = ranked
    .sort(
      (a, b) =>
        a.rank - b.rank ||
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
