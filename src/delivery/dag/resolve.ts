/** Manifest + environment -> the DAG that shall run there, or every reason why it may not leave the machine. */
import { didYouMean } from '../../facts/did-you-mean.ts';
import { findCycle } from '../../facts/graph.ts';
import { isMap } from '../../facts/is-map.ts';
import { secretsIn } from '../../facts/secrets.ts';
import { type Place, UsageError } from '../../kernel/failure.ts';
import { manifestFile, type ResolvedManifest } from '../../kernel/manifest.ts';
import { cronProblem } from './cron.ts';
import { durationSeconds } from './duration.ts';
import { metricsTaskId } from './metrics-task.ts';
import type { Amounts, DagSpec, Delivery, Environment, TaskSpec } from './spec.ts';

type Task = NonNullable<ResolvedManifest['tasks']>[string];
type Defaults = NonNullable<ResolvedManifest['defaults']>;

/** Kubernetes' limit of a label's value, and what it may hold. */
const labelOf = (text: string): string =>
  text
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 63)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');

const listOf = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;

/** Maps merge key by key; everything else is replaced. */
function merged(base: unknown, over: unknown): unknown {
  if (!isMap(base) || !isMap(over)) return over === undefined ? base : over;
  return Object.fromEntries(
    [...new Set([...Object.keys(base), ...Object.keys(over)])].map((key) => [key, merged(base[key], over[key])]),
  );
}

const amountsOf = ({ cpu, memory, gpu }: { cpu?: string | number; memory?: string; gpu?: number } = {}): Amounts => ({
  ...(cpu !== undefined && { cpu: String(cpu) }),
  ...(memory !== undefined && { memory }),
  ...(gpu !== undefined && { gpu }),
});

/** A text is split at blanks: a task's command never meets a shell. */
const commandOf = (command: Task['command']): readonly string[] =>
  command === undefined ? [] : typeof command === 'string' ? command.trim().split(/\s+/) : command;

/** An image holds no .git: what it was made of is told to the code, which hands it on to MLflow. */
const originOf = (commit: string, image: string): Readonly<Record<string, string>> => {
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
  return { ...(commit !== '' && { GIT_COMMIT: commit }), ...(digest !== undefined && { IMAGE_DIGEST: digest }) };
};

