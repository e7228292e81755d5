/** Rule kinds: code that turns parameters into a check, so that a rule can be data. */
import type { Verdict } from './check.ts';
import type { Inputs, Values } from './input.ts';
import type { Need, World } from './world.ts';

export interface RuleKind<D extends Inputs = Inputs, N extends Need = Need> {
  /** What a rule of this kind judges, one sentence. */
  readonly summary: string;
  /** What stands under `with` in a rule. */
  readonly inputs: D;
  /** The ports that `run` is handed; it gets no others. */
  readonly needs: readonly N[];
  /** Problems that the inputs' types cannot say (a pattern that does not compile), one sentence each. */
  problems?(parameters: Values<D>): readonly string[];
  run(world: Pick<World, N>, parameters: Values<D>): Verdict | Promise<Verdict>;
}

/** Any kind, whatever its parameters: the loader validates them against `inputs` before the call. */
// biome-ignore lint/suspicious/noExplicitAny: parameters are contravariant, as in AnyCheck
export type AnyRuleKind = RuleKind<any, any>;

/** Infers the literal types of a kind's inputs and needs. */
export function defineKind<const D extends Inputs, const N extends Need>(kind: RuleKind<D, N>): RuleKind<D, N> {
  return kind;
}

/** Loads a kind when a rule asks for it. */
export type KindRegistry = Readonly<Record<string, () => Promise<AnyRuleKind>>>;

/** A rule as data: the content of `rules/<suite>/<section>/<id>.yml`. */
export interface RuleData {
  readonly kind: string;
  readonly title: string;
  readonly why: string;
  readonly fix: string;
  readonly reference?: string;
  /** Only for repos with source in this language; elsewhere the rule is not applicable. */
  readonly language?: 'python' | 'r';
  readonly with?: Readonly<Record<string, unknown>>;
}
