import { defineCheck, judge, notApplicable, skipped, type Verdict } from '../../../src/kernel/check.ts';
import { constantBaseline, linearBaseline, singleFeatureBaseline } from '../../../src/stats/baselines.ts';
import { bootstrapAll, once } from '../../../src/stats/bootstrap.ts';
import { asks, labelled, sources } from '../lib/asks.ts';
import { byIdPlan } from '../lib/by-id.ts';
import { classBaselines } from '../lib/class-baselines.ts';
import { cell, featuresOf, inputsOf, isVerdict, rounded, rubric, tableOr } from '../lib/manifest.ts';
import { evaluationSample, sampleFeatures, trainingSample } from '../lib/samples.ts';
import { rowsWords, scoredOf, tooFew } from '../lib/scored.ts';
import { canPredict, onEvaluation, settingOf } from '../lib/setting.ts';

const seed = 1;

interface Baseline {
  readonly name: string;
  readonly y: Float64Array;
  readonly score: Float64Array;
}

const unlabelled = (label: string): Verdict =>
  skipped('inconclusive: no training row has a label', { nextStep: `Fill the column ${label} of data.train.` });

export default defineCheck({
  title: 'A simpler model is not better',
  why: 'A model that a rule of thumb matches costs upkeep and explains less, and often hides a fault in its training.',
  fix: 'Use the simpler model, or find out why yours does not learn more: too few rows, too strong regularisation, a broken feature.',
  about: {
    does: 'Compares the model with a constant, the best single feature and a linear model, all made of the same rows, by a paired bootstrap.',
    asks: asks(...labelled),
    thresholds: [{ what: 'lower end of the 95 % interval of the gain, above', value: 0, source: sources.ours }],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: (manifest) => (canPredict(manifest) ? [{ request: onEvaluation }, ...byIdPlan(manifest)] : []),
  async run(world) {
    const { tables, hooks } = world;
    const setting = await settingOf(world);
    if (isVerdict(setting)) return setting;
    const { manifest, task, metric, evaluation } = setting;
    const train = await tableOr(tables, 'train');
    if (isVerdict(train)) return train;
    if (task === 'multiclass' && metric.name !== 'accuracy' && metric.name !== 'f1')
      return notApplicable(
        `baselines of many classes answer with a class, and ${metric.name} needs probabilities: set quality.metric to accuracy or f1`,
      );
    const scored = await scoredOf(world, setting, evaluation, await hooks.predict(onEvaluation));
    if (isVerdict(scored)) return scored;
    const few = tooFew(scored);
    if (few) return few;
    const names = new Set(featuresOf(manifest, train).slice(0, sampleFeatures));
    const here = new Set(evaluation.columns.map((column) => column.name));
    const columns = train.columns.filter((column) => names.has(column.name) && here.has(column.name));

    const { sample, score } = await evaluationSample(tables, evaluation, scored.relation, scored.rows, columns);
    const baselines: Baseline[] = [];
    if (task === 'multiclass') baselines.push(...(await classBaselines(tables, setting, train, scored, columns)));
    else {
      const learnt = await trainingSample(tables, setting, train, columns);
      if (learnt.y.length === 0) return unlabelled(setting.label);
      const isBinary = task === 'binary';
      baselines.push({
        name: isBinary ? 'always the share of yes' : 'always the mean',
        y: sample.y,
        score: constantBaseline(learnt, sample.y.length),
      });
      const single = singleFeatureBaseline(learnt, sample, metric);
      if (single) baselines.push({ name: `${single.feature} alone`, y: sample.y, score: single.score });
      const linear = linearBaseline(learnt, sample, isBinary);
      if (linear)
        baselines.push({
          name: `${isBinary ? 'logistic' : 'linear'} model of ${linear.terms} terms`,
          y: sample.y,
          score: linear.score,
        });
    }

    const sign = metric.isGreaterBetter ? 1 : -1;
    const n = sample.y.length;
    if (baselines.some(({ y }) => y.length !== n)) return unlabelled(setting.label);
    const ours = metric.weighted(sample.y, score);
    const simple = baselines.map(({ y, score: theirs }) => metric.weighted(y, theirs));
    const gainsOf = (weights: Uint16Array): readonly number[] => {
      const value = ours(weights);
      return simple.map((one) => sign * (value - one(weights)));
    };
    const gains = bootstrapAll(gainsOf, n, { seed });
    const results = baselines.map(({ name }, i) => {
      const theirs = simple[i] ? once(simple[i], n) : Number.NaN;
      return { name, value: theirs, difference: sign * (once(ours, n) - theirs), gain: gains[i] ?? null };
    });
    const unclear = results.find((result) => result.gain === null);
    if (unclear)
      return skipped(`inconclusive: ${metric.name} is not defined on these rows (one class is too rare)`, {
        nextStep: 'Evaluate on more rows of the rare class.',
      });
    const closest = [...results].sort((a, b) => (a.gain?.lower ?? 0) - (b.gain?.lower ?? 0))[0];
    const interval = closest?.gain;
    const value = once(ours, n);
    return judge(
      results
        .filter(({ gain }) => gain !== null && gain.lower <= 0)
        .map(({ name, value: theirs, gain }) => ({
          message: `the model (${metric.name} ${cell(value)}) is not surely better than ${name} (${cell(theirs)}): the gain lies between ${cell(gain?.lower ?? null)} and ${cell(gain?.upper ?? null)}`,
        })),
      {
        explanation: `On ${rowsWords(scored)} the model has ${metric.name} ${cell(value)}; the closest of ${results.length} simple models, ${closest?.name}, has ${cell(closest?.value ?? null)}.`,
        ...(closest && { value: rounded(closest.difference) }),
        threshold: 0,
        unit: metric.unit,
        n,
        ...(interval && { interval: { lower: rounded(interval.lower), upper: rounded(interval.upper), level: interval.level } }),
        items: results.map((result) => ({
          baseline: result.name,
          [metric.name]: cell(result.value),
          gain: cell(result.difference),
          gain_at_least: cell(result.gain?.lower ?? null),
          gain_at_most: cell(result.gain?.upper ?? null),
        })),
        inputs: inputsOf(train, evaluation),
        seed,
        nextStep: 'Look at the rows where the simple model is right and yours is not.',
      },
    );
  },
});
