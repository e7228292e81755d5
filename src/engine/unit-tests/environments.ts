/** Finds the interpreter that has the model's packages: the environment of the repo before that of the machine. */
import { join } from 'node:path';
import type { HookMachine } from '../../kernel/hook-machine.ts';

/** A program and the arguments before its own. */
export interface Interpreter {
  readonly argv: readonly string[];
  readonly words: string;
}

export interface EnvironmentOptions {
  /** Absolute path of the model repo: environments are not part of a working copy. */
  readonly root: string;
  readonly machine: Pick<HookMachine, 'programVersion' | 'run' | 'keep'>;
  /** What the tests will see. */
  readonly env: Readonly<Record<string, string>>;
  /** Folder that `setup` filled; null without one. */
  readonly setup: string | null;
  /** Text of a file of the repo; null when it is not there. */
  text(path: string): Promise<string | null>;
  readonly signal: AbortSignal;
}

const limits = { seconds: 60, memoryBytes: 2 ** 30, outputBytes: 2 ** 20 };

/** The last line that a small command says; null when it fails. */
async function ask(options: EnvironmentOptions, argv: readonly string[], cwd: string): Promise<string | null> {
  const { machine, env, signal } = options;
  const result = await machine.run({ argv, cwd, env, limits, signal });
  return result.exitCode === 0 ? (result.tail.at(-1)?.trim() ?? '') : null;
}

/** Candidates in the order in which they are tried; each is a program that exists. */
export async function* pythons(options: EnvironmentOptions): AsyncGenerator<Interpreter> {
  const { root, machine, env, setup } = options;
  const exists = async (program: string): Promise<boolean> => (await machine.programVersion(program)) !== null;
  const short = (path: string): string => (path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path);
  const folders = [
    ...(setup === null ? [] : [setup, join(setup, 'venv')]),
    env.VIRTUAL_ENV,
    ...['.venv', 'venv', 'env'].map((name) => join(root, name)),
    env.CONDA_PREFIX,
  ];
  for (const folder of folders) {
    const program = folder === undefined ? null : join(folder, 'bin', 'python');
    if (program !== null && (await exists(program))) yield { argv: [program], words: short(program) };
  }
  const has = async (file: string): Promise<boolean> => (await options.text(file).catch(() => null)) !== null;
  if ((await has('poetry.lock')) && (await exists('poetry'))) {
    const program = await ask(options, ['poetry', 'env', 'info', '--executable'], root);
    if (program && (await exists(program))) yield { argv: [program], words: `poetry's ${program}` };
  }
  if ((await has('uv.lock')) && (await exists('uv'))) yield { argv: ['uv', 'run', '--frozen', 'python'], words: 'uv run python' };
  const conda = /^name:\s*["']?([A-Za-z0-9_.-]+)/m.exec((await options.text('environment.yml').catch(() => null)) ?? '')?.[1];
  if (conda !== undefined && (await exists('conda')))
    yield { argv: ['conda', 'run', '--no-capture-output', '-n', conda, 'python'], words: `conda's ${conda}` };
  for (const program of ['python3', 'python']) if (await exists(program)) yield { argv: [program], words: program };
}

/** Which of the modules an interpreter can import; null when it does not run. Imports none of them, and nothing of the repo. */
export async function modulesOf(
  options: EnvironmentOptions,
  python: Interpreter,
  names: readonly string[],
): Promise<ReadonlySet<string> | null> {
  const code = `import importlib.util as u; print(*[n for n in ${JSON.stringify(names)} if u.find_spec(n)])`;
  const said = await ask(options, [...python.argv, '-c', code], await options.machine.keep('ask'));
  return said === null ? null : new Set(said.split(' ').filter((name) => name !== ''));
}

/** R of the PATH, and which packages it has, renv's library included; null without R. */
export async function findR(
  options: EnvironmentOptions,
  names: readonly string[],
): Promise<{ readonly r: Interpreter; readonly packages: ReadonlySet<string> } | null> {
  if ((await options.machine.programVersion('Rscript')) === null) return null;
  const list = names.map((name) => JSON.stringify(name)).join(', ');
  const code = `cat(Filter(function(n) nzchar(system.file(package = n)), c(${list})))`;
  const said = await ask(options, ['Rscript', '--vanilla', '-e', code], await options.machine.keep('ask'));
  const r = { argv: ['Rscript', '--no-save', '--no-restore'], words: 'Rscript' };
  return { r, packages: new Set((said ?? '').split(' ').filter((name) => name !== '')) };
}
