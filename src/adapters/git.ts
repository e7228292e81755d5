/** The Git port over the command `git`. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EnvironmentError, UsageError } from '../kernel/failure.ts';
import type { Commit, Git, HistoryBlob } from '../kernel/world.ts';
import { type GitCommand, gitCommand } from './git-command.ts';
import { readPastTexts } from './git-past.ts';

const noRepository: Git = {
  isRepository: false,
  isShallow: false,
  head: null,
  branch: null,
  commits: async () => [],
  tags: async () => [],
  commitsOn: async () => [],
  firstWith: async () => null,
  contains: async () => false,
  tracked: async () => new Set(),
  largeBlobs: async () => [],
  pastTexts: async () => ({ read: 0, left: 0 }),
  previousRelease: async () => null,
  pathsAt: async () => [],
  textAt: async () => null,
};

const mostTextBytes = 16 * 2 ** 20;

function hasGitFolder(folder: string): boolean {
  return existsSync(join(folder, '.git')) || (dirname(folder) !== folder && hasGitFolder(dirname(folder)));
}

/** What git is asked in the work tree of a repository; null elsewhere. Without a `.git` above, git need not be installed. */
export async function inWorkTree<T>(folder: string, ask: () => Promise<T>): Promise<T | null> {
  if (!hasGitFolder(folder)) return null;
  try {
    return await ask();
  } catch (error) {
    // A `.git` that git cannot read (broken configuration, damaged folder) is an error, not an absent repository.
    if (error instanceof UsageError && /not a git repository|must be run in a work tree/.test(error.message)) return null;
    throw error;
  }
}

interface WorkTree {
  readonly isShallow: boolean;
  /** Null before the first commit. */
  readonly head: string | null;
}

/** What git says of the work tree that a folder lies in; null when it lies in none. */
const workTree = (git: GitCommand, folder: string): Promise<WorkTree | null> =>
  inWorkTree(folder, async () => {
    const said = await git.run(['rev-parse', '--is-inside-work-tree', '--is-shallow-repository', '--revs-only', 'HEAD']);
    const [isInside, isShallow, head] = said.toString('utf8').split('\n');
    return isInside === 'true' ? { isShallow: isShallow === 'true', head: head || null } : null;
  });

export const isInWorkTree = async (git: GitCommand, folder: string): Promise<boolean> => (await workTree(git, folder)) !== null;

export const splitNul = (bytes: Buffer): string[] => bytes.toString('utf8').split('\0').filter(Boolean);

/** Commits of HEAD's history; `args` choose among them. */
async function readCommits(git: GitCommand, args: readonly string[], paths: readonly string[] = []): Promise<readonly Commit[]> {
  const format = '--format=%H%x00%an%x00%ae%x00%at%x00%s%x00';
  // Paths of a manifest are names, not patterns, and begin at the model's folder, where git runs.
  const literal = paths.map((path) => `:(literal)${path}`);
  const output = await git.run(['log', ...args, '--no-show-signature', '--no-color', format, 'HEAD', '--', ...literal]);
  const fields = output.toString('utf8').split('\0');
  const commits: Commit[] = [];
  for (let i = 0; i + 4 < fields.length; i += 5) {
    const [sha = '', authorName = '', authorEmail = '', seconds = '', subject = ''] = fields.slice(i, i + 5);
    const at = new Date(Number(seconds) * 1000);
    commits.push({
      sha: sha.trim(),
      authorName,
      authorEmail,
      at: Number.isNaN(at.getTime()) ? new Date(0).toISOString() : at.toISOString(),
      subject,
    });
  }
  return commits;
}

/** Large blobs of the object store, by their hash; cheap, for sizes stand in the pack's index. */
async function storedBlobs(git: GitCommand, minBytes: number): Promise<ReadonlyMap<string, number>> {
  const format = '--batch-check=%(objecttype) %(objectsize) %(objectname)';
  const output = (await git.run(['cat-file', '--batch-all-objects', '--unordered', '--buffer', format])).toString('latin1');
  const blobs = new Map<string, number>();
  for (const line of output.split('\n')) {
    if (!line.startsWith('blob ')) continue;
    const [, size, sha = ''] = line.split(' ');
    if (Number(size) >= minBytes) blobs.set(sha, Number(size));
  }
  return blobs;
}

