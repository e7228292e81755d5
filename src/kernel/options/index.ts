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
