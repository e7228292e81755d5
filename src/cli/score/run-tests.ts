/** Wires the unit tests: environment, run, suite, files. */
import { resolve } from 'node:path';
import { checks, suite } from '../../../rules/delivery/index.generated.ts';
import { openHookMachine } from '../../adapters/hook-machine.ts';
import { readText } from '../../adapters/read-text.ts';
import { removeReports } from '../../adapters/report-files.ts';
import { runSuite } from '../../engine/run.ts';
import { selectChecks } from '../../engine/select.ts';
import { resultFiles } from '../../engine/unit-tests/port.ts';
import { runUnitTests, type TestRun } from '../../engine/unit-tests/run.ts';
import { prepareDependencies } from '../../engine/unit-tests/setup.ts';
import { exitCode, FlightcheckError, toFailure } from '../../kernel/failure.ts';
import { metricsOf } from '../../kernel/metrics.ts';
import type { Metric } from '../../kernel/report.ts';
import type { CheckRegistry } from '../../kernel/suite.ts';
import { coverageOf, isRubricTest, testStatuses, type UnitTestRun } from '../../kernel/unit-tests.ts';
import { cleanText, clip, oneLine } from '../../reports/text.ts';
import { renderCobertura, renderUnitTestJunit } from '../../reports/unit-tests.tsx';
import type { Context, Invocation } from '../command.ts';
import { finish } from '../finish.ts';
import { optionValue } from '../options.ts';
import { openRepo, type Repo, reportOf } from '../repo.ts';
import { sourceOf, triggerOf } from '../surroundings.ts';
import { costsToHand } from './hook-costs.ts';
import { treeOf } from './unit-tests.ts';

const runner = 'test';

/** `flightcheck test`. */
export async function testRepo(context: Context, invocation: Invocation): Promise<number> {
  const repo = await context.log.step('Reading the repo', () => openRepo(context, invocation));
  const [first] = repo.manifest.problems;
  if (repo.manifest.exists && repo.manifest.value === null && first)
    context.log.warn(oneLine(`${repo.manifest.path} cannot be used, so its hooks and limits are not: ${first.message}`));
  const at = new Date().toISOString();
  const tree = await treeOf(context, repo);
  const ran = await context.log.step('Running the tests', (update) => execute(context, invocation, repo, update));
  const run: UnitTestRun = { at, commit: sourceOf(context.env, repo.git).commit, tree, ...ran };
  for (const note of run.notes) context.log.warn(oneLine(note));
  for (const line of [...tracebacksOf(run), ...summaryOf(run)]) context.log.info(line);

  const registry: CheckRegistry = checks;
  const result = await runSuite({
    suite: { ...selectChecks(suite, {}), sections: suite.sections.filter(({ id }) => id === 'tests') },
    load: async (id) => (Object.hasOwn(registry, id) ? ((await registry[id]?.()) ?? null) : null),
    world: { unitTests: { latest: async () => ({ ok: true, value: run }) } },
    trigger: triggerOf(context.env),
    concurrency: 1,
    signal: context.signal,
  });
  const report = reportOf(context, repo, runner, [result], {
    metrics: [...metricsOf([result]), ...testMetrics(run)],
    notices: run.notes.map((note) => clip(oneLine(note), 4000)),
  });
  const coverage = renderCobertura(run);
  const folder = optionValue<string>(invocation, 'output');
  // Whatever the tests may have put there in our name.
  await removeReports({ root: repo.root, folder }, runner);
  return finish(context, invocation, {
    root: repo.root,
    report,
    gate: repo.manifest.value?.gate,
    waivers: repo.manifest.value?.waivers ?? [],
    files: new Map([
      [resultFiles.junit, renderUnitTestJunit(run)],
      ...(coverage === null ? [] : ([[resultFiles.coverage, coverage]] as const)),
      ...(await costsToHand(repo.root, optionValue<string>(invocation, 'cache'))),
    ]),
  });
}

