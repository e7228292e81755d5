/** What infra-2 asks of a training, one part each: it holds, it fails, or it cannot be told. */
import type { Finding } from '../../../src/kernel/check.ts';
import { FlightcheckError } from '../../../src/kernel/failure.ts';
import type { Predictions, PredictRequest, TrainRequest } from '../../../src/kernel/hooks.ts';
import type { UnitTests, World } from '../../../src/kernel/world.ts';
import { batches, byHeart, learnt } from './by-heart.ts';
import { difference } from './difference.ts';
import { cell, isVerdict } from './manifest.ts';
import { brokenFindings, markedTests, noEvidence, passedWords } from './marked-tests.ts';
import { model, onEvaluation, onEvaluationAgain, type Setting } from './setting.ts';

export type Part = { readonly part: string; readonly words: string; readonly value?: number } & (
  | { readonly outcome: 'holds' }
  | { readonly outcome: 'fails'; readonly findings: readonly Finding[] }
  | { readonly outcome: 'unknown'; readonly nextStep: string }
);

type Ports = Pick<World, 'tables' | 'hooks'>;

/** Least share of the way from knowing nothing to knowing all. */
export const leastShare = 0.5;

const randomRows = 300;
const random = (seed: number) => ({ derive: 'random', from: { table: 'train' }, rows: randomRows, seed }) as const;
export const onRandom: PredictRequest = { hook: 'predict', model: { ...model, data: random(1) }, input: random(2) };
/** The same rows asked of the model of all rows; and the random rows that were trained on, asked of both. */
export const onRandomOfAll: PredictRequest = { ...onRandom, model };
export const onTheirs = [onRandom, onRandomOfAll].map((request): PredictRequest => ({ ...request, input: random(1) }));

const interrupted: TrainRequest = { ...model, interrupted: true };
export const afterKill: PredictRequest = { ...onEvaluation, model: interrupted };
export const onLeftover: PredictRequest = { ...afterKill, leftover: true };

/** What a hook's failure says, when it is the hook's own; anything else is thrown on. */
function ownFault(error: unknown): string {
  const isOwn =
    error instanceof FlightcheckError && /^(HOOK_(FAILED|WROTE_NOTHING|OUTPUT_UNREADABLE)|PREDICTIONS_INVALID)$/.test(error.code);
  if (!isOwn) throw error;
  return error.message;
}

const failing = (part: string, words: string, message = words): Part => ({
  part,
  outcome: 'fails',
  words,
  findings: [{ message }],
});

/** True when the model of random rows, whose answers are `own`, and that of data.train answer random rows alike, those too that one of them was trained on. */
export async function isOneModel({ tables, hooks }: Ports, own: Predictions): Promise<boolean> {
  if (own.refused === own.rows) return false;
  const isSame = async (a: Predictions, b: Predictions) => (await difference(tables, a, b)).differing === 0;
  if (!(await isSame(await hooks.predict(onRandomOfAll), own))) return false;
  const [theirs, ofAll] = await Promise.all(onTheirs.map((request) => hooks.predict(request)));
  return theirs !== undefined && ofAll !== undefined && isSame(theirs, ofAll);
}

/**
 * Random rows that obey the schema: whatever a training makes of them, it must not crash, nor answer NaN, and it must not be
 * the model that it makes of other rows: that one was learnt elsewhere, and all that follows would hold for nothing.
 */
