import type { Metric } from './metric.ts';

/** Coefficient of determination, 1 - sum (y - score)^2 / sum (y - mean y)^2. Unit 1; null when the label never varies. */
export const rSquared: Metric = {
  name: 'r2',
  unit: '1',
  isGreaterBetter: true,
  async measure(tables, scored) {
    const [row] = await tables.query<{ r2: number | null }>(
      `SELECT 1 - fsum((y - score) * (y - score)) / nullif(fsum((y - mean) * (y - mean)), 0) AS r2
       FROM ${scored} CROSS JOIN (SELECT favg(y) AS mean FROM ${scored})`,
    );
    return row?.r2 ?? null;
  },
  weighted: (y, score) => (weights) => {
    let rows = 0;
    let sum = 0;
    for (let i = 0; i < y.length; i++) {
      rows += weights[i] ?? 0;
      sum += (weights[i] ?? 0) * (y[i] ?? 0);
    }
    let residual = 0;
    let spread = 0;
    for (let i = 0; i < y.length; i++) {
      const value = y[i] ?? 0;
      residual += (weights[i] ?? 0) * (value - (score[i] ?? 0)) ** 2;
      spread += (weights[i] ?? 0) * (value - sum / rows) ** 2;
    }
    return 1 - residual / spread;
  },
};
