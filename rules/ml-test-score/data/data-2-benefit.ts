import { defineCheck, fail, notApplicable, pass, skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { PredictRequest, TableRef } from '../../../src/kernel/hooks.ts';
import type { World } from '../../../src/kernel/world.ts';
import { type Bootstrap, bootstrap } from '../../../src/stats/bootstrap.ts';
import { importances } from '../lib/importance.ts';
import { cell, featuresOf, inputsOf, isVerdict, rubric } from '../lib/manifest.ts';
import { minimumRows, rowsWords, type Scored, scoredOf, tooFew, within } from '../lib/scored.ts';
import { canPredict, model, onEvaluation, type Setting, settingOf } from '../lib/setting.ts';

const seed = 1;
const repeats = 3;
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

/** Interval of what the model loses when it is trained without the feature; null where it cannot be told. */
async function lossWithout(
  { tables, hooks }: Pick<World, 'tables' | 'hooks'>,
  setting: Setting,
  full: Scored,
  feature: string,
): Promise<Bootstrap | Verdict | null> {
  const request = without(feature);
  const input = await tables.open(request.input);
  if (!input) return null;
  const less = await scoredOf(tables, setting, input, await hooks.predict(request));
  if (isVerdict(less)) return less;
  const rows = await tables.query<{ y: number; a: number; b: number }>(
    `SELECT a.y AS y, a.score AS a, b.score AS b FROM ${full.relation} a JOIN ${less.relation} b USING (__row) WHERE ${within(comparedRows, full.rows)} ORDER BY __row`,
  );
  const y = Float64Array.from(rows, (row) => row.y);
  const [a, b] = [Float64Array.from(rows, (row) => row.a), Float64Array.from(rows, (row) => row.b)].map((score) =>
    setting.metric.weighted(y, score),
  );
  const sign = setting.metric.isGreaterBetter ? 1 : -1;
  return a && b ? bootstrap((weights) => sign * (a(weights) - b(weights)), y.length, { seed, replicates: 500 }) : null;
}

export default defineCheck({
  title: 'All features are beneficial',
  why: 'Every feature is a dependency that can break, drift or leak; one without benefit is cost alone.',
  fix: 'Drop the named features from the model (and from columns.features), or show in which slice they help.',
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: (manifest) => {
    const { features, label } = manifest.columns;
    if (!canPredict(manifest) || features === 'auto' || features.length > mostFeatures || label === undefined) return [];
    const sometimes = 'when shuffling a feature costs nothing';
    return [
      { request: batchOf(features) },
      { request: onEvaluation, sometimes },
      ...features.map((feature) => ({ request: without(feature), sometimes })),
    ];
  },
  async run(world) {
    const { tables, hooks } = world;
    const setting = await settingOf(world);
    if (isVerdict(setting)) return setting;
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
    const request = batchOf(features);
    const batch = await tables.open(request.input);
    if (!batch) return skipped('inconclusive: there are no rows to shuffle', { nextStep: 'Give data.eval rows.' });
    const scored = await scoredOf(tables, setting, batch, await hooks.predict(request));
    if (isVerdict(scored)) return scored;
    const found = await importances(tables, scored, metric, features, seed);
    const suspects = found.filter(({ interval }) => interval === null || interval.lower <= 0).sort((a, b) => a.loss - b.loss);
    const retrained = new Map<string, Bootstrap | null>();
    if (suspects.length > 0) {
      const full = await scoredOf(tables, setting, evaluation, await hooks.predict(onEvaluation));
      if (isVerdict(full)) return full;
      const few = tooFew(full);
      if (few) return few;
      for (const { feature } of suspects.slice(0, features.length > 1 ? mostRetrained : 0)) {
        const loss = await lossWithout(world, setting, full, feature);
        if (loss !== null && isVerdict(loss)) return loss;
        retrained.set(feature, loss);
      }
    }
    const useless = suspects.filter(({ feature }) => (retrained.get(feature)?.lower ?? 1) <= 0);
    const evidence = {
      explanation: `Each of ${features.length} features was shuffled ${repeats} times in ${rowsWords({ ...scored, rows: Math.round(scored.rows / (features.length * repeats + 1)) })}; ${suspects.length === 0 ? 'every shuffle costs' : `${suspects.length} cost no`} ${metric.name}${retrained.size > 0 ? `, of which ${useless.length} are not missed by a model trained without them either` : ''}.`,
      value: useless.length,
      threshold: 0,
      unit: 'features',
      n: batch.rows,
      items: [...found]
        .sort((a, b) => b.loss - a.loss)
        .map(({ feature, loss, interval }) => ({
          feature,
          [`${metric.name}_lost`]: cell(loss),
          at_least: cell(interval?.lower ?? null),
          at_most: cell(interval?.upper ?? null),
          lost_without_at_least: cell(retrained.get(feature)?.lower ?? null),
          lost_without_at_most: cell(retrained.get(feature)?.upper ?? null),
        })),
      inputs: inputsOf(evaluation),
      seed,
      nextStep:
        useless.length > 0
          ? `Train without ${useless[0]?.feature}.`
          : 'Correlated features share their importance: look at the smallest.',
    };
    if (useless.length > 0)
      return fail(
        useless.map(({ feature }) => ({
          message: `${feature} brings nothing: shuffling it costs no ${metric.name}, and a model trained without it is as good`,
        })),
        evidence,
      );
    const open = suspects.filter(({ feature }) => retrained.get(feature) == null);
    return open.length === 0
      ? pass(evidence)
      : skipped(
          `inconclusive: shuffling ${open
            .map((one) => one.feature)
            .slice(0, 5)
            .join(', ')} costs nothing, and no retraining without could tell`,
          { nextStep: 'Hold out more rows, or list fewer features.', evidence },
        );
  },
});
