/** Wires a deployment: manifest, Airflow, the place where it reads DAG files. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openAirflow } from '../adapters/airflow/airflow.ts';
import { airflowMajor } from '../adapters/airflow/requests.ts';
import { openFolder } from '../adapters/delivery/folder.ts';
import { openGitTarget } from '../adapters/delivery/git.ts';
import { importProblem } from '../adapters/delivery/python-import.ts';
import { durationSeconds } from '../delivery/dag/duration.ts';
import { renderAirflow, renderHash, specIn } from '../delivery/dag/render-airflow.ts';
import { resolveDag } from '../delivery/dag/resolve.ts';
import { withTasksOf } from '../delivery/dag/source.ts';
import type { DagSpec, Environment } from '../delivery/dag/spec.ts';
import { apply } from '../delivery/deploy/apply.ts';
import { changesOf } from '../delivery/deploy/changes.ts';
import { type Deployment, fileNameOf } from '../delivery/deploy/deployment.ts';
import { expectedOf, scheduledOf } from '../delivery/deploy/proof.ts';
import { rollback } from '../delivery/deploy/rollback.ts';
import { deploySuite } from '../delivery/deploy/suite.ts';
import { type Clock, verify } from '../delivery/deploy/verify.ts';
import { requireManifest } from '../engine/manifest/load.ts';
import type { Airflow, DagTarget } from '../kernel/delivery.ts';
import { EnvironmentError, exitCode, type Place, UsageError } from '../kernel/failure.ts';
import { manifestFile, type ResolvedManifest } from '../kernel/manifest.ts';
import { renderChanges } from '../reports/changes.ts';
import { renderDotenv } from '../reports/dotenv.ts';
import type { Context, Invocation } from './command.ts';
import { finish } from './finish.ts';
import { modelGateOf } from './model-gate.ts';
import { optionValue } from './options.ts';
import { openRepo, type Repo, reportOf } from './repo.ts';
import { triggerOf } from './surroundings.ts';

const pollSeconds = 2;
/** Longest that `deploy verify` asks: it proves what is, and waits for nothing. */
const verifySeconds = 10;

type Deployable = Environment & { readonly airflow: NonNullable<Environment['airflow']> };

interface Wired {
  readonly repo: Repo;
  readonly spec: DagSpec;
  readonly environment: Deployable;
  /** Where the environment stands in the manifest. */
  readonly place: Place;
  readonly mlflow: ResolvedManifest['mlflow'];
  readonly commit: string;
  readonly imageDigest: string | null;
}

const clock: Clock = {
  now: () => new Date(),
  // An interrupted sleep is a short one: who sleeps looks at the signal himself.
  sleep: (seconds, signal) => sleep(seconds * 1000, undefined, signal ? { signal } : {}).catch(() => undefined),
};

/** `flightcheck deploy plan | apply | verify | rollback`. */
export async function deploy(
  context: Context,
  invocation: Invocation,
  action: 'plan' | 'apply' | 'verify' | 'rollback',
): Promise<number> {
  const wired = await wire(context, invocation);
  const text = renderAirflow(wired.spec);
  if (action === 'plan' && invocation.options.render === true) {
    context.print(text);
    return exitCode.fine;
  }
  await requireImportable(context, text);
  const model = action === 'plan' || action === 'verify' ? undefined : modelGateOf(context, wired, action);
  const airflow = await airflowOf(context, wired.environment);
  if (action === 'plan') return plan(context, wired, airflow);
  if (action === 'verify') return prove(context, wired, airflow);
  const target = await targetOf(context, wired.environment);
  try {
    const common = {
      airflow,
      target,
      clock,
      pollSeconds,
      timeoutSeconds: durationSeconds(wired.environment.verifyTimeout),
      signal: context.signal,
      ...logged(context),
    };
    const { spec, commit, imageDigest, environment } = wired;
    const { paused, canary, testRun } = environment;
    const deployment =
      action === 'apply'
        ? await apply({
            ...common,
            ...(model && { model }),
            spec,
            commit,
            imageDigest,
            paused,
            canary,
            testRun,
            attempt: context.env.CI_JOB_ID ?? Date.now().toString(36),
          })
        : await rollback({ ...common, dagId: spec.id, ...(model && { registry: model.registry }) });
    return await report(context, invocation, wired, deployment);
  } finally {
    await target.close?.();
  }
}

