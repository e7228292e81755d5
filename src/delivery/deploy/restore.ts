/** The way back of a deployment that failed: the file before, and the proof that Airflow has what it had. */
import type { Airflow, DagTarget, Reverted } from '../../kernel/delivery.ts';
import { renderedIn } from '../dag/render-airflow.ts';
import { type DeployStep, ownRuns, type StepId } from './deployment.ts';
import { type Expected, expectedOf, type Scheduled, snapshotOf } from './proof.ts';
import { type Verified, verify, type Waiting } from './verify.ts';

interface RestoreOptions extends Waiting {
  readonly airflow: Airflow;
  readonly target: DagTarget;
}

export interface Restore {
  readonly name: string;
  /** What was delivered: only that is taken back. */
  readonly delivered: string;
  readonly before: Scheduled | null;
  readonly why: string;
}

/** Restores the file, proves that Airflow has what it had, and restores whether it was paused. */
export async function restore(
  options: RestoreOptions,
  { name, delivered, before, why }: Restore,
  note: (step: DeployStep) => void,
): Promise<'rolled-back' | 'rollback-unverified' | 'superseded'> {
  const { target, airflow, clock } = options;
  const started = clock.now();
  const seconds = (): number => (clock.now().getTime() - started.getTime()) / 1000;
  const failed = (id: StepId, error: unknown): 'rollback-unverified' => {
    note({ id, outcome: 'fail', seconds: seconds(), words: error instanceof Error ? error.message : String(error) });
    return 'rollback-unverified';
  };
  // The broken file's error is stated anew until Airflow reads the restored one.
  const oldTraces = await tracesOf(airflow, name).catch(() => []);
  let wanted: Expected | null;
  try {
    const reverted = await target.revert(name, `Rolled back by Flightcheck: ${why.slice(0, 500)}`, delivered);
    if (reverted === 'superseded') {
      const words = `another deployment replaced ${name}: what it delivered stays, and it must prove it`;
      note({ id: 'roll-back', outcome: 'skipped', seconds: seconds(), words });
      return 'superseded';
    }
    const words = reverted === 'nothing' ? `${name} was not delivered` : `${name} is as it was before (${reverted.change})`;
    note({ id: 'roll-back', outcome: 'pass', seconds: seconds(), words });
    wanted = wantedAfter(reverted, before);
  } catch (error) {
    return failed('roll-back', error);
  }
  try {
    const verified =
      wanted === null
        ? await gone(options, name)
        : await verify({ ...options, expected: wanted, fileName: name, deliveredAt: started, oldTraces });
    if (verified.isProven && before && wanted) await restorePaused(airflow, before);
    note({
      id: 'verify-rollback',
      outcome: verified.isProven ? 'pass' : 'fail',
      seconds: seconds(),
      words: verified.isProven ? 'Airflow has what it had before' : verified.reason,
      ...(!verified.isProven && verified.trace !== undefined && { trace: verified.trace }),
    });
    return verified.isProven ? 'rolled-back' : 'rollback-unverified';
  } catch (error) {
    return failed('verify-rollback', error);
  }
}

/**
 * What Airflow must have now; null: nothing. The file that is back says it. What Airflow had before may be the version that
 * failed: an earlier try, killed on its way, has delivered it already.
 */
function wantedAfter(reverted: Exclude<Reverted, 'superseded'>, before: Scheduled | null): Expected | null {
  if (reverted !== 'nothing' && reverted.text === null) return null;
  const back = reverted === 'nothing' ? null : renderedIn(reverted.text ?? '');
  if (back) return expectedOf(back.spec, back.hash);
  return before && snapshotOf(before);
}

/** Asked first: an account that may not pause can still have deployed. */
async function restorePaused(airflow: Airflow, { dag }: Scheduled): Promise<void> {
  const now = await airflow.dag(dag.id);
  if (now !== null && now.isPaused !== dag.isPaused) await airflow.setPaused(dag.id, dag.isPaused);
}

/** What Airflow says of a file that it cannot import; nothing where the account may not see it. */
export const tracesOf = async (airflow: Airflow, name: string): Promise<readonly string[]> =>
  ((await airflow.importErrors(name)) ?? []).map(({ trace }) => trace);

const hasHistory = async (airflow: Airflow, id: string): Promise<boolean> =>
  (await airflow.runs(id, '')).some((run) => !run.id.startsWith(ownRuns));

/**
 * A DAG without a file must be gone, and its import error with it. Looked at twice, for Airflow may be reading the file while
 * it is removed. One that has run for others than us keeps its history: it is gone when Airflow schedules it no more.
 */
export async function gone(
  options: Omit<RestoreOptions, 'target'> & { readonly forgets?: 'inactive' },
  name: string,
): Promise<Verified> {
  const { airflow, clock } = options;
  const id = name.slice(0, -'.py'.length);
  const started = clock.now().getTime();
  const seconds = (): number => (clock.now().getTime() - started) / 1000;
  let inARow = 0;
  let why = '';
  for (;;) {
    try {
      const dag = await airflow.dag(id);
      const isKept = dag !== null && (await hasHistory(airflow, id));
      if (dag !== null && !isKept && !(options.forgets === 'inactive' && dag.isActive)) await airflow.forget(id);
      const isListed = isKept ? dag.isActive : dag !== null;
      const isBroken = (await tracesOf(airflow, name)).length > 0;
      inARow = isListed || isBroken ? 0 : inARow + 1;
      if (inARow >= 2) return { isProven: true, seconds: seconds() };
      why = isListed ? `Airflow still has ${id}` : isBroken ? `Airflow still has the import error of ${name}` : 'looking again';
    } catch (error) {
      inARow = 0;
      why = error instanceof Error ? error.message : String(error);
    }
    if (seconds() >= options.timeoutSeconds) return { isProven: false, seconds: seconds(), reason: why };
    if (options.signal?.aborted) return { isProven: false, seconds: seconds(), reason: `interrupted while ${why}` };
    options.onWait?.(why, seconds());
    await clock.sleep(options.pollSeconds, options.signal);
  }
}
