/**
 * Scoring, pure. ML Test Score: Breck, Cai, Nielsen, Salib, Sculley, "The ML Test Score: A Rubric for ML
 * Production Readiness and Technical Debt Reduction", IEEE Big Data 2017, section VI, doi 10.1109/BigData.2017.8258038.
 */
import type { Result, SectionReport, SuiteReport } from './report.ts';
import type { Suite } from './suite.ts';

/** Triggers of a pipeline that a system starts by itself, so that the test runs repeatedly; GitLab's CI_PIPELINE_SOURCE. */
const automaticTriggers: ReadonlySet<string> = new Set(['push', 'merge_request_event', 'schedule']);

export type Execution = 'automatic' | 'manual' | 'none';

/**
 * How a test was executed. Monitor tests watch served data, so only a schedule makes them automatic, this one or the last
 * one on record; everything else that ran (a laptop, a pipeline started by hand) counts as manual.
 */
export function executionOf(outcome: Result['outcome'], section: string, trigger: string, isRepeated = false): Execution {
  if (outcome === 'manual') return 'manual';
  if (outcome !== 'pass' && outcome !== 'fail') return 'none';
  const isAutomatic = section === 'monitor' ? trigger === 'schedule' || isRepeated : automaticTriggers.has(trigger);
  return isAutomatic ? 'automatic' : 'manual';
}

/** Points of one test: 1 automatic, 0.5 manual, else 0; the passing points only when its assertion holds. */
export function pointsOf(outcome: Result['outcome'], execution: Execution): { paperPoints: number; passingPoints: number } {
  const paperPoints = execution === 'automatic' ? 1 : execution === 'manual' ? 0.5 : 0;
  return { paperPoints, passingPoints: outcome === 'pass' || outcome === 'manual' ? paperPoints : 0 };
}

const bands: readonly (readonly [atMost: number, words: string])[] = [
  [0, 'more of a research project than a productionized system'],
  [1, 'not totally untested, but possibly serious holes in reliability'],
  [2, 'a first pass at basic productionization'],
  [3, 'reasonably tested; more could be automated'],
  [5, 'strong automated testing and monitoring, fit for mission-critical systems'],
  [7, 'exceptional automated testing and monitoring'],
];

/** The band of a final score of 0 to 7 (Table V of the paper, in our words). */
export function bandOf(score: number): string {
  return bands.find(([atMost]) => score <= atMost)?.[1] ?? 'exceptional automated testing and monitoring';
}

const round = (value: number): number => Math.round(value * 1e6) / 1e6;

/** Weighted mean over judged results: skipped and not-applicable leave it, errors count 0. Null when nothing was judged. */
function weightedMean(results: readonly Result[]): number | null {
  const judged = results.filter((r) => r.outcome !== 'skipped' && r.outcome !== 'not-applicable' && r.weight > 0);
  const total = judged.reduce((sum, r) => sum + r.weight, 0);
  if (total === 0) return null;
  return round(judged.reduce((sum, r) => sum + (r.outcome === 'pass' || r.outcome === 'manual' ? r.weight : 0), 0) / total);
}

const sum = (results: readonly Result[], points: 'paperPoints' | 'passingPoints'): number =>
  results.reduce((total, result) => total + (result[points] ?? 0), 0);

type Grouped = readonly { readonly id: string; readonly title: string; readonly results: readonly Result[] }[];

/** Scores results that are already grouped in sections: what a run does, and what `report` does again from the results alone. */
export function scoreSuite(suite: Pick<Suite, 'id' | 'title' | 'method'>, grouped: Grouped, trigger: string): SuiteReport {
  const head = { id: suite.id, title: suite.title, method: suite.method };
  if (suite.method === 'weighted-mean') {
    const sections = grouped.map((section): SectionReport => ({ ...section, score: weightedMean(section.results) }));
    return { ...head, score: weightedMean(sections.flatMap((section) => section.results)), sections };
  }
  const sections = grouped.map((section): SectionReport => {
    const results = section.results.map((result): Result => {
      const execution = executionOf(result.outcome, section.id, trigger, result.lastScheduled?.counts);
      return { ...result, execution, ...pointsOf(result.outcome, execution) };
    });
    return { ...section, results, score: sum(results, 'passingPoints'), paperScore: sum(results, 'paperPoints') };
  });
  const least = (values: readonly (number | null | undefined)[]): number =>
    values.length ? Math.min(...values.map((v) => v ?? 0)) : 0;
  const score = least(sections.map((section) => section.score));
  return { ...head, score, paperScore: least(sections.map((section) => section.paperScore)), band: bandOf(score), sections };
}

/** True of a run that a person started: what it executed counts half. */
export const isByHand = (trigger: string): boolean => !automaticTriggers.has(trigger);

/** A report is complete when no result is an error. */
export const isComplete = (suites: readonly SuiteReport[]): boolean =>
  suites.every((suite) => suite.sections.every((section) => section.results.every((result) => result.outcome !== 'error')));
