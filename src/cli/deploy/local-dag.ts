/** The DAG as `score` runs it: its tasks, once, in a copy of the repo, within the budget, and without any secret. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openHookMachine } from '../../adapters/hook-machine.ts';
import { resolveDag } from '../../delivery/dag/resolve.ts';
import { runDag, type TaskRun } from '../../delivery/dag/run.ts';
import { withTasksOf } from '../../delivery/dag/source.ts';
import type { DagSpec } from '../../delivery/dag/spec.ts';
import { fillTemplates } from '../../delivery/dag/template.ts';
import { budgetSpent } from '../../engine/hooks/failures.ts';
import { bytesOfSize, type RunShare } from '../../engine/hooks/limits.ts';
import { withoutSecrets } from '../../facts/secrets.ts';
import { canonical } from '../../kernel/canonical.ts';
import { FlightcheckError, type Place } from '../../kernel/failure.ts';
import type { HookMachine } from '../../kernel/hook-machine.ts';
import { hasLocalDag, type LocalRun, type LocalTask } from '../../kernel/local-dag.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { Answer, LocalDag } from '../../kernel/world.ts';
import type { Context } from '../command.ts';
import type { Repo } from '../repo.ts';
import { addDataFiles, type DataFiles, dataFiles } from './data-files.ts';
import { plainEnvironment } from './run-dag.ts';
import { taskExecutor } from './task-executor.ts';

export interface LocalDagOptions {
  readonly context: Context;
  readonly repo: Repo;
  readonly manifest: ResolvedManifest;
  /** Tells what programs there are. */
  readonly machine: HookMachine;
  /** Where `setup` has installed to. */
  dependencies(): Promise<string | null>;
  /** The turns and the budget of the hooks. */
  readonly share: RunShare;
}

/** Nobody learns more about a pipeline while it waits. */
const longestRetryDelaySeconds = 1;
const outputBytes = 2 ** 30;
/** What a timer can hold. */
const longestTimerMs = 2 ** 31 - 1;

const no = (reason: string, isAbsent = false): { readonly ok: false; readonly reason: string; readonly isAbsent: boolean } => ({
  ...{ ok: false, reason, isAbsent },
});

/** Opens the port; nothing is read or run before it is asked. */
export function openLocalDag(options: LocalDagOptions): LocalDag {
  let prepared: Promise<Answer<Prepared>> | undefined;
  const prepare = (): Promise<Answer<Prepared>> => {
    prepared ??= prepareDag(options);
    return prepared;
  };
  return {
    async basis() {
      const found = await prepare();
      return canonical(found.ok ? { ...found.value.spec, programs: found.value.programs } : { reason: found.reason });
    },
    async run() {
      const found = await prepare();
      if (!found.ok) return found;
      let dependencies: string | null;
      try {
        dependencies = await options.dependencies();
      } catch (error) {
        if (error instanceof FlightcheckError) return no(error.message.split('\n')[0] ?? '');
        throw error;
      }
      // In one turn, one task after the other: what runs beside it is measured, and the DAG's own time must not go by in a queue.
      const data = await dataFiles(options.repo, options.manifest);
      const value = await options.share.inTurn(() => runTasks(options, found.value.spec, dependencies, data));
      const [missing] = data.missing;
      const failed = value.tasks.find(({ state }) => state === 'failed');
      if (failed && missing !== undefined) return no(`the task ${failed.id} ${failed.why}, and ${missing}`);
      return { ok: true, value };
    },
  };
}

interface Prepared {
  readonly spec: DagSpec;
  /** Version of the program of each task. */
  readonly programs: readonly string[];
}

