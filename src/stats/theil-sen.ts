import { median } from './median.ts';

/**
 * Theil-Sen slope of values in their order: the median of (y_j - y_i) / (j - i) over all pairs (Sen 1968). Unit: that of the
 * values, per step. Up to 29 % of the values may be outliers. NaN of fewer than two values.
 */
export function theilSenSlope(values: readonly number[]): number {
  const slopes: number[] = [];
  for (let i = 0; i < values.length; i++)
    for (let j = i + 1; j < values.length; j++) slopes.push(((values[j] ?? 0) - (values[i] ?? 0)) / (j - i));
  return median(slopes);
}
