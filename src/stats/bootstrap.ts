import type { Interval } from './interval.ts';
import type { Weighted } from './metrics/metric.ts';
import { randomOf } from './random.ts';

export interface Bootstrap extends Interval {
  /** Standard deviation of the replicates: the standard error of the statistic. */
  readonly standardError: number;
}

export interface BootstrapOptions {
  readonly seed: number;
  /** Default 1000. */
  readonly replicates?: number;
  /** Default 0.95. */
  readonly level?: number;
}

/**
 * Percentile bootstrap interval of a statistic of `n` rows (Efron 1979): rows are drawn with replacement `replicates`
 * times. A paired comparison hands in the difference of two statistics of the same weights. Same seed, same interval.
 * Null when fewer than nine tenths of the replicates are defined (one class only, say) or n is 0.
 */
export function bootstrap(statistic: Weighted, n: number, options: BootstrapOptions): Bootstrap | null {
  return bootstrapAll((weights) => [statistic(weights)], n, options)[0] ?? null;
}

/** The intervals of several statistics of the same rows: each is what `bootstrap` gives, and the rows are drawn once for all. */
export function bootstrapAll(
  statistics: (weights: Uint16Array) => readonly number[],
  n: number,
  { seed, replicates = 1000, level = 0.95 }: BootstrapOptions,
): readonly (Bootstrap | null)[] {
  const count = n === 0 ? 0 : statistics(new Uint16Array(n).fill(1)).length;
  const values = Array.from({ length: count }, (): number[] => []);
  const random = randomOf(seed);
  const weights = new Uint16Array(n);
  for (let replicate = 0; replicate < replicates && count > 0; replicate++) {
    weights.fill(0);
    for (let i = 0; i < n; i++) {
      const row = random.below(n);
      weights[row] = (weights[row] ?? 0) + 1;
    }
    for (const [i, value] of statistics(weights).entries()) if (Number.isFinite(value)) values[i]?.push(value);
  }
  return values.map((those) => (those.length < 0.9 * replicates ? null : intervalOf(those, level)));
}

function intervalOf(values: readonly number[], level: number): Bootstrap {
  const sorted = Float64Array.from(values).sort();
  const at = (p: number): number => {
    const position = p * (sorted.length - 1);
    const low = sorted[Math.floor(position)] ?? 0;
    return low + (position % 1) * ((sorted[Math.ceil(position)] ?? low) - low);
  };
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  const variance = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, sorted.length - 1);
  return { lower: at((1 - level) / 2), upper: at(1 - (1 - level) / 2), level, standardError: Math.sqrt(variance) };
}

/** The statistic of the rows as they are. */
export const once = (statistic: Weighted, n: number): number => statistic(new Uint16Array(n).fill(1));