async function wire(context: Context, invocation: Invocation): Promise<Wired> {
  const repo = await context.log.step('Reading the repo', () => openRepo(context, invocation));
  const manifest = await withTasksOf(
    requireManifest(repo.manifest),
    (path) => repo.files.text(path),
    (key) => repo.manifest.place(key),
  );
  const name = optionValue<string>(invocation, 'env');
  if (name === '')
    throw new UsageError('ENVIRONMENT_MISSING', 'Which environment?', {
      hint: `Say --env NAME; flightcheck.yml has ${Object.keys(manifest.environments ?? {}).join(', ') || 'none yet, add `environments:`'}.`,
    });
  const image = optionValue<string>(invocation, 'task-image') || context.env.FLIGHTCHECK_RESULT_IMAGE || null;
  const commit = repo.git.head ?? context.env.CI_COMMIT_SHA ?? '';
  const tags = await repo.git.tags();
  const version = context.env.CI_COMMIT_TAG ?? tags[0] ?? commit.slice(0, 12);
  const spec = resolveDag(manifest, { environment: name, image, commit, version }, (key) => repo.manifest.place(key));
  const environment = manifest.environments?.[name];
  const place = repo.manifest.place(`environments.${name}`) ?? { path: manifestFile };
  const { airflow } = environment ?? {};
  if (!environment || !airflow)
    throw new UsageError('ENVIRONMENT_WITHOUT_AIRFLOW', `The environment ${name} has no airflow`, {
      hint: 'Add `airflow: { url: https://airflow.example.com }` to it.',
      place,
    });
  return {
    repo,
    spec,
    environment: { ...environment, airflow },
    place,
    mlflow: manifest.mlflow,
    commit,
    imageDigest: /@(sha256:[0-9a-f]{64})$/.exec(image ?? '')?.[1] ?? null,
  };
}

/** A file that cannot be imported even here never leaves the machine. */
async function requireImportable(context: Context, text: string): Promise<void> {
  const problem = await context.log.step('Importing the DAG', () => importProblem(text));
  if (problem === 'missing') context.log.warn('There is no python3 here, so the DAG was not imported before its delivery.');
  else if (problem !== null)
    throw new UsageError('DAG_IMPORT', `The rendered DAG cannot be imported: ${problem}`, {
      hint: 'Look at it with flightcheck deploy plan --render; nothing was delivered.',
    });
}

/** Credentials come from the variables that the environment names; the manifest never holds them. */
async function airflowOf({ env }: Context, { airflow }: Deployable): Promise<Airflow> {
  const [username, password, token] = [env[airflow.username], env[airflow.password], env[airflow.token]];
  const access = {
    url: airflow.url,
    ...(username && { username }),
    ...(password && { password }),
    ...(token && { token }),
  };
  // Requests are not interrupted: an interrupted deployment still has its way back to go.
  return openAirflow({ ...access, major: airflow.version ?? (await airflowMajor(access)) });
}

async function targetOf({ env }: Context, { deliver, airflow }: Deployable): Promise<DagTarget & { close?(): Promise<void> }> {
  if (deliver?.dir !== undefined) return openFolder(deliver.dir);
  if (deliver?.git === undefined)
    throw new UsageError('DELIVERY_MISSING', `The environment of ${airflow.url} has no deliver`, {
      hint: 'Add `deliver: { git: { url: ... } }` or `deliver: { dir: ... }`.',
    });
  const given = Object.entries(env).filter(([name]) =>
    /^(PATH|HOME|SSH_AUTH_SOCK|GIT_SSH_COMMAND|GIT_ASKPASS|SSL_CERT_FILE|HTTPS?_PROXY|NO_PROXY)$/i.test(name),
  );
  return openGitTarget({ ...deliver.git, env: Object.fromEntries(given.map(([name, value]) => [name, value ?? ''])) });
}

