/** What a deployment changes, in words: for the plan, the merge request note and the log. */
import { canonical } from '../../kernel/canonical.ts';
import { type Rendered, renderHash } from '../dag/render-airflow.ts';
import type { DagSpec, TaskSpec } from '../dag/spec.ts';

export interface Change {
  /** `dag`, or the id of a task. */
  readonly of: string;
  readonly what: 'added' | 'removed' | 'changed';
  /** The key that changed. */
  readonly key?: string;
  readonly from?: string;
  readonly to?: string;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : canonical(value ?? null));

const changesIn = (of: string, before: object, after: object, without: readonly string[]): Change[] => {
  const [old, now] = [before as Readonly<Record<string, unknown>>, after as Readonly<Record<string, unknown>>];
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .filter((key) => !without.includes(key) && text(old[key]) !== text(now[key]))
    .map((key) => ({ of, what: 'changed' as const, key, from: text(old[key]), to: text(now[key]) }));
};

/** All changes between what is deployed (null: nothing, or nothing of ours) and what shall be. */
export function changesOf(before: DagSpec | null, after: DagSpec): readonly Change[] {
  if (before === null)
    return [{ of: 'dag', what: 'added' }, ...after.tasks.map((task) => ({ of: task.id, what: 'added' as const }))];
  const old = new Map(before.tasks.map((task) => [task.id, task]));
  const now = new Map(after.tasks.map((task) => [task.id, task]));
  const ofTask = (task: TaskSpec): readonly Change[] => {
    const known = old.get(task.id);
    return known ? changesIn(task.id, known, task, ['id']) : [{ of: task.id, what: 'added' }];
  };
  return [
    ...changesIn('dag', before, after, ['tasks']),
    ...before.tasks.filter((task) => !now.has(task.id)).map((task) => ({ of: task.id, what: 'removed' as const })),
    ...after.tasks.flatMap(ofTask),
  ];
}

/** The same of a DAG as it was rendered: an older Flightcheck may have made another file of the same specification. */
export function changesSince(before: Rendered | null, after: DagSpec): readonly Change[] {
  if (before?.hash === renderHash(after)) return [];
  const changes = changesOf(before?.spec ?? null, after);
  return changes.length > 0
    ? changes
    : [{ of: 'dag', what: 'changed', key: 'file', from: 'of an older Flightcheck', to: 'of this one' }];
}
