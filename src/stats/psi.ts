import { chiSquareUpperQuantile } from './chi-square.ts';

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

/** Shares of each bin after adding 0.5 to every count, so that an empty bin does not make the index infinite. */
function shares(counts: readonly number[]): readonly number[] {
  const sum = total(counts) + 0.5 * counts.length;
  return counts.map((count) => (count + 0.5) / sum);
}

/**
 * Population stability index, sum over bins of (q - p) ln(q / p), p the reference's shares and q the current ones.
 * Unit: 1 (nats); 0 = same distribution. Bins come from the reference's quantiles or categories.
 */
export function psi(reference: readonly number[], current: readonly number[]): number {
  const p = shares(reference);
  const q = shares(current);
  return p.reduce((sum, pi, i) => sum + ((q[i] ?? pi) - pi) * Math.log((q[i] ?? pi) / pi), 0);
}

/** Least PSI that counts as drift, by convention. */
export const leastPsi = 0.2;

/**
 * From which PSI on a column has drifted: max(0.2, (1/n + 1/m) chi2_{B-1}(1 - 0.01/k)) for B bins, n and m rows, and k
 * columns tested together: unchanged data alarms in at most about 1 % of runs (Yurdakul 2018; 0.2 by convention).
 */
export function psiThreshold(n: number, m: number, bins: number, columnsTested: number): number {
  if (n === 0 || m === 0) return Number.POSITIVE_INFINITY;
  return Math.max(leastPsi, (1 / n + 1 / m) * chiSquareUpperQuantile(0.01 / Math.max(1, columnsTested), bins - 1));
}

/** Fewest rows on either side for a verdict. */
export const psiMinimumRows = 200;

/** Whether a column drifted, could not be told, or stayed. */
export function judgePsi(
  reference: readonly number[],
  current: readonly number[],
  columnsTested: number,
): { readonly psi: number; readonly threshold: number; readonly verdict: 'stable' | 'drifted' | 'inconclusive' } {
  const [n, m] = [total(reference), total(current)];
  const value = psi(reference, current);
  // A bin that is empty on both sides cannot vary: it gives no degree of freedom.
  const bins = reference.filter((count, i) => count + (current[i] ?? 0) > 0).length;
  const threshold = psiThreshold(n, m, bins, columnsTested);
  const isEnough = n >= psiMinimumRows && m >= psiMinimumRows;
  return { psi: value, threshold, verdict: isEnough ? (value > threshold ? 'drifted' : 'stable') : 'inconclusive' };
}
