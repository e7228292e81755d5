/** Runs the unit tests of a repo made for a test, with the real machine. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFiles } from '../../src/adapters/files.ts';
import { openHookMachine } from '../../src/adapters/hook-machine.ts';
import { runUnitTests, type TestRun } from '../../src/engine/unit-tests/run.ts';
import { type FileMap, makeRepo } from '../helpers/repo.ts';
import { manifestOf } from './manifest.ts';

const succeeds = (command: string, ...args: string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const rHas = (name: string): boolean =>
  succeeds('Rscript', '--vanilla', '-e', `quit(status = !requireNamespace("${name}", quietly = TRUE))`);

export const has = {
  pytest: succeeds('python3', '-c', 'import pytest'),
  pytestCov: succeeds('python3', '-c', 'import pytest_cov'),
  testthat: rHas('testthat'),
  covr: rHas('covr'),
};

export interface Tested extends TestRun {
  readonly root: string;
  readonly lines: readonly string[];
}

export interface TestedOptions {
  readonly manifest?: Record<string, unknown>;
  readonly env?: Readonly<Record<string, string>>;
  /** Folders that hooks.setup and tests.setup filled. */
  readonly setup?: Readonly<Partial<Record<'hooks' | 'tests', string>>>;
  /** Called with the root before the tests run. */
  readonly before?: (root: string) => void;
  readonly signal?: AbortSignal;
}

export async function runTestsOf(files: FileMap, options: TestedOptions = {}): Promise<Tested> {
  const root = makeRepo(files);
  options.before?.(root);
  const signal = options.signal ?? new AbortController().signal;
  const machine = await openHookMachine({
    ...{ root, cacheFolder: null, isProtected: false, isCacheRead: true, exclude: [], signal },
    env: options.env ?? process.env,
  });
  const lines: string[] = [];
  try {
    const run = await runUnitTests({
      ...{ root, machine, signal },
      manifest: manifestOf({ budget: { memory: '1GiB' }, ...options.manifest }),
      place: () => undefined,
      paths: (await openFiles(root)).all.map((file) => file.path),
      text: (path) => readFile(join(root, path), 'utf8').catch(() => null),
      setup: async (which) => options.setup?.[which] ?? null,
      onLine: (line) => void lines.push(line),
    });
    return { ...run, root, lines };
  } finally {
    await machine.close();
  }
}
