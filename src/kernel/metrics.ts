/** The numbers of a report as metrics: for the merge request widget and for Control Tower's series. */
import type { Metric, SuiteReport } from './report.ts';

/** Scores per suite and section, and the measured value of every check that has one. */
export function metricsOf(suites: readonly SuiteReport[]): readonly Metric[] {
  const metrics: Metric[] = [];
  const add = (name: string, value: number | null | undefined, labels: Record<string, string>, unit = '1') => {
    if (value !== null && value !== undefined && Number.isFinite(value)) metrics.push({ name, value, unit, labels });
  };
  for (const suite of suites) {
    add('suite.score', suite.score, { suite: suite.id });
    add('suite.paper_score', suite.paperScore, { suite: suite.id });
    for (const section of suite.sections) {
      add('section.score', section.score, { suite: suite.id, section: section.id });
      for (const { check, evidence } of section.results) add('check.value', evidence?.value, { check }, evidence?.unit);
    }
  }
  return metrics;
}
