import { defineCheck, type Finding, judge, skipped } from '../../../src/kernel/check.ts';
import type { PredictRequest, TraceStage } from '../../../src/kernel/hooks.ts';
import { asks, labelled, sources } from '../lib/asks.ts';
import { faultWords, isHookFault } from '../lib/hook-faults.ts';
import { absentFeatures, cell, featuresOf, inputsOf, isVerdict, rubric } from '../lib/manifest.ts';
import { explain, occlusionRequest } from '../lib/occlusion.ts';
import { canPredict, model, onEvaluation, settingOf } from '../lib/setting.ts';
import { answerWords, isFar, type Pair, pairOf, tolerance, traceFault } from '../lib/single-row.ts';

/** Rows that are predicted alone: each is one call. */
const seeds = [1, 2, 3] as const;
const alone = (seed: number): PredictRequest => ({
  hook: 'predict',
  model,
  input: { derive: 'sample', from: { table: 'eval' }, rows: 1, seed },
  trace: true,
});

export default defineCheck({
  title: 'The model allows debugging by observing the step-by-step computation of training or inference on a single example',
  why: 'When one answer is wrong, somebody must be able to take that one row, get that very answer again, and see where it comes from.',
  fix: 'Let nothing in predict depend on the other rows (no batch statistics, no ranks), and write the steps to FLIGHTCHECK_TRACE_DIR.',
  about: {
    does: 'Predicts single rows alone and in a batch, reads the stages that predict writes, and says what each feature adds to one answer.',
    asks: asks(...labelled),
    thresholds: [{ what: 'largest difference of one answer, alone and in a batch', value: tolerance, source: sources.ours }],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: (manifest) => {
    const { features, label } = manifest.columns;
    if (!canPredict(manifest) || label === undefined) return [];
    const occluded = features === 'auto' || features.length === 0 ? [] : [occlusionRequest(features)];
    return [onEvaluation, ...seeds.map(alone), ...occluded].map((request) => ({ request }));
  },
  async run(world) {
    const { tables, hooks } = world;
    const setting = await settingOf(world);
    if (isVerdict(setting)) return setting;
    const { manifest, evaluation } = setting;
    const { id } = manifest.columns;
    const features = featuresOf(manifest, evaluation);
    const absent = absentFeatures(manifest, evaluation);
    if (absent) return absent;
    const batch = await hooks.predict(onEvaluation);
    if (batch.refused === batch.rows)
      return skipped('inconclusive: the model refused every row', { nextStep: 'Let predict answer the evaluation rows.' });
    // Asked now, so that it need not wait for the rows that come alone.
    const input = features.length > 0 ? await tables.open(occlusionRequest(features).input) : null;
    const occluded = input && hooks.predict(occlusionRequest(features));
    occluded?.catch(() => undefined);
    const findings: Finding[] = [];
    const pairs: Pair[] = [];
    let stages: readonly TraceStage[] = [];
    for (const seed of seeds) {
      try {
        const single = await hooks.predict(alone(seed));
        const pair = await pairOf(tables, single, batch);
        if (pair) pairs.push(pair);
        const { trace = [] } = single;
        if (trace.length > stages.length) stages = trace;
        const fault = await traceFault(tables, trace, single, id);
        if (fault !== null && !findings.some(({ message }) => message.startsWith('the trace')))
          findings.push({
            message: `the trace of row ${pair?.id} does not explain its output: ${fault}`,
            fix: 'Write the output itself as the last stage, with the id of each row.',
          });
      } catch (error) {
        if (!isHookFault(error)) throw error;
        findings.push({ message: `one row alone breaks predict: ${faultWords(error)}`, fix: error.hint });
        break;
      }
    }
    const far = pairs.filter(({ delta }) => isFar(delta));
    if (far[0])
      findings.push({
        message: `${far.length} of ${pairs.length} rows are answered otherwise when they come alone: row ${far[0].id} gets ${answerWords(far[0].alone)} alone and ${answerWords(far[0].batch)} in a batch of ${batch.rows}`,
      });
    const why = input && occluded ? await explain(tables, evaluation, input, id, await occluded, features) : null;
    if (why && why.untypical > 0 && why.moved === 0)
      findings.push({
        message: `no feature moves any answer: in ${why.untypical} rows each was replaced by its typical value, and nothing changed`,
        fix: 'Let the model use its features, or list under columns.features those that it uses.',
      });
    const largest = Math.max(0, ...pairs.map(({ delta }) => delta ?? Number.POSITIVE_INFINITY));
    const answered =
      pairs.length === 0
        ? 'No row was answered alone.'
        : `${pairs.length} rows were predicted alone and differ from the same rows in a batch of ${batch.rows.toLocaleString('en')} by at most ${cell(largest)}.`;
    const evidence = {
      explanation: `${answered} ${stages.length > 0 ? `The trace has ${stages.length} stages, ${stages.map(({ file }) => file).join(', ')}` : 'Predict writes no trace'}.${why ? ` Row ${why.id} is answered ${answerWords(why.answer)}; the table says what each feature adds to that, against its typical value.` : ''}`,
      ...(pairs.length > 0 && Number.isFinite(largest) && { value: largest }),
      threshold: tolerance,
      unit: batch.column === 'score' ? 'score' : 'label changed',
      n: pairs.length,
      items: (why?.contributions ?? []).map((one) => ({ ...one, contribution: cell(one.contribution) })),
      inputs: inputsOf(evaluation),
      seed: 1,
      nextStep:
        stages.length > 0
          ? 'Keep a stage for every step that can go wrong.'
          : 'Let predict write its steps as 01_features.csv, 02_....csv into the folder FLIGHTCHECK_TRACE_DIR when it is set, the output last.',
    };
    return judge(findings, evidence);
  },
});
