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

/** Does `round` again and again, and rests when it found nothing to do. */
function repeat(round: () => Promise<boolean>, pause: number, onError: (error: unknown) => void): Worker {
  let isStopped = false;
  let wake = () => {};
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

/** A destination that answers late holds up no judging, and a flood of values no delivery. */
export function startWorker(options: WorkerOptions): Worker {
  const { db, onError, pause = 1000 } = options;
  let lastSilence = 0;
  let series = 0;
  let project = 0;
  const judge = async (): Promise<boolean> => {
    if (Date.now() - lastSilence >= Math.min(silenceEvery, pause * 60)) {
      lastSilence = Date.now();
      await evaluateSilence(db, new Date());
    }
    const judged = await evaluateNext(db, series);
    series = judged?.last ?? 0;
    return judged !== null;
  };
  const deliver = async (): Promise<boolean> => {
    const next = await deliverNext(db, options, project);
    project = next ?? 0;
    return next !== null;
  };
  const workers = [judge, deliver].map((round) => repeat(round, pause, onError));
  return {
    async stop() {
      await Promise.all(workers.map((worker) => worker.stop()));
    },
  };
}
