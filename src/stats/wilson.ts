import type { Interval } from './interval.ts';
import { normalQuantile } from './normal.ts';

/** Wilson's score interval of a share: `hits` of `n` (Wilson 1927); [0, 1] when n is 0. */
export function wilsonInterval(hits: number, n: number, level = 0.95): Interval {
  if (n === 0) return { lower: 0, upper: 1, level };
  const z = normalQuantile(1 - (1 - level) / 2);
  const p = hits / n;
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return { lower: Math.max(0, centre - half), upper: Math.min(1, centre + half), level };
}
