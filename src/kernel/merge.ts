/**
 * Merges the reports of a pipeline's jobs into one, pure. The jobs run repo code, so their reports are evidence and nothing
 * more: what ran this and when, which suites there are, weights, severities, waivers, trigger and every total come from us.
 */
import { UsageError } from './failure.ts';
import { metricsOf } from './metrics.ts';
import { withoutRepetition } from './repetition.ts';
import type { Metric, Report, Result, SuiteReport } from './report.ts';
import { isComplete, scoreSuite } from './score.ts';
import { inspectShards } from './shards.ts';
import type { Suite, SuiteEntry } from './suite.ts';

export interface MergeContext {
  /** A report without results: model, source, run, component and tool of the job that merges. */
  readonly frame: Report;
  /** The suites that we know; in their order, with their weights and severities. */
  readonly suites: readonly Suite[];
  /** What the merging job judged itself: it replaces what the others say of the same checks. */
  readonly own?: readonly SuiteReport[];
  /** Reports that could not be read, one sentence each; any makes the merged report incomplete. */
  readonly problems: readonly string[];
}

/** Worst first: of two results of one check the worse one stands. */
const worstFirst: readonly Result['outcome'][] = ['error', 'fail', 'skipped', 'not-applicable', 'manual', 'pass'];
const mostMetrics = 10_000;
const mostNotices = 1000;

interface Source {
  readonly runner: string;
  readonly pipelineId: string | null;
  readonly commit: string | null;
  readonly model: string;
}

const sourceOf = ({ runner, run, source, model }: Report): Source => ({
  runner,
  pipelineId: run.pipelineId ?? null,
  commit: source.commit,
  model: model.name,
});

function refuse(what: string, found: Source, other: Source, values: readonly [string | null, string | null]): UsageError {
  const [mine, theirs] = values.map((value) => value ?? 'none');
  return new UsageError(
    'REPORTS_DIFFER',
    `The reports are not of one run: ${what} is ${mine} in the report of ${found.runner}, ${theirs} in that of ${other.runner}`,
    { hint: 'Remove old reports from the folder (never commit .flightcheck) and run every job again on one commit.' },
  );
}

/** One model, one commit, one pipeline; what the merging job does not know itself it cannot compare. */
function requireOneRun(frame: Report, reports: readonly Report[]): void {
  const [first, ...others] = reports.map(sourceOf);
  if (!first) return;
  for (const other of others) {
    if (other.model !== first.model) throw refuse('the model', first, other, [first.model, other.model]);
    if (other.commit !== first.commit) throw refuse('the commit', first, other, [first.commit, other.commit]);
    if (other.pipelineId !== first.pipelineId) throw refuse('the pipeline', first, other, [first.pipelineId, other.pipelineId]);
  }
  const here = sourceOf(frame);
  if (here.model !== first.model) throw refuse('the model', first, here, [first.model, here.model]);
  if (here.commit !== null && here.commit !== first.commit) throw refuse('the commit', first, here, [first.commit, here.commit]);
  if (here.pipelineId !== null && here.pipelineId !== first.pipelineId)
    throw refuse('the pipeline', first, here, [first.pipelineId, here.pipelineId]);
}

/** A result as evidence: points, execution, earlier runs, waivers and attestations are not the job's to say. */
function evidenceOf(result: Result, entry: SuiteEntry | undefined): Result {
  const { waived: _w, attested: _a, paperPoints: _p, passingPoints: _q, execution: _e, ...rest } = withoutRepetition(result);
  const own = entry ? { ...rest, weight: entry.weight, severity: entry.severity } : rest;
  return own.outcome === 'manual'
    ? { ...own, outcome: 'skipped', reason: 'Only an attestation file counts as executed by hand' }
    : own;
}

function worse(a: Result, b: Result): Result {
  const difference = worstFirst.indexOf(a.outcome) - worstFirst.indexOf(b.outcome);
  if (difference !== 0) return difference < 0 ? a : b;
  return b.findings.length > a.findings.length ? b : a;
}

interface Group {
  readonly id: string;
  readonly title: string;
  readonly results: Map<string, Result>;
}

/** Results of every part by section and check, duplicates decided. */
function gather(parts: readonly SuiteReport[], entries: ReadonlyMap<string, SuiteEntry>): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const part of parts)
    for (const section of part.sections) {
      const group = groups.get(section.id) ?? { id: section.id, title: section.title, results: new Map<string, Result>() };
      groups.set(section.id, group);
      for (const result of section.results) {
        const next = evidenceOf(result, entries.get(result.check));
        const before = group.results.get(result.check);
        group.results.set(result.check, before ? worse(before, next) : next);
      }
    }
  return groups;
}

const missing = ({ check, title = check, weight, severity }: SuiteEntry, reason?: string): Result => ({
  check,
  title,
  why: 'A test that no job reports earns nothing.',
  fix: 'Let the job that executes this section hand over its report.',
  severity,
  weight,
  outcome: 'skipped',
  reason: reason ?? 'No job of this pipeline reported it',
  findings: [],
  seconds: 0,
});

