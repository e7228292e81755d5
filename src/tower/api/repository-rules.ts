/** The rules that a report brings from flightcheck.yml: each is checked as one of the API is, and may do what the operator allows. */
import type { Report } from '../../kernel/report.ts';
import type { ActionTargets } from '../../kernel/tower-actions.ts';
import type { RepositoryRule } from '../store/rules.ts';
import { warningsOf, whyNotKept, withinLimits } from '../triggers/leave.ts';
import { HttpProblem } from './problem.ts';
import { validRepositoryRule } from './rule-body.ts';

export interface TakenRules {
  readonly kept: readonly RepositoryRule[];
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
  /** What cannot be done now for those that are kept. */
  readonly warnings: readonly { readonly name: string; readonly reason: string }[];
}

function problemOf(error: unknown): string {
  if (!(error instanceof HttpProblem)) throw error;
  const first = error.errors?.[0];
  return first && 'pointer' in first ? `${first.pointer} ${first.detail}` : error.message;
}

const mostRules = 20;

/** A report whose rules are wrong is stored all the same. */
export function rulesOf({ rules = [] }: Report, project: string, actions: ActionTargets): TakenRules {
  const leaves = actions.repositories;
  const kept = new Map<string, RepositoryRule>();
  const refused: { name: string; reason: string }[] = [];
  for (const [i, given] of rules.entries()) {
    const said = (given as { name?: unknown }).name;
    const name = typeof said === 'string' ? said.slice(0, 100) : `rule ${i + 1}`;
    try {
      const { definition } = validRepositoryRule({ ...given });
      const why = whyNotKept(definition, project, leaves);
      if (why !== null) refused.push({ name, reason: why });
      else if (kept.has(name)) refused.push({ name, reason: 'another rule of this model has this name' });
      else if (kept.size >= mostRules) refused.push({ name, reason: `a model has at most ${mostRules} rules` });
      else kept.set(name, { name, definition: withinLimits(definition, project, leaves) });
    } catch (error) {
      refused.push({ name, reason: problemOf(error) });
    }
  }
  const warnings = [...kept.values()].flatMap(({ name, definition }) =>
    warningsOf(definition, actions).map(({ detail }) => ({ name, reason: detail })),
  );
  return { kept: [...kept.values()], refused, warnings };
}
