/** A model repo of the zoo on disk: files, tables, and a history with a release and a commit after it. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { csvOf } from '../support/tables.ts';
import type { Edit, Fault, Language } from './fault.ts';
import { tablesOf } from './tables.ts';

/** Of all commits and reports: the same commit is the same hash in every specimen. */
const now = new Date();
export const daysAgo = (days: number): string => new Date(now.getTime() - days * 86_400_000).toISOString();
export const ages = { release: 80, head: 4 } as const;

export interface Specimen {
  readonly root: string;
  readonly release: string;
  readonly head: string;
}

function git(root: string, at: string, ...args: string[]): string {
  const env = {
    PATH: process.env.PATH,
    HOME: root,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_DATE: at,
    GIT_COMMITTER_DATE: at,
  };
  const who = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];
  return execFileSync('git', [...who, ...args], { cwd: root, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

function commit(root: string, at: string, message: string): string {
  git(root, at, 'add', '--all');
  git(root, at, 'commit', '--quiet', '--message', message);
  return git(root, at, 'rev-parse', 'HEAD');
}

/** Makes an edit; a text that does not stand exactly once is a mistake of the fault's author. */
function apply(root: string, { path, from, to }: Edit): void {
  const file = join(root, path);
  if (from === undefined) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, to);
    return;
  }
  const parts = readFileSync(file, 'utf8').split(from);
  if (parts.length !== 2) throw new Error(`${path} holds ${parts.length - 1} times: ${from}`);
  writeFileSync(file, parts.join(to));
}

/** A good specimen, or one with a fault, in a new folder. */
export function specimenOf(root: string, language: Language, fault?: Fault): Specimen {
  const write = () => {
    for (const source of ['common', language]) cpSync(join(import.meta.dirname, source), root, { recursive: true, force: true });
  };
  mkdirSync(root, { recursive: true });
  git(root, daysAgo(ages.release), 'init', '--quiet', '--initial-branch=main');
  write();
  for (const each of fault?.release?.[language] ?? []) apply(root, each);
  const release = commit(root, daysAgo(ages.release), 'A model of late payers');
  git(root, daysAgo(ages.release), 'tag', '1.0.0');
  write();
  for (const each of [...(fault?.files ?? []), ...(fault?.code?.[language] ?? [])]) apply(root, each);
  writeFileSync(join(root, 'CHANGELOG.md'), 'The next release.\n');
  const head = commit(root, daysAgo(ages.head), 'Towards the next release');
  const tables = tablesOf(fault?.happening);
  mkdirSync(join(root, 'data'));
  for (const [name, rows] of Object.entries({ ...tables, ...fault?.tables?.(tables) }))
    writeFileSync(join(root, 'data', `${name}.csv`), csvOf(rows));
  return { root, release, head };
}
