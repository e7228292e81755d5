/** The structure suite of a repo: ours as it is shipped, and the rule packs that its manifest names. */
import { kinds } from '../../rules/kinds/index.generated.ts';
import { checks, rules, suite } from '../../rules/structure/index.generated.ts';
import { ruleCheck } from '../engine/rules.ts';
import type { AnyCheck } from '../kernel/check.ts';
import type { CheckRegistry, Suite } from '../kernel/suite.ts';
import type { Repo } from './repo.ts';

export const structureSuite: Suite = suite;

const code: CheckRegistry = checks;

/** The check of an id, from code or from data; null when there is none. */
export async function loadStructureCheck(id: string): Promise<AnyCheck | null> {
  if (Object.hasOwn(code, id)) return (await code[id]?.()) ?? null;
  return Object.hasOwn(rules, id) ? ruleCheck(id, rules[id], kinds) : null;
}

export interface StructureRules {
  readonly suite: Suite;
  load(id: string): Promise<AnyCheck | null>;
}

/** What a rule of a pack must not be called: a report, a waiver and `explain` know a check by its id alone. */
async function idsOfOtherSuites(): Promise<readonly string[]> {
  const [rubric, delivery, { buildExplained }, { deployExplained }] = await Promise.all([
    import('../../rules/ml-test-score/index.generated.ts'),
    import('../../rules/delivery/index.generated.ts'),
    import('../delivery/image/suite.ts'),
    import('../delivery/deploy/suite.ts'),
  ]);
  const suites: readonly Suite[] = [rubric.suite, delivery.suite];
  return [
    ...suites.flatMap(({ sections }) => sections.flatMap(({ checks: entries }) => entries.map(({ check }) => check))),
    ...[...buildExplained, ...deployExplained].map(({ id }) => id),
  ];
}

/** Ours and those of the packs. A broken pack is a UsageError: a rule that cannot be read must not look like one that holds. */
export async function structureRules({ manifest, files }: Pick<Repo, 'manifest' | 'files'>): Promise<StructureRules> {
  const named = manifest.value?.structure.packs ?? [];
  if (named.length === 0) return { suite: structureSuite, load: loadStructureCheck };
  const { readPacks } = await import('../engine/packs.ts');
  const packs = await readPacks(structureSuite, named, {
    files,
    reserved: await idsOfOtherSuites(),
    place: (index) => manifest.origin(['structure', 'packs', index]).place ?? manifest.place('structure.packs'),
  });
  for (const id of packs.ids) await packs.load(id, kinds);
  return { suite: packs.suite, load: async (id) => (await packs.load(id, kinds)) ?? loadStructureCheck(id) };
}
