/** Judges and delivers in the background; every replica does, and none does what another has taken. */
import type { Database } from '../store/database.ts';
import { type DeliverOptions, deliverNext } from './deliver.ts';
import { evaluateNext, evaluateSilence } from './evaluate.ts';

export interface WorkerOptions extends DeliverOptions {
  readonly db: Database;
  /** Milliseconds between looks when nothing waits. */
  readonly pause?: number | undefined;
}

const silenceEvery = 60_000;

export interface Worker {
  /** Ends after what is under way. */
  stop(): Promise<void>;
}

export function startWorker(options: WorkerOptions): Worker {
  const { db, onError, pause = 1000 } = options;
  let isStopped = false;
  let wake = () => {};
  let lastSilence = 0;
  let series: number | null = null;
  let project: number | null = null;
  const round = async (): Promise<boolean> => {
    if (Date.now() - lastSilence >= Math.min(silenceEvery, pause * 60)) {
      lastSilence = Date.now();
      await evaluateSilence(db, new Date());
    }
    series = await evaluateNext(db, series ?? 0);
    project = await deliverNext(db, options, project ?? 0);
    return series !== null || project !== null;
  };
  const run = async (): Promise<void> => {
    while (!isStopped) {
      const isBusy = await round().catch((error) => {
        onError(error);
        return false;
      });
      if (isBusy || isStopped) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause);
        timer.unref();
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const ended = run();
  return {
    stop() {
      isStopped = true;
      wake();
      return ended;
    },
  };
}