const logged = ({ log }: Context) => ({
  onStep: ({ id, outcome, words, seconds }: Deployment['steps'][number]) =>
    (outcome === 'fail' ? log.warn : log.info)(`${id}: ${words} (${seconds.toFixed(1)} s)`),
  onWait: (why: string, seconds: number) => log.debug(`${Math.round(seconds)} s: ${why}`),
});

async function plan(context: Context, { spec, environment }: Wired, airflow: Airflow): Promise<number> {
  const scheduled = await context.log.step(`Asking Airflow at ${environment.airflow.url}`, () => scheduledOf(airflow, spec.id));
  const before = scheduled ? specIn(scheduled.dag.docMd) : null;
  const hash = renderHash(spec);
  const isForeign = scheduled !== null && before === null;
  const changes = before !== null && renderHash(before) === hash ? [] : changesOf(before, spec);
  if (context.isJson) context.print(`${JSON.stringify({ dag: spec.id, hash, isForeign, changes }, null, 2)}\n`);
  else context.print(renderChanges({ dagId: spec.id, changes, isForeign }));
  return exitCode.fine;
}

async function prove(context: Context, { spec, environment }: Wired, airflow: Airflow): Promise<number> {
  const hash = renderHash(spec);
  const verified = await context.log.step(`Asking Airflow at ${environment.airflow.url}`, () =>
    verify({
      airflow,
      clock,
      expected: expectedOf(spec, hash),
      fileName: fileNameOf(spec.id),
      deliveredAt: null,
      oldTraces: [],
      timeoutSeconds: verifySeconds,
      pollSeconds,
      signal: context.signal,
    }),
  );
  if (context.isJson) context.print(`${JSON.stringify({ dag: spec.id, hash, ...verified }, null, 2)}\n`);
  else
    context.print(
      verified.isProven
        ? `Airflow schedules ${spec.id} exactly as this commit renders it.\n`
        : `Not proven: ${verified.reason}\n${verified.trace ?? ''}`,
    );
  return verified.isProven ? exitCode.fine : exitCode.gateSaysNo;
}

const endings: Readonly<Record<Deployment['outcome'], { readonly code: number; readonly words: string }>> = {
  deployed: { code: exitCode.fine, words: 'Deployed and proven.' },
  unchanged: { code: exitCode.fine, words: 'Nothing to do: Airflow schedules exactly this already.' },
  refused: { code: exitCode.gateSaysNo, words: 'Refused: nothing was delivered, the environment is as it was.' },
  superseded: { code: exitCode.environment, words: 'Another deployment came after this one: what it delivered stays.' },
  'rolled-back': { code: exitCode.rolledBack, words: 'Rolled back: Airflow has what it had before, proven.' },
  'rollback-unverified': {
    code: exitCode.rollbackUnverified,
    words:
      'The rollback could not be proven: look at the step that failed and at Airflow now, then run flightcheck deploy rollback again.',
  },
};

async function report(context: Context, invocation: Invocation, wired: Wired, deployment: Deployment): Promise<number> {
  const { repo, spec, environment } = wired;
  const suite = deploySuite(deployment, triggerOf(context.env));
  const { code, words } = endings[deployment.outcome];
  const made = reportOf(context, repo, 'deploy', [suite], { notices: [`${spec.id}: ${words}`] });
  const url = `${environment.airflow.url.replace(/\/+$/, '')}/dags/${spec.id}`;
  const files = new Map([['deploy.env', renderDotenv(made, url)]]);
  const written = await finish(context, invocation, { root: repo.root, report: made, gate: undefined, waivers: [], files });
  if (written === exitCode.environment)
    throw new EnvironmentError('REPORT_NOT_WRITTEN', 'The report could not be written', { hint: words });
  context.log.info(words);
  return code;
}
