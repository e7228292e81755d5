/** Airflow's trigger rules: what becomes of a task, given the states of those before it. */

export type TaskState = 'success' | 'failed' | 'skipped' | 'upstream_failed';
type Becomes = 'run' | 'wait' | 'skipped' | 'upstream_failed';

/** https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dags.html#trigger-rules */
export function becomes(rule: string, before: readonly (TaskState | null)[]): Becomes {
  const isDone = before.every((state) => state !== null);
  const has = (...states: readonly TaskState[]): boolean => before.some((state) => state !== null && states.includes(state));
  const onlySkipped = before.length > 0 && before.every((state) => state === 'skipped');
  const atEnd = (otherwise: Becomes): Becomes => (isDone ? otherwise : 'wait');
  if (before.length === 0) return 'run';
  switch (rule) {
    case 'all_success':
      if (has('failed', 'upstream_failed')) return 'upstream_failed';
      return has('skipped') ? 'skipped' : atEnd('run');
    case 'all_failed':
      return has('success', 'skipped') ? 'skipped' : atEnd('run');
    case 'one_success':
      return has('success') ? 'run' : atEnd(onlySkipped ? 'skipped' : 'upstream_failed');
    case 'one_failed':
      return has('failed', 'upstream_failed') ? 'run' : atEnd('skipped');
    case 'one_done':
      return has('success', 'failed') ? 'run' : atEnd('skipped');
    case 'none_failed':
      return has('failed', 'upstream_failed') ? 'upstream_failed' : atEnd('run');
    case 'none_failed_min_one_success':
      if (has('failed', 'upstream_failed')) return 'upstream_failed';
      return atEnd(onlySkipped ? 'skipped' : 'run');
    case 'none_skipped':
      return has('skipped') ? 'skipped' : atEnd('run');
    default:
      return atEnd('run');
  }
}
