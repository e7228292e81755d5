/** Bins of the binned Kolmogorov-Smirnov statistic. */
export const ksBins = 1000;

/**
 * Two-sample Kolmogorov-Smirnov statistic D = sup |F - G| from counts over common bins, with its bound: the exact D
 * lies in [`value`, `atMost`]. Inside a bin F and G can only rise, by no more than the bin's shares. Null without rows.
 */
export function kolmogorovSmirnov(
  reference: readonly number[],
  current: readonly number[],
): { readonly value: number; readonly atMost: number } | null {
  const n = reference.reduce((sum, count) => sum + count, 0);
  const m = current.reduce((sum, count) => sum + count, 0);
  if (n === 0 || m === 0) return null;
  let left = 0;
  let value = 0;
  let atMost = 0;
  for (const [i, count] of reference.entries()) {
    const r = count / n;
    const c = (current[i] ?? 0) / m;
    const right = left + r - c;
    value = Math.max(value, Math.abs(right));
    const above = Math.min(left + r, right + c);
    const below = Math.max(left - c, right - r);
    atMost = Math.max(atMost, Math.abs(above), Math.abs(below));
    left = right;
  }
  return { value, atMost: Math.max(value, atMost) };
}