/** Those of them that HEAD reaches, with the path that each was first seen under. The walk is made only when there are any. */
async function readLargeBlobs(git: GitCommand, minBytes: number): Promise<readonly HistoryBlob[]> {
  const stored = await storedBlobs(git, minBytes);
  if (stored.size === 0) return [];
  const found = new Map<string, HistoryBlob>();
  for (const line of (await git.run(['rev-list', '--objects', 'HEAD', '--'])).toString('utf8').split('\n')) {
    const sha = line.split(' ', 1)[0] ?? '';
    const bytes = stored.get(sha);
    if (bytes !== undefined && !found.has(sha)) found.set(sha, { sha, path: line.slice(sha.length + 1), bytes });
  }
  return [...found.values()].sort((a, b) => b.bytes - a.bytes);
}

/** See `Git.previousRelease`. */
export async function previousRelease(git: GitCommand): Promise<{ readonly name: string; readonly sha: string } | null> {
  const parent = await git.ask(['rev-parse', '--verify', '--quiet', 'HEAD^1^{commit}']);
  if (parent === null) return null;
  const tag = await git.ask(['describe', '--tags', '--abbrev=0', 'HEAD^1']);
  const tagged = tag === null ? null : await git.ask(['rev-parse', '--verify', '--quiet', `refs/tags/${tag}^{commit}`]);
  return tag !== null && tagged !== null ? { name: tag, sha: tagged } : { name: parent.slice(0, 8), sha: parent };
}

async function textAt(git: GitCommand, sha: string, path: string): Promise<string | null> {
  const found = await git.ask(['rev-parse', '--verify', '--quiet', `${sha}:./${path}`]);
  if (found === null || (await git.ask(['cat-file', '-t', found])) !== 'blob') return null;
  if (Number(await git.ask(['cat-file', '-s', found])) > mostTextBytes) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await git.run(['cat-file', 'blob', found]));
  } catch {
    return null;
  }
}

/**
 * Opens the repository that a folder lies in. Nothing is read before it is asked for, nothing is read twice.
 * Throws EnvironmentError `GIT_MISSING` and UsageError `GIT_FAILED` (a `.git` that git cannot read).
 */
export async function openGit(root: string, options: { readonly signal?: AbortSignal } = {}): Promise<Git> {
  if (!existsSync(root))
    throw new EnvironmentError('FOLDER_MISSING', `The folder ${root} does not exist`, {
      hint: 'Name the folder of the model repo.',
    });
  const git = gitCommand(root, options.signal);
  if (!hasGitFolder(root)) return noRepository;
  // All at once: starting git takes longer than what it is asked.
  const [tree, partial, branch] = await Promise.all([
    workTree(git, root),
    git.ask(['config', '--get-regexp', '^(extensions\\.partialclone|remote\\..*\\.promisor)$']),
    git.ask(['symbolic-ref', '--quiet', '--short', 'HEAD']),
  ]);
  if (tree === null) return noRepository;
  const { head } = tree;
  let tracked: Promise<ReadonlySet<string>> | undefined;
  let tags: Promise<readonly string[]> | undefined;
  return {
    isRepository: true,
    // A partial clone lacks blobs as a shallow one lacks commits.
    isShallow: tree.isShallow || partial !== null,
    head,
    branch,
    commits: async (limit) => (head === null ? [] : readCommits(git, [`--max-count=${limit}`])),
    tags: () => {
      tags ??= git
        .run(['for-each-ref', '--format=%(refname:strip=2)', 'refs/tags'])
        .then((out) => out.toString('utf8').split('\n').filter(Boolean));
      return tags;
    },
    tracked: () => {
      tracked ??= git.run(['ls-files', '-z', '--cached']).then((out) => new Set(splitNul(out)));
      return tracked;
    },
    commitsOn: async (paths, since, limit) =>
      head === null || paths.length === 0
        ? []
        : readCommits(git, ['--no-merges', `--since=${since}`, `--max-count=${limit}`], paths),
    firstWith: async (word, paths) => {
      if (head === null || paths.length === 0) return null;
      const found = await readCommits(git, ['--no-merges', '--no-textconv', `-S${word}`], paths);
      return found.at(-1) ?? null;
    },
    contains: async (ancestor, descendant) => (await git.ask(['merge-base', ancestor, descendant])) === ancestor,
    previousRelease: async () => (head === null ? null : previousRelease(git)),
    pathsAt: async (sha) => splitNul(await git.run(['ls-tree', '-r', '-z', '--name-only', sha])),
    textAt: (sha, path) => textAt(git, sha, path),
    pastTexts: async (options, visit) => (head === null ? { read: 0, left: 0 } : readPastTexts(git, options, visit)),
    largeBlobs: async (minBytes) => (head === null ? [] : readLargeBlobs(git, minBytes)),
  };
}
