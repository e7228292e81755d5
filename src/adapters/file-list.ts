/** Which files a working tree has, as bytes relative to its root. */
import { isUtf8 } from 'node:buffer';
import { type Dirent, readdirSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { EnvironmentError } from '../kernel/failure.ts';
import { reportFolder } from '../kernel/report.ts';
import { inWorkTree } from './git.ts';
import { gitCommand } from './git-command.ts';

/** A path relative to the root; bytes when it is not UTF-8. */
export type RawPath = string | Buffer;

/** Folders that no one means when they say "the repo": version control, environments, caches, our own output. */
const ignoredFolders: ReadonlySet<string> = new Set([
  '.git',
  '.hg',
  '.svn',
  'node_modules',
  '.venv',
  'venv',
  '__pycache__',
  '.tox',
  '.nox',
  '.mypy_cache',
  '.pytest_cache',
  '.ruff_cache',
  '.ipynb_checkpoints',
  '.Rproj.user',
  '.dvc/cache',
  'renv/library',
  'renv/staging',
  reportFolder,
  '.flightcheck-cache',
]);

const isOurs = (path: Buffer): boolean => {
  const head = path.subarray(0, 20).toString('latin1');
  return head.startsWith(`${reportFolder}/`) || head.startsWith('.flightcheck-cache/');
};

function tooMany(limit: number): EnvironmentError {
  return new EnvironmentError('TOO_MANY_FILES', `The folder has more than ${limit.toLocaleString('en')} files`, {
    hint: 'Name the folder of one model repo, or list data folders in .gitignore.',
  });
}

/** What may not be read cannot be judged, and must not pass for what is not there. Null for every other fault. */
export function orUnreadable(error: unknown, path: string): null {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'EACCES' && code !== 'EPERM') return null;
  throw new EnvironmentError('FILE_UNREADABLE', `${path} may not be read (${code})`, {
    hint: 'Give this user the right to read it, or keep it out of the model repo.',
    place: isAbsolute(path) ? undefined : { path },
    cause: error,
  });
}

function split(bytes: Buffer): Buffer[] {
  const paths: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, start)) {
    if (end > start) paths.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return paths;
}

/** Text where all names are UTF-8, which is several times faster to work with; else bytes. */
function readable(paths: readonly Buffer[]): readonly RawPath[] {
  return paths.every((path) => isUtf8(path)) ? paths.map((path) => path.toString('utf8')) : paths;
}

/** Our own walk: never enters a symlink, so there are no circles. */
async function walk(root: string, limit: number, signal: AbortSignal | undefined): Promise<Buffer[]> {
  const paths: Buffer[] = [];
  const folders: Buffer[] = [Buffer.alloc(0)];
  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    signal?.throwIfAborted();
    if (paths.length % 100 === 0) await setImmediate();
    for (const entry of entriesOf(Buffer.concat([Buffer.from(`${root}/`), folder]))) {
      const path = folder.length === 0 ? entry.name : Buffer.concat([folder, Buffer.from('/'), entry.name]);
      const shown = path.toString('latin1');
      if (!entry.isDirectory()) paths.push(path);
      else if (!ignoredFolders.has(entry.name.toString('latin1')) && !ignoredFolders.has(shown)) folders.push(path);
      if (paths.length > limit || folders.length > limit) throw tooMany(limit);
    }
  }
  return paths;
}

function entriesOf(folder: Buffer): Dirent<Buffer>[] {
  try {
    return readdirSync(folder, { encoding: 'buffer', withFileTypes: true });
  } catch (error) {
    return orUnreadable(error, folder.toString('utf8')) ?? [];
  }
}

/** Paths of the files below a folder. Throws EnvironmentError `TOO_MANY_FILES` above `limit`, and `FILE_UNREADABLE`. */
export async function listPaths(root: string, limit: number, signal: AbortSignal | undefined): Promise<readonly RawPath[]> {
  const git = gitCommand(root, signal);
  const ask = () => git.run(['ls-files', '-z', '-t', '--cached', '--others', '--exclude-standard']);
  const listed = split((await inWorkTree(root, ask)) ?? Buffer.alloc(0));
  // No work tree; or a folder that an outer repository ignores as a whole, which is listed as empty.
  if (listed.length === 0) return readable(await walk(root, limit, signal));
  if (listed.length > limit) throw tooMany(limit);
  const paths: Buffer[] = [];
  for (const line of listed) {
    const path = line.subarray(2);
    const isUntracked = line[0] === 0x3f;
    // During a merge git lists a path once for each side.
    if (!(isUntracked && isOurs(path)) && !paths.at(-1)?.equals(path)) paths.push(path);
  }
  return readable(paths);
}
