/**
 * Jensen-Shannon distance of two histograms over the same bins: sqrt of the mean Kullback-Leibler divergence to their
 * mixture, base 2, in [0, 1] (Endres, Schindelin 2003; as scipy.spatial.distance.jensenshannon with base=2).
 * Null when either has no row.
 */
export function jensenShannon(reference: readonly number[], current: readonly number[]): number | null {
  const n = reference.reduce((sum, count) => sum + count, 0);
  const m = current.reduce((sum, count) => sum + count, 0);
  if (n === 0 || m === 0) return null;
  const part = (p: number, mean: number): number => (p === 0 ? 0 : p * Math.log2(p / mean));
  const divergence = reference.reduce((sum, count, i) => {
    const p = count / n;
    const q = (current[i] ?? 0) / m;
    return sum + (part(p, (p + q) / 2) + part(q, (p + q) / 2)) / 2;
  }, 0);
  return Math.sqrt(Math.max(0, divergence));
}
