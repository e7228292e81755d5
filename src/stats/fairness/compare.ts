/** Two groups compared: a ratio or a difference with its interval, and whether a bound holds, is broken, or cannot be told. */
import { normalCdf, normalQuantile } from '../normal.ts';

export interface Comparison {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
  /** One-sided probability of so unequal groups if they were just within the bound. */
  readonly p: number;
}

/** One-sided 5 %: an equivalence is shown when the two-sided 90 % interval lies inside the bounds (Schuirmann 1987). */
const level = 0.9;
const z = normalQuantile(1 - (1 - level) / 2);

/**
 * Ratio of two shares, the smaller over the larger, so 0 to 1, with the interval of its logarithm (Katz et al. 1978,
 * doi 10.2307/2530610). `least` is the bound. Half a hit is added where a group has none.
 */
export function shareRatio(a: { hits: number; n: number }, b: { hits: number; n: number }, least: number): Comparison | null {
  if (a.n === 0 || b.n === 0) return null;
  const [x, y] = [Math.max(a.hits, 0.5), Math.max(b.hits, 0.5)];
  const log = Math.log(x / a.n) - Math.log(y / b.n);
  const deviation = Math.sqrt(Math.max(0, 1 / x - 1 / a.n) + Math.max(0, 1 / y - 1 / b.n));
  const far = Math.abs(log);
  const p = deviation === 0 ? (Math.exp(-far) < least ? 0 : 1) : 1 - normalCdf((far + Math.log(least)) / deviation);
  // The interval is of the ratio as it is turned: what lies beyond 1 is as unequal the other way round.
  return { value: Math.exp(-far), lower: Math.exp(-far - z * deviation), upper: Math.min(1, Math.exp(-far + z * deviation)), p };
}

/** Absolute difference of two estimates with their standard errors; `most` is the bound. */
export function difference(a: { value: number; error: number }, b: { value: number; error: number }, most: number): Comparison {
  const gap = Math.abs(a.value - b.value);
  const error = Math.hypot(a.error, b.error);
  const p = error === 0 ? (gap > most ? 0 : 1) : 1 - normalCdf((gap - most) / error);
  return { value: gap, lower: Math.max(0, gap - z * error), upper: gap + z * error, p };
}

/** Standard error of a share. */
export const shareError = (hits: number, n: number): number => {
  // Agresti and Coull: a share of 0 or 1 is not known without error.
  const share = (hits + 2) / (n + 4);
  return Math.sqrt((share * (1 - share)) / (n + 4));
};
