/** Wires the rubric: tables, plan, hooks, run, report. */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { checks, suite } from '../../../rules/ml-test-score/index.generated.ts';
import { openGitLab } from '../../adapters/gitlab.ts';
import { givenModels } from '../../adapters/given-models.ts';
import { openHookMachine } from '../../adapters/hook-machine.ts';
import { type MlflowClient, openMlflow } from '../../adapters/mlflow/open.ts';
import { openTables } from '../../adapters/tables/open-tables.ts';
import { makeTemporary } from '../../adapters/temporary.ts';
import { withFeatures } from '../../engine/features.ts';
import { createHooks, type RunningHooks } from '../../engine/hooks/create.ts';
import { withNamedModels } from '../../engine/hooks/named-model.ts';
import { type HookPlan, planHooks } from '../../engine/hooks/plan.ts';
import type { Divisible } from '../../engine/hooks/shards.ts';
import { requireManifest } from '../../engine/manifest/load.ts';
import { runSuite } from '../../engine/run.ts';
import { selectChecks } from '../../engine/select.ts';
import { createVerdicts, type Verdicts } from '../../engine/verdicts.ts';
import type { AnyCheck } from '../../kernel/check.ts';
import { exitCode } from '../../kernel/failure.ts';
import type { HookMachine } from '../../kernel/hook-machine.ts';
import { resolveInputs } from '../../kernel/input.ts';
import { hasLocalDag } from '../../kernel/local-dag.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { SuiteReport } from '../../kernel/report.ts';
import type { Shard } from '../../kernel/shards.ts';
import type { CheckRegistry, Suite } from '../../kernel/suite.ts';
import type { TableStore } from '../../kernel/table-store.ts';
import type { LocalDag, UnitTests } from '../../kernel/world.ts';
import { type PlanView, renderPlan } from '../../reports/plan.ts';
import type { Context, Invocation } from '../command.ts';
import { optionValue } from '../options.ts';
import { tokenVariable, towerUrlOf } from '../post-report.ts';
import { openRepo, type Repo } from '../repo.ts';
import { triggerOf } from '../surroundings.ts';
import { type Baseline, baselineOf } from './compare.ts';
import { programIdentity } from './program-identity.ts';
import { chooseShard, ownTests, partOf, shardOf } from './shard.ts';
import { type Untouched, untouchedSince } from './since.ts';
import { tellScore } from './tell-score.ts';
import { historyOf } from './trusted-tests.ts';
import { openUnitTests } from './unit-tests.ts';
import { writeSchema } from './write-schema.ts';

/** Everything that a run of the rubric holds open. */
interface Session {
  readonly repo: Repo;
  /** Empty: nobody is asked for earlier runs. */
  readonly towerUrl: string;
  /** With the features spelt out. */
  readonly manifest: ResolvedManifest;
  readonly mlflow: MlflowClient;
  readonly tables: TableStore;
  readonly machine: HookMachine;
  readonly suite: Suite;
  readonly loaded: ReadonlyMap<string, AnyCheck>;
  /** What `--compare` names. */
  readonly baseline: Baseline | null;
  /** Read before any hook runs, and so before any could change it. */
  readonly unitTests: UnitTests;
  /** Null: all tests. */
  readonly shard: Shard | null;
  /** Null without `--since`. */
  readonly untouched: Untouched | null;
}

/** `flightcheck score`. */
export async function scoreModel(context: Context, invocation: Invocation): Promise<number> {
  const { code } = await openModel(context, invocation);
  return code;
}

/** The exit code is still to come: results are told while what was open is closed. */
interface Ended {
  readonly code: number | Promise<number>;
}

