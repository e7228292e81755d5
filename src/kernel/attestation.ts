/** Attestations: tests of the rubric that people executed by hand. How long they count, and what they do to a report; pure. */
import type { AttestationJson } from './generated/attestation.ts';
import type { DeepReadonly } from './manifest.ts';
import type { Report, Result } from './report.ts';
import { scoreSuite } from './score.ts';

export type Attestation = DeepReadonly<AttestationJson>;
/** An attestation file in a report: what it says and whether it counts. */
export type AttestationEntry = NonNullable<Report['attestations']>[number];

export interface JudgedAttestation {
  readonly entry: AttestationEntry;
  /** Covered files: path and SHA-256. */
  readonly covers: Attestation['covers'];
}

/** Half a year; a quarter where the world moves faster than the repo: served data, privacy, inclusion. */
const days = 180;
const daysOfFast = 90;
const isFast = (test: string): boolean => test.startsWith('monitor-') || test === 'data-5' || test === 'model-7';

const msOfDay = 86_400_000;
export const dayOf = (at: Date): string => at.toISOString().slice(0, 10);

/** Where people write dates, today can be tomorrow in UTC: the earliest zone is 14 hours ahead. */
export const latestDay = (at: Date): string => dayOf(new Date(at.getTime() + 14 * 3_600_000));

/** Days for which an attestation of the test counts at most. */
export const daysOf = (test: string): number => (isFast(test) ? daysOfFast : days);

/** The last day on which it counts, UTC. */
export function lastDayOf({ test, date, valid_for }: Pick<Attestation, 'test' | 'date' | 'valid_for'>): string {
  const asked = valid_for === undefined ? Number.POSITIVE_INFINITY : Number.parseInt(valid_for, 10);
  return dayOf(new Date(Date.parse(date) + Math.min(asked, daysOf(test)) * msOfDay));
}

/** A user name as GitLab writes it. */
export const userName = (name: string): string => `@${name.replace(/^@/, '')}`;

const nextStepOf = ({ nextStep, manifestLine, reason, fix }: Result): string =>
  nextStep ?? (manifestLine && `add to flightcheck.yml: ${manifestLine}`) ?? reason ?? fix;

function liftedOf(result: Result, { entry, covers }: JudgedAttestation): Result {
  const { attested } = entry;
  if (!attested || result.outcome !== 'skipped') return result;
  const { reason: _, ...rest } = result;
  const { by, date, until, method, approvedBy = [], mergeRequest } = attested;
  const how = `${method.trim().replace(/[.\s]+$/, '')}.`;
  return {
    ...rest,
    outcome: 'manual',
    attested,
    evidence: {
      explanation: `${by} executed it by hand on ${date}: ${how} ${approvedBy.join(', ')} approved that in ${mergeRequest}. It counts half until ${until}, as long as the covered files stay as they are.`,
      inputs: Object.entries(covers).map(([path, sha256]) => ({ path, sha256 })),
      nextStep: `Let a machine execute it, for the whole point: ${nextStepOf(result)}`,
    },
  };
}

/**
 * The report with its attestations; those that count lift the skipped tests that they are of. What was executed stands: an
 * attestation heals neither a failure nor an error.
 */
export function withAttestations(report: Report, judged: readonly JudgedAttestation[]): Report {
  if (judged.length === 0) return report;
  const counted = new Map(
    judged.flatMap((each) => (each.entry.state === 'counted' && each.entry.test ? [[each.entry.test, each] as const] : [])),
  );
  const lift = (result: Result): Result => {
    const found = counted.get(result.check);
    return found ? liftedOf(result, found) : result;
  };
  const suites = report.suites.map((suite) => {
    if (suite.method !== 'ml-test-score' || counted.size === 0) return suite;
    const sections = suite.sections.map((section) => ({ ...section, results: section.results.map(lift) }));
    return scoreSuite(suite, sections, report.run.trigger);
  });
  return { ...report, suites, attestations: judged.map(({ entry }) => entry) };
}
