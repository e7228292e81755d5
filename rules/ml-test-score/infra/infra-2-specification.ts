import { defineCheck, fail, pass, skipped } from '../../../src/kernel/check.ts';
import { asks, labelled, sources } from '../lib/asks.ts';
import { batches, byHeart } from '../lib/by-heart.ts';
import { inputsOf, isVerdict, rounded, rubric, tableOr } from '../lib/manifest.ts';
import { canTrain, onEvaluation, onEvaluationAgain, settingOf, trainOr } from '../lib/setting.ts';
import {
  afterKill,
  learnsByHeart,
  leastShare,
  lossFalls,
  onLeftover,
  onRandom,
  onRandomOfAll,
  onTheirs,
  randomInput,
  survivesKill,
  unitTested,
} from '../lib/spec-parts.ts';

export default defineCheck({
  title: 'Model specification code is unit tested',
  why: 'A fault between rows, labels, loss and saved model shows as a slightly poorer model, which nobody suspects.',
  fix: 'Write the model to a temporary file and rename it when it is whole; test the training on a few rows; mark these tests infra-2.',
  about: {
    does: 'Trains on random rows that fit the schema, of which another model must come than of the training rows, on a tiny batch and on rows where the loss must fall, kills a training half-way, and takes the unit tests marked infra-2.',
    asks: asks(...labelled, 'tests'),
    thresholds: [
      { what: 'way from knowing nothing to knowing all on a tiny batch, share', value: leastShare, source: sources.ours },
    ],
    languages: {
      python: 'Mark with @pytest.mark.ml_test("infra-2"); write the model with os.replace.',
      r: 'Begin the name of test_that with [infra-2]; write the model with file.rename.',
    },
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks', 'unitTests'],
  plan(manifest) {
    if (!canTrain(manifest) || manifest.columns.label === undefined) return [];
    const [small, large] = batches;
    return [
      ...[onEvaluation, onRandom, onRandomOfAll, byHeart(manifest, small), afterKill].map((request) => ({ request })),
      ...onTheirs.map((request) => ({ request, sometimes: 'when both models answer random rows alike' })),
      { request: byHeart(manifest, large), sometimes: `when ${small} rows are not learnt by heart` },
      { request: onLeftover, sometimes: 'when the killed training left something' },
      { request: onEvaluationAgain, sometimes: 'when the killed training makes another model' },
    ];
  },
  async run(world) {
    const setting = await settingOf(world);
    if (isVerdict(setting)) return setting;
    const untrained = trainOr(world.hooks);
    if (untrained) return untrained;
    const train = await tableOr(world.tables, 'train');
    if (isVerdict(train)) return train;
    const parts = await Promise.all([
      randomInput(world),
      lossFalls(world),
      learnsByHeart(world, setting),
      survivesKill(world),
      unitTested(world.unitTests),
    ]);
    const holds = parts.filter(({ outcome }) => outcome === 'holds').length;
    const share = parts.find(({ value }) => value !== undefined)?.value;
    const unknown = parts.flatMap((part) => (part.outcome === 'unknown' ? [part] : []));
    const evidence = {
      explanation: `${holds} of ${parts.length} hold: ${parts.map(({ part, outcome }) => `${part} ${outcome === 'holds' ? 'yes' : outcome === 'fails' ? 'no' : 'not known'}`).join(', ')}.`,
      ...(share !== undefined && { value: rounded(share) }),
      threshold: leastShare,
      unit: '1',
      items: parts.map(({ part, outcome, words }) => ({ part, outcome, found: words })),
      inputs: inputsOf(train, setting.evaluation),
      seed: 1,
      nextStep: unknown[0]?.nextStep ?? 'Add a unit test for each fault that is met.',
    };
    const findings = parts.flatMap((part) => (part.outcome === 'fails' ? part.findings : []));
    if (findings.length > 0) return fail(findings, evidence);
    const [first] = unknown;
    if (first) return skipped(`${first.part}: ${first.words}`, { nextStep: first.nextStep, evidence });
    return pass(evidence);
  },
});
