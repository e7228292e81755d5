/** What admins of a namespace may make: rules and dashboards of it, the rules within what the operator lets rules there do. */
import type { RepositoryLeave } from '../../kernel/tower-actions.ts';
import { administered, liesIn, mayAdminister } from '../auth/roles.ts';
import type { Connection } from '../store/database.ts';
import { countRules, type NewRule } from '../store/rules.ts';
import type { Grant } from '../store/scope.ts';
import { whyNotAllowed, whyNotKept, withinLimits } from '../triggers/leave.ts';
import { HttpProblem } from './problem.ts';
import type { GivenRule } from './rule-body.ts';

const sayNamespace = (namespace: string): string => (namespace === '' ? 'all projects' : namespace);

/** The namespace that is asked for; the only one of the sender when none is. @throws HttpProblem 403 */
export function namespaceFor(grants: readonly Grant[], asked: string | undefined): string {
  const own = administered(grants);
  const namespace = asked ?? (own.length === 1 ? own[0] : '') ?? '';
  if (!mayAdminister(grants, namespace))
    throw new HttpProblem(
      'forbidden',
      `This needs the role admin for ${sayNamespace(namespace)}; yours holds for ${own.map(sayNamespace).join(', ')}.`,
    );
  return namespace;
}

/** Each of them is judged for every value of its metric. */
const mostRules = 100;

const refused = (pointer: string, detail: string) =>
  new HttpProblem('invalid-rule', 'The rule cannot be kept.', [{ pointer, detail }]);

export interface Making {
  readonly grants: readonly Grant[];
  readonly leaves: readonly RepositoryLeave[] | undefined;
  /** A rule in whose place it comes. */
  readonly isChange?: boolean;
}

/** The rule as it may be kept: what it may do is what the operator lets rules of the whole namespace do. @throws HttpProblem 403, 422 */
export async function ruleFor(
  connection: Connection,
  { namespace: asked, ...rule }: GivenRule,
  { grants, leaves, isChange = false }: Making,
): Promise<Omit<NewRule, 'createdBy'> & { readonly namespace: string }> {
  const namespace = namespaceFor(grants, asked);
  if (namespace === '') return { ...rule, namespace };
  const { definition } = rule;
  const outside = definition.where.project?.find((path) => !liesIn(path, namespace));
  if (outside !== undefined) throw refused('/where/project', `${outside} does not lie in ${namespace}`);
  const why = whyNotKept(definition, namespace, leaves);
  const action = definition.actions.findIndex((each) => whyNotAllowed(each, namespace, leaves) !== null);
  if (why !== null) throw refused(action < 0 ? '/cooldownHours' : `/actions/${action}`, why);
  const top = administered(grants).find((own) => own !== '' && liesIn(namespace, own)) ?? namespace;
  if (!isChange && (await countRules(connection, top)) >= mostRules)
    throw refused('/namespace', `has ${mostRules} rules, as many as there may be`);
  return { ...rule, namespace, definition: withinLimits(definition, namespace, leaves) };
}
