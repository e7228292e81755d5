import { type Metric, meanMetric } from './metric.ts';

/** Mean absolute error. Unit: that of the label. */
export const mae: Metric = meanMetric({
  name: 'mae',
  unit: 'label',
  isGreaterBetter: false,
  sql: 'abs(y - score)',
  of: (y, score) => Math.abs(y - score),
});
