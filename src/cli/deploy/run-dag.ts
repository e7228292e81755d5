/** Wires a run of the DAG on this machine: one working copy of the repo, the commands of the tasks under their limits. */
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { openHookMachine } from '../../adapters/hook-machine.ts';
import { resolveDag } from '../../delivery/dag/resolve.ts';
import { runDag, type TaskRun } from '../../delivery/dag/run.ts';
import { withTasksOf } from '../../delivery/dag/source.ts';
import type { DagSpec, Environment, TaskSpec } from '../../delivery/dag/spec.ts';
import { fillTemplates } from '../../delivery/dag/template.ts';
import { type Step, stepsSuite } from '../../delivery/steps.ts';
import { requireManifest } from '../../engine/manifest/load.ts';
import { exitCode } from '../../kernel/failure.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { Context, Invocation } from '../command.ts';
import { finish } from '../finish.ts';
import { optionValue } from '../options.ts';
import { openRepo, type Repo, reportOf } from '../repo.ts';
import { triggerOf } from '../surroundings.ts';
import { addDataFiles, dataFiles } from './data-files.ts';
import { taskExecutor } from './task-executor.ts';

const runner = 'run-local';
/** Of a task that declares none: a day, and all memory. */
const without = { seconds: 86_400, memoryBytes: Number.POSITIVE_INFINITY, outputBytes: 2 ** 30 };

/** `flightcheck deploy run-local`. */
export async function runLocal(context: Context, invocation: Invocation): Promise<number> {
  const repo = await context.log.step('Reading the repo', () => openRepo(context, invocation));
  const manifest = await withTasksOf(
    requireManifest(repo.manifest),
    (path) => repo.files.text(path),
    (key) => repo.manifest.place(key),
  );
  const startedAt = new Date();
  const spec = specOf(context, invocation, repo, manifest);
  const tasks = spec.tasks.map((task) => fillTemplates(task, spec, startedAt));
  const { jobs, 'max-retry-delay': maxDelay } = invocation.options;
  const machine = await openHookMachine({
    ...{ root: repo.root, env: context.env, signal: context.signal },
    ...{ cacheFolder: null, isProtected: false, isCacheRead: false, exclude: [] },
  });
  try {
    const data = await dataFiles(repo, manifest);
    const execute = await taskExecutor({
      fill: (copy) => addDataFiles(machine, copy, data),
      ...{ machine, manifest, dependencies: null, limits: without, secretsOf: secretsFrom(context) },
      onLine: ({ id }, line) => context.log.info(`${id} | ${line}`),
    });
    const runs = await runDag({
      spec: { ...spec, tasks },
      concurrency: typeof jobs === 'number' ? jobs : availableParallelism(),
      maxRetryDelaySeconds: typeof maxDelay === 'number' ? maxDelay : null,
      signal: context.signal,
      execute,
      sleep: (seconds, signal) => sleep(seconds * 1000, undefined, { signal }).catch(() => undefined),
      onNews: (id, words) => context.log.info(`${id}: ${words}`),
    });
    return await report(context, invocation, repo, spec, runs);
  } finally {
    await machine.close();
  }
}

/** Secrets of tasks from the variables of this process; one that is not set is told once. */
function secretsFrom({ env, log }: Context): (task: TaskSpec) => readonly (readonly [string, string])[] {
  const told = new Set<string>();
  return ({ id, secrets }) =>
    secrets.flatMap(({ env: name, secret }) => {
      const value = env[name];
      if (value !== undefined) return [[name, value] as const];
      if (!told.has(name)) log.warn(`${id}: the secret ${name} (${secret} in the cluster) is not set here.`);
      told.add(name);
      return [];
    });
}

/** Where no environment is named: the DAG as it stands in the manifest, as processes instead of pods. */
export const plainEnvironment: Environment = {
  ...{ executor: 'local', dagIdSuffix: '', paused: false, canary: false, testRun: false, verifyTimeout: '420s' },
};

/** The DAG of an environment, or that of none, as processes of this machine instead of pods. */
function specOf(context: Context, invocation: Invocation, repo: Repo, manifest: ResolvedManifest): DagSpec {
  const named = optionValue<string>(invocation, 'env');
  const environment = named === '' ? 'local' : named;
  const found = manifest.environments?.[environment] ?? (named === '' ? plainEnvironment : undefined);
  const environments = { ...manifest.environments, ...(found && { [environment]: { ...found, executor: 'local' as const } }) };
  const commit = repo.git.head ?? context.env.CI_COMMIT_SHA ?? '';
  const image = optionValue<string>(invocation, 'task-image') || context.env.FLIGHTCHECK_RESULT_IMAGE || null;
  const delivery = { environment, image, commit, version: context.env.CI_COMMIT_TAG ?? commit.slice(0, 12) };
  return resolveDag({ ...manifest, environments }, delivery, (key) => repo.manifest.place(key));
}

const outcomes = {
  success: 'pass',
  failed: 'fail',
  interrupted: 'skipped',
  skipped: 'skipped',
  upstream_failed: 'skipped',
} as const;

function stepOf({ id, state, tries, seconds, why, tail }: TaskRun): Step {
  const again = tries > 1 ? ` at try ${tries}` : '';
  return {
    id,
    outcome: outcomes[state],
    seconds,
    words: state === 'success' ? `ended well${again}` : `${why}${again}`,
    ...(state === 'failed' && tail.length > 0 && { trace: tail.join('\n') }),
  };
}

async function report(
  context: Context,
  invocation: Invocation,
  repo: Repo,
  spec: DagSpec,
  runs: readonly TaskRun[],
): Promise<number> {
  const taskWords = Object.fromEntries(
    runs.map(({ id }) => [
      id,
      {
        title: `Task ${id}`,
        why: 'A task that fails here fails in Airflow too.',
        fix: 'Read its last lines, mend it, run again.',
      },
    ]),
  );
  const suite = stepsSuite({ id: runner, title: `Tasks of ${spec.id}` }, runs.map(stepOf), taskWords, triggerOf(context.env));
  const named = (state: TaskRun['state']): string =>
    runs
      .filter((run) => run.state === state)
      .map(({ id }) => id)
      .join(', ');
  const parts = (
    [
      ['failed', 'failed'],
      ['upstream_failed', 'not run for it'],
      ['interrupted', 'interrupted'],
    ] as const
  ).flatMap(([state, words]) => (named(state) === '' ? [] : [`${words}: ${named(state)}`]));
  const notice = `${spec.id}: ${parts.length === 0 ? 'no task failed' : parts.join('; ')}`;
  const made = reportOf(context, repo, runner, [suite], { notices: [notice] });
  const code = await finish(context, invocation, { root: repo.root, report: made, gate: undefined, waivers: [] });
  return code === exitCode.fine && named('failed') !== '' ? exitCode.gateSaysNo : code;
}
