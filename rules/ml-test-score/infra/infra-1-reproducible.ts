import { defineCheck, judge, skipped } from '../../../src/kernel/check.ts';
import type { PredictRequest } from '../../../src/kernel/hooks.ts';
import type { World } from '../../../src/kernel/world.ts';
import { asks, sources, trained } from '../lib/asks.ts';
import { bothTablesOr } from '../lib/both-tables.ts';
import { difference, tolerance } from '../lib/difference.ts';
import { faultWords, isHookFault } from '../lib/hook-faults.ts';
import { cell, inputsOf, isVerdict, rubric } from '../lib/manifest.ts';
import { canTrain, model, onEvaluation, onEvaluationAgain } from '../lib/setting.ts';
import { isOneModel, onRandom, onRandomOfAll, onTheirs } from '../lib/spec-parts.ts';

const otherSeed: PredictRequest = { ...onEvaluation, model: { ...model, seed: 2 } };

/** Why two models that agree show nothing where no seed moves an answer: none may depend on the training; null: they do. */
async function aloofness(ports: Pick<World, 'tables' | 'hooks'>): Promise<string | null> {
  try {
    const isAloof = await isOneModel(ports, await ports.hooks.predict(onRandom));
    return isAloof ? 'the model of random rows answers alike, so no answer depends on the training' : null;
  } catch (error) {
    if (!isHookFault(error)) throw error;
    return `whether an answer depends on the training cannot be told: on random rows of the schema ${faultWords(error)}`;
  }
}

export default defineCheck({
  title: 'Training is reproducible',
  why: 'When training twice gives two models, no change can be told from chance, and no fault can be looked for.',
  fix: 'Seed every random generator from {seed}, fix the order of rows and files, and use one thread where sums depend on their order.',
  about: {
    does: 'Trains twice with one seed and compares the predictions; a third training with another seed shows the spread, and where there is none, one of random rows that answers depend on the training at all.',
    asks: asks(...trained),
    thresholds: [{ what: 'largest difference of two predictions', value: tolerance, source: sources.ours }],
    languages: {
      python: 'Seed random, numpy and the framework from {seed}; PYTHONHASHSEED is set by hooks.env.',
      r: 'Call set.seed() with {seed} before anything draws; RNGkind() differs between versions of R.',
    },
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: (manifest) =>
    canTrain(manifest)
      ? [
          ...[onEvaluation, onEvaluationAgain, otherSeed].map((request) => ({ request })),
          // Rows that several columns identify cannot be made up.
          ...(manifest.columns.key === undefined ? [onRandom, onRandomOfAll, ...onTheirs] : []).map((request) => {
            return { request, sometimes: 'when no seed moves an answer' };
          }),
        ]
      : [],
  async run({ tables, hooks, ...world }) {
    const both = await bothTablesOr({ ...world, tables, hooks }, 'a table without rows cannot show a difference');
    if (isVerdict(both)) return both;
    const { manifest, train, evaluation } = both;
    const [first, second, other] = await Promise.all([
      hooks.predict(onEvaluation),
      hooks.predict(onEvaluationAgain),
      hooks.predict(otherSeed),
    ]);
    const same = await difference(tables, first, second);
    const spread = await difference(tables, first, other);
    const [a, b, c] = [first, second, other].map((predictions) => predictions.notFinite);
    const evidence = {
      explanation: `Trained twice with seed 1: ${same.differing === 0 ? 'all' : same.rows - same.differing} of ${same.rows} predictions agree within ${tolerance}. Another seed moves them by ${cell(spread.mean) ?? 0} on average.`,
      ...(same.largest !== null && { value: same.largest }),
      threshold: tolerance,
      unit: first.column === 'score' ? 'score' : 'label changed',
      n: same.rows,
      items: [
        {
          pair: 'same seed twice',
          largest: cell(same.largest),
          mean: cell(same.mean),
          rows_that_differ: same.differing,
          not_finite: (a ?? 0) + (b ?? 0),
        },
        {
          pair: 'seed 1 and seed 2',
          largest: cell(spread.largest),
          mean: cell(spread.mean),
          rows_that_differ: spread.differing,
          not_finite: (a ?? 0) + (c ?? 0),
        },
      ],
      inputs: inputsOf(train, evaluation),
      seed: 1,
      nextStep:
        spread.differing > 0.5 * spread.rows && first.column === 'prediction'
          ? 'Another seed changes most answers: an ensemble would steady them.'
          : 'Keep the seed an argument of training.',
    };
    if (first.refused === first.rows && second.refused === second.rows)
      return skipped('inconclusive: the model refused every row', {
        nextStep: 'Let predict answer the evaluation rows.',
        evidence,
      });
    const findings = [
      ...(same.differing > 0
        ? [
            {
              message: `${same.differing} of ${same.rows} predictions differ between two trainings with the same seed, ${(same.largest ?? 0) > tolerance ? `by up to ${cell(same.largest)}` : 'some of them NaN, infinite or refused once'} (ids ${(same.examples ?? []).join(', ')})`,
            },
          ]
        : []),
      // NaN both times is no agreement: nobody knows what was computed.
      ...((a ?? 0) + (b ?? 0) > 0
        ? [{ message: `${(a ?? 0) + (b ?? 0)} predictions of the two models are NaN or infinite, ${same.bothNaN} rows in both` }]
        : []),
    ];
    const isAsked = findings.length === 0 && spread.differing === 0 && manifest.columns.key === undefined;
    const aloof = isAsked ? await aloofness({ tables, hooks }) : null;
    return aloof === null
      ? judge(findings, evidence)
      : skipped(`inconclusive: ${aloof}`, {
          nextStep: 'Let training learn from {data}, and predict answer with {model}.',
          evidence,
        });
  },
});
