/** Rules as data -> checks: a kind, its parameters and the words around them. */
import { didYouMean } from '../facts/did-you-mean.ts';
import { isMap } from '../facts/is-map.ts';
import { languagesOf } from '../facts/language.ts';
import { type AnyCheck, type Check, notApplicable } from '../kernel/check.ts';
import { type Place, UsageError } from '../kernel/failure.ts';
import { type Input, type Inputs, resolveInputs } from '../kernel/input.ts';
import type { AnyRuleKind, KindRegistry, RuleData } from '../kernel/rule-kind.ts';
import type { Need, World } from '../kernel/world.ts';

const texts = ['kind', 'title', 'why', 'fix'] as const;
const keys = [...texts, 'reference', 'language', 'with'] as const;
const languages = { python: 'Python', r: 'R' } as const;

/** What a report can carry. */
const longest = (key: (typeof texts)[number]): number => (key === 'title' ? 300 : 4000);

const guess = (found: string, known: readonly string[]): string => {
  const close = didYouMean(found, known);
  return close === undefined ? `, known are ${known.join(', ')}` : `, did you mean ${close}?`;
};

/** What is wrong with the shape of a rule; one sentence each. */
function shapeProblems(data: Readonly<Record<string, unknown>>): string[] {
  const problems = Object.keys(data)
    .filter((key) => !(keys as readonly string[]).includes(key))
    .map((key) => `unknown key ${key}${guess(key, keys)}`);
  for (const key of texts)
    if (typeof data[key] !== 'string' || data[key].trim() === '') problems.push(`${key} is missing, expected a text`);
    else if (data[key].length > longest(key)) problems.push(`${key} is longer than ${longest(key)} characters`);
  if (data.reference !== undefined && !(typeof data.reference === 'string' && /^https?:\/\/\S+$/.test(data.reference)))
    problems.push('reference is not an address that begins with https://');
  if (data.language !== undefined && !Object.hasOwn(languages, String(data.language)))
    problems.push(`language is ${JSON.stringify(data.language)}, expected ${Object.keys(languages).join(' or ')}`);
  if (data.with !== undefined && !isMap(data.with)) problems.push('with is not a map of parameters');
  return problems;
}

/** The kind's inputs with the rule's parameters as defaults, so that a suite can still set one. */
function inputsOf(kind: AnyRuleKind, given: Readonly<Record<string, unknown>>): Inputs {
  const withDefault = ([name, input]: [string, Input]): [string, Input] => [
    name,
    Object.hasOwn(given, name) ? { ...input, default: given[name] as NonNullable<Input['default']> } : input,
  ];
  return Object.fromEntries(Object.entries<Input>(kind.inputs).map(withDefault));
}

/**
 * Makes a check of a rule. Throws UsageError `RULE_INVALID` that names every problem; `place` says where the rule stands.
 */
export async function ruleCheck(id: string, data: unknown, kinds: KindRegistry, place?: Place): Promise<AnyCheck> {
  const refuse = (problems: readonly string[]): UsageError =>
    new UsageError('RULE_INVALID', `The rule ${id}: ${problems.join('; ')}`, { hint: 'Mend the rule, then run again.', place });
  if (!isMap(data)) throw refuse(['it is not a map with kind, title, why and fix']);
  const problems = shapeProblems(data);
  if (problems.length > 0) throw refuse(problems);
  const rule = data as unknown as RuleData;
  const load = Object.hasOwn(kinds, rule.kind) ? kinds[rule.kind] : undefined;
  if (!load) throw refuse([`there is no kind ${rule.kind}${guess(rule.kind, Object.keys(kinds))}`]);
  const kind = await load();
  const given = rule.with ?? {};
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(kind.inputs, name));
  if (unknown.length > 0)
    throw refuse(unknown.map((name) => `unknown parameter ${name}${guess(name, Object.keys(kind.inputs))}`));
  const resolved = resolveInputs(kind.inputs, given);
  const wrong = resolved.problems.length > 0 ? resolved.problems : (kind.problems?.(resolved.values) ?? []);
  if (wrong.length > 0) throw refuse(wrong);
  const { language } = rule;
  const check: Check<Inputs, Need> = {
    title: rule.title,
    why: rule.why,
    fix: rule.fix,
    about: {
      does: `${kind.summary}${language === undefined ? '' : ` Only for repos with ${languages[language]} code.`}`,
      asks: [],
      thresholds: [],
    },
    ...(rule.reference !== undefined && { reference: rule.reference }),
    inputs: inputsOf(kind, given),
    needs: language === undefined ? kind.needs : [...new Set<Need>([...kind.needs, 'files'])],
    run: (world, options) => {
      const files = (world as Partial<World>).files;
      if (language !== undefined && files && !languagesOf(files.all.map((file) => file.path)).has(language))
        return notApplicable(`the repo has no ${languages[language]} code`);
      const late = kind.problems?.(options) ?? [];
      if (late.length > 0) throw refuse(late);
      return kind.run(world, options);
    },
  };
  return check;
}
