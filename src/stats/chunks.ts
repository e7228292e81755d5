import { studentQuantile, studentTail } from './student-t.ts';

/** Rate of false alarms of a band over all its comparisons together. */
const bandAlpha = 0.005;
/** Width that a band has at least, in standard deviations. */
const bandMinimum = 3;

export interface Moments {
  readonly n: number;
  readonly mean: number;
  /** Sample standard deviation (n - 1); NaN of fewer than two values. */
  readonly sd: number;
}

/** Count, mean and sample standard deviation, in the unit of the values. */
export function momentsOf(values: readonly number[]): Moments {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  return { n, mean, sd };
}

/**
 * Half the width of the band around the mean of reference chunks in which a new chunk must lie, in standard deviations of
 * those chunks: max(3, t_{K-1}(1 - 0.005 / 2k) sqrt(1 + 1/K)) for K reference chunks and k comparisons. Three standard
 * deviations are the custom (Shewhart charts, NannyML), but a standard deviation of few chunks is itself uncertain, and
 * among many chunks one is always unlucky: three alone would alarm in about 4 % of the chunks when K = 6.
 */
export const bandWidth = (chunks: number, comparisons: number): number =>
  Math.max(bandMinimum, studentQuantile(bandAlpha / (2 * Math.max(1, comparisons)), chunks - 1) * Math.sqrt(1 + 1 / chunks));

/**
 * P-value of the mean of new chunks against that of reference chunks, whose standard deviation is that of both:
 * t = (mean_new - mean) / (sd sqrt(1/K + 1/m)) with K - 1 degrees of freedom. `side` 1 asks whether the new mean is greater,
 * -1 whether it is smaller, 0 whether it is another. Chunks without any spread differ surely or not at all.
 */
export function shiftP(reference: Moments, served: Pick<Moments, 'n' | 'mean'>, side: -1 | 0 | 1): number {
  const gap = served.mean - reference.mean;
  if (reference.sd === 0) return gap === 0 || (side !== 0 && Math.sign(gap) !== side) ? 1 : 0;
  const t = gap / (reference.sd * Math.sqrt(1 / reference.n + 1 / served.n));
  return side === 0 ? Math.min(1, 2 * studentTail(Math.abs(t), reference.n - 1)) : studentTail(side * t, reference.n - 1);
}
