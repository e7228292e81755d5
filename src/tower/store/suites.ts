/** Which suites of a report Control Tower knows by name. */
import type { Report, SuiteReport } from '../../kernel/report.ts';

/** The suite that is shown as the ML Test Score. */
export const rubricOf = (report: Report): SuiteReport | undefined =>
  report.suites.find((suite) => suite.id === 'ml-test-score' && suite.method === 'ml-test-score');

export const structureOf = (report: Report): SuiteReport | undefined => report.suites.find((suite) => suite.id === 'structure');
