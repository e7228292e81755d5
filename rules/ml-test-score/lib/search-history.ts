/** Tuning as MLflow recorded it: what was tried for each hyperparameter, and how the chosen values did. */

import { type Finding, skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import type { Mlflow, MlflowRun } from '../../../src/kernel/world.ts';
import type { Metric } from '../../../src/stats/metrics/metric.ts';
import { lines } from './asks.ts';
import { cell } from './manifest.ts';
import { isNatural, isSame, isValue, type Value } from './search-space.ts';

export interface Tried {
  readonly params: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface History {
  readonly runs: readonly Tried[];
  /** Metric as the runs call it. */
  readonly metricName: string;
  /** Chosen value of each hyperparameter. */
  readonly chosen: Readonly<Record<string, Value>>;
}

/** Names under which runs log a metric of rows that were not trained on; the plainest first. */
const namesOf = (metric: string): readonly string[] => {
  const names =
    metric === 'auc'
      ? ['auc', 'roc_auc', 'roc_auc_score']
      : metric === 'accuracy'
        ? ['accuracy', 'accuracy_score']
        : metric === 'f1'
          ? ['f1', 'f1_score']
          : [metric];
  return ['', 'val_', 'valid_', 'validation_', 'eval_', 'cv_', 'test_'].flatMap((prefix) => names.map((name) => prefix + name));
};

const metricOf = (runs: readonly MlflowRun[], metric: string): string | undefined =>
  namesOf(metric).find((name) => runs.some((run) => Number.isFinite(run.metrics[name])));

/** The history of the manifest's experiment, or why it cannot tell. */
export async function historyOf(manifest: ResolvedManifest, mlflow: Mlflow, metric: Metric): Promise<History | Verdict> {
  const answer = await mlflow.runs({ limit: 1000 });
  if (!answer.ok)
    return skipped(answer.reason, {
      nextStep: 'Make the runs readable, or give policy.search_space for a search through the hooks.',
    });
  const finished = answer.value.filter((run) => run.status === 'FINISHED');
  const metricName = metricOf(finished, metric.name);
  if (metricName === undefined)
    return skipped(`none of ${finished.length} finished runs of ${manifest.mlflow.experiment} logs ${metric.name}`, {
      nextStep: `Log ${metric.name} of held-out rows with mlflow.log_metric, as one of ${namesOf(metric.name).slice(0, 6).join(', ')}.`,
    });
  const runs = finished.flatMap((run) => {
    const value = run.metrics[metricName];
    return value !== undefined && Number.isFinite(value) ? [{ params: run.params, value }] : [];
  });
  const known = Object.entries(manifest.hooks.params).filter((entry): entry is [string, Value] => isValue(entry[1]));
  if (known.length > 0) return { runs, metricName, chosen: Object.fromEntries(known) };
  const production = await mlflow.production();
  const run = production.ok ? answer.value.find((one) => one.id === production.value.runId) : undefined;
  if (!run)
    return skipped(`which values were chosen is not known${production.ok ? '' : `: ${production.reason}`}`, {
      nextStep: 'Name the chosen values under hooks.params, or register the model of the run that was chosen.',
      manifestLine: lines.params,
    });
  return { runs, metricName, chosen: run.params };
}

const numberOf = (value: Value): number =>
  typeof value === 'boolean' || String(value).trim() === '' ? Number.NaN : Number(value);

/** Judges the history of the hyperparameters that are not fixed; `standardError` is that of the metric on the evaluation rows. */
export function judgeHistory(history: History, manifest: ResolvedManifest, metric: Metric, standardError: number) {
  const { runs, chosen, metricName } = history;
  const space = manifest.policy.search_space ?? {};
  const names = Object.keys(chosen).filter((name) => space[name]?.fixed === undefined);
  const findings: Finding[] = [];
  const sign = metric.isGreaterBetter ? 1 : -1;
  const better = (a: number | null, b: number): number => (a === null || sign * (b - a) > 0 ? b : a);
  const bestOf = (some: readonly Tried[]): number | null =>
    some.reduce<number | null>((best, run) => better(best, run.value), null);
  const items = names.map((name) => {
    const value = chosen[name] ?? '';
    const tried: string[] = [];
    for (const { params } of runs) {
      const given = params[name];
      if (given !== undefined && !tried.some((one) => isSame(one, given))) tried.push(given);
    }
    if (tried.length < 2)
      findings.push({
        message: `${name} was never varied: ${tried.length === 0 ? 'no run logs it' : `every run has ${tried[0]}`}`,
        fix: 'Search it too, or say under policy.search_space why it is fixed.',
        manifestLine: `policy: { search_space: { ${name}: { fixed: "why" } } }`,
      });
    const numbers = tried.map(numberOf);
    const own = numberOf(value);
    const isNumber = tried.length >= 2 && numbers.every(Number.isFinite) && Number.isFinite(own);
    const end = !isNumber ? null : own <= Math.min(...numbers) ? 'low' : own >= Math.max(...numbers) ? 'high' : null;
    if (end !== null && !isNatural(space[name] ?? {}, end))
      findings.push({
        message: `${name} is ${value}, the ${end === 'low' ? 'smallest' : 'largest'} value that was tried: a better one may lie beyond`,
        fix: `Search further; where no value can lie beyond, say natural_end: ${end} under policy.search_space.`,
      });
    const others = runs.filter(({ params }) => params[name] !== undefined && !isSame(params[name], value));
    return {
      hyperparameter: name,
      chosen: value,
      tried: tried.slice(0, 20).join(', '),
      [`best_${metricName}_of_other_values`]: cell(bestOf(others)),
    };
  });
  const isChosen = ({ params }: Tried) =>
    names.every((name) => params[name] !== undefined && isSame(params[name], chosen[name] ?? ''));
  const [best, own] = [bestOf(runs), bestOf(runs.filter(isChosen))];
  const gap = best === null || own === null ? null : sign * (best - own);
  if (own === null)
    findings.push({
      message: 'no run has the chosen values together, so nobody knows how good they are',
      fix: 'Run the experiment with the values of hooks.params.',
    });
  else if (gap !== null && gap > standardError)
    findings.push({
      message: `the chosen values reach ${metricName} ${cell(own)}, the best run ${cell(best)}: more than one standard error (${cell(standardError)}) better`,
      fix: 'Choose the values of the best run, or log why they were not chosen.',
    });
  return { findings, items, names, gap, own };
}
