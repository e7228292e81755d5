/** Fresh working copies of a model repo: one snapshot per run, one copy of it per execution. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import picomatch from 'picomatch';
import type { Release, Workspace } from '../kernel/hook-machine.ts';
import { listPaths } from './file-list.ts';
import { endAllIn } from './process.ts';
import { readText } from './read-text.ts';
import { writePreviousRelease } from './release-files.ts';
import { makeTemporary } from './temporary.ts';
import { bytesOf, copyEntries, hashEntries, listTree, removeTree } from './tree.ts';

const maxFiles = 200_000;

/** What an environment is built from; `setup` runs again when one of them changes. */
const dependencyFiles = picomatch([
  '{,**/}{requirements*.{txt,in},constraints*.txt,pyproject.toml,setup.{py,cfg},Pipfile,Pipfile.lock,poetry.lock,uv.lock,pdm.lock}',
  '{,**/}{environment*.y{a,}ml,conda*.y{a,}ml,conda-lock.y{a,}ml,python_env.y{a,}ml,pyenv.y{a,}ml,.python-version}',
  '{,**/}{renv.lock,DESCRIPTION,packrat/packrat.lock,Manifest.toml,Project.toml,package.json,package-lock.json}',
]);

export interface WorkingCopies {
  /** SHA-256 over everything that a working copy holds. */
  treeHash(release?: Release): Promise<string>;
  /** SHA-256 over dependency lists, lock files and the paths given. */
  lockHash(paths: readonly string[], release?: Release): Promise<string>;
  /** Text of a file; null when it is not there. */
  text(path: string, release?: Release): Promise<string | null>;
  /** A new folder with a fresh copy. */
  create(release?: Release): Promise<Workspace>;
  /** A folder that lives until `close`. */
  keep(name: string): Promise<string>;
  /** Ends who still works in a copy, and removes them all. */
  close(): Promise<void>;
}

export interface WorkingCopyOptions {
  /** Absolute path of the model repo. */
  readonly root: string;
  /** Globs of files that are left out: the manifest's tables, which hooks are handed as paths, and our own folders. */
  readonly exclude: readonly string[];
  readonly signal?: AbortSignal;
}

/** Opens the source of working copies; the repo is read when the first one is asked for, and never again. */
export async function openWorkingCopies(options: WorkingCopyOptions): Promise<WorkingCopies> {
  const base = await makeTemporary('run');
  const matches = options.exclude.length > 0 ? picomatch([...options.exclude], { dot: true }) : () => false;
  const isExcluded = (path: string): boolean => options.exclude.includes(path) || matches(path);
  let count = 0;

  const memo = <T>(make: (release: Release) => Promise<T>): ((release?: Release) => Promise<T>) => {
    const made = new Map<Release, Promise<T>>();
    return (release) => {
      const known = made.get(release) ?? make(release);
      made.set(release, known);
      return known;
    };
  };
  const snapshot = memo(async (release) => {
    if (release === 'previous') {
      const folder = join(base, 'previous');
      await writePreviousRelease(options.root, folder, isExcluded, options.signal);
      return { folder, entries: await listTree(folder) };
    }
    const listed = await listPaths(options.root, maxFiles, options.signal);
    const folder = join(base, 'snapshot');
    await copyEntries(
      options.root,
      folder,
      listed.map(bytesOf).filter((path) => !isExcluded(path.toString('utf8'))),
    );
    return { folder, entries: await listTree(folder) };
  });
  const treeHash = memo(async (release) => {
    const { folder, entries } = await snapshot(release);
    return hashEntries(folder, entries);
  });
  return {
    treeHash,
    async text(path, release) {
      return readText((await snapshot(release)).folder, path);
    },
    async lockHash(paths, release) {
      const { folder, entries } = await snapshot(release);
      return hashEntries(folder, entries, (path) => dependencyFiles(path) || paths.includes(path));
    },
    async create(release) {
      const { folder, entries } = await snapshot(release);
      count += 1;
      const root = join(base, String(count));
      const space = {
        repo: join(root, 'repo'),
        home: join(root, 'home'),
        temporary: join(root, 'tmp'),
        inputs: join(root, 'in'),
        outputs: join(root, 'out'),
      };
      for (const path of Object.values(space)) await mkdir(path, { recursive: true });
      await copyEntries(folder, space.repo, entries);
      return { ...space, remove: () => removeTree(root) };
    },
    async keep(name) {
      const path = join(base, 'kept', name);
      await mkdir(path, { recursive: true });
      return path;
    },
    async close() {
      // Commands that shared a copy have no folder of their own to be known by: who is left in it is ended here.
      await endAllIn(base);
      await removeTree(base);
    },
  };
}
