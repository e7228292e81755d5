import { closest, distance } from 'fastest-levenshtein';

const lettersOf = (text: string): string => [...text].sort().join('');

/** Edits between two words; letters that changed places are one, however short the word is. */
const edits = (a: string, b: string): number => {
  const found = distance(a, b);
  return found === 2 && lettersOf(a) === lettersOf(b) ? 1 : found;
};

/** A close candidate, or nothing: a wild guess helps nobody. */
export function didYouMean(found: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const best = closest(found, [...candidates]);
  return edits(found, best) <= Math.max(found.length, best.length) * 0.4 ? best : undefined;
}
