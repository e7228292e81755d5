/** The hooks one after the other on a sample of the rows, as a pipeline runs them. */
import { type Cell, type Finding, fail, judge, type Verdict } from '../../../src/kernel/check.ts';
import type { FlightcheckError } from '../../../src/kernel/failure.ts';
import type { PlannedExecution, PredictRequest, TableRef, TrainRequest } from '../../../src/kernel/hooks.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import type { World } from '../../../src/kernel/world.ts';
import { bothTablesOr } from './both-tables.ts';
import { isTheirs } from './hook-faults.ts';
import { inputsOf, isVerdict, rounded } from './manifest.ts';
import { featuresOfSample } from './setting.ts';

/** Rows of the fast run: enough for a model to train on, few enough for every merge request. */
export const chainRows = 2000;
const seed = 1;
const sampleOf = (table: 'train' | 'eval'): TableRef => ({ derive: 'sample', from: { table }, rows: chainRows, seed });
const model: TrainRequest = { hook: 'train', data: sampleOf('train'), seed, replicate: 0 };
const predict: PredictRequest = { hook: 'predict', model, input: sampleOf('eval') };

export const chainPlan = ({ hooks }: ResolvedManifest): readonly PlannedExecution[] =>
  [predict, ...(hooks.features === undefined ? [] : [featuresOfSample])].map((request) => ({ request }));

/** Features, train, predict; a pass when every row got a finite answer or a refusal, and not all were refused. */
export async function judgeChain({ tables, hooks, ...world }: Pick<World, 'manifest' | 'tables' | 'hooks'>): Promise<Verdict> {
  const both = await bothTablesOr({ ...world, tables, hooks }, 'a table without rows runs through no pipeline');
  if (isVerdict(both)) return both;
  const { train, evaluation } = both;
  const items: Record<string, Cell>[] = [];
  const findings: Finding[] = [];
  const inputs = inputsOf(train, evaluation);
  const broken = (error: FlightcheckError) =>
    fail([...findings, { message: error.message, fix: error.hint, ...(error.place && { place: error.place }) }], {
      explanation: `The chain of hooks broke on a sample of ${Math.min(chainRows, train.rows)} training rows.`,
      items,
      inputs,
      seed,
      nextStep: error.hint,
    });
  try {
    if (hooks.has('features')) {
      const made = await hooks.features(featuresOfSample);
      items.push({ step: 'features', seconds: rounded(made.seconds), cached: made.isCached, memory_bytes: made.maxRssBytes });
    }
    const trained = await hooks.train(model);
    items.push({
      step: 'train',
      seconds: rounded(trained.seconds),
      cached: trained.isCached,
      memory_bytes: trained.maxRssBytes,
    });
    const made = await hooks.predict(predict);
    items.push({ step: 'predict', seconds: rounded(made.seconds), cached: made.isCached, memory_bytes: made.maxRssBytes });
    if (made.notFinite > 0) findings.push({ message: `${made.notFinite} of ${made.rows} predictions are NaN or infinite` });
    if (made.refused === made.rows) findings.push({ message: `the model refused all ${made.rows} rows` });
    return judge(findings, {
      explanation: `${items.map((item) => item.step).join(', ')} ran one after the other on ${Math.min(chainRows, train.rows)} training rows; all ${made.rows} ids came back${made.refused > 0 ? `, ${made.refused} without an answer` : ''}.`,
      value: made.rows - made.notFinite - made.refused,
      threshold: made.rows,
      unit: 'rows',
      n: made.rows,
      items,
      inputs,
      seed,
      nextStep: hooks.has('features')
        ? 'Run it on a schedule with all rows too.'
        : 'Add the features hook, so that the code that serving uses is tested as well.',
    });
  } catch (error) {
    if (isTheirs(error)) return broken(error);
    throw error;
  }
}
