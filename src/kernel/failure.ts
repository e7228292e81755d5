/**
 * Errors and exit codes. A user error says what was found, what was expected and what to do next;
 * anything that is not a FlightcheckError is a bug of ours and is reported as one.
 */

/** Exit codes of every command; part of the product's semantic version. 4 and 5 belong to `deploy`. */
export const exitCode = {
  fine: 0,
  gateSaysNo: 1,
  usage: 2,
  environment: 3,
  rolledBack: 4,
  rollbackUnverified: 5,
  interrupted: 130,
} as const;

/** Where something is: `line` and `column` count from 1. */
export interface Place {
  readonly path: string;
  readonly line?: number;
  readonly column?: number;
}

/** An error as data, fit for a report. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly place?: Place;
}

interface FailureOptions {
  readonly hint: string;
  readonly place?: Place | undefined;
  readonly cause?: unknown;
}

/** An error that a user can act on. `code` is stable, UPPER_SNAKE_CASE. */
export class FlightcheckError extends Error {
  readonly code: string;
  readonly hint: string;
  readonly place: Place | undefined;
  readonly exitCode: number;

  constructor(code: string, message: string, options: FailureOptions, exit: number) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
    this.place = options.place;
    this.exitCode = exit;
  }
}

/** Wrong use or bad configuration: exit code 2. */
export class UsageError extends FlightcheckError {
  constructor(code: string, message: string, options: FailureOptions) {
    super(code, message, options, exitCode.usage);
  }
}

/** A tool is missing or a service cannot be reached: exit code 3. */
export class EnvironmentError extends FlightcheckError {
  constructor(code: string, message: string, options: FailureOptions) {
    super(code, message, options, exitCode.environment);
  }
}

/** `path:line:column` as far as it is known. */
export function formatPlace(place: Place): string {
  return [place.path, place.line, place.column].filter((part) => part !== undefined).join(':');
}

/** Any thrown value as a Failure; what we did not foresee is a bug and says so. */
export function toFailure(error: unknown): Failure {
  if (error instanceof FlightcheckError) {
    const { code, message, hint, place } = error;
    return { code, message, hint, ...(place && { place }) };
  }
  return {
    code: 'INTERNAL',
    message: error instanceof Error ? error.message : String(error),
    hint: 'This is a bug in Flightcheck. Run again with --debug and report it.',
  };
}
