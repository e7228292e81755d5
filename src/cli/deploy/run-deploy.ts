/** Wires a deployment: manifest, Airflow, the place where it reads DAG files. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openAirflow } from '../../adapters/airflow/airflow.ts';
import { airflowMajor } from '../../adapters/airflow/requests.ts';
import { openFolder } from '../../adapters/delivery/folder.ts';
import { openGitTarget } from '../../adapters/delivery/git.ts';
import { importProblem } from '../../adapters/delivery/python-import.ts';
import { openBucket } from '../../adapters/delivery/s3.ts';
import { durationSeconds } from '../../delivery/dag/duration.ts';
import { renderAirflow, renderedIn, renderHash } from '../../delivery/dag/render-airflow.ts';
import { apply } from '../../delivery/deploy/apply.ts';
import { changesSince } from '../../delivery/deploy/changes.ts';
import { type Deployment, fileNameOf } from '../../delivery/deploy/deployment.ts';
import { expectedOf, scheduledOf } from '../../delivery/deploy/proof.ts';
import { rollback } from '../../delivery/deploy/rollback.ts';
import { stop } from '../../delivery/deploy/stop.ts';
import { deploySuite } from '../../delivery/deploy/suite.ts';
import { type Clock, verify } from '../../delivery/deploy/verify.ts';
import type { Airflow, DagTarget } from '../../kernel/delivery.ts';
import { EnvironmentError, exitCode, UsageError } from '../../kernel/failure.ts';
import { renderChanges } from '../../reports/changes.ts';
import { renderDotenv } from '../../reports/dotenv.ts';
import type { Context, Invocation } from '../command.ts';
import { finish } from '../finish.ts';
import { reportOf } from '../repo.ts';
import { triggerOf } from '../surroundings.ts';
import { type Deployable, type Located, locate, type Wired, wire } from './deploy-inputs.ts';
import { modelGateOf } from './model-gate.ts';
import { taskImages } from './task-images.ts';

const pollSeconds = 2;
/** Longest that `deploy verify` asks: it proves what is, and waits for nothing. */
const verifySeconds = 10;

const clock: Clock = {
  now: () => new Date(),
  // An interrupted sleep is a short one: who sleeps looks at the signal himself.
  sleep: (seconds, signal) => sleep(seconds * 1000, undefined, signal ? { signal } : {}).catch(() => undefined),
};

type Action = 'plan' | 'apply' | 'verify' | 'rollback' | 'stop';

/** `flightcheck deploy plan | apply | verify | rollback | stop`. */
export async function deploy(context: Context, invocation: Invocation, action: Action): Promise<number> {
  const located = await locate(context, invocation);
  if (action === 'rollback' || action === 'stop') return undo(context, invocation, located, action);
  const wired = await wire(context, invocation, located);
  const text = renderAirflow(wired.spec);
  if (action === 'plan' && invocation.options.render === true) {
    context.print(text);
    return exitCode.fine;
  }
  await requireImportable(context, text);
  const model = action === 'apply' ? modelGateOf(context, wired, action) : undefined;
  const airflow = await airflowOf(context, wired.environment);
  if (action === 'plan') return plan(context, wired, airflow);
  if (action === 'verify') return prove(context, wired, airflow);
  const { spec, commit, imageDigest, environment } = wired;
  const { paused, canary, testRun } = environment;
  return withTarget(context, wired, async (target) => {
    const deployment = await apply({
      ...{ ...common(context, wired), airflow, target, spec, commit, imageDigest, paused, canary, testRun },
      ...(model && { model }),
      // A process of the worker has no image.
      ...(spec.executor === 'kubernetes' && { images: taskImages(context) }),
      signal: context.signal,
      attempt: context.env.CI_JOB_ID ?? Date.now().toString(36),
    });
    return report(context, invocation, wired, deployment);
  });
}

/** What needs no image and no valid task: a DAG that is there can go however the repo looks by now. */
async function undo(context: Context, invocation: Invocation, located: Located, action: 'rollback' | 'stop'): Promise<number> {
  const model = action === 'rollback' ? modelGateOf(context, located, action) : undefined;
  const airflow = await airflowOf(context, located.environment);
  return withTarget(context, located, async (target) => {
    const options = { ...common(context, located), airflow, target, dagId: located.dagId, signal: context.signal };
    const deployment =
      action === 'stop' ? await stop(options) : await rollback({ ...options, ...(model && { registry: model.registry }) });
    return report(context, invocation, located, deployment);
  });
}

const common = (context: Context, { environment }: Located) => ({
  ...{ clock, pollSeconds, timeoutSeconds: durationSeconds(environment.verifyTimeout) },
  ...logged(context),
});

async function withTarget(
  context: Context,
  { environment }: Located,
  use: (target: DagTarget) => Promise<number>,
): Promise<number> {
  const target = await targetOf(context, environment);
  try {
    return await use(target);
  } finally {
    await target.close?.();
  }
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
  if (deliver?.s3 !== undefined) return openBucket({ ...deliver.s3, env });
  if (deliver?.git === undefined)
    throw new UsageError('DELIVERY_MISSING', `The environment of ${airflow.url} has no deliver`, {
      hint: 'Add `deliver: { git: { url: ... } }`, `deliver: { dir: ... }` or `deliver: { s3: { bucket: ... } }`.',
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
  const before = scheduled ? renderedIn(scheduled.dag.docMd) : null;
  const hash = renderHash(spec);
  const isForeign = scheduled !== null && before === null;
  const changes = changesSince(before, spec);
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
  stopped: { code: exitCode.fine, words: 'Stopped: Airflow schedules nothing of it any more.' },
  'stop-unverified': {
    code: exitCode.rollbackUnverified,
    words:
      'The file is removed, and Airflow may still schedule the DAG: look at the step that failed and at Airflow, then run flightcheck deploy stop again.',
  },
  'rollback-unverified': {
    code: exitCode.rollbackUnverified,
    words:
      'The rollback could not be proven: look at the step that failed and at Airflow now, then run flightcheck deploy rollback again.',
  },
};

async function report(context: Context, invocation: Invocation, located: Located, deployment: Deployment): Promise<number> {
  const { repo, dagId, environment } = located;
  const suite = deploySuite(deployment, triggerOf(context.env));
  const { code, words } = endings[deployment.outcome];
  const made = reportOf(context, repo, 'deploy', [suite], { notices: [`${dagId}: ${words}`] });
  const url = `${environment.airflow.url.replace(/\/+$/, '')}/dags/${dagId}`;
  const files = new Map([['deploy.env', renderDotenv(made, url)]]);
  const written = await finish(context, invocation, { root: repo.root, report: made, gate: undefined, waivers: [], files });
  if (written === exitCode.environment)
    throw new EnvironmentError('REPORT_NOT_WRITTEN', 'The report could not be written', { hint: words });
  context.log.info(words);
  return code;
}
