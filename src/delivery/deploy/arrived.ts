/** What became of a change whose answer was an error. */
import type { DagTarget } from '../../kernel/delivery.ts';
import { FlightcheckError } from '../../kernel/failure.ts';
import type { Waiting } from './verify.ts';

interface ArrivedOptions extends Waiting {
  readonly target: DagTarget;
}

/**
 * Did it arrive all the same? A push whose answer was lost may have, so a target that cannot be read then is asked again;
 * null: it never answered, and nobody knows.
 */
export async function hasArrived(
  { target, clock, timeoutSeconds, pollSeconds, signal }: ArrivedOptions,
  name: string,
  text: string | null,
  error: unknown,
): Promise<boolean | null> {
  const isUnsure = error instanceof FlightcheckError && error.code === 'DELIVERY_UNSURE';
  const started = clock.now().getTime();
  for (;;) {
    try {
      return (await target.read(name)) === text;
    } catch {
      if (!isUnsure) return false;
    }
    if (signal?.aborted || clock.now().getTime() - started >= timeoutSeconds * 1000) return null;
    await clock.sleep(pollSeconds, signal);
  }
}
