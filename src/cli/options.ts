/** Flags and variables -> validated values by option name, with their origin. */
import { UsageError } from '../kernel/failure.ts';
import { expectation, type Input } from '../kernel/input.ts';
import { isUnset, type Option, type OptionName, options, variableOf } from '../kernel/options/index.ts';
import type { Command, Invocation, RawOptions } from './command.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Everything that a command takes, shared options and own flags. */
export const inputsOf = (command: Command): Readonly<Record<string, Option>> => ({
  ...Object.fromEntries(command.options.map((name) => [name, options[name]])),
  ...command.flags,
});

/** Text as the type of the input; what does not parse stays text and fails validation. */
function parse(input: Input, text: string): string | number | boolean | readonly string[] {
  if (input.type === 'number') return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
  if (input.type === 'boolean') return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text;
  if (input.type === 'array') return readList(text);
  return text;
}

/** `a,b` or, as GitLab hands an array over, `["a", "b"]`. */
function readList(text: string): readonly string[] {
  const bare = text.trim().replace(/^\[|\]$/g, '');
  return bare
    .split(',')
    .map((item) => item.trim().replace(/^"(.*)"$/, '$1'))
    .filter((item) => item !== '');
}

/** Values of a command's options: the flag, else the variable, else absent. Throws a UsageError that names the origin. */
export function readOptions(
  command: Command,
  flags: Readonly<Record<string, unknown>>,
  env: Env,
  path = command.name,
): Pick<Invocation, 'options' | 'origins'> {
  const values: Record<string, RawOptions[string]> = {};
  const origins: Record<string, string> = {};
  const shared = new Set<string>(command.options);
  for (const [name, input] of Object.entries(inputsOf(command))) {
    const variable = variableOf(name);
    const flag = flags[name];
    const text = shared.has(name) ? env[variable] : undefined;
    if (flag === undefined && isUnset(text)) continue;
    const origin = flag === undefined ? variable : `--${name}`;
    const value = typeof flag === 'string' ? parse(input, flag) : ((flag as boolean | undefined) ?? parse(input, text ?? ''));
    const expected = expectation(input, value);
    if (expected !== null)
      throw new UsageError('OPTION_INVALID', `${origin} is ${JSON.stringify(value)}, expected ${expected}`, {
        hint: `${input.description} See: flightcheck ${path} --help`,
      });
    values[name] = value;
    origins[name] = origin;
  }
  return { options: values, origins };
}

/** The value of an option after its default. */
export function optionValue<T extends RawOptions[string]>(invocation: Invocation, name: OptionName): T {
  return (invocation.options[name] ?? options[name].default) as T;
}

/** The set options that override a key of the manifest. */
export function manifestOverrides(invocation: Invocation): { key: string; value: string | number | boolean; words: string }[] {
  return Object.entries(invocation.options).flatMap(([name, value]) => {
    const key = (options as Readonly<Record<string, Option>>)[name]?.manifest;
    if (key === undefined || value === undefined || value === '' || typeof value === 'object') return [];
    return [{ key, value, words: invocation.origins[name] ?? name }];
  });
}
