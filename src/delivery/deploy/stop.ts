/** Ends what an environment runs of a model: the file goes, and Airflow schedules nothing of it any more. */
import type { Airflow, DagTarget } from '../../kernel/delivery.ts';
import { renderedIn } from '../dag/render-airflow.ts';
import { hasArrived } from './arrived.ts';
import { type Deployment, type DeployStep, fileNameOf, type Outcome, type Result, type StepId } from './deployment.ts';
import { hashOf, scheduledOf } from './proof.ts';
import { gone } from './restore.ts';
import type { Waiting } from './verify.ts';

export interface StopOptions extends Waiting {
  readonly airflow: Airflow;
  readonly target: DagTarget;
  readonly dagId: string;
  onStep?(step: DeployStep): void;
}

/** Removes the file, pauses the DAG until Airflow has seen that, and proves it. Called again, it ends what was begun. */
export async function stop(options: StopOptions): Promise<Deployment> {
  const { airflow, target, dagId, clock } = options;
  const name = fileNameOf(dagId);
  const steps: DeployStep[] = [];
  const timed = async (id: StepId, work: () => Promise<Result>): Promise<Result> => {
    const started = clock.now().getTime();
    const result = await work();
    const step: DeployStep = { id, seconds: (clock.now().getTime() - started) / 1000, ...result };
    steps.push(step);
    options.onStep?.(step);
    return result;
  };
  // Airflow is asked before anything is removed: one that cannot be asked could prove nothing.
  const scheduled = await scheduledOf(airflow, dagId);
  const text = await target.read(name);
  const rendered = text === null ? null : renderedIn(text);
  const previousHash = rendered ? rendered.hash : scheduled && hashOf(scheduled);
  const end = (outcome: Outcome): Deployment => ({ outcome, hash: previousHash ?? '', previousHash, steps });
  const foreign = (what: string, where: string): Result => ({
    outcome: 'fail',
    words: `${what} in ${where} is not of Flightcheck, so it stays: whoever wrote it removes it`,
  });
  const removed = await timed('remove', async () => {
    if (text !== null && rendered === null) return foreign(name, target.words);
    if (text === null && scheduled && previousHash === null) return foreign(dagId, airflow.url);
    const result = await remove(options, name, text !== null);
    return { ...result, words: `${result.words}${await removeCanary(options, name)}` };
  });
  if (removed.outcome === 'fail') return end('refused');
  await timed('pause', () => pause(airflow, dagId));
  const verified = await timed('verify-stop', () => proveStop(options, name));
  return end(verified.outcome === 'pass' ? 'stopped' : 'stop-unverified');
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A canary of a deployment that was killed on its way; one that stays starts nothing, and is told. */
async function removeCanary({ target }: StopOptions, name: string): Promise<string> {
  const canary = fileNameOf(`${name.slice(0, -'.py'.length)}__canary`);
  try {
    await target.remove(canary, 'Stopped by Flightcheck.');
    return '';
  } catch (error) {
    return `; ${canary} may still lie there: ${wordsOf(error)}`;
  }
}

async function remove(options: StopOptions, name: string, isThere: boolean): Promise<Result> {
  const { target } = options;
  if (!isThere) return { outcome: 'skipped', words: `${target.words} has no ${name}; looking whether Airflow still has its DAG` };
  try {
    await target.remove(name, 'Stopped by Flightcheck.');
  } catch (error) {
    const arrived = await hasArrived(options, name, null, error);
    if (arrived === false) throw error;
    // What Airflow shows decides.
    if (arrived === null) return { outcome: 'skipped', words: wordsOf(error) };
  }
  return { outcome: 'pass', words: `${name} is removed from ${target.words}` };
}

/** Never rejects: an account that may not pause has removed the file, and that ends the DAG too. */
async function pause(airflow: Airflow, dagId: string): Promise<Result> {
  try {
    const dag = await airflow.dag(dagId);
    if (dag === null || !dag.isActive) return { outcome: 'skipped', words: 'Airflow schedules nothing of it' };
    const live = (await airflow.runs(dagId, '')).filter(({ state }) => state === 'running' || state === 'queued').length;
    const words = live === 0 ? 'it is paused' : `it is paused; runs that still go on, and may fail without their file: ${live}`;
    if (!dag.isPaused) await airflow.setPaused(dagId, true);
    return { outcome: 'pass', words };
  } catch (error) {
    const words = `it cannot be paused until Airflow has seen that its file is gone: ${wordsOf(error)}`;
    return { outcome: 'skipped', words };
  }
}

async function proveStop(options: StopOptions, name: string): Promise<Result> {
  // Forgotten too early, it would come back unpaused from a file that Airflow has not seen go.
  const verified = await gone({ ...options, forgets: 'inactive' }, name);
  if (verified.isProven) return { outcome: 'pass', words: 'no file lies there, and Airflow schedules no such DAG' };
  const dag = await options.airflow.dag(options.dagId).catch(() => null);
  const waited = `after ${Math.round(verified.seconds)} s ${verified.reason}`;
  return dag?.isPaused
    ? { outcome: 'pass', words: `no file lies there, and the DAG is paused, so nothing of it starts; ${waited}` }
    : { outcome: 'fail', words: waited };
}
