import { type Metric, meanMetric } from './metric.ts';

/** Root of the mean squared error. Unit: that of the label. */
export const rmse: Metric = meanMetric({
  name: 'rmse',
  unit: 'label',
  isGreaterBetter: false,
  sql: '(y - score) * (y - score)',
  of: (y, score) => (y - score) ** 2,
  finish: Math.sqrt,
});
