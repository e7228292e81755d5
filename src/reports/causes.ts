/** What is wrong, each cause once: a hook that does not run breaks every test that asks for it. */
import type { Result } from '../kernel/report.ts';
import { problemsOf } from './places.ts';

export interface Cause {
  /** Tells it first. */
  readonly result: Result;
  /** Whatever else has this very problem and no other. */
  readonly others: readonly Result[];
}

/** How long a command ran is no part of why it failed. */
const withoutTimes = (message: string): string => message.replaceAll(/ after \d+(\.\d+)? s\b/g, '').replace(/ \([A-Z_]+\)$/, '');

/** Null for what stands for itself: several problems, or a waiver of its own. */
function keyOf(result: Result): string | null {
  const [problem, ...more] = problemsOf(result);
  return problem && more.length === 0 && !result.waived ? JSON.stringify([withoutTimes(problem.message), problem.fix]) : null;
}

/** The results that have problems, in their order, those of one cause together. */
export function causesOf(results: readonly Result[]): readonly Cause[] {
  const byKey = new Map<string, { result: Result; others: Result[] }>();
  for (const result of results.filter((one) => problemsOf(one).length > 0)) {
    const key = keyOf(result);
    const known = key === null ? undefined : byKey.get(key);
    if (known) known.others.push(result);
    else byKey.set(key ?? result.check, { result, others: [] });
  }
  return [...byKey.values()];
}
