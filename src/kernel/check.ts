/** The one interface of everything that judges: structure rules, probes of the ML Test Score, delivery checks. */
import type { Place } from './failure.ts';
import type { PlannedExecution } from './hooks.ts';
import type { Inputs, Values } from './input.ts';
import type { ResolvedManifest } from './manifest.ts';
import type { Need, World } from './world.ts';

/** One thing that is wrong, where, and how to mend it. */
export interface Finding {
  readonly message: string;
  readonly fix?: string;
  readonly place?: Place;
  /** The line that would mend it in `flightcheck.yml`, where one line would. */
  readonly manifestLine?: string;
}

/** A value of an evidence table; a number that is not finite is given as the string that names it. */
export type Cell = string | number | boolean | null;

/** The numbers behind a verdict. */
export interface Evidence {
  /** One sentence a data scientist understands. */
  readonly explanation: string;
  readonly value?: number;
  readonly threshold?: number;
  /** Unit of value and threshold: `1` (ratio), `auc`, `psi`, `s`, ... */
  readonly unit?: string;
  /** Number of rows (or runs) that the value rests on. */
  readonly n?: number;
  readonly interval?: { readonly lower: number; readonly upper: number; readonly level: number };
  /** Per-item table: one row per feature, slice, repetition... at most a few hundred. */
  readonly items?: readonly Readonly<Record<string, Cell>>[];
  /** What was read: path inside the repo, SHA-256 of the content, rows of a table. */
  readonly inputs?: readonly { readonly path: string; readonly sha256: string; readonly rows?: number }[];
  readonly seed?: number;
  /** The next step that would raise the score, in one sentence. */
  readonly nextStep?: string;
}

/** What a check says. `skipped` and `not-applicable` are never shown as passed and earn nothing. */
export type Verdict =
  | { readonly outcome: 'pass'; readonly evidence?: Evidence; readonly findings?: readonly Finding[] }
  | { readonly outcome: 'fail'; readonly findings: readonly Finding[]; readonly evidence?: Evidence }
  | { readonly outcome: 'manual'; readonly evidence: Evidence }
  | { readonly outcome: 'not-applicable'; readonly reason: string }
  | {
      readonly outcome: 'skipped';
      readonly reason: string;
      readonly nextStep?: string;
      readonly manifestLine?: string;
      readonly evidence?: Evidence;
    };

/** Something that a check reads. */
export interface Ask {
  readonly what: string;
  /** The line of `flightcheck.yml` that gives it, where one does. */
  readonly line?: string;
  /** Judged without it too, and better with it. */
  readonly isOptional?: boolean;
}

/** A bound, with its source. */
export type Threshold = { readonly what: string; readonly source: string } & (
  | { readonly value: number }
  /** Key of the manifest that sets it; its default stands in the schema. */
  | { readonly setting: string }
);

/** What `flightcheck explain` and the guide say of a check beyond title, why and fix. */
export interface About {
  /** What it does, in one sentence. */
  readonly does: string;
  readonly asks: readonly Ask[];
  readonly thresholds: readonly Threshold[];
  /** What differs between the languages, for whoever meets it. */
  readonly languages?: { readonly python: string; readonly r: string };
}

export interface Check<D extends Inputs = Inputs, N extends Need = Need> {
  /** A fact about a good repository: "The model card has the required headings". */
  readonly title: string;
  /** Why it matters, in one sentence. */
  readonly why: string;
  /** How to mend it, in one or two sentences. */
  readonly fix: string;
  /** Every test of the rubric has it. */
  readonly about?: About;
  /** URL of the source. */
  readonly reference?: string;
  readonly inputs: D;
  /** The ports that `run` is handed; it gets no others. */
  readonly needs: readonly N[];
  /** It judges what the run itself measured, and so waits for all others. */
  readonly isLast?: true;
  /**
   * The hook executions that `run` may ask for, as data, so that `--plan` is true. `run` may not execute
   * anything that is not listed here. Only checks that need `hooks` have it.
   */
  plan?(manifest: ResolvedManifest, options: Values<D>): readonly PlannedExecution[];
  run(world: Pick<World, N>, options: Values<D>): Verdict | Promise<Verdict>;
}

/** Any check, whatever its options: what registries and the engine handle. */
// biome-ignore lint/suspicious/noExplicitAny: options are contravariant; the engine validates them against `inputs` before the call
export type AnyCheck = Check<any, any>;

/** Infers the literal types of a check's inputs and needs. */
export function defineCheck<const D extends Inputs, const N extends Need>(check: Check<D, N>): Check<D, N> {
  return check;
}

/** A pass. */
export const pass = (evidence?: Evidence): Verdict => ({ outcome: 'pass', ...(evidence && { evidence }) });

/** A fail with its findings; at least one. */
export const fail = (findings: readonly Finding[], evidence?: Evidence): Verdict => ({
  outcome: 'fail',
  findings,
  ...(evidence && { evidence }),
});

/** A fail when there are findings, else a pass. */
export const judge = (findings: readonly Finding[], evidence?: Evidence): Verdict =>
  findings.length > 0 ? fail(findings, evidence) : pass(evidence);

/** Not judged: says what is missing and what to do. */
export const skipped = (
  reason: string,
  more: { readonly nextStep?: string; readonly manifestLine?: string; readonly evidence?: Evidence } = {},
): Verdict => ({ outcome: 'skipped', reason, ...more });

export const notApplicable = (reason: string): Verdict => ({ outcome: 'not-applicable', reason });
