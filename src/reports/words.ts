/** Words and number formats that every report shares. */
import type { Outcome, Report, SectionReport, SuiteReport } from '../kernel/report.ts';

export const outcomeWords = {
  pass: 'passed',
  fail: 'failed',
  manual: 'by hand',
  'not-applicable': 'not applicable',
  skipped: 'skipped',
  error: 'error',
} as const satisfies Record<Outcome, string>;

/** 0.5 -> `½`; points of one test. */
export const formatPoints = (points: number): string => (points === 0.5 ? '½' : String(points));

/** A score of the ML Test Score, always with one decimal. */
export const formatScore = (score: number | null | undefined): string =>
  score === null || score === undefined ? '–' : score.toFixed(1);

/** A share of 0 to 1 as a percentage. */
export const formatShare = (share: number | null): string => (share === null ? '–' : `${Math.round(share * 100)} %`);

/** A measured number: four significant digits, grouped by thousands, exponents only where nothing else is short. */
export function formatNumber(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e12) return value.toExponential(2);
  return value.toLocaleString('en-US', size >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 4 });
}

/** Seconds as people say them: `0.4 s`, `12 s`, `3 min 5 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

export const rubricOf = (report: Report): SuiteReport | undefined =>
  report.suites.find((suite) => suite.method === 'ml-test-score');

/** The sections that set the score: those with the least passing score. */
export const weakestSections = (suite: SuiteReport): readonly SectionReport[] =>
  suite.sections.filter((section) => (section.score ?? 0) === (suite.score ?? 0));
