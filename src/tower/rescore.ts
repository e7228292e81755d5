/** Scores are ours: computed from a report's results and the trigger that we believe, never read from its totals. */
import { withMonitoring, withoutRepetition } from '../kernel/repetition.ts';
import type { Report, Result, SuiteReport } from '../kernel/report.ts';
import { isComplete, scoreSuite } from '../kernel/score.ts';

const rubricSections = ['data', 'model', 'infra', 'monitor'] as const;

/** A section that a report leaves out counts 0: it may not raise the minimum by its absence. */
function withAllSections(suite: SuiteReport): SuiteReport['sections'] {
  if (suite.id !== 'ml-test-score') return suite.sections;
  const missing = rubricSections.filter((id) => !suite.sections.some((section) => section.id === id));
  return [...suite.sections, ...missing.map((id) => ({ id, title: id, score: 0, paperScore: 0, results: [] }))];
}

/** When each monitoring test last passed in a run by schedule, as this Tower has it on record. */
export type Schedules = ReadonlyMap<string, Date>;

/**
 * A run by schedule that the report rests on is believed as far as it is on record here; without that a test is what the run
 * itself found.
 */
function onRecord(result: Result, schedules: Schedules, now: Date): Result {
  const { counts, cadenceSeconds } = result.lastScheduled ?? {};
  if (counts !== true) return result;
  const at = schedules.get(result.check)?.getTime();
  const isKnown =
    at !== undefined && cadenceSeconds !== undefined && now.getTime() - at <= 1000 * (cadenceSeconds + slackSeconds);
  return isKnown ? result : withoutRepetition(result);
}

/** From the moment when the job asked to the moment when its report is here. */
const slackSeconds = 3600;

/** The report with every total recomputed. A report that says it was cut short stays incomplete. */
export function rescore(report: Report, trigger: string, schedules: Schedules = new Map(), now: Date = new Date()): Report {
  const own = withMonitoring(report, (result) => onRecord(result, schedules, now));
  const suites = own.suites.map((suite) => scoreSuite(suite, withAllSections(suite), trigger));
  return { ...own, run: { ...own.run, trigger }, suites, complete: report.complete && isComplete(suites) };
}

/** A thing that is wrong with one place of a document. */
export interface Problem {
  /** JSON pointer. */
  readonly pointer: string;
  readonly detail: string;
}

/** Ids that would count twice, and tests that the rubric does not have: more than its 28 would inflate a score. */
export function* structuralProblems(report: Report): Generator<Problem> {
  const suites = new Set<string>();
  for (const [s, suite] of report.suites.entries()) {
    const at = `/suites/${s}`;
    if (suites.has(suite.id)) yield { pointer: `${at}/id`, detail: `suite ${suite.id} appears twice` };
    suites.add(suite.id);
    const isRubric = suite.id === 'ml-test-score';
    if (isRubric && suite.method !== 'ml-test-score')
      yield { pointer: `${at}/method`, detail: 'the suite ml-test-score is scored by the method ml-test-score' };
    const sections = new Set<string>();
    const checks = new Set<string>();
    for (const [i, section] of suite.sections.entries()) {
      if (sections.has(section.id)) yield { pointer: `${at}/sections/${i}/id`, detail: `section ${section.id} appears twice` };
      sections.add(section.id);
      if (isRubric && !rubricSections.some((id) => id === section.id))
        yield { pointer: `${at}/sections/${i}/id`, detail: `the ML Test Score has no section ${section.id}` };
      for (const [r, { check }] of section.results.entries()) {
        const pointer = `${at}/sections/${i}/results/${r}/check`;
        if (checks.has(check)) yield { pointer, detail: `check ${check} appears twice` };
        checks.add(check);
        if (isRubric && !isTestOf(section.id, check))
          yield {
            pointer,
            detail: `the section ${section.id} of the ML Test Score has the tests ${section.id}-1 to ${section.id}-7`,
          };
      }
    }
  }
}

const isTestOf = (section: string, check: string): boolean =>
  check.startsWith(`${section}-`) && /^[1-7]$/.test(check.slice(section.length + 1));