async function execute(context: Context, invocation: Invocation, repo: Repo, update: (text: string) => void): Promise<TestRun> {
  const { env, signal } = context;
  const manifest = repo.manifest.value;
  const cache = optionValue<string>(invocation, 'cache');
  const machine = await openHookMachine({
    root: repo.root,
    env,
    cacheFolder: cache === 'off' ? null : resolve(repo.root, cache),
    isProtected: env.CI_COMMIT_REF_PROTECTED === 'true',
    isCacheRead: true,
    exclude: [],
    signal,
  });
  const place = (key: string) => repo.manifest.place(key);
  const onLine = (line: string): void => {
    if (line.trim() !== '') update(clip(oneLine(line), 100));
    context.log.debug(line);
  };
  try {
    return await runUnitTests({
      root: repo.root,
      manifest,
      place,
      paths: repo.files.all.map((file) => file.path),
      text: (path) => readText(repo.root, path),
      machine,
      setup: async (which) => {
        const command = which === 'hooks' ? manifest?.hooks.setup : manifest?.tests.setup;
        if (manifest === null || command === undefined) return null;
        const own = { ...manifest, hooks: { ...manifest.hooks, setup: command } };
        const at = (key: string) => place(which === 'tests' && key === 'hooks.setup' ? 'tests.setup' : key);
        return prepareDependencies({ manifest: own, place: at, machine, signal, onStart: () => update('setup'), onLine });
      },
      signal,
      onStart: update,
      onLine,
    });
  } catch (error) {
    // A setup that fails, or a command that cannot be run, is a result too: the report says it.
    if (!(error instanceof FlightcheckError) || error.exitCode === exitCode.interrupted || signal.aborted) throw error;
    const { code, message, hint } = toFailure(error);
    return { cases: [], coverage: null, problems: [{ code, message, hint }], notes: [] };
  } finally {
    await machine.close();
  }
}

const countOf = (run: UnitTestRun, status: (typeof testStatuses)[number]): number =>
  run.cases.filter((test) => test.status === status).length;

/** The first failures in full; all of them stand in JUnit. */
function tracebacksOf(run: UnitTestRun): readonly string[] {
  const broken = run.cases.filter(({ status }) => status === 'failed' || status === 'error');
  const shown = broken
    .slice(0, 5)
    .map(({ suite, name, text, message }) => `\n--- ${oneLine(`${suite} ${name}`)}\n${cleanText(text || message)}`);
  return broken.length > shown.length
    ? [...shown, `\n${broken.length - shown.length} more failures stand in the JUnit report`]
    : shown;
}

/** `data-7 (3)`: the passing tests that name a test of the rubric; those that assert something, or those that do not. */
function markedPassing({ cases }: UnitTestRun, isHollow: boolean): readonly string[] {
  const counts = new Map<string, number>();
  for (const { marks, status, assertsNothing = false } of cases)
    for (const mark of marks)
      if (status === 'passed' && assertsNothing === isHollow && isRubricTest(mark)) counts.set(mark, (counts.get(mark) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([mark, count]) => `${mark} (${count})`);
}

/** `Coverage: 97.3 %` is what the job's `coverage` keyword looks for. */
function summaryOf(run: UnitTestRun): readonly string[] {
  const words = { passed: 'passed', skipped: 'skipped', failed: 'failed', error: 'broken' } as const;
  const counts = testStatuses.flatMap((status) => (countOf(run, status) > 0 ? [`${countOf(run, status)} ${words[status]}`] : []));
  const seconds = run.cases.reduce((sum, test) => sum + test.seconds, 0);
  const share = run.coverage === null ? null : coverageOf(run.coverage);
  const evidence = markedPassing(run, false);
  const hollow = markedPassing(run, true);
  return [
    `Tests: ${counts.length > 0 ? counts.join(', ') : 'none'} in ${seconds.toFixed(1)} s.`,
    ...(share === null ? [] : [`Coverage: ${(100 * share).toFixed(1)} %`]),
    ...(evidence.length > 0 ? [`Passing tests marked as evidence: ${evidence.join(', ')}.`] : []),
    ...(hollow.length > 0 ? [`Marked, but they assert nothing and are no evidence: ${hollow.join(', ')}.`] : []),
  ];
}

function testMetrics(run: UnitTestRun): readonly Metric[] {
  const share = run.coverage === null ? null : coverageOf(run.coverage);
  return [
    ...testStatuses.map((status) => ({ name: 'tests.cases', value: countOf(run, status), unit: '1', labels: { status } })),
    ...(share === null ? [] : [{ name: 'tests.coverage', value: Math.round(share * 1e6) / 1e6, unit: '1' }]),
  ];
}