function taskOf(id: string, task: Task, defaults: Defaults, { image: built, commit }: Delivery): TaskSpec {
  const own = merged(defaults, task) as Task;
  const { limits, ...requests } = own.resources ?? {};
  const asked = amountsOf(requests);
  // Memory cannot be compressed: a pod that may use more than it asked for is killed when its node is full.
  const bound = {
    ...(asked.memory !== undefined && { memory: asked.memory }),
    ...(asked.gpu !== undefined && { gpu: asked.gpu }),
  };
  const image = own.image ?? built ?? '';
  return {
    id,
    command: commandOf(own.command),
    args: own.args ?? [],
    image,
    dependsOn: [...new Set(listOf(own.dependsOn))].sort(),
    when: own.when ?? 'all_success',
    requests: asked,
    limits: { ...bound, ...amountsOf(limits) },
    env: { ...originOf(commit, image), ...own.env },
    secrets: own.secrets ?? [],
    retries: own.retries ?? 0,
    retryDelaySeconds: durationSeconds(own.retryDelay ?? '5m'),
    backoff: own.backoff ?? false,
    timeoutSeconds: own.timeout === undefined ? null : durationSeconds(own.timeout),
    // Airflow's 120 s is less than pulling a large image takes.
    startupTimeoutSeconds: durationSeconds(own.startupTimeout ?? '600s'),
    serviceAccount: own.serviceAccount ?? null,
    nodeSelector: own.nodeSelector ?? {},
    tolerations: own.tolerations ?? [],
    affinity: own.affinity ?? null,
    pool: own.pool ?? null,
    deferrable: own.deferrable ?? false,
    skipOnExit: own.skipOnExit ?? null,
    produces: own.produces ?? [],
    template: own.template,
  };
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The id of the model's DAG there. */
export function dagIdOf({ dag, model }: ResolvedManifest, { overrides, dagIdSuffix }: Environment): string {
  const { id } = merged(dag ?? {}, overrides?.dag) as NonNullable<ResolvedManifest['dag']>;
  return `${id ?? model.name}${dagIdSuffix}`;
}

type PlaceOf = (key: string) => Place | undefined;

/** What is wrong with the tasks as a whole; one sentence and its place each. */
function problemsOf(tasks: readonly TaskSpec[], environment: Environment): { message: string; key: string }[] {
  const ids = tasks.map((task) => task.id);
  const problems: { message: string; key: string }[] = [];
  for (const task of tasks) {
    const key = `tasks.${task.id}`;
    for (const name of task.dependsOn)
      if (!ids.includes(name)) {
        const guess = didYouMean(name, ids);
        problems.push({
          key,
          message: `the task ${task.id} depends on ${name}, which does not exist${guess ? `; did you mean ${guess}?` : ''}`,
        });
      }
    if (environment.executor === 'kubernetes' && task.image === '')
      problems.push({ key, message: `the task ${task.id} has no image, and no image was built` });
    if (environment.executor === 'kubernetes' && task.image !== '' && !/@sha256:[0-9a-f]{64}$/.test(task.image))
      problems.push({ key, message: `the image of the task ${task.id} is not pinned by digest: ${task.image}` });
    if (environment.executor === 'local' && task.command.length === 0)
      problems.push({ key, message: `the task ${task.id} has no command, and a local task has no image to take one from` });
    for (const [name, value] of Object.entries(task.env))
      if (secretsIn(`${name}=${value}`).length > 0)
        problems.push({
          key,
          message: `the variable ${name} of the task ${task.id} looks like a secret in clear; name it under secrets`,
        });
  }
  const cycle = findCycle(new Map(tasks.map((task) => [task.id, task.dependsOn])));
  if (cycle) problems.push({ key: `tasks.${cycle[0]}`, message: `the tasks wait for each other: ${cycle.join(' -> ')}` });
  return problems;
}

const metricsProblems = (tasks: readonly TaskSpec[], { metrics }: Environment): readonly { message: string; key: string }[] =>
  metrics !== undefined && tasks.some(({ id }) => id === metricsTaskId)
    ? [{ key: `tasks.${metricsTaskId}`, message: `the id ${metricsTaskId} is that of the task that posts metrics` }]
    : [];

export function environmentOf(manifest: ResolvedManifest, name: string, place: PlaceOf): Environment {
  const known = Object.keys(manifest.environments ?? {});
  const environment = manifest.environments?.[name];
  if (environment && known.includes(name)) return environment;
  const guess = didYouMean(name, known);
  throw new UsageError(
    'ENVIRONMENT_UNKNOWN',
    `There is no environment ${JSON.stringify(name)}${guess ? `; did you mean ${guess}?` : ''}`,
    {
      hint:
        known.length > 0
          ? `flightcheck.yml has ${known.join(', ')}.`
          : 'Add it to flightcheck.yml: `environments: { dev: { airflow: { url: ... }, deliver: { dir: ... } } }`.',
      place: place('environments') ?? { path: manifestFile },
    },
  );
}

/**
 * Resolves the DAG of an environment.
 * Throws a UsageError: ENVIRONMENT_UNKNOWN, DAG_NO_TASKS, DAG_SCHEDULE, DAG_INVALID, with the place of the first problem.
 */
export function resolveDag(manifest: ResolvedManifest, delivery: Delivery, place: PlaceOf): DagSpec {
  const environment = environmentOf(manifest, delivery.environment, place);
  const over = environment.overrides ?? {};
  const dag = merged(manifest.dag ?? {}, over.dag) as NonNullable<ResolvedManifest['dag']>;
  const defaults = merged(manifest.defaults ?? {}, over.defaults) as Defaults;
  const given = merged(manifest.tasks ?? {}, over.tasks) as Readonly<Record<string, Task>>;
  const tasks = Object.entries(given)
    .map(([id, task]) => taskOf(id, task, defaults, delivery))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  if (tasks.length === 0)
    throw new UsageError('DAG_NO_TASKS', 'The manifest has no tasks to schedule', {
      hint: 'Add to flightcheck.yml: `tasks: { retrain: { command: [python, -m, risk.train] } }`.',
      place: place('tasks') ?? { path: manifestFile },
    });
  const { schedule = null } = dag;
  const cron = typeof schedule === 'string' ? schedule : (schedule?.cron ?? null);
  const wrong = cron === null ? null : cronProblem(cron);
  if (wrong !== null)
    throw new UsageError('DAG_SCHEDULE', `dag.schedule is no cron expression: ${wrong}`, {
      hint: 'Five fields: minute, hour, day of month, month, day of week; or @daily, @weekly, ...',
      place: place('dag.schedule') ?? { path: manifestFile },
    });
  const { timezone = 'UTC' } = dag;
  if (!isTimeZone(timezone))
    throw new UsageError('DAG_TIMEZONE', `dag.timezone: ${JSON.stringify(timezone)} is no time zone`, {
      hint: 'Name one of the IANA database: UTC, Europe/Berlin, Australia/Sydney.',
      place: place('dag.timezone') ?? { path: manifestFile },
    });
  const [first, ...others] = [...problemsOf(tasks, environment), ...metricsProblems(tasks, environment)];
  if (first)
    throw new UsageError(
      'DAG_INVALID',
      `The DAG cannot be deployed: ${[first, ...others].map((each) => each.message).join('; ')}`,
      {
        hint: 'Mend flightcheck.yml; nothing was sent anywhere.',
        place: place(first.key) ?? place('tasks') ?? { path: manifestFile },
      },
    );
  const { name, owner, description = '' } = manifest.model;
  return {
    id: dagIdOf(manifest, environment),
    description: dag.description ?? description,
    schedule: { cron, assets: typeof schedule === 'string' ? [] : (schedule?.assets ?? []) },
    timezone,
    start: dag.start ?? '2024-01-01',
    catchup: dag.catchup ?? false,
    maxActiveRuns: dag.maxActiveRuns ?? 1,
    timeoutSeconds: dag.timeout === undefined ? null : durationSeconds(dag.timeout),
    params: dag.params ?? {},
    tags: [...new Set(['flightcheck', ...(dag.tags ?? [])])],
    owner: owner.replace(/^@/, ''),
    executor: environment.executor,
    namespace: environment.namespace ?? null,
    labels: {
      model: labelOf(name),
      version: labelOf(delivery.version),
      commit: labelOf(delivery.commit),
      environment: labelOf(delivery.environment),
    },
    tasks,
    ...metricsOf(name, environment),
  };
}

/** Where the runs of this environment are told. */
function metricsOf(model: string, { metrics }: Environment): Pick<DagSpec, 'metrics'> {
  if (metrics === undefined) return {};
  const { connection, url } = metrics;
  return { metrics: { connection, url: url === undefined ? null : url.replace(/\/+$/, ''), model } };
}
