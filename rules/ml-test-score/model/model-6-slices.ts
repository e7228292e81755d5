import { defineCheck, fail, pass, skipped } from '../../../src/kernel/check.ts';
import { once } from '../../../src/stats/bootstrap.ts';
import { asks, labelled, lines, sources } from '../lib/asks.ts';
import { byIdPlan } from '../lib/by-id.ts';
import { cell, inputsOf, isVerdict, lacks, rounded, rubric } from '../lib/manifest.ts';
import { rowsWords, scoredOf, tooFew } from '../lib/scored.ts';
import { canPredict, onEvaluation, settingOf } from '../lib/setting.ts';
import { floorOf, judgeSlices, type SliceResult, sliceRows } from '../lib/slices.ts';

const seed = 1;
/** An unjudged group below this share of the rows does not hold up the verdict; it is listed. */
const negligibleShare = 0.01;

const words = ({ column, group }: SliceResult): string => `${column} = ${group}`;

export default defineCheck({
  title: 'Model quality is sufficient on all important data slices',
  why: 'A good average hides the group for which the model is useless: global accuracy up, one region at a coin toss.',
  fix: 'Look at the rows of the slice: too few in training, a feature that means something else there, a label that is noisier.',
  about: {
    does: 'Takes the metric on every slice with its interval and tests whether it surely keeps the floor.',
    asks: asks(...labelled, 'slices'),
    thresholds: [
      { what: 'loss of skill on a slice, share', setting: 'quality.slice_max_drop', source: sources.deepchecks },
      { what: 'unjudged slices below this share of the rows do not count', value: negligibleShare, source: sources.ours },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: (manifest) =>
    canPredict(manifest) && manifest.columns.slices.length > 0 ? [{ request: onEvaluation }, ...byIdPlan(manifest)] : [],
  async run(world) {
    const { tables, hooks } = world;
    const setting = await settingOf(world);
    if (isVerdict(setting)) return setting;
    const { manifest, metric, evaluation } = setting;
    const columns = manifest.columns.slices;
    if (columns.length === 0) return lacks('which slices of the data matter', lines.slices);
    const absent = columns.filter((name) => !evaluation.columns.some((column) => column.name === name));
    if (absent.length > 0)
      return skipped(`data.eval has no column ${absent.join(', ')}, which columns.slices names`, {
        nextStep: `Name columns that it has: ${evaluation.columns
          .slice(0, 10)
          .map((column) => column.name)
          .join(', ')}.`,
        manifestLine: 'columns: { slices: [...] }',
      });
    const scored = await scoredOf(world, setting, evaluation, await hooks.predict(onEvaluation));
    if (isVerdict(scored)) return scored;
    const few = tooFew(scored);
    if (few) return few;

    const data = await sliceRows(tables, evaluation, scored, columns);
    const overall = once(metric.weighted(data.y, data.score), data.y.length);
    if (!Number.isFinite(overall))
      return skipped(`inconclusive: ${metric.name} is not defined on these rows`, {
        nextStep: 'Evaluate on rows of every class.',
      });
    const drop = manifest.quality.slice_max_drop;
    const floor = floorOf(metric, overall, drop);
    const slices = judgeSlices(metric, floor, data, seed);
    const judged = slices.filter((slice) => slice.verdict !== 'inconclusive');
    const worst = [...slices]
      .filter((slice) => slice.value !== null)
      .sort((a, b) => (metric.isGreaterBetter ? 1 : -1) * ((a.value ?? 0) - (b.value ?? 0)))[0];
    const bound = metric.isGreaterBetter ? 'floor' : 'ceiling';
    const evidence = {
      explanation: `${metric.name} is ${cell(overall)} on ${rowsWords(scored)}; no slice may be beyond the ${bound} of ${cell(floor)} (${100 * drop} % of the skill). ${slices.filter((slice) => slice.verdict === 'pass').length} of ${slices.length} slices surely keep it${worst ? `; the poorest is ${words(worst)} with ${cell(worst.value)}` : ''}.`,
      ...(worst?.value != null && { value: rounded(worst.value) }),
      threshold: rounded(floor),
      unit: metric.unit,
      n: data.y.length,
      ...(worst?.lower != null &&
        worst.upper != null && { interval: { lower: rounded(worst.lower), upper: rounded(worst.upper), level: 0.95 } }),
      items: slices.slice(0, 300).map((slice) => ({
        slice: words(slice),
        rows: slice.n,
        [metric.name]: cell(slice.value),
        at_least: cell(slice.lower),
        at_most: cell(slice.upper),
        p_holm: cell(slice.p),
        verdict: slice.verdict,
      })),
      inputs: inputsOf(evaluation),
      seed,
      nextStep:
        judged.length < slices.length
          ? 'Hold out more rows of the inconclusive slices.'
          : 'Name more slices that matter: columns.slices.',
    };
    const failed = slices.filter((slice) => slice.verdict === 'fail');
    if (failed.length > 0)
      return fail(
        failed.map((slice) => ({
          message: `${words(slice)}: ${metric.name} ${cell(slice.value)} (${cell(slice.lower)} to ${cell(slice.upper)}, ${slice.n} rows) is beyond the ${bound} of ${cell(floor)}`,
        })),
        evidence,
      );
    if (metric.name === 'auc' && overall <= 0.5)
      return fail([{ message: `the model has no skill at all (auc ${cell(overall)}), so no slice can have any` }], evidence);
    const open = slices.filter((slice) => slice.verdict === 'inconclusive' && slice.n >= negligibleShare * data.y.length);
    if (open.length > 0 || judged.length === 0)
      return skipped(
        `inconclusive: too few rows to tell for ${open
          .slice(0, 5)
          .map((slice) => `${words(slice)} (${slice.n} rows)`)
          .join(', ')}`,
        {
          nextStep:
            'Hold out more rows of these slices under data.eval, or raise quality.slice_max_drop if that much is acceptable.',
          evidence,
        },
      );
    return pass(evidence);
  },
});
