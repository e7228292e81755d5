/** What is wrong, each cause once: a hook that does not run breaks every test that asks for it. */
import { type Result, type Severity, severities } from '../kernel/report.ts';
import { problemsOf } from './places.ts';

export interface Cause {
  /** Tells it first. */
  readonly result: Result;
  /** Whatever else has this very problem and no other. */
  readonly others: readonly Result[];
  /** `error` where it kept one of them from being judged, else the worst of theirs. */
  readonly label: 'error' | Severity;
  /** The worst of theirs. */
  readonly severity: Severity;
}

/** A message by its cause: how long a command ran is no part of that, nor the code, which a test that fails by it has not. */
export const causeOf = (message: string): string =>
  message.replaceAll(/ after \d+(\.\d+)? s\b/g, '').replace(/ \([A-Z_]+\)$/, '');

/** Null for what stands for itself: several problems, or a waiver of its own. */
function keyOf(result: Result): string | null {
  const [problem, ...more] = problemsOf(result);
  return problem && more.length === 0 && !result.waived ? JSON.stringify([causeOf(problem.message), problem.fix]) : null;
}

const worstOf = (results: readonly Result[]): Severity =>
  severities.findLast((severity) => results.some((result) => result.severity === severity)) ?? 'info';

/** The results that have problems, in their order, those of one cause together. */
export function causesOf(results: readonly Result[]): readonly Cause[] {
  const groups: Result[][] = [];
  const byKey = new Map<string, Result[]>();
  for (const result of results.filter((one) => problemsOf(one).length > 0)) {
    const key = keyOf(result);
    const known = key === null ? undefined : byKey.get(key);
    if (known) known.push(result);
    else {
      const group = [result];
      groups.push(group);
      if (key !== null) byKey.set(key, group);
    }
  }
  return groups.flatMap((group) => {
    const [result, ...others] = group;
    const severity = worstOf(group);
    const label = group.some(({ outcome }) => outcome === 'error') ? 'error' : severity;
    return result ? [{ result, others, severity, label }] : [];
  });
}
