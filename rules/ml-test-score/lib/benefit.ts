/** What a feature brings: one batch of shuffled rows for all features, and a retraining without one where that shows nothing. */
import { notApplicable, skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { PlannedExecution, PredictRequest, TableRef } from '../../../src/kernel/hooks.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import type { Table, World } from '../../../src/kernel/world.ts';
import { type Bootstrap, bootstrap, once } from '../../../src/stats/bootstrap.ts';
import type { Metric } from '../../../src/stats/metrics/metric.ts';
import { byIdPlan } from './by-id.ts';
import { heldOutOr } from './held-out.ts';
import { faultWords, isHookFault } from './hook-faults.ts';
import { type Importance, importances } from './importance.ts';
import { featuresOf, isVerdict, rounded } from './manifest.ts';
import { minimumRows, type Scored, scoredOf, tooFew } from './scored.ts';
import { canPredict, canTrain, model, onEvaluation, type Setting } from './setting.ts';
import { within } from './within.ts';

export const seed = 1;
export const repeats = 3;
/** Rows of the permutation batch in all; a hook reads them in one call. */
const batchRows = 200_000;
const mostFeatures = 300;
/** Features that are confirmed by a retraining without them, the weakest first. */
const mostRetrained = 5;
const comparedRows = 20_000;

function batchOf(features: readonly string[]): PredictRequest {
  const rows = Math.max(500, Math.min(5000, Math.floor(batchRows / (features.length * repeats + 1))));
  const from: TableRef = { derive: 'sample', from: { table: 'eval' }, rows, seed };
  return { hook: 'predict', model, input: { derive: 'permuted', from, columns: features, repeats, seed } };
}

const without = (feature: string): PredictRequest => ({
  hook: 'predict',
  model: { ...model, data: { derive: 'without', from: { table: 'train' }, columns: [feature] } },
  input: { derive: 'without', from: { table: 'eval' }, columns: [feature] },
});

/** The next step where no model could be trained without a feature. */
export const unnamed =
  'Let train and predict take the columns that their tables have, so that a model can be trained without one.';

interface LossWithout extends Bootstrap {
  readonly loss: number;
}

/**
 * Interval of what the model loses when it is trained without the feature; null where it cannot be told; the words of a hook
 * that names its columns and so fails without one.
 */
async function lossWithout(
  { tables, hooks }: Pick<World, 'tables' | 'hooks'>,
  setting: Setting,
  full: Scored,
  feature: string,
): Promise<LossWithout | Verdict | string | null> {
  const request = without(feature);
  const input = await tables.open(request.input);
  if (!input) return null;
  const answers = await hooks.predict(request).catch((error: unknown) => {
    if (isHookFault(error)) return faultWords(error);
    throw error;
  });
  if (typeof answers === 'string') return answers;
  const less = await scoredOf({ tables, hooks }, setting, input, answers);
  if (isVerdict(less)) return less;
  const rows = await tables.query<{ y: number; a: number; b: number }>(
    `SELECT a.y AS y, a.score AS a, b.score AS b FROM ${full.relation} a JOIN ${less.relation} b USING (__row) WHERE ${within(comparedRows, full.rows)} ORDER BY __row`,
  );
  const y = Float64Array.from(rows, (row) => row.y);
  const [a, b] = [Float64Array.from(rows, (row) => row.a), Float64Array.from(rows, (row) => row.b)].map((score) =>
    setting.metric.weighted(y, score),
  );
  const sign = setting.metric.isGreaterBetter ? 1 : -1;
  if (!a || !b) return null;
  const loss = (weights: Uint16Array): number => sign * (a(weights) - b(weights));
  const interval = bootstrap(loss, y.length, { seed, replicates: 500 });
  return interval && { ...interval, loss: once(loss, y.length) };
}

/** The batch of all features, and the retrainings that it may call for; nothing when the features are not known. */
export function benefitPlan(manifest: ResolvedManifest): readonly PlannedExecution[] {
  const { features, label } = manifest.columns;
  if (!canPredict(manifest) || features === 'auto' || features.length > mostFeatures || label === undefined) return [];
  const sometimes = 'when shuffling a feature costs nothing';
  return [
    { request: batchOf(features) },
    { request: onEvaluation, sometimes },
    ...byIdPlan(manifest, sometimes),
    ...(canTrain(manifest) ? features.map((feature) => ({ request: without(feature), sometimes })) : []),
  ];
}

export interface Benefits {
  readonly features: readonly string[];
  /** Of every feature, as listed. */
  readonly found: readonly Importance[];
  /** Those whose shuffling costs nothing that could be shown, the weakest first. */
  readonly suspects: readonly Importance[];
  /** What the weakest suspects cost when a model is trained without them; null where it cannot be told. */
  readonly retrained: ReadonlyMap<string, LossWithout | null>;
  /** Why there is no model without them: the hook's fault, by feature. */
  readonly faults: ReadonlyMap<string, string>;
  readonly batch: Table;
  readonly scored: Scored;
}

/** Benefit of every feature, or why it cannot be told. */
export async function benefitsOf(world: Pick<World, 'tables' | 'hooks'>, setting: Setting): Promise<Benefits | Verdict> {
  const { tables, hooks } = world;
  const { manifest, metric, evaluation } = setting;
  const features = featuresOf(manifest, evaluation);
  if (features.length === 0) return notApplicable('there are no tabular features');
  if (features.length > mostFeatures)
    return skipped(`${features.length} features are more than the ${mostFeatures} that are shuffled one by one`, {
      nextStep: 'Name the features that matter under columns.features.',
      manifestLine: 'columns: { features: [...] }',
    });
  if (evaluation.rows < minimumRows)
    return skipped(`inconclusive: ${evaluation.rows} evaluation rows; at least ${minimumRows} are needed`, {
      nextStep: 'Hold out more rows under data.eval.',
    });
  const learnt = await heldOutOr(tables, setting);
  if (learnt) return learnt;
  const request = batchOf(features);
  const batch = await tables.open(request.input);
  if (!batch) return skipped('inconclusive: there are no rows to shuffle', { nextStep: 'Give data.eval rows.' });
  const scored = await scoredOf({ tables, hooks }, setting, batch, await hooks.predict(request));
  if (isVerdict(scored)) return scored;
  const found = await importances(tables, scored, metric, features, seed);
  const suspects = found.filter(({ interval }) => interval === null || interval.lower <= 0).sort((a, b) => a.loss - b.loss);
  const retrained = new Map<string, LossWithout | null>();
  const faults = new Map<string, string>();
  if (suspects.length > 0) {
    const full = await scoredOf({ tables, hooks }, setting, evaluation, await hooks.predict(onEvaluation));
    if (isVerdict(full)) return full;
    const few = tooFew(full);
    if (few) return few;
    for (const { feature } of suspects.slice(0, features.length > 1 && hooks.has('train') ? mostRetrained : 0)) {
      const loss = await lossWithout(world, setting, full, feature);
      if (typeof loss === 'string') faults.set(feature, loss);
      else if (loss !== null && isVerdict(loss)) return loss;
      retrained.set(feature, typeof loss === 'string' ? null : loss);
    }
  }
  return { features, found, suspects, retrained, faults, batch, scored };
}

/** Features that neither a shuffle nor a model trained without them misses. */
export const uselessOf = ({ suspects, retrained }: Benefits): readonly Importance[] =>
  suspects.filter(({ feature }) => (retrained.get(feature)?.lower ?? 1) <= 0);

/**
 * The figure of the verdict: what the model loses without the feature that it least surely misses, of those named: the one
 * whose interval begins lowest, which is what the verdict looks at. Where it was trained without a feature that counts, else
 * the shuffle.
 */
export function leastBenefit(
  { found, retrained }: Pick<Benefits, 'found' | 'retrained'>,
  metric: Pick<Metric, 'unit'>,
  names: readonly string[],
) {
  const known = found
    .filter(({ feature }) => names.includes(feature))
    .map(({ feature, loss, interval }) => {
      const without = retrained.get(feature);
      return without ? { loss: without.loss, interval: without } : { loss, interval };
    })
    .filter(({ loss }) => Number.isFinite(loss));
  const [least] = known.toSorted((a, b) => (a.interval?.lower ?? a.loss) - (b.interval?.lower ?? b.loss) || a.loss - b.loss);
  if (!least) return {};
  const { loss, interval } = least;
  return {
    ...{ value: rounded(loss), threshold: 0, unit: metric.unit },
    ...(interval && { interval: { lower: rounded(interval.lower), upper: rounded(interval.upper), level: interval.level } }),
  };
}
