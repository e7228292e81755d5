/**
 * What differs between a commit and the files that stand here. Contents are hashed as Git hashes them, and no `git diff` is
 * asked: that would run the filters that a repository configures, and believe its index.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { UsageError } from '../kernel/failure.ts';
import { listPaths } from './file-list.ts';
import { isInWorkTree, splitNul } from './git.ts';
import { type GitCommand, gitCommand } from './git-command.ts';

export interface Changes {
  /** Full SHA of the commit. */
  readonly sha: string;
  /** Paths that were added, removed or changed; files that Git does not have and does not ignore are added. */
  readonly paths: ReadonlySet<string>;
  /** Paths of the commit. */
  readonly known: ReadonlySet<string>;
}

const maxFiles = 200_000;

const refused = (ref: string, what: string, hint: string): UsageError =>
  new UsageError('SINCE_INVALID', `--since ${ref}: ${what}`, { hint });

/** The commit that a ref names. Throws UsageError `SINCE_INVALID`. */
async function commitOf(git: GitCommand, ref: string): Promise<string> {
  if (!/^[\w@][\w./@{}^~+-]*$/.test(ref))
    throw refused(
      JSON.stringify(ref),
      'that is no name of a commit',
      'Name a branch, a tag or a SHA, for example --since origin/main.',
    );
  const sha = await git.ask(['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`]);
  if (sha !== null && /^[0-9a-f]{40,64}$/.test(sha)) return sha;
  if ((await git.ask(['rev-parse', '--is-shallow-repository'])) === 'true')
    throw refused(
      ref,
      'this clone is shallow and does not hold it',
      'Fetch the history: variables: { GIT_DEPTH: "0" }, or git fetch --unshallow.',
    );
  throw refused(
    ref,
    'there is no such commit here',
    'Fetch it (git fetch origin), or name a branch, a tag or a SHA that git log knows.',
  );
}

interface Blob {
  readonly mode: string;
  readonly sha: string;
}

/** Files of a commit below the folder, by path. */
async function filesAt(git: GitCommand, sha: string): Promise<ReadonlyMap<string, Blob>> {
  const files = new Map<string, Blob>();
  for (const entry of splitNul(await git.run(['ls-tree', '-r', '-z', sha]))) {
    const tab = entry.indexOf('\t');
    const [mode = '', , blob = ''] = entry.slice(0, tab).split(' ');
    files.set(entry.slice(tab + 1), { mode, sha: blob });
  }
  return files;
}

/** The mode and hash that Git would give the file; null when it is not there or no file. */
async function blobOf(path: string, algorithm: 'sha1' | 'sha256'): Promise<Blob | null> {
  const stats = await lstat(path).catch(() => null);
  const hash = createHash(algorithm);
  if (stats?.isSymbolicLink()) {
    const target = await readlink(path, { encoding: 'buffer' });
    return { mode: '120000', sha: hash.update(`blob ${target.length}\0`).update(target).digest('hex') };
  }
  if (!stats?.isFile()) return null;
  hash.update(`blob ${stats.size}\0`);
  await pipeline(createReadStream(path), hash, { end: false });
  return { mode: stats.mode & 0o100 ? '100755' : '100644', sha: hash.digest('hex') };
}

/** Compares. Throws UsageError `SINCE_INVALID` for what names no commit that is here. */
export async function changesSince(root: string, ref: string, signal?: AbortSignal): Promise<Changes> {
  const git = gitCommand(root, signal);
  if (!(await isInWorkTree(git, root)))
    throw refused(ref, 'this folder is not in a Git repository', 'Run it in a clone, or leave --since out.');
  const sha = await commitOf(git, ref);
  const before = await filesAt(git, sha);
  const algorithm = sha.length === 40 ? 'sha1' : 'sha256';
  const now = new Set((await listPaths(root, maxFiles, signal)).map(String));
  const paths = new Set<string>();
  for (const path of new Set([...now, ...before.keys()])) {
    signal?.throwIfAborted();
    const old = before.get(path);
    const here = old && now.has(path) ? await blobOf(join(root, path), algorithm) : null;
    if (!old || !here || here.sha !== old.sha || here.mode !== old.mode) paths.add(path);
  }
  return { sha, paths, known: new Set(before.keys()) };
}
