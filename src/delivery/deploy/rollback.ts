/** Undoes the last delivery: also that of a process that was killed in the middle of one. */
import type { Airflow, DagTarget } from '../../kernel/delivery.ts';
import { renderHash, specIn } from '../dag/render-airflow.ts';
import { type Deployment, type DeployStep, fileNameOf } from './apply.ts';
import { expectedOf, hashOf, scheduledOf } from './proof.ts';
import { type Clock, verify } from './verify.ts';

export interface RollbackOptions {
  readonly airflow: Airflow;
  readonly target: DagTarget;
  readonly dagId: string;
  readonly timeoutSeconds: number;
  readonly pollSeconds: number;
  readonly clock: Clock;
  onStep?(step: DeployStep): void;
  onWait?(why: string, seconds: number): void;
}

/** Restores the file before the last delivery and proves that Airflow schedules it. */
export async function rollback(options: RollbackOptions): Promise<Deployment> {
  const { airflow, target, dagId, clock } = options;
  const name = fileNameOf(dagId);
  const steps: DeployStep[] = [];
  const note = (step: DeployStep): void => {
    steps.push(step);
    options.onStep?.(step);
  };
  const started = clock.now();
  const seconds = (): number => (clock.now().getTime() - started.getTime()) / 1000;
  const now = await scheduledOf(airflow, dagId);
  const previousHash = now ? hashOf(now) : null;
  const reverted = await target.revert(name, 'Rolled back by hand with Flightcheck.');
  if (reverted === null) {
    note({
      id: 'roll-back',
      outcome: 'skipped',
      seconds: seconds(),
      words: `${target.words} has no delivery of ${name} to undo`,
    });
    return { outcome: 'unchanged', hash: previousHash ?? '', previousHash, steps };
  }
  note({ id: 'roll-back', outcome: 'pass', seconds: seconds(), words: `${name} is as it was before (${reverted.change})` });
  const end = (isProven: boolean, hash: string, words: string, trace?: string): Deployment => {
    note({
      id: 'verify-rollback',
      outcome: isProven ? 'pass' : 'fail',
      seconds: seconds(),
      words,
      ...(trace !== undefined && { trace }),
    });
    return { outcome: isProven ? 'rolled-back' : 'rollback-unverified', hash, previousHash, steps };
  };
  if (reverted.text === null) {
    if ((await airflow.dag(dagId)) !== null) await airflow.forget(dagId);
    const isGone = (await airflow.dag(dagId)) === null;
    return end(isGone, '', isGone ? 'there was no DAG before, and there is none now' : `Airflow still lists ${dagId}`);
  }
  const spec = specIn(reverted.text);
  if (spec === null) return end(false, '', 'the file before was not written by Flightcheck, so nothing in Airflow can prove it');
  const hash = renderHash(spec);
  const verified = await verify({ ...options, expected: expectedOf(spec, hash), fileName: name, deliveredAt: started });
  return verified.isProven
    ? end(true, hash, 'Airflow schedules what it did before: hash and edges were found in every task, twice')
    : end(false, hash, verified.reason, verified.trace);
}
