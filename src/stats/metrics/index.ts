/** Metrics by the name that `quality.metric` gives them. */
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import { accuracy } from './accuracy.ts';
import { auc } from './auc.ts';
import { f1 } from './f1.ts';
import { logLoss } from './log-loss.ts';
import { mae } from './mae.ts';
import type { Metric } from './metric.ts';
import { rSquared } from './r-squared.ts';
import { rmse } from './rmse.ts';

type MetricName = NonNullable<ResolvedManifest['quality']['metric']>;

/** @param threshold - score from which on the answer is yes */
export function metricOf(name: MetricName, threshold: number): Metric {
  const metrics: Readonly<Record<MetricName, Metric>> = {
    auc,
    accuracy: accuracy(threshold),
    log_loss: logLoss,
    f1: f1(threshold),
    rmse,
    mae,
    r2: rSquared,
  };
  return metrics[name];
}
