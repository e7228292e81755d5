/**
 * Options and parameters, in the words of GitLab's `spec:inputs` (the narrowest language we render to):
 * https://docs.gitlab.com/ci/inputs/
 */
export interface Input {
  readonly type: 'string' | 'number' | 'boolean' | 'array';
  readonly description: string;
  /** No default: the input is required. */
  readonly default?: string | number | boolean | readonly string[];
  readonly options?: readonly (string | number)[];
  /** RE2 syntax, strings only, without slashes. */
  readonly regex?: string;
}

export type Inputs = Readonly<Record<string, Input>>;

interface Kinds {
  string: string;
  number: number;
  boolean: boolean;
  array: readonly string[];
}
type ValueOf<I extends Input> = I extends { options: readonly (infer O)[] } ? O : Kinds[I['type']];

/** The values that a set of inputs takes. */
export type Values<D extends Inputs> = { readonly [K in keyof D]: ValueOf<D[K]> };
