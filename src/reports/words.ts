/** Words and number formats that every report shares. */
import type { Outcome, Report, Result, SectionReport, SuiteReport } from '../kernel/report.ts';
import { withReason } from '../kernel/said.ts';
import { isByHand, scoreSuite } from '../kernel/score.ts';
import { causeOf } from './causes.ts';
import { clip } from './text.ts';

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

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;

export const rubricOf = (report: Report): SuiteReport | undefined =>
  report.suites.find((suite) => suite.method === 'ml-test-score');

/** The sections that set the score: those with the least passing score. */
export const weakestSections = (suite: SuiteReport): readonly SectionReport[] =>
  suite.sections.filter((section) => (section.score ?? 0) === (suite.score ?? 0));

const rubricSize = 28;
const testsOf = (suite: SuiteReport): readonly Result[] => suite.sections.flatMap((section) => section.results);

/** Set when `--only`, `--skip` or `--section` left tests of the rubric out: the score of a part is no score of the model. */
export function partWords(suite: SuiteReport): string | undefined {
  const ran = testsOf(suite).length;
  if (suite.method !== 'ml-test-score' || ran >= rubricSize) return undefined;
  return `Only ${ran} of the ${rubricSize} tests were chosen; the score is that of all of them`;
}

/** Variables that somebody set past the include. */
export const overrideWords = ({ gate }: Report): string | undefined =>
  (gate?.overrides?.length ?? 0) > 0 ? `Variables that differ from the include: ${gate?.overrides?.join(', ')}` : undefined;

/** Of the report of a shard: which one it is. */
export const shardWords = ({ shard }: Report): string | undefined =>
  shard &&
  `Shard ${shard.index} of ${shard.tests.length}: ${plural(shard.tests[shard.index - 1]?.length ?? 0, 'test')} of ${shard.tests.flat().length}. flightcheck report puts the shards together, scores and decides the gate.`;

/** What the last runs by schedule are worth to the tests of a section, one sentence for each finding. */
export function scheduleWords({ results }: SectionReport): readonly string[] {
  const byWords = new Map<string, string[]>();
  for (const { check, lastScheduled } of results)
    if (lastScheduled) {
      const words = lastScheduled.counts ? lastScheduled.words : `${lastScheduled.words}, so it counts half at most`;
      byWords.set(words, [...(byWords.get(words) ?? []), check]);
    }
  return [...byWords].map(([words, checks]) => `${checks.join(', ')}: ${words}.`);
}

/** What a run that a person started would count if a system had started it; undefined where one did. */
export function byHandWords(suite: SuiteReport, trigger: string): string | undefined {
  if (suite.method !== 'ml-test-score' || !isByHand(trigger)) return undefined;
  const inPipeline = scoreSuite(suite, suite.sections, 'push');
  const monitoring = scoreSuite(suite, suite.sections, 'schedule').sections.find(({ id }) => id === 'monitor');
  const scheduled = monitoring
    ? ` Its section ${monitoring.title} counts in full on a schedule: ${formatScore(monitoring.score)}.`
    : '';
  return `Started by hand (${trigger}), so whatever ran counts half. The pipeline of a push or merge request would score ${formatScore(inPipeline.score)}.${scheduled}`;
}

/** The sections of which anything was chosen. */
export const shownSections = (suite: SuiteReport): readonly SectionReport[] =>
  suite.sections.filter((section) => section.results.length > 0);

const isJudged = ({ outcome }: Result): boolean => outcome === 'pass' || outcome === 'fail' || outcome === 'manual';

/** `3 of 4 rules`, or why there is no such number. */
export function judgedWords({ results }: SectionReport): string {
  const judged = results.filter(isJudged).length;
  if (judged > 0) return `${results.filter(({ outcome }) => outcome === 'pass').length} of ${plural(judged, 'rule')}`;
  const counts = (['error', 'skipped', 'not-applicable'] as const)
    .map((outcome) => [results.filter((result) => result.outcome === outcome).length, outcomeWords[outcome]] as const)
    .filter(([count]) => count > 0);
  return `nothing judged: ${counts.map(([count, words]) => `${count} ${words}`).join(', ')}`;
}

/** One sentence for each suite with errors: an advisory gate lets them through, so they are said before everything else. */
export function alarms(report: Report): readonly string[] {
  return report.suites.flatMap((suite) => {
    const results = testsOf(suite);
    const errors = results.filter(({ outcome }) => outcome === 'error');
    if (errors.length === 0) return [];
    const what = plural(errors.length, suite.method === 'ml-test-score' ? 'test' : 'rule');
    const first = errors[0]?.failure?.message;
    const causes = new Set(errors.map(({ failure }) => causeOf(failure?.message ?? '')));
    const why = first !== undefined && causes.size === 1 ? ` (${clip(withReason(first), 200)})` : '';
    return results.some(isJudged)
      ? [`${suite.title}: ${what} of ${results.length} ended in an error and could not be judged${why}`]
      : [`${suite.title}: nothing was judged, ${what} ended in an error${why}`];
  });
}
