/** Whether a training can learn a few rows by heart: a specification that cannot has a fault between rows, labels and loss. */
import type { Verdict } from '../../../src/kernel/check.ts';
import type { PredictRequest, TrainRequest } from '../../../src/kernel/hooks.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import { quoteName } from '../../../src/kernel/sql.ts';
import type { World } from '../../../src/kernel/world.ts';
import { metricOf } from '../../../src/stats/metrics/index.ts';
import { isVerdict } from './manifest.ts';
import { scoredOf } from './scored.ts';
import { model, type Setting } from './setting.ts';

/** Rows of the batch, and of the one that is tried when it is not learnt: some learners want more rows in a leaf. */
export const batches = [24, 200] as const;

/** Metrics on which knowing nothing and knowing all are fixed: AUC 0.5 and 1, accuracy of the commonest class and 1, R2 0 and 1. */
const metrics = { binary: 'auc', multiclass: 'accuracy', regression: 'r2' } as const;

/** Predictions of the very rows that the model was trained on. */
export function byHeart({ columns, task }: ResolvedManifest, rows: number): PredictRequest {
  const column = columns.label ?? '';
  const from = { table: 'train' } as const;
  const isClass = task === 'binary' || task === 'multiclass';
  const data = isClass
    ? ({ derive: 'balanced', from, column, rows, seed: 1 } as const)
    : ({ derive: 'sample', from, rows, seed: 1 } as const);
  const trained: TrainRequest = { ...model, data };
  return { hook: 'predict', model: trained, input: data };
}

export interface Learnt {
  readonly metric: string;
  readonly value: number;
  /** What knowing nothing scores. */
  readonly baseline: number;
  /** How much of the way from the baseline to 1 was made. */
  readonly share: number;
}

/** How well the batch was learnt, or the verdict on predictions that cannot be scored. */
export async function learnt(
  { tables, hooks }: Pick<World, 'tables' | 'hooks'>,
  setting: Setting,
  request: PredictRequest,
): Promise<Learnt | Verdict | null> {
  const input = await tables.open(request.input);
  if (!input) return null;
  const metric = metricOf(metrics[setting.task], setting.manifest.decision.threshold);
  const scored = await scoredOf({ tables, hooks }, { ...setting, metric, classes: null }, input, await hooks.predict(request));
  if (isVerdict(scored)) return scored;
  const value = await metric.measure(tables, scored.relation);
  if (value === null || !Number.isFinite(value)) return null;
  let baseline = setting.task === 'binary' ? 0.5 : 0;
  if (setting.task === 'multiclass') {
    const x = quoteName(setting.label);
    const [row] = await tables.query<{ share: number }>(
      `SELECT max(n) / sum(n) AS share FROM (SELECT count(*) AS n FROM ${input.name} WHERE ${x} IS NOT NULL GROUP BY ${x})`,
    );
    baseline = row?.share ?? 0;
  }
  return { metric: metric.name, value, baseline, share: (value - baseline) / (1 - baseline) };
}
