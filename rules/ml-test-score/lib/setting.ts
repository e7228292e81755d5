/** What every probe that scores predictions needs to know first: task, label, metric, evaluation rows, hooks. */

import { notApplicable, skipped, type Verdict } from '../../../src/kernel/check.ts';
import { type FeaturesRequest, type PredictRequest, sharedTraining, type TrainRequest } from '../../../src/kernel/hooks.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import { isMlflowHook } from '../../../src/kernel/mlflow-model.ts';
import { quoteName, quoteText } from '../../../src/kernel/sql.ts';
import type { Table, World } from '../../../src/kernel/world.ts';
import { metricOf } from '../../../src/stats/metrics/index.ts';
import type { Metric } from '../../../src/stats/metrics/metric.ts';
import { lines } from './asks.ts';
import { answerSql, type Classes, classesOf, classNumberSql, sameText } from './classes.ts';
import { isVerdict, lacks, manifestOr, tableOr } from './manifest.ts';

export type ScoredTask = 'binary' | 'multiclass' | 'regression';

export interface Setting {
  readonly manifest: ResolvedManifest;
  readonly task: ScoredTask;
  readonly metric: Metric;
  readonly label: string;
  readonly train: Table;
  readonly evaluation: Table;
  /** Of a metric that looks at every class; else null. */
  readonly classes: Classes | null;
}

/** The model that all probes share. */
export const model: TrainRequest = sharedTraining;
/** Its predictions of the evaluation rows. */
export const onEvaluation: PredictRequest = { hook: 'predict', model, input: { table: 'eval' } };

/** The same of a second training with the same seed. */
export const onEvaluationAgain: PredictRequest = { ...onEvaluation, model: { ...model, replicate: 1 } };

/** The features hook over a sample of the evaluation rows; infra-3 runs it in the chain. */
export const featuresOfSample: FeaturesRequest = {
  hook: 'features',
  input: { derive: 'sample', from: { table: 'eval' }, rows: 2000, seed: 1 },
};

const metricsOf = {
  binary: ['auc', 'accuracy', 'log_loss', 'f1'],
  multiclass: ['accuracy', 'log_loss', 'f1', 'auc'],
  regression: ['rmse', 'mae', 'r2'],
} as const satisfies Record<ScoredTask, readonly (ResolvedManifest['quality']['metric'] & string)[]>;

function taskOf({ task }: ResolvedManifest): ScoredTask | Verdict {
  if (task === undefined) return lacks('what kind of prediction the model makes', lines.task);
  if (task === 'binary' || task === 'multiclass' || task === 'regression') return task;
  // A forecast is scored row by row like a regression.
  return task === 'forecast'
    ? 'regression'
    : notApplicable(`models of task ${task} have no score per row that is compared with a label`);
}

/** The metric that the model is judged by: the one named, else the first of its task; undefined where there is none. */
export function metricNameOf(manifest: ResolvedManifest): ResolvedManifest['quality']['metric'] {
  const task = taskOf(manifest);
  return manifest.quality.metric ?? (typeof task === 'string' ? metricsOf[task][0] : undefined);
}

/** True when a probe that only asks the model can be planned at all: one that train makes, or a logged one. */
export const canPredict = ({ hooks, data }: ResolvedManifest): boolean =>
  (hooks.train !== undefined || isMlflowHook(hooks.predict)) &&
  hooks.predict !== undefined &&
  data.train !== undefined &&
  data.eval !== undefined;

/** True when a probe that trains and predicts can be planned at all. */
export const canTrain = (manifest: ResolvedManifest): boolean => manifest.hooks.train !== undefined && canPredict(manifest);

/** Skipped when there is no train hook. */
export const trainOr = (hooks: World['hooks']): Verdict | null =>
  hooks.has('train') ? null : lacks('how the model is trained', lines.trainHook);

/** Skipped when the model cannot be asked. */
export function hooksOr(hooks: World['hooks'], manifest: ResolvedManifest): Verdict | null {
  const untrained = isMlflowHook(manifest.hooks.predict) ? null : trainOr(hooks);
  if (untrained) return untrained;
  if (!hooks.has('predict')) return lacks('how the model predicts', lines.predictHook);
  return null;
}

/** A name without case, spaces and marks: what people take for the same. */
const plain = (name: string): string => name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');