async function openModel(context: Context, invocation: Invocation): Promise<Ended> {
  const choice = shardOf(context, invocation);
  const repo = await context.log.step('Reading the repo', () => openRepo(context, invocation));
  const manifest = requireManifest(repo.manifest);
  const baseline = await baselineOf(context, invocation);
  const selected = selectChecks(suite, {
    only: optionValue(invocation, 'only'),
    skip: optionValue(invocation, 'skip'),
    section: optionValue(invocation, 'section'),
  });
  const workFolder = await makeTemporary('tables');
  const tables = await openTables({ root: repo.root, manifest, workFolder, place: (key) => repo.manifest.place(key) });
  try {
    if (invocation.options['write-schema'] === true) return { code: await writeSchema(context, repo, manifest, tables) };
    const mlflow = openMlflow(manifest.mlflow, context.env, { signal: context.signal });
    const machine = await openHookMachine(machineOptions(context, invocation, repo, manifest, mlflow));
    try {
      const loaded = await loadChecks(selected);
      const unitTests = await openUnitTests(context, invocation, repo);
      const resolved = await withFeatures(manifest, tables);
      const towerUrl = towerUrlOf(context, invocation, repo);
      const announced = announcedBy(selected, loaded, resolved);
      const shard = choice && (await chooseShard(invocation, repo.root, resolved, announced, choice));
      const untouched = await untouchedSince(context, invocation, { repo, manifest: resolved, tables, loaded, announced });
      const opened = { repo, towerUrl, manifest: resolved, mlflow, tables, machine };
      const session: Session = { ...opened, suite: selected, loaded, unitTests, shard, untouched, baseline };
      const plan = await context.log.step('Planning', () => planOf(session, announced, invocation.options.plan === true));
      if (untouched) context.log.info(untouched.notice);
      if (invocation.options.plan === true) return { code: printPlan(context, session, plan) };
      return await runPlan(context, invocation, session, plan);
    } finally {
      await machine.close();
    }
  } finally {
    await tables.close();
    await rm(workFolder, { recursive: true, force: true });
  }
}

function machineOptions(context: Context, invocation: Invocation, repo: Repo, manifest: ResolvedManifest, mlflow: MlflowClient) {
  const { env, signal } = context;
  const cache = optionValue<string>(invocation, 'cache');
  const { train, eval: evaluation, requests, serving, outcomes } = manifest.data;
  return {
    root: repo.root,
    env,
    cacheFolder: cache === 'off' ? null : resolve(repo.root, cache),
    isProtected: env.CI_COMMIT_REF_PROTECTED === 'true',
    isCacheRead: triggerOf(env) !== 'schedule',
    exclude: [train, evaluation, requests, serving, outcomes].filter((pattern) => pattern !== undefined),
    signal,
    model: givenModels({
      root: repo.root,
      manifest,
      mlflow,
      place: (key) => repo.manifest.place(key),
    }),
  };
}

async function loadChecks(selected: Suite): Promise<ReadonlyMap<string, AnyCheck>> {
  const registry: CheckRegistry = checks;
  const ids = selected.sections.flatMap((section) => section.checks.map((entry) => entry.check));
  const found = await Promise.all(
    ids.map(async (id) => [id, Object.hasOwn(registry, id) ? await registry[id]?.() : undefined] as const),
  );
  return new Map(found.filter((entry): entry is [string, AnyCheck] => entry[1] !== undefined));
}

/** What each selected test announces. */
function announcedBy(selected: Suite, loaded: Session['loaded'], manifest: ResolvedManifest): readonly Divisible[] {
  const entries = selected.sections.flatMap((section) => section.checks);
  return entries.map(({ check: id, options = {} }) => {
    const check = loaded.get(id);
    const planned = check?.plan?.(manifest, resolveInputs(check.inputs, options).values) ?? [];
    return { id, planned: withNamedModels(manifest, planned) };
  });
}

function planOf(
  { repo, manifest, tables, machine, shard, untouched }: Session,
  checks: readonly Divisible[],
  isShown: boolean,
): Promise<HookPlan> {
  const own = ownTests(shard);
  return planHooks({
    manifest,
    place: (key) => repo.manifest.place(key),
    tables,
    machine,
    checks,
    isShown,
    ...(own && { own }),
    ...(untouched && { untouched: untouched.tests }),
  });
}

