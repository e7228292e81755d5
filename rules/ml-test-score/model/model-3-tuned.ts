import { defineCheck, type Evidence, judge, skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import type { World } from '../../../src/kernel/world.ts';
import { asks, labelled, lines, sources } from '../lib/asks.ts';
import { byIdPlan } from '../lib/by-id.ts';
import { cell, inputsOf, isVerdict, lacks, rounded, rubric, tableOr } from '../lib/manifest.ts';
import { scoredOf, tooFew } from '../lib/scored.ts';
import { judgeSearch, searchRequests, standardErrorOf } from '../lib/search.ts';
import { historyOf, judgeHistory } from '../lib/search-history.ts';
import { mostCandidates, searchOf } from '../lib/search-space.ts';
import { canPredict, onEvaluation, type Setting, settingOf, trainOr } from '../lib/setting.ts';

type Ports = Pick<World, 'manifest' | 'tables' | 'hooks' | 'mlflow'>;

const hasHistory = ({ mlflow }: ResolvedManifest): boolean => mlflow.experiment !== undefined;
const takesParams = ({ hooks }: ResolvedManifest): boolean => hooks.train?.includes('{params}') === true;
const canSearch = (manifest: ResolvedManifest): boolean =>
  takesParams(manifest) && Object.keys(manifest.hooks.params).length > 0 && manifest.policy.search_space !== undefined;

/** One search through the hooks: each hyperparameter changed by itself, judged on rows of the training table. */
async function searched(world: Ports, setting: Setting): Promise<Verdict> {
  const { manifest } = setting;
  const untrained = trainOr(world.hooks);
  if (untrained) return untrained;
  const { params, train: command = '' } = manifest.hooks;
  if (!takesParams(manifest))
    return skipped('training takes no hyperparameters: its command has no {params}', {
      nextStep:
        'Let training read its hyperparameters from the JSON file that arrives as {params}, or log a search in MLflow and name mlflow.experiment.',
      manifestLine: `hooks: { train: ${JSON.stringify(`${command} --params {params}`)} }`,
    });
  if (Object.keys(params).length === 0) return lacks('which hyperparameters were chosen', lines.params);
  const space = manifest.policy.search_space;
  if (space === undefined)
    return lacks(
      'which values of the hyperparameters are worth trying',
      `policy: { search_space: { ${Object.keys(params)[0]}: { low: ..., high: ... } } }`,
    );
  const train = await tableOr(world.tables, 'train');
  if (isVerdict(train)) return train;
  const search = searchOf(params, space);
  if (search.names.length === 0)
    return skipped(`every hyperparameter is fixed (${search.fixed.map(({ name }) => name).join(', ')}), so none was tuned`, {
      nextStep: 'Give a range to one that a better value may be looked for.',
      manifestLine: `policy: { search_space: { ${search.fixed[0]?.name}: { low: ..., high: ... } } }`,
    });
  if (search.names.length > mostCandidates)
    return skipped(`${search.names.length} hyperparameters are more than the ${mostCandidates} that are tried one by one`, {
      nextStep: 'Log a search in MLflow and name mlflow.experiment.',
      manifestLine: 'mlflow: { experiment: ... }',
    });
  const judged = await judgeSearch(world, setting, search);
  return isVerdict(judged) ? judged : judge(judged.findings, { ...judged.evidence, inputs: inputsOf(train) });
}

/** The search that MLflow recorded; the standard error is that of the metric on our evaluation rows. */
async function recorded(world: Ports, setting: Setting): Promise<Verdict> {
  const { manifest, metric, evaluation } = setting;
  const history = await historyOf(manifest, world.mlflow, metric);
  if (isVerdict(history)) return history;
  const scored = await scoredOf(world, setting, evaluation, await world.hooks.predict(onEvaluation));
  if (isVerdict(scored)) return scored;
  const few = tooFew(scored);
  if (few) return few;
  const error = await standardErrorOf(world.tables, metric, scored);
  if (error === null)
    return skipped(`inconclusive: ${metric.name} is not defined on the evaluation rows`, {
      nextStep: 'Evaluate on rows of every class.',
    });
  const { findings, items, names, gap } = judgeHistory(history, manifest, metric, error);
  if (names.length === 0) return lacks('which hyperparameters the model has', lines.params);
  const evidence: Evidence = {
    explanation: `${history.runs.length} finished runs of ${manifest.mlflow.experiment} log ${history.metricName}; ${gap === null ? 'none has the chosen values' : `the best is ${cell(Math.max(0, gap))} better than the chosen values, where one standard error is ${cell(error)}`}.`,
    ...(gap !== null && { value: rounded(Math.max(0, gap)) }),
    threshold: rounded(error),
    unit: metric.unit,
    n: history.runs.length,
    items,
    inputs: inputsOf(evaluation),
    seed: 1,
    nextStep: 'Search again when features or data change.',
  };
  return judge(findings, evidence);
}

export default defineCheck({
  title: 'All hyperparameters have been tuned',
  why: 'A value that nobody varied may cost more quality than any new feature brings.',
  fix: 'Search around the chosen values until none lies on the edge of what was tried, and keep the best or what is as good.',
  about: {
    does: 'Reads the search that MLflow recorded, or trains with each hyperparameter changed by itself, and looks whether the chosen values are as good as the best and not on the edge.',
    asks: asks(...labelled, 'params', 'searchSpace', 'experiment?'),
    thresholds: [
      { what: 'distance to the best, in standard errors', value: 1, source: sources.oneError },
      { what: 'trainings of one search', value: mostCandidates, source: sources.ours },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks', 'mlflow'],
  plan: (manifest) => {
    if (!canPredict(manifest) || manifest.columns.label === undefined) return [];
    const sometimes = 'when the runs in MLflow cannot tell';
    const search = canSearch(manifest)
      ? searchRequests(manifest, searchOf(manifest.hooks.params, manifest.policy.search_space ?? {}))
      : [];
    return hasHistory(manifest)
      ? [{ request: onEvaluation }, ...byIdPlan(manifest), ...search.map((request) => ({ request, sometimes }))]
      : search.map((request) => ({ request }));
  },
  async run(world) {
    const setting = await settingOf(world);
    if (isVerdict(setting)) return setting;
    if (!hasHistory(setting.manifest)) return searched(world, setting);
    const verdict = await recorded(world, setting);
    return verdict.outcome === 'skipped' && canSearch(setting.manifest) ? searched(world, setting) : verdict;
  },
});
