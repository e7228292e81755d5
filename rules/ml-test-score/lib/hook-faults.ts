/** Errors of a hook that the rows or values which it was given may have caused. */
import { FlightcheckError } from '../../../src/kernel/failure.ts';
import { withReason } from '../../../src/kernel/said.ts';

export const isHookFault = (error: unknown): error is FlightcheckError =>
  error instanceof FlightcheckError &&
  /^(HOOK_(FAILED|TIMEOUT|MEMORY|OUTPUT|WROTE_NOTHING)|PREDICTIONS_INVALID|TRACE_INVALID)$/.test(error.code);

/** What it says in one line. */
export const faultWords = (error: FlightcheckError): string => withReason(error.message);

/** Errors that are the repo's own: its hook failed, hung, wrote nothing or wrote something invalid. */
export const isTheirs = (error: unknown): error is FlightcheckError =>
  error instanceof FlightcheckError &&
  error.code !== 'HOOK_PROGRAM_MISSING' &&
  /^(HOOK_|PREDICTIONS_INVALID|FEATURES_INVALID)/.test(error.code);