/** The tasks with their templates filled, or why they cannot run here. */
async function prepareDag({ context, repo, manifest, machine }: LocalDagOptions): Promise<Answer<Prepared>> {
  if (!hasLocalDag(manifest)) return no('no tasks of a DAG are declared, or dag.integrationTest is false', true);
  const placeOf = (key: string): Place | undefined => repo.manifest.place(key);
  let spec: DagSpec;
  try {
    const read = await withTasksOf(manifest, (path) => repo.files.text(path), placeOf);
    const environment = 'local';
    const environments = { ...read.environments, [environment]: plainEnvironment };
    const commit = repo.git.head ?? context.env.CI_COMMIT_SHA ?? '';
    const made = resolveDag(
      { ...read, environments },
      { environment, image: null, commit, version: commit.slice(0, 12) },
      placeOf,
    );
    const at = new Date();
    spec = { ...made, tasks: made.tasks.map((task) => fillTemplates(task, made, at)) };
  } catch (error) {
    if (error instanceof FlightcheckError) return no(error.message);
    throw error;
  }
  const secret = spec.tasks.find(({ secrets }) => secrets.length > 0);
  if (secret) return no(`the task ${secret.id} needs the secret ${secret.secrets[0]?.env}, which no job that judges holds`);
  const programs: string[] = [];
  for (const { id, command } of spec.tasks) {
    const program = command[0] ?? '';
    const version = program.includes('/') ? program : await machine.programVersion(program);
    if (version === null) return no(`the task ${id} needs the program ${program}, which is not on the PATH`);
    programs.push(version);
  }
  return { ok: true, value: { spec, programs } };
}

async function runTasks(
  { context, repo, manifest, share }: LocalDagOptions,
  spec: DagSpec,
  dependencies: string | null,
  data: DataFiles,
): Promise<LocalRun> {
  const { log, signal, env } = context;
  const left = share.secondsLeft();
  // Tasks read their tables from the repo: nothing is left out of this copy.
  const machine = await openHookMachine({
    ...{ root: repo.root, env, signal, cacheFolder: null, isProtected: false, isCacheRead: false, exclude: [] },
  });
  const budget = AbortSignal.timeout(Math.min(Math.ceil(left * 1000), longestTimerMs));
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const startedAfter = new Map<string, number>();
  try {
    const execute = await taskExecutor({
      ...{ machine, manifest, dependencies },
      fill: (copy) => addDataFiles(machine, copy, data),
      limits: { seconds: Number.POSITIVE_INFINITY, memoryBytes: bytesOfSize(manifest.budget.memory), outputBytes },
      secretsOf: () => [],
      onLine: ({ id }, line) => log.debug(`${id}: ${line}`),
    });
    const runs = await runDag({
      ...{
        spec,
        concurrency: 1,
        maxRetryDelaySeconds: longestRetryDelaySeconds,
        signal: AbortSignal.any([signal, budget]),
      },
      execute(task, stop) {
        if (!startedAfter.has(task.id)) startedAfter.set(task.id, seconds());
        return execute(task, stop);
      },
      sleep: (wait, stop) => sleep(wait * 1000, undefined, { signal: stop }).catch(() => undefined),
      onNews: (id, words) => log.debug(`${id}: ${words}`),
    });
    const isCut = budget.aborted && !signal.aborted && runs.some(({ state }) => state === 'interrupted');
    // What had failed by itself before stays a failure.
    if (isCut && !runs.some(({ state }) => state === 'failed')) throw budgetSpent('while the DAG ran');
    const after = (id: string): number => startedAfter.get(id) ?? Number.POSITIVE_INFINITY;
    const tasks = [...runs]
      .sort((a, b) => after(a.id) - after(b.id))
      .map((run) => taskOf(run, startedAfter.get(run.id) ?? null, repo));
    return { dagId: spec.id, seconds: seconds(), tasks };
  } finally {
    await machine.close();
  }
}

function taskOf({ tail, ...run }: TaskRun, startedAfter: number | null, { manifest }: Repo): LocalTask {
  const place = manifest.place(`tasks.${run.id}`) ?? manifest.place('dag.from');
  return { ...run, startedAfter, tail: withoutSecrets(tail), ...(place && { place }) };
}
