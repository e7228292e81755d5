/** Delivers a DAG, proves that Airflow schedules it, and puts everything back when it does not. */
import type { Airflow, DagTarget } from '../../kernel/delivery.ts';
import { EnvironmentError } from '../../kernel/failure.ts';
import { renderAirflow, renderHash } from '../dag/render-airflow.ts';
import type { DagSpec } from '../dag/spec.ts';
import { hasArrived } from './arrived.ts';
import { type Deployment, type DeployStep, fileNameOf, type Outcome, ownRuns, type Result, type StepId } from './deployment.ts';
import { type ImageStore, judgeImages } from './images.ts';
import { finishAlias, giveAliasBack, judgeModel, type ModelGate, moveAlias } from './model.ts';
import { differenceOf, expectedOf, hashOf, type Scheduled, scheduledOf } from './proof.ts';
import { restore } from './restore.ts';
import { type Clock, type Verified, verify } from './verify.ts';

export interface ApplyOptions {
  readonly airflow: Airflow;
  readonly target: DagTarget;
  readonly spec: DagSpec;
  /** Where the images of the tasks must be; without it they are not looked for. */
  readonly images?: ImageStore;
  /** The registered model that must be fit, and whose alias follows; without it MLflow is not asked. */
  readonly model?: ModelGate;
  readonly commit: string;
  readonly imageDigest: string | null;
  /** Leave the DAG paused. */
  readonly paused: boolean;
  readonly canary: boolean;
  readonly testRun: boolean;
  /** Tells the test run of this deployment from that of another attempt: the job's id. */
  readonly attempt: string;
  readonly timeoutSeconds: number;
  readonly pollSeconds: number;
  readonly clock: Clock;
  /** Interrupts: what was delivered and is not proven yet is taken back. */
  readonly signal?: AbortSignal;
  onStep?(step: DeployStep): void;
  onWait?(why: string, seconds: number): void;
}

/** A dag-processor whose last sign of life is older reads no files. */
const heartbeatSeconds = 60;

