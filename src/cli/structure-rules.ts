/** The structure suite as it is shipped: its registry of checks, rules and kinds. */
import { kinds } from '../../rules/kinds/index.generated.ts';
import { checks, rules, suite } from '../../rules/structure/index.generated.ts';
import { ruleCheck } from '../engine/rules.ts';
import type { AnyCheck } from '../kernel/check.ts';
import type { CheckRegistry, Suite } from '../kernel/suite.ts';

export const structureSuite: Suite = suite;

const code: CheckRegistry = checks;

/** The check of an id, from code or from data; null when there is none. */
export async function loadStructureCheck(id: string): Promise<AnyCheck | null> {
  if (Object.hasOwn(code, id)) return (await code[id]?.()) ?? null;
  return Object.hasOwn(rules, id) ? ruleCheck(id, rules[id], kinds) : null;
}
