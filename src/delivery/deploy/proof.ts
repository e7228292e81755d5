/** The proof that Airflow schedules exactly what was rendered: the hash in the DAG and in every task, and the edges. */
import type { Airflow, ScheduledDag, ScheduledTask } from '../../kernel/delivery.ts';
import { scheduledTasks } from '../dag/metrics-task.ts';
import { hashMark } from '../dag/render-airflow.ts';
import type { DagSpec } from '../dag/spec.ts';

export interface Scheduled {
  readonly dag: ScheduledDag;
  readonly tasks: readonly ScheduledTask[];
}

/** What Airflow shall have: its text about the DAG, and its tasks with theirs. */
export interface Expected {
  readonly dagId: string;
  /** A part of the DAG's `doc_md`. */
  readonly mark: string;
  readonly tasks: readonly ScheduledTask[];
}

/** What Airflow schedules of a DAG; null: nothing, also when it keeps one whose file is gone. */
export async function scheduledOf(airflow: Airflow, id: string): Promise<Scheduled | null> {
  const dag = await airflow.dag(id);
  return dag === null || !dag.isActive ? null : { dag, tasks: await airflow.tasks(id) };
}

/** The hash that a DAG carries; null when it is not ours. */
export const hashOf = ({ dag }: Scheduled): string | null => /^render-hash: ([0-9a-f]{64})$/m.exec(dag.docMd)?.[1] ?? null;

/** What a specification becomes in Airflow. */
export const expectedOf = (spec: DagSpec, hash: string): Expected => ({
  dagId: spec.id,
  mark: hashMark(hash),
  tasks: scheduledTasks(spec).map(({ id }) => ({
    id,
    docMd: hashMark(hash),
    downstream: scheduledTasks(spec)
      .filter((task) => task.dependsOn.includes(id))
      .map((task) => task.id)
      .sort(),
  })),
});

/** What Airflow had before: a rollback is proven when it has that again. */
export const snapshotOf = ({ dag, tasks }: Scheduled): Expected => ({ dagId: dag.id, mark: dag.docMd, tasks });

/**
 * What still differs between the expected DAG and the one that Airflow schedules; null when it is the one.
 * The times and versions that Airflow states are no proof: they can be newer than what it has read.
 */
export function differenceOf(expected: Expected, scheduled: Scheduled | null): string | null {
  if (scheduled === null) return 'Airflow does not know the DAG yet';
  if (!scheduled.dag.docMd.includes(expected.mark)) return 'Airflow still has another version of the DAG';
  const wanted = new Map(expected.tasks.map((task) => [task.id, task]));
  const found = new Set(scheduled.tasks.map((task) => task.id));
  const missing = [...wanted.keys()].filter((id) => !found.has(id));
  const extra = [...found].filter((id) => !wanted.has(id));
  if (missing.length + extra.length > 0)
    return `its tasks differ:${missing.length > 0 ? ` ${missing.join(', ')} missing` : ''}${extra.length > 0 ? ` ${extra.join(', ')} too many` : ''}`;
  const idsOf = (isOther: (task: ScheduledTask, want: ScheduledTask) => boolean): string =>
    scheduled.tasks
      .filter((task) => isOther(task, wanted.get(task.id) ?? task))
      .map((task) => task.id)
      .join(', ');
  const old = idsOf((task, want) => task.docMd.trim() !== want.docMd.trim());
  if (old !== '') return `the tasks ${old} are still those of another version`;
  const edges = idsOf((task, want) => task.downstream.join() !== want.downstream.join());
  if (edges !== '') return `what follows ${edges} differs`;
  // A file that breaks keeps its old tasks in Airflow, and starts no run: they prove nothing.
  return scheduled.dag.hasImportErrors ? 'Airflow still has an import error of the file' : null;
}
