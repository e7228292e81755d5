import type { Interval } from './interval.ts';
import type { Weighted } from './metrics/metric.ts';
import { randomOf } from './random.ts';

export interface Bootstrap extends Interval {
  /** Standard deviation of the replicates: the standard error of the statistic. */
  readonly standardError: number;
}

/**
 * Percentile bootstrap interval of a statistic of `n` rows (Efron 1979): rows are drawn with replacement `replicates`
 * times. A paired comparison hands in the difference of two statistics of the same weights. Same seed, same interval.
 * Null when fewer than nine tenths of the replicates are defined (one class only, say) or n is 0.
 */
export function bootstrap(
  statistic: Weighted,
  n: number,
  { seed, replicates = 1000, level = 0.95 }: { readonly seed: number; readonly replicates?: number; readonly level?: number },
): Bootstrap | null {
  if (n === 0) return null;
  const random = randomOf(seed);
  const weights = new Uint16Array(n);
  const values: number[] = [];
  for (let replicate = 0; replicate < replicates; replicate++) {
    weights.fill(0);
    for (let i = 0; i < n; i++) {
      const row = random.below(n);
      weights[row] = (weights[row] ?? 0) + 1;
    }
    const value = statistic(weights);
    if (Number.isFinite(value)) values.push(value);
  }
  if (values.length < 0.9 * replicates) return null;
  values.sort((a, b) => a - b);
  const at = (p: number): number => {
    const position = p * (values.length - 1);
    const low = values[Math.floor(position)] ?? 0;
    return low + (position % 1) * ((values[Math.ceil(position)] ?? low) - low);
  };
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1);
  return { lower: at((1 - level) / 2), upper: at(1 - (1 - level) / 2), level, standardError: Math.sqrt(variance) };
}

/** The statistic of the rows as they are. */
export const once = (statistic: Weighted, n: number): number => statistic(new Uint16Array(n).fill(1));
