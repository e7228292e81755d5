/** What rules may do: those that others than the operator make, of repositories and of a namespace; and what this server can do at all. */
import type { ActionTargets, RepositoryLeave } from '../../kernel/tower-actions.ts';
import { liesIn } from '../auth/roles.ts';
import { type Action, type RuleDefinition, usualInARow, usualPerDay } from './rule.ts';

function wordsFor(action: Action): readonly string[] {
  if (action.do === 'webhook') return [`webhook:${action.to}`];
  if (action.do === 'airflow') return [`airflow:${action.at}`, `airflow:${action.at}:${action.dag}`];
  return [action.do];
}

/** Why a rule of this project, or of this whole namespace, may not do it; null when it may. */
export function whyNotAllowed(action: Action, project: string, leaves: readonly RepositoryLeave[] = []): string | null {
  const words = wordsFor(action);
  const isAllowed = leaves.some(
    ({ namespace, actions }) => liesIn(project, namespace) && actions.some((allowed) => words.includes(allowed)),
  );
  return isAllowed
    ? null
    : `the operator does not let rules of this project do ${words.at(-1)} (repositories in the file of --actions)`;
}

/** What this server lacks. Another may have it, or this one tomorrow: such a rule is kept, and what it wants done waits. */
export const missing = {
  webhook: (name: string) => `this server knows no webhook ${name}; name it in the file of --actions`,
  airflow: (name: string) => `this server knows no Airflow ${name}; name it in the file of --actions`,
  gitlab: 'this server has no access to GitLab; name it in the file of --actions',
} as const;

function missingFor(action: Action, { gitlab, airflows, webhooks }: ActionTargets): string | null {
  if (action.do === 'webhook') return webhooks.has(action.to) ? null : missing.webhook(action.to);
  if (action.do === 'airflow') return airflows.has(action.at) ? null : missing.airflow(action.at);
  return gitlab ? null : missing.gitlab;
}

export interface Warning {
  /** Into the rule. */
  readonly pointer: string;
  readonly detail: string;
}

/** What cannot be done for the rule. */
export const warningsOf = ({ actions }: RuleDefinition, targets: ActionTargets): readonly Warning[] =>
  actions.flatMap((action, i) => {
    const detail = missingFor(action, targets);
    return detail === null ? [] : [{ pointer: `/actions/${i}`, detail }];
  });

/** Whoever writes to a repository or a namespace judges and delivers on the operator's machines: less than the operator may. */
const fewestQuietHours = 1;

/** Why such a rule is not kept; null when it is. */
export function whyNotKept(
  { cooldownHours, actions }: RuleDefinition,
  project: string,
  leaves: readonly RepositoryLeave[] | undefined,
): string | null {
  if (cooldownHours < fewestQuietHours)
    return `cooldownHours is ${cooldownHours}, and a rule of a repository or a namespace is quiet for ${fewestQuietHours} hour or more after an alert`;
  return actions.map((action) => whyNotAllowed(action, project, leaves)).find((reason) => reason !== null) ?? null;
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
