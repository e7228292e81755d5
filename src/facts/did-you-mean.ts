import { closest } from 'fastest-levenshtein';

/** A close candidate, or nothing: a wild guess helps nobody. */
export function didYouMean(found: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const best = closest(found, [...candidates]);
  const shared = [...found].filter((char) => best.includes(char)).length;
  return shared >= Math.min(found.length, best.length) * 0.6 ? best : undefined;
}
