/** What the operator lets rules of repositories do. */
import type { RepositoryLeave } from '../../kernel/tower-actions.ts';
import { liesIn } from '../auth/roles.ts';
import type { Action } from './rule.ts';

function wordsFor(action: Action): readonly string[] {
  if (action.do === 'webhook') return [`webhook:${action.to}`];
  if (action.do === 'airflow') return [`airflow:${action.at}`, `airflow:${action.at}:${action.dag}`];
  return [action.do];
}

/** Why a rule of this project may not do it; null when it may. */
export function whyNotAllowed(action: Action, project: string, leaves: readonly RepositoryLeave[] = []): string | null {
  const words = wordsFor(action);
  const isAllowed = leaves.some(
    ({ namespace, actions }) => liesIn(project, namespace) && actions.some((allowed) => words.includes(allowed)),
  );
  return isAllowed
    ? null
    : `the operator does not let rules of this project do ${words.at(-1)} (repositories in the file of --actions)`;
}