/** A suite that we know: its own order first; the rubric always whole and nothing but its 28 tests. */
function mergeKnown(
  suite: Suite,
  parts: readonly SuiteReport[],
  trigger: string,
  unreported: ReadonlyMap<string, string>,
): SuiteReport {
  const isRubric = suite.method === 'ml-test-score';
  const entries = new Map(suite.sections.flatMap((section) => section.checks.map((entry) => [entry.check, entry] as const)));
  const groups = gather(parts, entries);
  const known = suite.sections.map((section) => {
    const found = groups.get(section.id)?.results ?? new Map<string, Result>();
    const own = section.checks.flatMap(
      (entry) => found.get(entry.check) ?? (isRubric ? missing(entry, unreported.get(entry.check)) : []),
    );
    const ids = new Set(section.checks.map((entry) => entry.check));
    const others = isRubric ? [] : [...found.values()].filter((result) => !ids.has(result.check));
    return { id: section.id, title: section.title, results: [...own, ...others] };
  });
  const ids = new Set(suite.sections.map((section) => section.id));
  const others = isRubric ? [] : [...groups.values()].filter((group) => !ids.has(group.id));
  const sections = [...known, ...others.map((group) => ({ ...group, results: [...group.results.values()] }))];
  const reported = (id: string) => isRubric || groups.has(id);
  return scoreSuite(
    suite,
    sections.filter((section) => reported(section.id)),
    trigger,
  );
}

/** A suite of somebody else, such as a pack. */
function mergeUnknown(parts: readonly SuiteReport[], trigger: string): SuiteReport | undefined {
  const [first] = parts;
  if (!first) return undefined;
  const groups = [...gather(parts, new Map()).values()];
  const sections = groups.map((group) => ({ ...group, results: [...group.results.values()] }));
  return scoreSuite({ id: first.id, title: first.title, method: 'weighted-mean' }, sections, trigger);
}

/** Totals of a job's own part say nothing of the whole. */
const isDerived = ({ name }: Metric): boolean => /^(suite|section|check)\./.test(name);
/** What was spent adds up over jobs. */
const isSpent = ({ name }: Metric): boolean => name.startsWith('hooks.');

function mergeMetrics(merged: readonly SuiteReport[], reports: readonly Report[]): readonly Metric[] {
  const byKey = new Map<string, Metric>();
  const measured = reports.flatMap((report) => report.metrics).filter((metric) => !isDerived(metric));
  for (const metric of [...metricsOf(merged), ...measured]) {
    const labels = Object.entries(metric.labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify([metric.name, labels]);
    const before = byKey.get(key);
    if (before && isSpent(metric)) byKey.set(key, { ...before, value: Math.round(1000 * (before.value + metric.value)) / 1000 });
    else if (!before) byKey.set(key, metric);
  }
  return [...byKey.values()].slice(0, mostMetrics);
}

/** Wall time in seconds from the first start to the last end of any job. */
function spanOf(frame: Report, reports: readonly Report[]): number {
  if (reports.length === 0) return frame.seconds;
  const starts = reports.map((report) => Date.parse(report.at));
  const ends = reports.map((report, i) => (starts[i] ?? 0) + report.seconds * 1000);
  return Math.round(Math.max(...ends) - Math.min(...starts)) / 1000;
}

const checksOf = (suites: readonly SuiteReport[]): ReadonlySet<string> =>
  new Set(suites.flatMap(({ sections }) => sections.flatMap(({ results }) => results.map(({ check }) => check))));

/** A job's suite without the checks that we judged ourselves. */
function without(suite: SuiteReport, own: readonly SuiteReport[]): SuiteReport {
  const judged = checksOf(own.filter(({ id }) => id === suite.id));
  if (judged.size === 0) return suite;
  const sections = suite.sections.map((section) => ({
    ...section,
    results: section.results.filter(({ check }) => !judged.has(check)),
  }));
  return { ...suite, sections };
}

/**
 * One report of many. Throws a UsageError `REPORTS_DIFFER` when they are not of one model, commit and pipeline. The order of
 * `reports` does not change any outcome or total.
 */
export function mergeReports(reports: readonly Report[], context: MergeContext): Report {
  const { frame, suites, own: judged = [] } = context;
  requireOneRun(frame, reports);
  const shards = inspectShards(reports, checksOf(judged));
  const problems = [...context.problems, ...shards.problems];
  const { trigger } = frame.run;
  const parts = new Map<string, SuiteReport[]>();
  const theirs = reports.flatMap((report) => report.suites).map((suite) => without(suite, judged));
  // What is judged here alone is no ground for a suite that no job ran.
  const ours = judged.filter(({ id }) => theirs.some((suite) => suite.id === id));
  for (const suite of [...theirs, ...ours]) parts.set(suite.id, [...(parts.get(suite.id) ?? []), suite]);
  const known = suites.flatMap((suite) => {
    const found = parts.get(suite.id);
    return found ? [mergeKnown(suite, found, trigger, shards.unreported)] : [];
  });
  const others = [...parts.keys()].filter((id) => !suites.some((suite) => suite.id === id)).sort();
  const merged = [...known, ...others.flatMap((id) => mergeUnknown(parts.get(id) ?? [], trigger) ?? [])];
  const isInterrupted = reports.some((report) => report.interrupted === true);
  const isWhole = problems.length === 0 && reports.every((report) => report.complete) && !isInterrupted;
  const notices = [...new Set([...problems, ...reports.flatMap((report) => report.notices ?? [])])].slice(0, mostNotices);
  const { gate: _g, waivers: _w, attestations: _a, notices: own = [], interrupted: _i, ...head } = frame;
  const allNotices = [...own, ...notices];
  return {
    ...head,
    seconds: spanOf(frame, reports),
    complete: isWhole && isComplete(merged),
    ...(isInterrupted && { interrupted: true }),
    suites: merged,
    metrics: mergeMetrics(merged, reports),
    ...(allNotices.length > 0 && { notices: allNotices.map((notice) => notice.slice(0, 4000)) }),
  };
}
