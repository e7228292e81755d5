/**
 * Every option, once. From here come the flag (`--min-score`), the variable (`FLIGHTCHECK_MIN_SCORE`), the component's
 * input (`min-score`), the manifest key it overrides, the validation and the tables in the docs.
 */
import type { Input } from '../input.ts';
import { deployOptions } from './deploy.ts';
import { gateOptions } from './gate.ts';
import { imageOptions } from './image.ts';
import { pipelineOptions } from './pipeline.ts';
import { runOptions } from './run.ts';
import { scoreOptions } from './score.ts';
import { testsOptions } from './tests.ts';
import { towerOptions } from './tower.ts';

export interface Option extends Input {
  /** Dotted key of the manifest that it overrides. */
  readonly manifest?: string;
}

export const options = {
  ...runOptions,
  ...gateOptions,
  ...scoreOptions,
  ...testsOptions,
  ...towerOptions,
  ...imageOptions,
  ...deployOptions,
  ...pipelineOptions,
} as const satisfies Readonly<Record<string, Option>>;

export type OptionName = keyof typeof options;
/** `min-score` -> `FLIGHTCHECK_MIN_SCORE`. */
export const variableOf = (name: string): string => `FLIGHTCHECK_${name.toUpperCase().replaceAll('-', '_')}`;

const included = 'FLIGHTCHECK_INCLUDED_';

/** Holds what the include says of an option where the option's own variable may be set by somebody else. */
export const includedVariableOf = (name: string): string => variableOf(name).replace('FLIGHTCHECK_', included);

/** GitLab hands over an input that nobody set as nothing; gitlab-ci-local leaves what it does not know as it is. */
export const isUnset = (text: string | undefined): boolean => text === undefined || text === '' || text.startsWith('$[[');

/** The variables that are not as the include says: a variable of a project, a group or a pipeline outranks that of a job. */
export function overriddenVariables(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const textOf = (variable: string): string => (isUnset(env[variable]) ? '' : (env[variable] ?? ''));
  return Object.keys(options)
    .filter((name) => env[includedVariableOf(name)] !== undefined)
    .filter((name) => textOf(variableOf(name)) !== textOf(includedVariableOf(name)))
    .map(variableOf)
    .sort();
}
