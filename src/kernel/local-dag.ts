/** The tasks of the model's DAG, run on this machine without Airflow. */
import type { Place } from './failure.ts';
import type { ResolvedManifest } from './manifest.ts';

export interface LocalTask {
  readonly id: string;
  /** As Airflow calls them, and `interrupted`. */
  readonly state: 'success' | 'failed' | 'skipped' | 'upstream_failed' | 'interrupted';
  /** From the start of the run to that of the task; null when it was never started. */
  readonly startedAfter: number | null;
  /** How often it was started. */
  readonly tries: number;
  readonly seconds: number;
  /** Why it is not a success; empty when it is. */
  readonly why: string;
  /** Last lines of the last try, without secrets. */
  readonly tail: readonly string[];
  /** Where it is declared. */
  readonly place?: Place;
}

export interface LocalRun {
  readonly dagId: string;
  readonly seconds: number;
  /** In the order in which they were started; those that never were come last. */
  readonly tasks: readonly LocalTask[];
}

/** Are there tasks that a test may run? */
export const hasLocalDag = ({ tasks, dag }: ResolvedManifest): boolean =>
  dag?.integrationTest !== false && (dag?.from !== undefined || Object.keys(tasks ?? {}).length > 0);
