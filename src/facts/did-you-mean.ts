import { closest, distance } from 'fastest-levenshtein';

/** A close candidate, or nothing: a wild guess helps nobody. */
export function didYouMean(found: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const best = closest(found, [...candidates]);
  return distance(found, best) <= Math.max(found.length, best.length) * 0.4 ? best : undefined;
}