/** Why nothing is scored: the table has no such column; the one that is meant is named where its name differs in little. */
function withoutLabel(key: 'train' | 'eval', { columns }: Table, label: string): Verdict {
  const reason = `data.${key} has no column ${JSON.stringify(label)}, which columns.label names`;
  const meant = columns.find(({ name }) => plain(name) === plain(label));
  if (meant) return skipped(reason, { nextStep: `It has ${JSON.stringify(meant.name)}: give the label one name in all tables.` });
  const names = columns.slice(0, 10).map(({ name }) => name);
  return skipped(reason, {
    nextStep: `${key === 'train' ? "Name the label's column" : 'Name evaluation rows that have the label'}; the table has ${names.join(', ')}${columns.length > 10 ? ` and ${columns.length - 10} more` : ''}.`,
    manifestLine: key === 'train' ? 'columns: { label: ... }' : 'data: { eval: path/to/labelled-rows.csv }',
  });
}

/** The setting, or why the probe cannot judge. */
export async function settingOf(world: Pick<World, 'manifest' | 'tables' | 'hooks'>): Promise<Setting | Verdict> {
  const manifest = manifestOr(world);
  if (isVerdict(manifest)) return manifest;
  const task = taskOf(manifest);
  if (typeof task !== 'string') return task;
  const { label } = manifest.columns;
  if (label === undefined) return lacks('which column is predicted', lines.label);
  const missing = hooksOr(world.hooks, manifest);
  if (missing) return missing;
  const train = await tableOr(world.tables, 'train');
  if (isVerdict(train)) return train;
  const evaluation = await tableOr(world.tables, 'eval');
  if (isVerdict(evaluation)) return evaluation;
  for (const [key, table] of [
    ['train', train],
    ['eval', evaluation],
  ] as const)
    if (!table.columns.some((column) => column.name === label)) return withoutLabel(key, table, label);
  if (train.rows === 0 || evaluation.rows === 0)
    return skipped(`inconclusive: data.${train.rows === 0 ? 'train' : 'eval'} has no rows`, {
      nextStep: 'Training and evaluation need rows.',
    });
  const allowed: readonly string[] = metricsOf[task];
  const name = manifest.quality.metric ?? metricsOf[task][0];
  if (!allowed.includes(name))
    return skipped(`quality.metric is ${name}, which does not exist for task ${task}`, {
      nextStep: `Choose one of ${allowed.join(', ')}.`,
      manifestLine: `quality: { metric: ${allowed[0]} }`,
    });
  const setting = { manifest, task, label, train, evaluation };
  if (task !== 'multiclass' || (name !== 'f1' && name !== 'auc'))
    return { ...setting, metric: metricOf(name, manifest.decision.threshold), classes: null };
  const found = await classesOf(world.tables, name, label, [train, evaluation]);
  return isVerdict(found) ? found : { ...setting, ...found };
}

/**
 * SQL of the label as a number: 1 for a yes (binary), the value (regression; null when it is text), the number of the class
 * (multiclass, where the metric looks at every class), else 1.
 */
export function labelSql({ task, label, manifest, classes }: Setting, row: string): string {
  const x = `${row}.${quoteName(label)}`;
  if (task === 'multiclass') return classes ? classNumberSql(classes, x) : '1.0::DOUBLE';
  if (task === 'regression') return `TRY_CAST(${x} AS DOUBLE)`;
  return `CASE WHEN ${x} IS NOT NULL THEN CAST(${sameText(x, quoteText(String(manifest.decision.positive)))} AS DOUBLE) END`;
}

/** SQL of an answered class as the metric wants it: its number, or whether it is the label of the row. */
export const classScoreSql = ({ label, classes }: Setting, row: string, answer: string): string =>
  classes
    ? classNumberSql(classes, answer)
    : `CASE WHEN ${answer} IS NOT NULL THEN CAST(${sameText(`${row}.${quoteName(label)}`, answer)} AS DOUBLE) END`;

/**
 * SQL of a row's score as the metric wants it; multiclass: `classScoreSql`, the probability of what happened, or the handle of
 * all probabilities.
 */
export function scoreSql(setting: Setting, columns: readonly string[], row: string, prediction: string): string {
  const { task, label, metric, classes } = setting;
  if (task !== 'multiclass') return `${prediction}.score`;
  if (classes?.probabilities) return `${prediction}.__handle`;
  if (metric.name !== 'log_loss') return classScoreSql(setting, row, answerSql(columns, prediction));
  const x = `${row}.${quoteName(label)}`;
  const cases = columns
    .filter((name) => name.startsWith('p_'))
    .map((name) => `WHEN ${sameText(x, quoteText(name.slice(2)))} THEN ${prediction}.${quoteName(name)}`);
  return cases.length === 0 ? 'NULL::DOUBLE' : `CASE ${cases.join(' ')} END`;
}
