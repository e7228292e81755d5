/** What a run of the DAG's tasks says of the pipeline. */
import { type Finding, judge, type Verdict } from '../../../src/kernel/check.ts';
import type { LocalRun, LocalTask } from '../../../src/kernel/local-dag.ts';
import { withLog } from '../../../src/kernel/said.ts';
import { rounded } from './manifest.ts';

const shownLines = 15;

function findingOf({ id, why, tries, tail, place }: LocalTask): Finding {
  const said = withLog(tail.slice(-shownLines));
  return {
    message: `the task ${id} ${why}${tries > 1 ? ` at try ${tries}` : ''}${said}`,
    fix: 'flightcheck deploy run-local runs the same tasks here; mend the first that fails.',
    ...(place && { place }),
  };
}

/** A pass when every task ended well or was skipped by its own rule. */
export function judgeDag({ dagId, tasks, seconds }: LocalRun): Verdict {
  const idsOf = (...states: readonly LocalTask['state'][]): readonly string[] =>
    tasks.flatMap(({ id, state }) => (states.includes(state) ? [id] : []));
  const done = idsOf('success');
  const held = idsOf('upstream_failed');
  // One that was interrupted may have been well.
  const failed = tasks.filter(({ state }) => state === 'failed');
  const findings = (failed.length > 0 ? failed : tasks.filter(({ state }) => state === 'interrupted')).map(findingOf);
  const order = tasks.filter(({ startedAfter }) => startedAfter !== null).map(({ id }) => id);
  const notRun = held.length > 0 ? ` Not run for it: ${held.join(', ')}.` : '';
  return judge(findings, {
    explanation: `The tasks of the DAG ${dagId} ran in a copy of the repo, in the order ${order.join(', ')}: ${done.length} of ${tasks.length} ended well.${notRun}`,
    value: done.length,
    threshold: tasks.length - idsOf('skipped').length,
    unit: 'tasks',
    n: tasks.length,
    items: tasks.map(({ id, state, startedAfter, tries, seconds: took }) => ({
      ...{ step: id, state, tries },
      ...{ started_after_seconds: startedAfter === null ? null : rounded(startedAfter), seconds: rounded(took) },
    })),
    nextStep:
      findings.length > 0
        ? 'Mend the task that failed.'
        : `Keep the DAG fast enough for every merge request: it took ${rounded(seconds)} s.`,
  });
}
