/** Programs in Python that are too heavy for the Python on the PATH: each in an environment of its own under `.tools/`. */
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export interface Venv {
  readonly name: string;
  /** Program of the environment that must be there. */
  readonly program: string;
  /** Pinned packages, all of them, in `scripts/python/`. */
  readonly requirements: string;
  readonly why: string;
}

export const schemathesis: Venv = {
  name: 'schemathesis',
  program: 'schemathesis',
  requirements: 'schemathesis.txt',
  why: 'it makes requests from the description of the API',
};

export const venvs: readonly Venv[] = [
  schemathesis,
  { name: 'airflow-3', program: 'airflow', requirements: 'airflow-3.txt', why: 'DAGs are deployed to it and run' },
  { name: 'airflow-2', program: 'airflow', requirements: 'airflow-2.txt', why: 'DAGs are loaded by the last Airflow 2 too' },
  {
    name: 'mlflow',
    program: 'mlflow',
    requirements: 'mlflow.txt',
    why: 'models in production and their histories are read from it',
  },
];

const folderOf = (root: string, name: string): string => join(root, '.tools', name);

export const hasVenv = (root: string, { name, program }: Venv): boolean => existsSync(join(folderOf(root, name), 'bin', program));

/** Runs a command; returns the last line that it said when it failed, null when it did not. */
function attempt(command: string, args: readonly string[]): string | null {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? null : (error?.message ?? stderr.trim().split('\n').at(-1) ?? `${command} failed`);
}

/** uv installs an Airflow in seconds where pip takes minutes; it comes from PyPI like everything else. */
function uvOf(root: string): string | null {
  const folder = folderOf(root, 'uv');
  const uv = join(folder, 'bin/uv');
  if (existsSync(uv)) return uv;
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', 'uv==0.13.9'];
  const problem = attempt('python3', ['-m', 'venv', folder]) ?? attempt(join(folder, 'bin/python'), args);
  return problem === null ? uv : null;
}

/** Makes the environment, whole or not at all; returns what went wrong, null when nothing did. */
export function makeVenv(root: string, venv: Venv): string | null {
  const uv = uvOf(root);
  if (uv === null) return 'uv cannot be installed: python3 with venv and pip is needed';
  const folder = folderOf(root, venv.name);
  const program = join(folder, 'bin', venv.program);
  rmSync(folder, { recursive: true, force: true });
  const problem =
    attempt(uv, ['venv', '--quiet', folder]) ??
    attempt(uv, [
      ...['pip', 'install', '--quiet', '--python', join(folder, 'bin/python')],
      ...['-r', join(root, 'scripts/python', venv.requirements)],
    ]);
  // An environment that is half there would be taken for a whole one.
  if (problem !== null && existsSync(program)) renameSync(program, `${program}.broken`);
  return problem;
}