/** The tests that run the tasks of the DAG, which are no hooks. */
function dagOf({ manifest, loaded }: Session, { leaveOut }: HookPlan): Pick<PlanView, 'dag'> {
  const checks = [...loaded].flatMap(([id, { needs }]) => (needs.includes('dag') && !leaveOut.has(id) ? [id] : []));
  if (checks.length === 0 || !hasLocalDag(manifest)) return {};
  const from = manifest.dag?.from;
  return { dag: { words: `tasks of the DAG: ${from ?? Object.keys(manifest.tasks ?? {}).join(', ')}`, checks } };
}

function printPlan(context: Context, session: Session, plan: HookPlan): number {
  const { leaveOut, planned: _, basis: __, first: ___, ...rest } = plan;
  const { shard } = session;
  const more = { ...(shard && { shard }), ...dagOf(session, plan) };
  context.print(
    context.isJson
      ? `${JSON.stringify({ ...rest, ...more, leaveOut: Object.fromEntries(leaveOut) }, null, 2)}\n`
      : renderPlan({ ...plan, ...more }, { width: context.width }),
  );
  return exitCode.fine;
}

async function runPlan(context: Context, invocation: Invocation, session: Session, plan: HookPlan): Promise<Ended> {
  const { repo, manifest, tables, machine } = session;
  const verdicts = createVerdicts({ program: await programIdentity(), manifest, tables, machine, basis: plan.basis });
  const { result, hooks } = await context.log.step('Running the tests', async (update) => {
    const running = createHooks({
      manifest,
      place: (key) => repo.manifest.place(key),
      tables,
      machine,
      planned: plan.planned,
      signal: context.signal,
      onLine: (hook, line) => context.log.debug(`${hook}: ${line}`),
      onExecution: ({ hook, words, seconds, isCached }) => {
        if (seconds === undefined) update(words.startsWith(hook) ? words : `${hook}: ${words}`);
        else context.log.debug(`${words}: ${seconds.toFixed(1)} s${isCached ? ' (cached)' : ''}`);
      },
    });
    return { result: await runChecks(context, session, plan, { hooks: running, verdicts }), hooks: running };
  });
  const code = tellScore(context, invocation, { ...session, result, hooks, kept: verdicts.kept() });
  // Its failure is told by who waits for it, once all is closed.
  code.catch(() => undefined);
  return { code };
}

/** Loaded where tasks are declared: most of what it imports is of deployments. */
async function localDagOf(
  context: Context,
  { repo, manifest, machine }: Session,
  { dependencies, share }: RunningHooks,
): Promise<LocalDag> {
  const { openLocalDag } = await import('../deploy/local-dag.ts');
  return openLocalDag({ context, repo, manifest, machine, dependencies, share });
}

async function runChecks(
  context: Context,
  session: Session,
  plan: HookPlan,
  { hooks, verdicts }: { readonly hooks: RunningHooks; readonly verdicts: Verdicts },
): Promise<SuiteReport> {
  const { repo, manifest, tables, loaded, unitTests } = session;
  const { place, path, exists, problems } = repo.manifest;
  return runSuite({
    suite: partOf(session.suite, session.shard),
    load: async (id) => loaded.get(id) ?? null,
    world: {
      manifest: { value: manifest, place, path, exists, problems },
      files: repo.files,
      git: repo.git,
      gitlab: openGitLab(context.env),
      mlflow: session.mlflow,
      history: historyOf(context, repo, { url: session.towerUrl, token: context.env[tokenVariable] }, () => hooks.performance()),
      tables,
      hooks,
      unitTests,
      dag: await localDagOf(context, session, hooks),
    },
    trigger: triggerOf(context.env),
    // Checks mostly wait for hooks, which have a limit of their own.
    concurrency: 28,
    last: new Set([...loaded].flatMap(([id, check]) => (check.isLast ? [id] : []))),
    ...(plan.first !== null && { first: { check: plan.first, isUnderWay: hooks.isUnderWay } }),
    leaveOut: plan.leaveOut,
    verdicts,
    signal: context.signal,
  });
}
