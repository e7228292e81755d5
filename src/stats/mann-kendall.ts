import { normalCdf } from './normal.ts';

/**
 * Mann-Kendall test for a monotonic trend of values in their order (Mann 1945; Kendall 1975): S counts pairs that rise less
 * pairs that fall; normal approximation with the correction for ties and for continuity, good from ten values on.
 * `rises` and `falls` are one-sided p-values.
 */
export function mannKendall(values: readonly number[]): {
  readonly s: number;
  readonly z: number;
  readonly rises: number;
  readonly falls: number;
} {
  const n = values.length;
  let s = 0;
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) s += Math.sign((values[j] ?? 0) - (values[i] ?? 0));
  const groups = new Map<number, number>();
  for (const value of values) groups.set(value, (groups.get(value) ?? 0) + 1);
  const term = (count: number): number => count * (count - 1) * (2 * count + 5);
  const ties = [...groups.values()].reduce((sum, count) => sum + term(count), 0);
  const variance = (term(n) - ties) / 18;
  const z = variance > 0 ? (s - Math.sign(s)) / Math.sqrt(variance) : 0;
  return { s, z, rises: normalCdf(-z), falls: normalCdf(z) };
}