/** Deploys. Rejects only for what happens before anything is delivered; later faults end in a rollback. */
export async function apply(options: ApplyOptions): Promise<Deployment> {
  const { airflow, target, spec, clock } = options;
  const hash = renderHash(spec);
  const text = renderAirflow(spec);
  const name = fileNameOf(spec.id);
  const expected = expectedOf(spec, hash);
  const steps: DeployStep[] = [];
  const waiting = {
    airflow,
    clock,
    timeoutSeconds: options.timeoutSeconds,
    pollSeconds: options.pollSeconds,
    ...(options.onWait && { onWait: options.onWait }),
  };
  const note = (step: DeployStep): void => {
    steps.push(step);
    options.onStep?.(step);
  };
  const timed = async <T>(id: StepId, work: () => Promise<T>, words: (done: T) => Result): Promise<T> => {
    const started = clock.now().getTime();
    const done = await work();
    note({ id, seconds: (clock.now().getTime() - started) / 1000, ...words(done) });
    return done;
  };
  const proof =
    (what: string) =>
    (verified: Verified): Result =>
      verified.isProven
        ? { outcome: 'pass', words: `Airflow schedules ${what}: hash and edges were found in every task, twice` }
        : { outcome: 'fail', words: verified.reason, ...(verified.trace !== undefined && { trace: verified.trace }) };

  const before = await timed(
    'preflight',
    () => preflight(options),
    ({ words }) => ({ outcome: 'pass', words }),
  );
  const previousHash = before.scheduled ? hashOf(before.scheduled) : null;
  const end = (outcome: Outcome): Deployment => ({ outcome, hash, previousHash, steps });
  const { images } = options;
  const found =
    images &&
    (await timed(
      'images',
      () => judgeImages(images, spec),
      (result) => result,
    ));
  if (found?.outcome === 'fail') return end('refused');
  const delivered = await target.read(name);
  const gate = options.model;
  const last = gate && (await target.last(name))?.model;
  const judged =
    gate &&
    (await timed(
      'model',
      () => judgeModel(gate, options.commit, last),
      ({ isMet, words }) => ({ outcome: isMet ? 'pass' : 'fail', words }),
    ));
  if (judged?.isMet === false) return end('refused');
  const model = gate && judged && { ...judged, registry: gate.registry };
  const isDelivered = delivered === text;
  const undone = isDelivered ? await leftUndone(options, before.scheduled, hash) : { letGo: false, testRun: options.testRun };
  const isScheduled = isDelivered && differenceOf(expected, before.scheduled) === null;
  if (isScheduled && !undone.letGo && !undone.testRun) {
    const finished =
      model &&
      (await timed(
        'alias',
        () => finishAlias(model.registry, model, last),
        (result) => result,
      ));
    if (finished?.outcome === 'fail') throw aliasNotMoved(finished.words);
    return end('unchanged');
  }

  if (options.canary && !isScheduled) {
    const copy: DagSpec = { ...spec, id: `${spec.id}__canary`, schedule: { cron: null, assets: [] } };
    options.signal?.throwIfAborted();
    const verified = await timed('canary', () => tryCanary(options, copy, waiting), proof('a paused copy'));
    if (!verified.isProven) return end('refused');
  }

  options.signal?.throwIfAborted();
  const deliveredAt = clock.now();
  const chosen = model && { version: model.version, previousVersion: model.before };
  const record = {
    ...{ hash, previousHash, commit: options.commit, imageDigest: options.imageDigest },
    ...(chosen && { model: chosen }),
  };
  // From here on the environment is not as it was: whatever goes wrong ends in a rollback.
  const goBack = async (why: string, isAliasUnsure = false): Promise<Deployment> => {
    const giveBack = isAliasUnsure && gate && chosen ? () => giveAliasBack(gate.registry, chosen) : null;
    const back = giveBack && (await timed('alias-back', giveBack, (result) => result));
    const outcome = await restore({ ...waiting, target }, { name, delivered: text, before: before.scheduled, why }, note);
    return end(back?.outcome === 'fail' ? 'rollback-unverified' : outcome);
  };
  try {
    if (!isDelivered)
      await timed(
        'deliver',
        () => target.write(name, text, record),
        (change) => ({ outcome: 'pass', words: `${name} to ${target.words} (${change})` }),
      );
  } catch (error) {
    const arrived = await hasArrived(options, name, text, error);
    if (arrived === false) throw error;
    if (arrived === null) {
      note({ id: 'deliver', outcome: 'fail', seconds: 0, words: error instanceof Error ? error.message : String(error) });
      return end('rollback-unverified');
    }
  }
  const verified = await timed(
    'verify',
    () =>
      verify({
        ...waiting,
        ...(options.signal && { signal: options.signal }),
        ...{ expected, fileName: name, deliveredAt, oldTraces: before.traces },
        isReplaced: async () => (await target.read(name)) !== text,
      }),
    proof('this version'),
  );
  if (!verified.isProven) return goBack(verified.reason);
  try {
    await timed(
      'unpause',
      () => unpause(options, undone.letGo ? null : before.scheduled),
      (words) => ({ outcome: 'pass', words }),
    );
    if (undone.testRun) {
      const run = await timed(
        'test-run',
        () => testRun(options, hash),
        (state) => ({
          outcome: state === 'success' ? 'pass' : 'fail',
          words: `the test run ended as ${state}`,
        }),
      );
      if (run !== 'success') return goBack(`the test run ended as ${run}`);
    }
  } catch (error) {
    return goBack(error instanceof Error ? error.message : String(error));
  }
  // The last step: who loads the model by its alias gets it when nothing can fail any more.
  const moved =
    model &&
    (await timed(
      'alias',
      () => moveAlias(model.registry, model),
      (result) => result,
    ));
  return moved?.outcome === 'fail' ? goBack(moved.words, true) : end('deployed');
}

const aliasNotMoved = (words: string): EnvironmentError =>
  new EnvironmentError('MLFLOW_ALIAS', words, {
    hint: 'Airflow has this version already, and nothing was delivered. Deploy again once MLflow lets this account move the alias.',
  });

interface Before {
  readonly scheduled: Scheduled | null;
  /** Import errors that the file has already. */
  readonly traces: readonly string[];
  readonly words: string;
}

