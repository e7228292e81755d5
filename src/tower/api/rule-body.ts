/** What makes a rule: checked alike, whether it comes as JSON or from a form. */
import type { NewRule } from '../store/rules.ts';
import type { RuleDefinition } from '../triggers/rule.ts';
import { ruleSchema } from '../triggers/rule-schema.ts';
import { sayFaults } from './plain-errors.ts';
import { HttpProblem } from './problem.ts';
import { ajvOf } from './validate.ts';

interface RuleBody extends RuleDefinition {
  readonly name: string;
  readonly enabled: boolean;
  readonly namespace?: string;
}

export interface GivenRule extends Pick<NewRule, 'name' | 'definition' | 'isEnabled'> {
  /** As it was said; undefined: not. */
  readonly namespace: string | undefined;
}

const { namespace: _, ...ofRepositories } = ruleSchema.properties;
const isRuleBody = ajvOf({ useDefaults: true }).compile<RuleBody>(ruleSchema);
/** The place of such a rule says what it is for. */
const isRepositoryRule = ajvOf({ useDefaults: true }).compile<RuleBody>({ ...ruleSchema, properties: ofRepositories });

export const nameTaken = (): HttpProblem =>
  new HttpProblem('invalid-rule', 'The rule cannot be kept.', [{ pointer: '/name', detail: 'another rule has this name' }]);

/** @throws HttpProblem 422 with a pointer to each fault. */
export const validRule = (value: unknown): GivenRule => checked(value, isRuleBody);

/** @throws HttpProblem 422 with a pointer to each fault. */
export const validRepositoryRule = (value: unknown): GivenRule => checked(value, isRepositoryRule);

function checked(value: unknown, isBody: typeof isRuleBody): GivenRule {
  if (!isBody(value)) throw new HttpProblem('invalid-rule', 'The rule does not fit its schema.', sayFaults(isBody.errors));
  const { name, enabled, namespace, ...definition } = value;
  const { when } = definition;
  if (
    'limit' in when &&
    when.closesAt !== undefined &&
    (when.is === 'above') === when.closesAt > when.limit &&
    when.closesAt !== when.limit
  )
    throw new HttpProblem('invalid-rule', 'The rule cannot be kept.', [
      {
        pointer: '/when/closesAt',
        detail: `lies on the wrong side of the limit: an alert would close while values are ${when.is} it`,
      },
    ]);
  return { name, definition, isEnabled: enabled, namespace };
}
