/** What the operator lets rules of repositories do. */
import type { RepositoryLeave } from '../../kernel/tower-actions.ts';
import { liesIn } from '../auth/roles.ts';
import { type Action, type RuleDefinition, usualInARow, usualPerDay } from './rule.ts';

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

/** As often as the operator lets rules of this project start pipelines and DAG runs, however often they ask for it. */
export function withinLimits(rule: RuleDefinition, project: string, leaves: readonly RepositoryLeave[] = []): RuleDefinition {
  const words = leaves.filter(({ namespace }) => liesIn(project, namespace)).flatMap(({ actions }) => actions);
  const limitOf = (name: string, usual: number): number => {
    const given = words.filter((word) => word.startsWith(`${name}:`)).map((word) => Number(word.slice(name.length + 1)));
    return given.length > 0 ? Math.max(...given) : usual;
  };
  return {
    ...rule,
    pipelinesPerDay: Math.min(rule.pipelinesPerDay, limitOf('pipelinesPerDay', usualPerDay)),
    retrainsInARow: Math.min(rule.retrainsInARow ?? usualInARow, limitOf('retrainsInARow', usualInARow)),
  };
}
