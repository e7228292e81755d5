/** What a fault of the zoo is: a small change to a good model repo, its data or its surroundings, and what it must set off. */
import type { Happening, Tables } from './tables.ts';

export const languages = ['python', 'r'] as const;
export type Language = (typeof languages)[number];

/** Puts one text in the place of another that stands once in a file; without `from`, writes the whole file. */
export interface Edit {
  readonly path: string;
  readonly from?: string;
  readonly to: string;
}

export const edit = (path: string, from: string, to: string): Edit => ({ path, from, to });
export const write = (path: string, to: string): Edit => ({ path, to });

/** What is around the repo: services, and what they remember. */
export interface Surroundings {
  /** Who approved the merge requests of Ada; `null`: there were none. */
  readonly approvedBy?: string | null;
  /** Days from the first commit to its deployment. */
  readonly deployedAfter?: number;
  /** Memory of training in earlier runs, oldest first, as shares of what it takes. */
  readonly memory?: readonly number[];
  /** Days since Control Tower last heard of a run. */
  readonly silentFor?: number;
}

export interface Fault {
  /** What is wrong, in words. */
  readonly name: string;
  /** The test that must catch it. */
  readonly caughtBy: string;
  /** Other tests that rightly turn too, and why. */
  readonly also?: Readonly<Record<string, string>>;
  /** Edits of the last commit, by language. */
  readonly code?: Readonly<Record<Language, readonly Edit[]>>;
  /** Edits of the last commit, of what both languages share: manifest, schema. */
  readonly files?: readonly Edit[];
  /** Edits of the release before, which the last commit undid. */
  readonly release?: Readonly<Record<Language, readonly Edit[]>>;
  /** Another world than the one that the model was made for. */
  readonly happening?: Happening;
  /** Tables that were written wrongly. */
  readonly tables?: (tables: Tables) => Partial<Tables>;
  readonly around?: Surroundings;
}
