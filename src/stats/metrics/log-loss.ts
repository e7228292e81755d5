import { type Metric, meanMetric } from './metric.ts';

/** Probabilities are kept this far from 0 and 1 (double precision, as scikit-learn), so that one sure error is not infinite. */
const eps = 2 ** -52;

/** Mean of -ln(probability given to what happened). Unit: nats. Scores outside [0, 1] count as the nearest bound. */
export const logLoss: Metric = meanMetric({
  name: 'log_loss',
  unit: 'nats',
  isGreaterBetter: false,
  sql: `-ln(CASE WHEN y = 1 THEN greatest(${eps}, least(1 - ${eps}, score)) ELSE 1 - greatest(${eps}, least(1 - ${eps}, score)) END)`,
  of: (y, score) => {
    const p = Math.max(eps, Math.min(1 - eps, score));
    return -Math.log(y === 1 ? p : 1 - p);
  },
});
