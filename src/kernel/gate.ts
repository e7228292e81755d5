/** The gate: a pure decision from a report and the manifest's `gate`. */
import type { Gate, Waiver } from './manifest.ts';
import { type GateDecision, type Report, type Result, resultsOf, severities } from './report.ts';

const day = (at: string): string => at.slice(0, 10);

/** True until the end of the waiver's last day, UTC. */
const isInForce = (waiver: Waiver, at: string): boolean => day(at) <= waiver.expires;

/** True when every finding of the result lies under the waiver's path, or the waiver has none. */
function covers(waiver: Waiver, result: Result): boolean {
  if (waiver.check !== result.check) return false;
  const { path } = waiver;
  if (path === undefined) return true;
  const isInside = (found: string | undefined) => found === path || found?.startsWith(`${path.replace(/\/$/, '')}/`) === true;
  return result.findings.length > 0 && result.findings.every((finding) => isInside(finding.place?.path));
}

/** Marks failed results that a waiver in force covers, and no others. A waiver never raises a score. */
export function applyWaivers(report: Report, waivers: readonly Waiver[]): Report {
  const { waivers: _, ...head } = report;
  const waive = (result: Result): Result => {
    const { waived: _, ...rest } = result;
    const waiver = result.outcome === 'fail' ? waivers.find((w) => isInForce(w, report.at) && covers(w, result)) : undefined;
    return waiver ? { ...rest, waived: { reason: waiver.reason, owner: waiver.owner, expires: waiver.expires } } : rest;
  };
  return {
    ...head,
    suites: report.suites.map((suite) => ({
      ...suite,
      sections: suite.sections.map((section) => ({ ...section, results: section.results.map(waive) })),
    })),
    ...(waivers.length > 0 && { waivers: waivers.map((waiver) => ({ ...waiver, isExpired: !isInForce(waiver, report.at) })) }),
  };
}

/**
 * Decides. The report of one job is judged by the suites that it ran; the merged one also by those that it lacks.
 * Every reason is one sentence that names the number found and the number wanted.
 */
export function decide(report: Report, gate: Gate): GateDecision {
  const reasons: string[] = [];
  const rubric = report.suites.find((suite) => suite.method === 'ml-test-score');
  const structure = report.suites.find((suite) => suite.id === 'structure');
  const isMerged = report.runner === 'report';
  const below = (what: string, found: number | null | undefined, wanted: number) => {
    if (found === undefined && !isMerged) return;
    if (wanted > 0 && (found ?? 0) < wanted)
      reasons.push(`${what} is ${found ?? 'not known'}, below the ${wanted} that the gate asks for`);
  };
  below('The ML Test Score', rubric?.score, gate['min-score']);
  if (gate['min-section-score'] > 0)
    for (const section of rubric?.sections ?? [])
      below(`The score of section ${section.title}`, section.score, gate['min-section-score']);
  below('The structure score', structure?.score, gate['min-structure']);
  const allowed = gate['max-severity'] === 'none' ? -1 : severities.indexOf(gate['max-severity']);
  // A failed test of the rubric already costs its point; max-severity is about findings of the other suites.
  for (const { suite, result } of resultsOf(report))
    if (
      suite.method !== 'ml-test-score' &&
      result.outcome === 'fail' &&
      !result.waived &&
      severities.indexOf(result.severity) > allowed
    )
      reasons.push(`${result.check} failed with severity ${result.severity}: ${result.title}`);
  for (const waiver of report.waivers ?? [])
    if (waiver.isExpired) reasons.push(`The waiver of ${waiver.check} by ${waiver.owner} expired on ${waiver.expires}`);
  if (!report.complete) {
    const errors = [...resultsOf(report)].filter(({ result }) => result.outcome === 'error').map(({ result }) => result.check);
    reasons.push(
      errors.length > 0
        ? `The report is incomplete: ${errors.join(', ')} could not be judged`
        : 'The report is incomplete: the run was cut short or a job left no valid report',
    );
  }
  return { mode: gate.mode, isPassed: reasons.length === 0, reasons };
}
