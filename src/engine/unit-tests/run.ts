/** Runs the unit tests of a repo: in a fresh working copy, in the model's own environment, under limits. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCommand } from '../../facts/command.ts';
import { EnvironmentError, exitCode, FlightcheckError, toFailure } from '../../kernel/failure.ts';
import type { HookMachine, Workspace } from '../../kernel/hook-machine.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import { mergeCases, mergeCoverage, type TestProblem, type UnitTestRun } from '../../kernel/unit-tests.ts';
import type { ManifestPort } from '../../kernel/world.ts';
import { withOwn } from '../hooks/execute.ts';
import { bytesOfSize } from '../hooks/limits.ts';
import { type EnvironmentOptions, findR, modulesOf, pythons } from './environments.ts';
import {
  missing,
  type Prepared,
  prepareCommand,
  preparePytest,
  prepareTestthat,
  type TestFiles,
  toolMissing,
} from './frameworks.ts';
import { texts } from './plugins.generated.ts';
import { problemOf } from './problems.ts';
import { isTestFile, type Left, readLeft } from './results.ts';

const outputBytes = 64 * 2 ** 20;

export interface TestOptions {
  /** Absolute path of the model repo. */
  readonly root: string;
  /** Null without a valid manifest: pytest and testthat are still found. */
  readonly manifest: Pick<ResolvedManifest, 'tests' | 'hooks' | 'budget' | 'data'> | null;
  readonly place: ManifestPort['place'];
  /** Paths of the repo's files. */
  readonly paths: readonly string[];
  text(path: string): Promise<string | null>;
  readonly machine: HookMachine;
  /** Fills, or finds filled, the folder of hooks.setup (or of tests.setup); null without one. */
  setup(which: 'hooks' | 'tests'): Promise<string | null>;
  readonly signal: AbortSignal;
  /** A framework begins. */
  onStart?(words: string): void;
  onLine?(line: string): void;
}

/** What ran, without what only the caller knows. */
export type TestRun = Omit<UnitTestRun, 'at' | 'commit' | 'tree'>;

const defaults = { tests: { paths: [], minutes: 15 }, hooks: { env: {} }, memory: '4GiB' } as const;

/** Runs whatever tests there are. Never throws for what the tests do: problems are in the answer. An abort keeps what ended before. */
export async function runUnitTests(options: TestOptions): Promise<TestRun> {
  const { machine } = options;
  const plugins = await machine.keep('unit-tests');
  for (const [name, text] of Object.entries(texts)) await writeFile(join(plugins, name), text);
  const workspace = await machine.workspace();
  try {
    await addTables(options, workspace);
    const { env, found } = await equip(options, plugins, workspace);
    const deadline = performance.now() + (options.manifest?.tests.minutes ?? defaults.tests.minutes) * 60_000;
    const left: Left[] = [];
    for (const { prepared, files } of found.ready) left.push(await runOne(options, workspace, env, prepared, files, deadline));
    const measured = left.flatMap(({ coverage }) => coverage ?? []);
    return {
      cases: mergeCases(left.flatMap(({ cases }) => cases)),
      coverage: left.some(({ coverage }) => coverage !== null) ? mergeCoverage(measured) : null,
      problems: [...found.problems, ...left.flatMap(({ problems }) => problems)],
      notes: [...found.ready.flatMap(({ prepared }) => prepared.notes), ...left.flatMap(({ notes }) => notes)],
    };
  } finally {
    await workspace.remove();
  }
}

/** The frameworks in the environment that has them; where one is missing, tests.setup may bring it. */
async function equip(options: TestOptions, plugins: string, workspace: Workspace) {
  const attempt = async (setup: string | null) => {
    const env = environmentOf(options, workspace, setup);
    return { env, found: await prepare(options, env, setup, plugins, workspace) };
  };
  const first = await attempt(await options.setup('hooks'));
  if (!first.found.problems.some(({ code }) => code === toolMissing)) return first;
  const setup = await options.setup('tests');
  return setup === null ? first : attempt(setup);
}