export async function randomInput(ports: Ports): Promise<Part> {
  const part = 'random rows';
  try {
    const answers = await ports.hooks.predict(onRandom);
    const { notFinite, rows } = answers;
    if (notFinite > 0)
      return failing(part, `trained on ${randomRows} random rows, the model answers ${notFinite} of ${rows} rows with NaN`);
    if (await isOneModel(ports, answers))
      return failing(
        part,
        `trained on ${randomRows} random rows, the model answers as that of data.train does: training does not learn from {data}`,
      );
    return { part, outcome: 'holds', words: `trains on ${randomRows} random rows and answers ${rows} others` };
  } catch (error) {
    return failing(
      part,
      `training or predicting on ${randomRows} random rows of the schema ends badly`,
      `on ${randomRows} random rows that obey the schema: ${ownFault(error)}`,
    );
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export async function lossFalls({ hooks }: Ports): Promise<Part> {
  const part = 'loss falls';
  const { losses } = await hooks.train(model);
  if (!losses || losses.length < 2)
    return {
      part,
      outcome: 'unknown',
      words: `training tells ${losses?.length ? 'one loss only' : 'no loss'}`,
      nextStep: 'Let training write metrics.jsonl beside the model, one line {"step": 1, "loss": 0.5} for each step.',
    };
  const values = losses.map(({ loss }) => loss);
  const broken = losses.find(({ loss }) => !Number.isFinite(loss));
  if (broken) return failing(part, `the loss is ${broken.loss} at step ${broken.step}`);
  const quarter = Math.max(1, Math.floor(values.length / 4));
  const [first, last] = [mean(values.slice(0, quarter)), mean(values.slice(-quarter))];
  const words = `the loss goes from ${cell(first)} to ${cell(last)} in ${values.length} steps`;
  return last < first ? { part, outcome: 'holds', words } : failing(part, words, `${words}: it does not fall`);
}

export async function learnsByHeart(ports: Ports, setting: Setting): Promise<Part> {
  const part = 'learns a batch by heart';
  let words = '';
  let value: number | undefined;
  for (const rows of batches) {
    try {
      const result = await learnt(ports, setting, byHeart(setting.manifest, rows));
      if (result === null || isVerdict(result)) {
        if (result?.outcome === 'fail') return failing(part, `trained on ${rows} rows: ${result.findings[0]?.message}`);
        const why = result?.outcome === 'skipped' ? result.reason : 'the rows cannot be scored';
        return {
          part,
          outcome: 'unknown',
          words: `${rows} rows: ${why}`,
          nextStep: 'Give data.train labelled rows of every class.',
        };
      }
      const { metric, baseline, share } = result;
      words = `trained on ${rows} rows, it scores ${metric} ${cell(result.value)} on these very rows (knowing nothing: ${cell(baseline)})`;
      value = share;
      if (share >= leastShare) return { part, outcome: 'holds', words, value };
    } catch (error) {
      words = `trained on ${rows} rows: ${ownFault(error)}`;
    }
  }
  return { ...failing(part, words, `${words}: it cannot learn even a few rows by heart`), ...(value !== undefined && { value }) };
}

/** What two trainings that nobody interrupted differ by: then it is not the kill that makes another model. */
async function ofTheSeed({ tables, hooks }: Ports, whole: Predictions): Promise<string | null> {
  const { differing } = await difference(tables, whole, await hooks.predict(onEvaluationAgain));
  return differing === 0
    ? null
    : `so do two trainings with one seed that nobody interrupts (${differing} of ${whole.rows} predictions differ): it is the seed, see infra-1, and what a kill does cannot be told`;
}

/** A training that is killed must not leave half a model that passes for a whole one, nor be in the way of the next. */
export async function survivesKill(ports: Ports): Promise<Part> {
  const { tables, hooks } = ports;
  const part = 'killed and started again';
  const whole = await hooks.predict(onEvaluation);
  try {
    const { interruption } = await hooks.train(interrupted);
    if (!interruption || interruption.killedAfter === null)
      return {
        part,
        outcome: 'unknown',
        words: 'training is over before it can be killed',
        nextStep: 'Name more training rows.',
      };
    const after = `killed after ${interruption.killedAfter.toFixed(1)} s`;
    if (interruption.hasLeftover) {
      const half = await hooks.predict(onLeftover).catch((error: unknown) => void ownFault(error));
      const differing = half ? (await difference(tables, whole, half)).differing : 0;
      const chance = differing > 0 ? await ofTheSeed(ports, whole) : null;
      if (differing > 0 && chance === null)
        return failing(
          part,
          `${after}, it leaves half a model that predict accepts: ${differing} of ${whole.rows} answers are others`,
        );
    }
    const { differing } = await difference(tables, whole, await hooks.predict(afterKill));
    if (differing === 0) return { part, outcome: 'holds', words: `${after} and started again, it makes the same model` };
    const words = `${after} and started again, it makes another model`;
    const chance = await ofTheSeed(ports, whole);
    return chance === null
      ? failing(
          part,
          `${words}: ${differing} of ${whole.rows} predictions differ, and none between two trainings that nobody interrupts`,
        )
      : failing(part, `${words}, and ${chance}`);
  } catch (error) {
    return failing(
      part,
      'a training that was killed cannot be started again',
      `started again after it was killed: ${ownFault(error)}`,
    );
  }
}

export async function unitTested(unitTests: UnitTests): Promise<Part> {
  const part = 'marked unit tests';
  const tests = await markedTests(unitTests, 'infra-2', "the model's specification");
  if (isVerdict(tests)) {
    const { reason, nextStep = '' } = tests as { reason: string; nextStep?: string };
    return { part, outcome: 'unknown', words: reason, nextStep };
  }
  const words = passedWords('infra-2', tests);
  if (tests.broken.length > 0) return { part, outcome: 'fails', words, findings: brokenFindings(tests) };
  const none = noEvidence('infra-2', tests);
  return none ? { part, outcome: 'unknown', words: none.reason, nextStep: none.nextStep } : { part, outcome: 'holds', words };
}