/** Is this Airflow able to take a DAG, and would it tell us? Stops before anything is delivered. */
async function preflight({ airflow, spec, clock }: ApplyOptions): Promise<Before> {
  const version = await airflow.version();
  const heartbeat = await airflow.dagProcessorHeartbeat();
  const age = heartbeat === null ? Number.POSITIVE_INFINITY : (clock.now().getTime() - Date.parse(heartbeat)) / 1000;
  if (age > heartbeatSeconds)
    throw new EnvironmentError(
      'AIRFLOW_NOT_READING',
      `The dag-processor of ${airflow.url} ${heartbeat === null ? 'never gave a sign of life' : `was last alive ${Math.round(age)} s ago`}`,
      {
        hint: 'Start it (airflow dag-processor); nothing was delivered.',
      },
    );
  const errors = await airflow.importErrors(fileNameOf(spec.id));
  const scheduled = await scheduledOf(airflow, spec.id);
  const state = scheduled === null ? 'the DAG is new' : `the DAG is there${scheduled.dag.isPaused ? ', paused' : ''}`;
  const traces = (errors ?? []).map(({ trace }) => trace);
  const seen = errors === null ? '; this account sees no import errors' : traces.length > 0 ? '; its file is broken' : '';
  return { scheduled, traces, words: `Airflow ${version}, ${state}${seen}` };
}

type Waiting = Pick<ApplyOptions, 'airflow' | 'clock' | 'timeoutSeconds' | 'pollSeconds' | 'onWait'>;

async function tryCanary(
  { target, commit, imageDigest, clock, airflow, signal }: ApplyOptions,
  copy: DagSpec,
  waiting: Waiting,
): Promise<Verified> {
  const hash = renderHash(copy);
  const name = fileNameOf(copy.id);
  const deliveredAt = clock.now();
  try {
    await target.write(name, renderAirflow(copy), { hash, previousHash: null, commit, imageDigest });
    const expected = expectedOf(copy, hash);
    return await verify({ ...waiting, ...(signal && { signal }), expected, fileName: name, deliveredAt, oldTraces: [] });
  } finally {
    await target.remove(name, 'The canary has done its work.');
    await airflow.forget(copy.id).catch(() => undefined);
  }
}

const testRunPrefix = (hash: string): string => `${ownRuns}${hash.slice(0, 12)}__`;

/**
 * What an earlier try of the same version, killed on its way, has not come to: to let a new DAG go, to see a run of it succeed.
 * A DAG that replaced nothing, is paused and never ran was not paused by a person who wants it to rest.
 */
async function leftUndone(
  { airflow, target, spec, paused, testRun }: ApplyOptions,
  scheduled: Scheduled | null,
  hash: string,
): Promise<{ readonly letGo: boolean; readonly testRun: boolean }> {
  if (scheduled === null) return { letGo: false, testRun };
  const isNew = !paused && scheduled.dag.isPaused && (await target.last(fileNameOf(spec.id)))?.previousHash === null;
  const isTested = async (): Promise<boolean> =>
    (await airflow.runs(spec.id, testRunPrefix(hash))).some(({ state }) => state === 'success');
  return {
    letGo: isNew && (await airflow.runs(spec.id, '')).length === 0,
    testRun: testRun && !(await isTested()),
  };
}

/** A DAG that a person paused stays paused; one that is new starts paused in Airflow, and is let go unless told otherwise. */
async function unpause({ airflow, spec, paused }: ApplyOptions, before: Scheduled | null): Promise<string> {
  const now = await airflow.dag(spec.id);
  if (paused) {
    if (now && !now.isPaused) await airflow.setPaused(spec.id, true);
    return 'left paused, as the environment says';
  }
  if (!now?.isPaused) return 'it is not paused';
  if (before?.dag.isPaused) return 'left paused: it was paused before';
  if (before) return 'left paused: somebody paused it during the deployment';
  await airflow.setPaused(spec.id, false);
  return 'let go';
}

/** One run; asked for twice by the same attempt it is still one. */
async function testRun(
  { airflow, spec, clock, pollSeconds, timeoutSeconds, attempt, signal }: ApplyOptions,
  hash: string,
): Promise<string> {
  const runId = `${testRunPrefix(hash)}${attempt}`;
  await airflow.startRun(spec.id, runId);
  const deadline = clock.now().getTime() + 1000 * (spec.timeoutSeconds ?? timeoutSeconds);
  for (;;) {
    const state = await airflow.runState(spec.id, runId);
    if (state === 'success' || state === 'failed') return state;
    if (clock.now().getTime() > deadline) return `${state ?? 'unknown'} after its time`;
    if (signal?.aborted) return `${state ?? 'unknown'} when it was interrupted`;
    await clock.sleep(pollSeconds, signal);
  }
}
