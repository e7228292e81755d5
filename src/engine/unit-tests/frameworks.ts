/** The frameworks that run unit tests, each as an argument array for the model's own environment. */
import { join } from 'node:path';
import type { HookCommand } from '../../facts/command.ts';
import { fillCommand } from '../../facts/command.ts';
import type { TestProblem } from '../../kernel/unit-tests.ts';
import type { Interpreter } from './environments.ts';

export type FrameworkName = 'pytest' | 'testthat' | 'command';

/** Where a framework is told to write. */
export interface TestFiles {
  /** Folder with our plugin and runner. */
  readonly plugins: string;
  readonly junit: string;
  readonly coverage: string;
  /** Holds the name of the test that is running. */
  readonly running: string;
}

/** A framework ready to run: one command, then those that collect what it measured. */
export interface Prepared {
  readonly name: FrameworkName;
  /** `pytest of .venv/bin/python`. */
  readonly words: string;
  readonly argv: readonly string[];
  readonly after: readonly (readonly string[])[];
  readonly env: Readonly<Record<string, string>>;
  readonly measuresCoverage: boolean;
  /** How lines in its JUnit are counted. */
  readonly firstLine: 0 | 1;
  readonly notes: readonly string[];
}

const first = (path: string, rest: string | undefined): string => (rest ? `${path}:${rest}` : path);

/** Code of the problem that a framework is not installed. */
export const toolMissing = 'TESTS_TOOL_MISSING';

export const missing = (what: string, looked: readonly string[], hint: string): TestProblem => ({
  code: toolMissing,
  message: `${what} is not installed${looked.length > 0 ? ` in ${looked.join(', ')}` : ''}, so its tests were not run`,
  hint,
});

/** `modules` are those that the interpreter has. */
export function preparePytest(
  python: Interpreter,
  modules: ReadonlySet<string>,
  paths: readonly string[],
  env: Readonly<Record<string, string>>,
  files: TestFiles,
): Prepared {
  const base = [
    ...['-m', 'pytest', '-p', 'flightcheck_pytest', `--junitxml=${files.junit}`],
    ...['-o', 'junit_family=xunit1', '-o', 'junit_logging=no'],
  ];
  const measured = modules.has('pytest_cov') ? 'plugin' : modules.has('coverage') ? 'run' : null;
  const { argv, words } = python;
  const call = {
    plugin: [...argv, ...base, '--cov', `--cov-report=xml:${files.coverage}`, '--', ...paths],
    run: [...argv, '-m', 'coverage', 'run', ...base, '--', ...paths],
    none: [...argv, ...base, '--', ...paths],
  }[measured ?? 'none'];
  return {
    name: 'pytest',
    words: `pytest with ${words}`,
    argv: call,
    after:
      measured === 'run'
        ? [
            [...argv, '-m', 'coverage', 'combine', '--quiet'],
            [...argv, '-m', 'coverage', 'xml', '--quiet', '--fail-under=0', '-o', files.coverage],
          ]
        : [],
    env: { PYTHONPATH: first(files.plugins, env.PYTHONPATH), FLIGHTCHECK_TEST_RUNNING: files.running },
    measuresCoverage: measured !== null,
    firstLine: 0,
    notes: measured
      ? []
      : [`Coverage of the Python code was not measured: ${words} has neither pytest-cov nor coverage (pip install pytest-cov).`],
  };
}

/** `packages` are those that R has. */
export function prepareTestthat(r: Interpreter, packages: ReadonlySet<string>, folder: string, files: TestFiles): Prepared {
  const isMeasured = packages.has('covr');
  return {
    name: 'testthat',
    words: `testthat with ${r.words}`,
    argv: [...r.argv, join(files.plugins, 'flightcheck_testthat.R'), folder, files.junit, isMeasured ? files.coverage : '-'],
    after: [],
    env: { FLIGHTCHECK_TEST_RUNNING: files.running },
    measuresCoverage: isMeasured,
    firstLine: 1,
    notes: isMeasured
      ? []
      : ["Coverage of the R code was not measured: the package covr is not installed (install.packages('covr'))."],
  };
}

export function prepareCommand(command: HookCommand, files: TestFiles): Prepared {
  return {
    name: 'command',
    words: 'tests.command',
    argv: fillCommand(command, { junit: files.junit, coverage: files.coverage }),
    after: [],
    env: { FLIGHTCHECK_TEST_RUNNING: files.running },
    measuresCoverage: command.uses.has('coverage'),
    firstLine: 1,
    notes: command.uses.has('coverage')
      ? []
      : ['Coverage was not measured: tests.command does not use {coverage}, where it would write Cobertura XML.'],
  };
}
