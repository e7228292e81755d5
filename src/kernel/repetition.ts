/**
 * Whether a monitoring test is repeated by a system: its last run by schedule is asked for where this run is none. That run
 * counts when it passed, belongs to the history of this commit and is no older than the cadence. Pure.
 */
import type { Report, Result } from './report.ts';
import { scoreSuite } from './score.ts';

/** A result of an earlier run by schedule, as a service has it on record. */
export interface ScheduledResult {
  readonly check: string;
  readonly outcome: Result['outcome'];
  /** RFC 3339. */
  readonly at: string;
  readonly commit: string | null;
}

export interface Repetition {
  /** The newest of each check; a reason (a clause) where nobody could tell. */
  readonly results: readonly ScheduledResult[] | string;
  /** Is the commit in the history of what is judged? */
  readonly isOurs: (commit: string | null) => boolean;
  readonly cadence: { readonly words: string; readonly seconds: number };
  readonly now: Date;
}

/** Clocks of two machines. */
const leewaySeconds = 300;

const day = (at: string): string => `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`;

function ageWords(seconds: number): string {
  const [count, unit] =
    seconds >= 172_800
      ? [Math.floor(seconds / 86_400), 'days']
      : seconds >= 7200
        ? [Math.floor(seconds / 3600), 'hours']
        : [Math.max(0, Math.floor(seconds / 60)), 'minutes'];
  return `${count} ${unit}`;
}

type LastScheduled = NonNullable<Result['lastScheduled']>;

/** What is known of the last run by schedule of a test. */
function lastOf(check: string, { results, isOurs, cadence, now }: Repetition): LastScheduled {
  const no = (words: string): LastScheduled => ({ counts: false, words });
  if (typeof results === 'string') return no(`When it last ran by schedule is not known: ${results}`);
  const found = results.find((result) => result.check === check);
  if (!found) return no('No run by schedule is on record');
  const { at, outcome, commit } = found;
  const age = (now.getTime() - Date.parse(at)) / 1000;
  const known = (counts: boolean, words: string): LastScheduled => ({ counts, words, at, cadenceSeconds: cadence.seconds });
  if (!(age > -leewaySeconds)) return no(`Its last run by schedule is dated ${day(at)}, which is to come`);
  if (outcome !== 'pass')
    return known(false, `Its last run by schedule, ${day(at)}, ${outcome === 'fail' ? 'failed' : 'did not pass'}`);
  if (age > cadence.seconds)
    return known(false, `Its last run by schedule was ${ageWords(age)} ago; policy.cadence allows ${cadence.words}`);
  if (!isOurs(commit)) return known(false, `Its last run by schedule, ${day(at)}, was of a commit that is not in this history`);
  return known(true, `By schedule, last on ${day(at)}`);
}

/** The result with what its last run by schedule is worth. What this run found wrong stands. */
function repeated(result: Result, repetition: Repetition): Result {
  const { outcome } = result;
  if (outcome !== 'pass' && outcome !== 'fail' && outcome !== 'skipped') return result;
  const last = lastOf(result.check, repetition);
  if (outcome !== 'skipped') return { ...result, lastScheduled: last };
  if (!last.counts) return result;
  const { reason = 'It was not judged', nextStep: _, ...rest } = result;
  return {
    ...rest,
    outcome: 'pass',
    evidence: { explanation: `${last.words}, it passed. This run did not judge it: ${reason}.` },
    ...(last.at !== undefined && { ranAt: last.at }),
    lastScheduled: { ...last, replaces: reason },
  };
}

/** What this run alone says of a test. */
export function withoutRepetition(result: Result): Result {
  if (!result.lastScheduled) return result;
  const { lastScheduled, ...rest } = result;
  if (lastScheduled.replaces === undefined) return rest;
  const { evidence: _e, ranAt: _r, ...own } = rest;
  return { ...own, outcome: 'skipped', reason: lastScheduled.replaces };
}

/** Changes the monitoring tests of the rubric, and the scores with them. */
export function withMonitoring(report: Report, change: (result: Result) => Result): Report {
  const suites = report.suites.map((suite) => {
    if (suite.method !== 'ml-test-score') return suite;
    const sections = suite.sections.map((section) =>
      section.id === 'monitor' ? { ...section, results: section.results.map(change) } : section,
    );
    return scoreSuite(suite, sections, report.run.trigger);
  });
  return { ...report, suites };
}

/** The report with the last runs by schedule of its monitoring tests; a run by schedule needs none. */
export function withRepetition(report: Report, repetition: Repetition, isReported: (check: string) => boolean): Report {
  if (report.run.trigger === 'schedule') return report;
  return withMonitoring(report, (result) => (isReported(result.check) ? repeated(result, repetition) : result));
}
