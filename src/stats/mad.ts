import { median } from './median.ts';

/** Makes the deviation of normal values their standard deviation: 1 / normalQuantile(0.75). */
const normalScale = 1.482602218505602;

/** Median absolute deviation from the median, scaled to the standard deviation of normal values (Hampel 1974). */
export function medianAbsoluteDeviation(values: readonly number[]): number {
  const middle = median(values);
  return normalScale * median(values.map((value) => Math.abs(value - middle)));
}
