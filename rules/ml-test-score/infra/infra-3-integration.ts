import { type Cell, defineCheck, type Finding, fail, judge } from '../../../src/kernel/check.ts';
import type { FlightcheckError } from '../../../src/kernel/failure.ts';
import type { PredictRequest, TableRef, TrainRequest } from '../../../src/kernel/hooks.ts';
import { hasLocalDag, type LocalRun } from '../../../src/kernel/local-dag.ts';
import type { Answer, LocalDag } from '../../../src/kernel/world.ts';
import { asks, sources, trained } from '../lib/asks.ts';
import { bothTablesOr } from '../lib/both-tables.ts';
import { judgeDag } from '../lib/dag-run.ts';
import { isTheirs } from '../lib/hook-faults.ts';
import { inputsOf, isVerdict, rounded, rubric } from '../lib/manifest.ts';
import { canTrain, featuresOfSample } from '../lib/setting.ts';

/** Rows of the fast run: enough for a model to train on, few enough for every merge request. */
const rows = 2000;
const seed = 1;
const sampleOf = (table: 'train' | 'eval'): TableRef => ({ derive: 'sample', from: { table }, rows, seed });
const model: TrainRequest = { hook: 'train', data: sampleOf('train'), seed, replicate: 0 };
const predict: PredictRequest = { hook: 'predict', model, input: sampleOf('eval') };

/** A run in which no task had anything to do shows nothing: the hooks are tested instead. */
async function runOf(dag: LocalDag): Promise<Answer<LocalRun>> {
  const ran = await dag.run();
  if (!ran.ok || ran.value.tasks.some(({ state }) => state === 'success' || state === 'failed')) return ran;
  return { ok: false, isAbsent: false, reason: 'no task had anything to do' };
}

/** A DAG that is declared and could not run is what is missing most. */
function nextStepOf(dag: { readonly reason: string; readonly isAbsent: boolean }, hasFeatures: boolean): string {
  if (!dag.isAbsent) return `Let the DAG run here too; it did not: ${dag.reason}.`;
  return hasFeatures
    ? 'Run it on a schedule with all rows too.'
    : 'Add the features hook, so that the code that serving uses is tested as well.';
}

export default defineCheck({
  title: 'The full ML pipeline is integration tested',
  why: 'Each step can work alone while the chain does not: only a run from raw rows to predictions shows it.',
  fix: 'Run flightcheck deploy run-local, or without a DAG the hooks one after the other in a fresh clone; mend the first that fails, and let predict answer every id once.',
  about: {
    does: 'Runs the tasks of the DAG in a copy of the repo, by its own rules; without a DAG the whole chain of hooks, features, train, predict, on a sample of the rows.',
    asks: asks('tasks?', ...trained, 'featuresHook?'),
    thresholds: [
      { what: 'rows without a finite answer', value: 0, source: sources.ours },
      { what: 'rows of the sample', value: rows, source: sources.ours },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks', 'dag'],
  plan(manifest) {
    if (!canTrain(manifest)) return [];
    const sometimes = hasLocalDag(manifest) && { sometimes: 'when the DAG cannot run here' };
    const requests = [predict, ...(manifest.hooks.features === undefined ? [] : [featuresOfSample])];
    return requests.map((request) => ({ request, ...sometimes }));
  },
  async run({ tables, hooks, dag, ...world }) {
    const ran = await runOf(dag);
    if (ran.ok) return judgeDag(ran.value);
    const both = await bothTablesOr({ ...world, tables, hooks }, 'a table without rows runs through no pipeline');
    if (isVerdict(both)) return both;
    const { train, evaluation } = both;
    const items: Record<string, Cell>[] = [];
    const findings: Finding[] = [];
    const inputs = inputsOf(train, evaluation);
    const broken = (error: FlightcheckError) =>
      fail([...findings, { message: error.message, fix: error.hint, ...(error.place && { place: error.place }) }], {
        explanation: `The chain of hooks broke on a sample of ${Math.min(rows, train.rows)} training rows.`,
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
        explanation: `${items.map((item) => item.step).join(', ')} ran one after the other on ${Math.min(rows, train.rows)} training rows; all ${made.rows} ids came back${made.refused > 0 ? `, ${made.refused} without an answer` : ''}.`,
        value: made.rows - made.notFinite - made.refused,
        threshold: made.rows,
        unit: 'rows',
        n: made.rows,
        items,
        inputs,
        seed,
        nextStep: nextStepOf(ran, hooks.has('features')),
      });
    } catch (error) {
      if (isTheirs(error)) return broken(error);
      throw error;
    }
  },
});
