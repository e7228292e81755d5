import { defineCheck, type Evidence, skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { LocalRun } from '../../../src/kernel/local-dag.ts';
import type { Answer, LocalDag } from '../../../src/kernel/world.ts';
import { asks, sources, trained } from '../lib/asks.ts';
import { judgeDag } from '../lib/dag-run.ts';
import { chainPlan, chainRows, judgeChain } from '../lib/hook-chain.ts';
import { rubric } from '../lib/manifest.ts';
import { canTrain } from '../lib/setting.ts';

/** A run in which no task had anything to do shows nothing. */
async function runOf(dag: LocalDag): Promise<Answer<LocalRun>> {
  const ran = await dag.run();
  if (!ran.ok || ran.value.tasks.some(({ state }) => state === 'success' || state === 'failed')) return ran;
  return { ok: false, isAbsent: false, reason: 'no task had anything to do' };
}

const evidenceOf = (verdict: Verdict): Evidence | undefined => ('evidence' in verdict ? verdict.evidence : undefined);

/** Tasks may do anything or nothing, so a DAG that ended well takes nothing from what the hooks must show. */
function withDag(chain: Verdict, dag: Verdict): Verdict {
  const [own, tasks] = [evidenceOf(chain), evidenceOf(dag)];
  if (dag.outcome === 'fail' && tasks && own)
    return { ...dag, evidence: { ...tasks, explanation: `${tasks.explanation} ${own.explanation}` } };
  if (dag.outcome === 'fail') return dag;
  if (chain.outcome === 'skipped' && tasks) {
    const { reason, nextStep, manifestLine } = chain;
    return skipped(reason, { evidence: tasks, ...(nextStep && { nextStep }), ...(manifestLine && { manifestLine }) });
  }
  if (chain.outcome !== 'pass' || !own || !tasks) return chain;
  const items = [...(own.items ?? []), ...(tasks.items ?? [])];
  return { ...chain, evidence: { ...own, explanation: `${own.explanation} ${tasks.explanation}`, items } };
}

/** A DAG that is declared and could not run is what is missing most. */
function withoutDag(chain: Verdict, dag: { readonly reason: string; readonly isAbsent: boolean }): Verdict {
  if (dag.isAbsent) return chain;
  if (chain.outcome === 'skipped') return { ...chain, reason: `the DAG did not run here: ${dag.reason}; ${chain.reason}` };
  if (chain.outcome !== 'pass' || !chain.evidence) return chain;
  return { ...chain, evidence: { ...chain.evidence, nextStep: `Let the DAG run here too; it did not: ${dag.reason}.` } };
}

export default defineCheck({
  title: 'The full ML pipeline is integration tested',
  why: 'Each step can work alone while the chain does not: only a run from raw rows to predictions shows it.',
  fix: 'Run the hooks one after the other in a fresh clone, and flightcheck deploy run-local for a DAG; mend the first that fails, and let predict answer every id once.',
  about: {
    does: 'Runs the whole chain of hooks, features, train, predict, on a sample of the rows, and the tasks of the DAG in a copy of the repo, by its own rules: where both are there both must hold.',
    asks: asks('tasks?', ...trained, 'featuresHook?'),
    thresholds: [
      { what: 'rows without a finite answer', value: 0, source: sources.ours },
      { what: 'rows of the sample', value: chainRows, source: sources.ours },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks', 'dag'],
  plan: (manifest) => (canTrain(manifest) ? chainPlan(manifest) : []),
  async run({ dag, ...world }) {
    const { value: manifest } = world.manifest;
    // Where no model can be trained here there are no hooks that could be left out of the pipeline.
    if (manifest === null || !canTrain(manifest)) {
      const ran = await runOf(dag);
      return ran.ok ? judgeDag(ran.value) : withoutDag(await judgeChain(world), ran);
    }
    const chain = await judgeChain(world);
    // What is broken without the DAG is mended first.
    if (chain.outcome === 'fail') return chain;
    const ran = await runOf(dag);
    return ran.ok ? withDag(chain, judgeDag(ran.value)) : withoutDag(chain, ran);
  },
});
