/** Runs a DAG without Airflow, by the same rules: dependencies, trigger rules, retries, skipping, the DAG's own time limit. */
import type { DagSpec, TaskSpec } from './spec.ts';
import { becomes, type TaskState } from './trigger.ts';

export interface TaskRun {
  readonly id: string;
  readonly state: TaskState | 'interrupted';
  /** How often it was started. */
  readonly tries: number;
  readonly seconds: number;
  /** Why it is not a success; empty when it is. */
  readonly why: string;
  /** Last lines of the last try. */
  readonly tail: readonly string[];
}

/** One try of a task's command. */
export interface Try {
  readonly exitCode: number | null;
  /** What ended it, as a clause behind its name: `ended with exit code 3`. */
  readonly words: string;
  readonly tail: readonly string[];
}

export interface DagRunOptions {
  readonly spec: DagSpec;
  /** Tasks at once. */
  readonly concurrency: number;
  /** Longest wait between two tries; null: as declared. */
  readonly maxRetryDelaySeconds: number | null;
  readonly signal: AbortSignal;
  execute(task: TaskSpec, signal: AbortSignal): Promise<Try>;
  /** Resolves after that time, or when the signal is aborted. */
  sleep(seconds: number, signal: AbortSignal): Promise<void>;
  /** Something to tell: started, waits for its next try, ended. */
  onNews(id: string, words: string): void;
}

/** Airflow's limit of a wait that doubles. */
const longestDelaySeconds = 86_400;
/** What a timer can hold. */
const longestTimerMs = 2 ** 31 - 1;

const unfit: Readonly<Record<'skipped' | 'upstream_failed', string>> = {
  skipped: 'the tasks before it leave nothing to do',
  upstream_failed: 'a task before it failed',
};

export async function runDag(options: DagRunOptions): Promise<readonly TaskRun[]> {
  const { spec, signal } = options;
  const done = new Map<string, TaskRun>();
  const running = new Map<string, Promise<void>>();
  const limit = AbortSignal.timeout(Math.min((spec.timeoutSeconds ?? Number.POSITIVE_INFINITY) * 1000, longestTimerMs));
  const stop = AbortSignal.any([signal, limit]);
  const stateOf = (id: string): TaskState | null => {
    const state = done.get(id)?.state;
    return state === undefined ? null : state === 'interrupted' ? 'failed' : state;
  };
  const end = (run: TaskRun): void => {
    done.set(run.id, run);
    options.onNews(run.id, run.state === 'success' ? `success after ${run.seconds.toFixed(1)} s` : `${run.state}: ${run.why}`);
  };
  const start = (task: TaskSpec): void => {
    const work = runTask(options, task, stop, limit).then((run) => {
      running.delete(task.id);
      end(run);
    });
    running.set(task.id, work);
  };
  while (done.size < spec.tasks.length) {
    let isChanged = false;
    for (const task of spec.tasks) {
      if (done.has(task.id) || running.has(task.id)) continue;
      if (stop.aborted) {
        end(without(task, signal.aborted ? 'interrupted' : 'failed', stopWords(signal)));
        isChanged = true;
        continue;
      }
      const next = becomes(task.when, task.dependsOn.map(stateOf));
      if (next === 'wait' || (next === 'run' && running.size >= options.concurrency)) continue;
      isChanged = true;
      if (next === 'run') start(task);
      else end(without(task, next, unfit[next]));
    }
    if (!isChanged && running.size > 0) await Promise.race(running.values());
  }
  // Tasks that do not wait for each other may end in any order.
  return spec.tasks.flatMap(({ id }) => done.get(id) ?? []);
}

const stopWords = (signal: AbortSignal): string => (signal.aborted ? 'the run was interrupted' : 'the time of the DAG was over');

const without = ({ id }: TaskSpec, state: TaskRun['state'], why: string): TaskRun => ({
  ...{ id, state, why },
  ...{ tries: 0, seconds: 0, tail: [] },
});

async function runTask(options: DagRunOptions, task: TaskSpec, stop: AbortSignal, limit: AbortSignal): Promise<TaskRun> {
  const started = performance.now();
  const endAs = (state: TaskRun['state'], tries: number, { words, tail }: Pick<Try, 'words' | 'tail'>): TaskRun => ({
    ...{ id: task.id, state, tries, tail },
    seconds: (performance.now() - started) / 1000,
    why: state === 'success' ? '' : words,
  });
  for (let tries = 1; ; tries++) {
    options.onNews(task.id, tries === 1 ? 'started' : `started again, try ${tries} of ${task.retries + 1}`);
    const ended = await options.execute(task, stop);
    if (ended.exitCode === 0) return endAs('success', tries, ended);
    if (task.skipOnExit !== null && ended.exitCode === task.skipOnExit)
      return endAs('skipped', tries, { ...ended, words: `exit code ${ended.exitCode}: nothing to do` });
    const isOver = limit.aborted && !options.signal.aborted;
    const stopped = { ...ended, words: stopWords(options.signal) };
    if (stop.aborted) return endAs(isOver ? 'failed' : 'interrupted', tries, stopped);
    if (tries > task.retries) return endAs('failed', tries, ended);
    const declared = task.backoff
      ? Math.min(task.retryDelaySeconds * 2 ** (tries - 1), longestDelaySeconds)
      : task.retryDelaySeconds;
    const delay = Math.min(declared, options.maxRetryDelaySeconds ?? declared);
    options.onNews(task.id, `${ended.words}; tried again in ${delay} s`);
    await options.sleep(delay, stop);
    if (stop.aborted) return endAs(isOver || limit.aborted ? 'failed' : 'interrupted', tries, stopped);
  }
}