/** Tables that Git ignores are no part of a working copy, yet tests may read them. */
async function addTables({ root, manifest, machine }: TestOptions, workspace: Workspace): Promise<void> {
  const { train, eval: evaluation, requests, serving, outcomes } = manifest?.data ?? {};
  for (const path of [train, evaluation, requests, serving, outcomes]) {
    if (path === undefined || /[*?[{]/.test(path) || path.split('/').includes('..')) continue;
    const target = join(workspace.repo, path);
    const isThere = await stat(target).then(
      () => true,
      () => false,
    );
    const isFile = await stat(join(root, path)).then(
      (stats) => stats.isFile(),
      () => false,
    );
    if (isThere || !isFile) continue;
    await mkdir(join(target, '..'), { recursive: true });
    await machine.copy(join(root, path), target);
  }
}

function environmentOf({ root, manifest, machine, paths }: TestOptions, workspace: Workspace, setup: string | null) {
  const { home, temporary } = workspace;
  const own = (manifest?.hooks ?? defaults.hooks).env;
  const env = withOwn(machine.environment({ home, temporary, env: setup }), own, setup !== null);
  // renv keeps its library in the repo, where Git ignores it.
  const hasRenv = paths.includes('renv.lock') && setup === null;
  return { ...(hasRenv && { RENV_PATHS_LIBRARY: join(root, 'renv/library') }), ...env } as Record<string, string>;
}

interface Found {
  readonly ready: readonly { readonly prepared: Prepared; readonly files: TestFiles }[];
  readonly problems: readonly TestProblem[];
}

async function prepare(
  options: TestOptions,
  env: Readonly<Record<string, string>>,
  setup: string | null,
  plugins: string,
  workspace: Workspace,
): Promise<Found> {
  const { manifest, paths, machine, root, signal } = options;
  const around: EnvironmentOptions = { root, machine, env, setup, text: options.text, signal };
  const filesFor = (name: string): TestFiles => ({
    plugins,
    junit: join(workspace.outputs, `${name}.junit.xml`),
    coverage: join(workspace.outputs, `${name}.coverage.xml`),
    running: join(workspace.outputs, `${name}.running`),
  });
  const tests = manifest?.tests ?? defaults.tests;
  if ('command' in tests && tests.command !== undefined) {
    const place = options.place('tests.command');
    const command = parseCommand(tests.command, { name: 'tests.command', allowed: ['junit', 'coverage'], place });
    if (!command.uses.has('junit'))
      throw new FlightcheckError(
        'TESTS_COMMAND',
        `tests.command does not use {junit}: ${command.source}`,
        { hint: 'Let it write JUnit XML to the path that arrives as {junit}.', place },
        exitCode.usage,
      );
    const files = filesFor('command');
    return { ready: [{ prepared: prepareCommand(command, files), files }], problems: [] };
  }
  const wanted = (path: string): boolean =>
    tests.paths.length === 0 || tests.paths.some((part) => path === part || path.startsWith(`${part.replace(/\/$/, '')}/`));
  const all = paths.filter((path) => isTestFile(path) && wanted(path));
  const ready: { prepared: Prepared; files: TestFiles }[] = [];
  const problems: TestProblem[] = [];
  if (all.some((path) => path.endsWith('.py'))) {
    const files = filesFor('pytest');
    const python = await pythonWithPytest(around);
    if ('code' in python) problems.push(python);
    else {
      const own = tests.paths.filter((path) =>
        all.some((file) => file.endsWith('.py') && (file === path || file.startsWith(`${path.replace(/\/$/, '')}/`))),
      );
      ready.push({ prepared: preparePytest(python.python, python.modules, own, env, files), files });
    }
  }
  const folders = new Set(all.filter((path) => /\.[rR]$/.test(path)).map((path) => path.slice(0, path.lastIndexOf('/')) || '.'));
  const r = folders.size > 0 ? await findR(around, ['testthat', 'covr']) : null;
  if (folders.size > 0 && !r?.packages.has('testthat'))
    problems.push(
      missing(
        r ? 'The R package testthat' : 'R',
        [],
        "Install R with testthat in the image of the job, or with tests.setup: install.packages('testthat').",
      ),
    );
  else
    for (const [i, folder] of [...folders].sort().entries()) {
      const files = filesFor(`testthat-${i}`);
      if (r) ready.push({ prepared: prepareTestthat(r.r, r.packages, folder, files), files });
    }
  if (ready.length === 0 && problems.length === 0)
    problems.push({
      code: 'TESTS_NONE',
      message: `No unit test was found${tests.paths.length > 0 ? ` in ${tests.paths.join(', ')}` : ': no test_*.py, and no test*.R in a folder testthat'}`,
      hint: '`flightcheck init tests` writes the first ones for this model; another framework is named under tests.command.',
    });
  return { ready, problems };
}

/** The first interpreter that has pytest, or what is missing where. */
async function pythonWithPytest(around: EnvironmentOptions) {
  const looked: string[] = [];
  for await (const python of pythons(around)) {
    const modules = await modulesOf(around, python, ['pytest', 'pytest_cov', 'coverage']);
    if (modules?.has('pytest')) return { python, modules };
    looked.push(python.words);
  }
  return missing(
    looked.length === 0 ? 'Python' : 'pytest',
    looked,
    'Install it there (pip install pytest pytest-cov), in the image of the job, or with tests.setup.',
  );
}

async function runOne(
  options: TestOptions,
  workspace: Workspace,
  env: Readonly<Record<string, string>>,
  prepared: Prepared,
  files: TestFiles,
  deadline: number,
): Promise<Left> {
  const { machine, signal, manifest } = options;
  const folder = join(workspace.repo, '..');
  const local = (line: string): string => line.replaceAll(`${workspace.repo}/`, '').replaceAll(`${folder}/`, '');
  const limits = {
    seconds: Math.max(0.1, (deadline - performance.now()) / 1000),
    memoryBytes: bytesOfSize(manifest?.budget.memory ?? defaults.memory),
    outputBytes,
  };
  options.onStart?.(prepared.words);
  const run = (argv: readonly string[]) =>
    machine.run({
      ...{ argv, cwd: workspace.repo, folder, env: { ...env, ...prepared.env }, limits, signal, secrets: machine.secrets },
      onLine: (line) => options.onLine?.(local(line)),
    });
  try {
    const result = await run(prepared.argv);
    for (const argv of prepared.after) await run(argv);
    const running = await readFile(files.running, 'utf8').catch(() => null);
    const tail = result.tail.map(local);
    const read = await readLeft({
      prepared,
      files,
      root: options.root,
      copy: workspace.repo,
      isFile: (path) => options.paths.includes(path),
    });
    const problem = read.problems[0] ?? problemOf(prepared, { ...result, tail }, limits, running, read.cases);
    return { ...read, problems: problem ? [problem] : [] };
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    const { code, message, hint } = toFailure(error);
    return { cases: [], coverage: null, problems: [{ code, message, hint }], notes: [] };
  }
}
