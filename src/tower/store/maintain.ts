/** What keeps the store small and quick, in the background of every server: sealing, retention, a look at the whole audit. */
import type { ChainVerifier } from './audit-chain.ts';
import type { Database } from './database.ts';
import { pointStore } from './points/point-store.ts';
import { type Retention, removeOld } from './points/retain.ts';

export interface Maintenance extends Retention {
  /** Days after its end at which a month is sealed; 7 unless told. */
  readonly sealAfterDays?: number | undefined;
}

const everyMs = 6 * 3_600_000;
/** Not while a server starts: replicas that start together would all look at once. */
const firstMs = 30_000;

export function startMaintenance(
  db: Database,
  chain: ChainVerifier,
  { sealAfterDays = 7, ...retention }: Maintenance,
  onError: (error: unknown) => void,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout;
  const round = async (): Promise<void> => {
    await pointStore.seal(db, new Date(), { afterDays: sealAfterDays, signal: stopping.signal });
    if (!stopping.signal.aborted) await removeOld(db, new Date(), retention);
    if (stopping.signal.aborted) return;
    const { broken } = await chain.whole(stopping.signal);
    if (broken !== null)
      throw new Error(`the audit was changed: entry ${broken} or one before it does not fit its seal, or is gone`);
  };
  const schedule = (ms: number) => {
    timer = setTimeout(() => {
      running = round()
        .catch((error: unknown) => {
          if (!stopping.signal.aborted) onError(error);
        })
        .then(() => {
          if (!stopping.signal.aborted) schedule(everyMs);
        });
    }, ms);
    timer.unref();
  };
  schedule(firstMs + Math.random() * firstMs);
  return {
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}
