import { defineCheck, type Evidence, type Finding, fail, judge, skipped } from '../../../src/kernel/check.ts';
import type { FlightcheckError } from '../../../src/kernel/failure.ts';
import type { Predictions, TrainingLoss } from '../../../src/kernel/hooks.ts';
import type { Table, Tables } from '../../../src/kernel/world.ts';
import { faultWords, isHookFault } from '../lib/hook-faults.ts';
import { cell, featuresOf, inputsOf, isVerdict, rubric } from '../lib/manifest.ts';
import {
  culprits,
  faultsOf,
  isolatingRequests,
  mostFeatures,
  oddCounts,
  oddFindings,
  oddItems,
  oddRequest,
} from '../lib/odd-rows.ts';
import { canPredict, model, onEvaluation, type ScoredTask, settingOf } from '../lib/setting.ts';

/** The first loss that is no number, if any. */
function lossFindings(losses: readonly TrainingLoss[]): readonly Finding[] {
  const broken = losses.filter(({ loss }) => !Number.isFinite(loss));
  return broken[0]
    ? [
        {
          message: `the training loss is ${broken[0].loss} at step ${broken[0].step}, and not finite in ${broken.length} of ${losses.length} steps`,
          fix: 'Lower the learning rate, clip gradients, or look for a division by 0 or a log of 0.',
        },
      ]
    : [];
}

/** Answers to ordinary rows that are no numbers, or no probabilities. */
async function outputFindings(
  tables: Tables,
  predictions: Predictions,
  task: ScoredTask,
  what: string,
): Promise<readonly Finding[]> {
  const { isNotFinite, isNoShare } = await faultsOf(tables, predictions, task);
  const [row] = await tables.query<{ notFinite: number; noShare: number }>(
    `SELECT count(*) FILTER (${isNotFinite}) AS "notFinite", count(*) FILTER (${isNoShare}) AS "noShare" FROM ${predictions.table} p`,
  );
  const { notFinite = 0, noShare = 0 } = row ?? {};
  return [
    ...(notFinite > 0 ? [{ message: `${notFinite} of ${predictions.rows} predictions of ${what} are NaN or infinite` }] : []),
    ...(noShare > 0
      ? [{ message: `${noShare} of ${predictions.rows} predictions of ${what} are no probabilities: they lie outside 0 to 1` }]
      : []),
  ];
}

/** What was logged when the model served. */
async function servedFindings(tables: Tables, serving: Table | null): Promise<readonly Finding[]> {
  if (!serving?.columns.some((column) => column.name === 'score')) return [];
  const [row] = await tables.query<{ n: number }>(
    `SELECT count(*) FILTER (NOT isfinite(TRY_CAST(CAST(score AS VARCHAR) AS DOUBLE))) AS n FROM ${serving.name}`,
  );
  return row && row.n > 0
    ? [{ message: `${row.n} of ${serving.rows} scores logged under data.serving are NaN or infinite` }]
    : [];
}

export default defineCheck({
  title: 'The model is numerically stable',
  why: 'A NaN spreads without a sound: through weights, averages and dashboards, until somebody asks why nobody was paid.',
  fix: 'Find the first step or row that is not finite, and clip, impute or refuse what causes it.',
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: (manifest) => {
    const { features, label } = manifest.columns;
    if (!canPredict(manifest) || label === undefined) return [];
    const own = features === 'auto' ? [] : features;
    const sometimes = 'when a batch of rows with odd cells breaks predict';
    return [
      { request: model },
      { request: onEvaluation },
      ...(own.length > 0
        ? [{ request: oddRequest(own) }, ...isolatingRequests(own).map((request) => ({ request, sometimes }))]
        : []),
    ];
  },
  async run(world) {
    const { tables, hooks } = world;
    const setting = await settingOf(world);
    if (isVerdict(setting)) return setting;
    const { manifest, task, evaluation } = setting;
    const features = featuresOf(manifest, evaluation);
    const absent = features.filter((name) => !evaluation.columns.some((column) => column.name === name));
    if (absent.length > 0)
      return skipped(`data.eval has no column ${absent.slice(0, 5).join(', ')}, which columns.features names`, {
        nextStep: 'Name columns that it has.',
        manifestLine: 'columns: { features: [...] }',
      });
    const { losses = [] } = await hooks.train(model);
    const plain = await hooks.predict(onEvaluation);
    const serving = await tables.open({ table: 'serving' });
    const findings = [
      ...lossFindings(losses),
      ...(await outputFindings(tables, plain, task, 'data.eval')),
      ...(await servedFindings(tables, serving)),
    ];
    const evidence = (more: Partial<Evidence>, odd: string): Evidence => ({
      explanation: `${losses.length > 0 ? `${losses.length} training losses, the last ${cell(losses.at(-1)?.loss ?? null)}` : 'Training logs no loss'}; ${plain.rows.toLocaleString('en')} evaluation rows${serving ? `, ${serving.rows.toLocaleString('en')} logged requests` : ''}; ${odd}.`,
      threshold: 0,
      unit: 'faults',
      n: plain.rows,
      inputs: inputsOf(evaluation, ...(serving ? [serving] : [])),
      seed: 1,
      nextStep:
        losses.length > 0
          ? 'Watch the losses of every training.'
          : 'Let training write metrics.jsonl beside the model, a line {"step": 1, "loss": 0.7} for each step.',
      ...more,
    });
    if (features.length === 0)
      return judge(findings, evidence({ value: findings.length }, 'there are no tabular features to alter'));
    const request = oddRequest(features);
    const batch = await hooks.predict(request).catch((error: unknown) => {
      if (!isHookFault(error)) throw error;
      return error as FlightcheckError;
    });
    if (!('table' in batch)) {
      const found = await culprits(world, features);
      const broken =
        found.length > 0
          ? found
          : [{ message: `a batch of rows with odd cells breaks predict: ${faultWords(batch)}`, fix: batch.hint }];
      return fail(
        [...findings, ...broken],
        evidence({ value: findings.length + broken.length }, 'rows with odd cells break predict'),
      );
    }
    const input = await tables.open(request.input);
    const counts = input ? await oddCounts(tables, input, manifest.columns.id, batch, task) : [];
    if (plain.refused === plain.rows)
      return skipped('inconclusive: the model refused every evaluation row', {
        nextStep: 'Let predict answer the evaluation rows.',
      });
    const odd = oddFindings(counts);
    const all = [...findings, ...odd];
    return judge(
      all,
      evidence(
        { value: all.length, items: oddItems(counts) },
        `${batch.rows.toLocaleString('en')} rows with one odd cell each in ${Math.min(features.length, mostFeatures)} features, of which ${batch.refused} were refused`,
      ),
    );
  },
});
