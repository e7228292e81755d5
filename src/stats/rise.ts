import { normalQuantile } from './normal.ts';

/** Smallest rise of the share of nulls or of NaN that matters (deepchecks' PercentOfNulls). */
const nullRise = 0.05;

/** A rise of a share by at least 0.05 that chance explains in less than 0.01 / k of the runs (two proportions, pooled). */
export function rise(a: number, n: number, b: number, m: number, columnsTested: number) {
  const [p, q] = [n === 0 ? 0 : a / n, m === 0 ? 0 : b / m];
  const pooled = (a + b) / Math.max(1, n + m);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / Math.max(1, n) + 1 / Math.max(1, m)));
  const z = normalQuantile(1 - 0.01 / Math.max(1, columnsTested));
  return { reference: p, current: q, hasRisen: q - p >= nullRise && q - p > z * error };
}
