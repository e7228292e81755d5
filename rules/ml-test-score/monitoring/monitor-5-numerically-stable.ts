import { defineCheck, type Evidence, fail, judge, skipped } from '../../../src/kernel/check.ts';
import type { FlightcheckError } from '../../../src/kernel/failure.ts';
import { asks, labelled, sources } from '../lib/asks.ts';
import { faultWords, isHookFault } from '../lib/hook-faults.ts';
import { absentFeatures, cell, featuresOf, inputsOf, isVerdict, rubric } from '../lib/manifest.ts';
import { culprits, isolatingRequests, mostFeatures, oddCounts, oddFindings, oddItems, oddRequest } from '../lib/odd-rows.ts';
import { canPredict, canTrain, model, onEvaluation, settingOf } from '../lib/setting.ts';
import { lossFindings, outputFindings, servedFindings } from '../lib/stability.ts';

export default defineCheck({
  title: 'The model is numerically stable',
  why: 'A NaN spreads without a sound: through weights, averages and dashboards, until somebody asks why nobody was paid.',
  fix: 'Find the first step or row that is not finite, and clip, impute or refuse what causes it.',
  about: {
    does: 'Looks for NaN and infinite numbers in training losses, answers and logged scores, and predicts rows into which it puts extreme, missing and unseen values.',
    asks: asks(...labelled, 'serving?'),
    thresholds: [{ what: 'numbers that are not finite', value: 0, source: sources.paper }],
    languages: {
      python: 'metrics.jsonl beside the model, a line {"step": 1, "loss": 0.7} for each step.',
      r: 'metrics.jsonl beside the model, for example with jsonlite::stream_out or cat().',
    },
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: (manifest) => {
    const { features, label } = manifest.columns;
    if (!canPredict(manifest) || label === undefined) return [];
    const own = features === 'auto' ? [] : features;
    const sometimes = 'when a batch of rows with odd cells breaks predict';
    return [
      ...(canTrain(manifest) ? [{ request: model }] : []),
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
    const absent = absentFeatures(manifest, evaluation);
    if (absent) return absent;
    const { losses = [] } = hooks.has('train') ? await hooks.train(model) : {};
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
