import { type Metric, meanMetric } from './metric.ts';

/** Share of rows whose answer (yes from `threshold` on) is right. Unit 1. */
export const accuracy = (threshold: number): Metric =>
  meanMetric({
    name: 'accuracy',
    unit: '1',
    isGreaterBetter: true,
    sql: `CAST((score >= ${threshold}) = (y = 1) AS DOUBLE)`,
    of: (y, score) => (score >= threshold === (y === 1) ? 1 : 0),
  });
