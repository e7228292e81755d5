/** Undoes the last delivery: also that of a process that was killed in the middle of one. */
import type { Airflow, DagTarget, ModelRegistry } from '../../kernel/delivery.ts';
import { renderedIn } from '../dag/render-airflow.ts';
import { type Deployment, type DeployStep, fileNameOf } from './deployment.ts';
import { undoneAlias } from './model.ts';
import { expectedOf, hashOf, scheduledOf } from './proof.ts';
import { gone, tracesOf } from './restore.ts';
import { type Verified, verify, type Waiting } from './verify.ts';

export interface RollbackOptions extends Waiting {
  readonly airflow: Airflow;
  readonly target: DagTarget;
  readonly dagId: string;
  /** Where the alias goes back, when the delivery has moved it. */
  readonly registry?: ModelRegistry;
  onStep?(step: DeployStep): void;
}

/** Restores the file before the last delivery and proves that Airflow schedules it. Called again, it only proves. */
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
  const oldTraces = await tracesOf(airflow, name);
  // Before the file: the record of the delivery, which knows the version before, goes with it.
  const delivery = await target.last(name);
  const alias = delivery && (await undoneAlias(options.registry, delivery));
  if (alias) note({ id: 'alias-back', seconds: seconds(), ...alias });
  const reverted = await target.revert(name, 'Rolled back by hand with Flightcheck.');
  const isReverted = reverted !== 'nothing' && reverted !== 'superseded';
  note({
    id: 'roll-back',
    outcome: isReverted ? 'pass' : 'skipped',
    seconds: seconds(),
    words: isReverted
      ? `${name} is as it was before (${reverted.change})`
      : `${target.words} has no delivery of ${name} to undo; looking whether Airflow has what lies there`,
  });
  const end = (verified: Verified, hash: string, words: string): Deployment => {
    const { isProven } = verified;
    note({
      id: 'verify-rollback',
      outcome: isProven ? 'pass' : 'fail',
      seconds: seconds(),
      words: isProven ? words : verified.reason,
      ...(!isProven && verified.trace !== undefined && { trace: verified.trace }),
    });
    const outcome = !isProven || alias?.outcome === 'fail' ? 'rollback-unverified' : isReverted ? 'rolled-back' : 'unchanged';
    return { outcome, hash, previousHash, steps };
  };
  const text = isReverted ? reverted.text : await target.read(name);
  if (text === null) return end(await gone(options, name), '', 'no file lies there, and Airflow has no DAG');
  const rendered = renderedIn(text);
  if (rendered === null) {
    const reason = 'the file that lies there was not written by Flightcheck, so nothing in Airflow can prove it';
    return end({ isProven: false, seconds: 0, reason }, '', reason);
  }
  const { spec, hash } = rendered;
  const expected = expectedOf(spec, hash);
  const verified = await verify({ ...options, expected, fileName: name, deliveredAt: started, oldTraces });
  return end(verified, hash, 'Airflow schedules what lies there: hash and edges were found in every task, twice');
}
