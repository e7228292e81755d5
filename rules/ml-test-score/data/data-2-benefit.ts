import { defineCheck, fail, pass, skipped } from '../../../src/kernel/check.ts';
import { asks, labelled, sources } from '../lib/asks.ts';
import { benefitPlan, benefitsOf, leastBenefit, repeats, seed, unnamed, uselessOf } from '../lib/benefit.ts';
import { cell, inputsOf, isVerdict, rubric } from '../lib/manifest.ts';
import { rowsWords } from '../lib/scored.ts';
import { settingOf } from '../lib/setting.ts';

export default defineCheck({
  title: 'All features are beneficial',
  why: 'Every feature is a dependency that can break, drift or leak; one without benefit is cost alone.',
  fix: 'Drop the named features from the model (and from columns.features), or show in which slice they help.',
  about: {
    does: 'Shuffles each feature in the held-out rows in one batched prediction, and trains again without those whose shuffling costs nothing.',
    asks: asks(...labelled),
    thresholds: [
      { what: 'loss without a feature, by shuffle or by training without it: surely above', value: 0, source: sources.paper },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: benefitPlan,
  async run(world) {
    const setting = await settingOf(world);
    if (isVerdict(setting)) return setting;
    const { metric, evaluation } = setting;
    const benefits = await benefitsOf(world, setting);
    if (isVerdict(benefits)) return benefits;
    const { features, found, suspects, retrained, faults, batch, scored } = benefits;
    const useless = uselessOf(benefits);
    const evidence = {
      explanation: `Each of ${features.length} features was shuffled ${repeats} times in ${rowsWords({ ...scored, rows: Math.round(scored.rows / (features.length * repeats + 1)) })}; ${suspects.length === 0 ? 'every shuffle costs' : `${suspects.length} cost no`} ${metric.name}${retrained.size > 0 ? `, of which ${useless.length} are not missed by a model trained without them either` : ''}. The figure is what is lost without the feature that is least surely missed.`,
      ...leastBenefit(benefits, metric, features),
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
    const [fault] = open.flatMap(({ feature }) => faults.get(feature) ?? []);
    return open.length === 0
      ? pass(evidence)
      : skipped(
          `inconclusive: shuffling ${open
            .map((one) => one.feature)
            .slice(0, 5)
            .join(', ')} costs nothing, and no retraining without could tell${fault ? `: ${fault}` : ''}`,
          { nextStep: fault ? unnamed : 'Hold out more rows, or list fewer features.', evidence },
        );
  },
});
