import type { Metric } from './metric.ts';

/** Harmonic mean of precision and recall of the yes class, 2 tp / (2 tp + fp + fn). Unit 1; null when there is no yes at all. */
export const f1 = (threshold: number): Metric => ({
  name: 'f1',
  unit: '1',
  isGreaterBetter: true,
  async measure(tables, scored) {
    const [row] = await tables.query<{ f1: number | null }>(
      `SELECT 2.0 * count(*) FILTER (score >= ${threshold} AND y = 1)
        / nullif(count(*) FILTER (score >= ${threshold}) + count(*) FILTER (y = 1), 0) AS f1 FROM ${scored}`,
    );
    return row?.f1 ?? null;
  },
  weighted: (y, score) => (weights) => {
    let both = 0;
    let either = 0;
    for (let i = 0; i < y.length; i++) {
      const weight = weights[i] ?? 0;
      const said = (score[i] ?? 0) >= threshold;
      if (said && y[i] === 1) both += weight;
      either += weight * ((said ? 1 : 0) + (y[i] === 1 ? 1 : 0));
    }
    return (2 * both) / either;
  },
});
