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
  /** What the regex asks for, in words that follow "expected": ours, GitLab has none. */
  readonly form?: string;
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

/** What is wrong with a value, in words that follow "expected"; null when nothing is. */
export function expectation(input: Input, value: unknown): string | null {
  const isRight =
    input.type === 'array' ? Array.isArray(value) && value.every((v) => typeof v === 'string') : typeof value === input.type;
  if (!isRight || (typeof value === 'number' && !Number.isFinite(value)))
    return `${input.type === 'array' ? 'a list' : `a ${input.type}`}`;
  if (input.options && !input.options.includes(value as string | number))
    return `one of ${input.options.filter((option) => option !== '').join(', ')}`;
  if (input.regex !== undefined && typeof value === 'string' && !new RegExp(input.regex).test(value))
    return input.form ?? `the form ${input.regex}`;
  return null;
}

/** Given values with the defaults filled in. Every problem is one sentence; the values are only right when there is none. */
export function resolveInputs<D extends Inputs>(
  inputs: D,
  given: Readonly<Record<string, unknown>>,
): { readonly values: Values<D>; readonly problems: readonly string[] } {
  const problems = Object.keys(given)
    .filter((name) => !Object.hasOwn(inputs, name))
    .map((name) => `unknown option ${name}, known are ${Object.keys(inputs).join(', ') || 'none'}`);
  const values: Record<string, unknown> = {};
  for (const [name, input] of Object.entries(inputs)) {
    const value = given[name] ?? input.default;
    const expected = value === undefined ? 'a value' : expectation(input, value);
    if (expected !== null) problems.push(`option ${name} is ${JSON.stringify(value) ?? 'missing'}, expected ${expected}`);
    values[name] = value;
  }
  return { values: values as Values<D>, problems };
}
