/** Waits until Airflow schedules what was delivered, or says why it does not. */
import type { Airflow } from '../../kernel/delivery.ts';
import { differenceOf, type Expected, scheduledOf } from './proof.ts';

/** How long Airflow is waited for, and what is told meanwhile. */
export interface Waiting {
  readonly timeoutSeconds: number;
  readonly pollSeconds: number;
  readonly clock: Clock;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
  onWait?(why: string, seconds: number): void;
}

export interface VerifyOptions extends Waiting {
  readonly airflow: Airflow;
  readonly expected: Expected;
  readonly fileName: string;
  /** Import errors older than this belong to another file; null counts all. */
  readonly deliveredAt: Date | null;
  /** Traces that Airflow had before the delivery: it states them anew, with a new time, until it reads the new file. */
  readonly oldTraces: readonly string[];
  /** Asked when Airflow has something else: true when that is no longer what lies in the target. */
  isReplaced?(): Promise<boolean>;
}

export interface Clock {
  now(): Date;
  /** Resolves after that time, or when the signal is aborted. */
  sleep(seconds: number, signal?: AbortSignal): Promise<void>;
}

export type Verified =
  | { readonly isProven: true; readonly seconds: number }
  | { readonly isProven: false; readonly seconds: number; readonly reason: string; readonly trace?: string };

/** Clocks of two machines differ; an error this much older than the delivery may still be of it. */
const clockSkewSeconds = 2;

/** Polls. Proven is only what was found twice in a row. */
export async function verify(options: VerifyOptions): Promise<Verified> {
  const { airflow, expected, fileName, clock, deliveredAt } = options;
  const started = clock.now().getTime();
  const seconds = (): number => (clock.now().getTime() - started) / 1000;
  let inARow = 0;
  let why = 'nothing was asked yet';
  let isBlind = false;
  for (;;) {
    try {
      const errors = await airflow.importErrors(fileName);
      isBlind = errors === null;
      const since = deliveredAt === null ? 0 : deliveredAt.getTime() - clockSkewSeconds * 1000;
      const error = errors?.find(({ at, trace }) => Date.parse(at) >= since && !options.oldTraces.includes(trace));
      if (error) return { isProven: false, seconds: seconds(), reason: `Airflow cannot import ${fileName}`, trace: error.trace };
      const scheduled = await scheduledOf(airflow, expected.dagId);
      const isStillBroken = errors !== null && errors.length > 0;
      const difference = isStillBroken
        ? 'Airflow still has the import error of the file before'
        : differenceOf(expected, scheduled);
      inARow = difference === null ? inARow + 1 : 0;
      if (inARow >= 2) return { isProven: true, seconds: seconds() };
      why = difference ?? 'seen once, looking again';
      if (difference !== null && (await options.isReplaced?.()))
        return { isProven: false, seconds: seconds(), reason: `another deployment replaced ${fileName}` };
      // A file that Airflow knows can be hurried; a new one waits for the next look into the folder.
      if (difference !== null && scheduled?.dag.fileToken) await airflow.hurry(scheduled.dag.fileToken).catch(() => undefined);
    } catch (error) {
      // An Airflow that restarts is waited for as long as one that is slow.
      inARow = 0;
      why = error instanceof Error ? error.message : String(error);
    }
    const waited = seconds();
    if (waited >= options.timeoutSeconds) {
      const blind = isBlind ? '; this account sees no import errors, so the file may also be broken' : '';
      return { isProven: false, seconds: waited, reason: `after ${Math.round(waited)} s ${why}${blind}` };
    }
    if (options.signal?.aborted) return { isProven: false, seconds: waited, reason: `interrupted while ${why}` };
    options.onWait?.(why, waited);
    await clock.sleep(options.pollSeconds, options.signal);
  }
}
