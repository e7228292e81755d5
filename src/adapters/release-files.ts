/** The files of an earlier commit, read from Git's objects: nothing that a repo configures (filters, hooks, attributes) has a part. */
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../kernel/failure.ts';
import { isInWorkTree, previousRelease } from './git.ts';
import { type GitCommand, gitCommand } from './git-command.ts';
import { innerTarget } from './tree.ts';

interface Blob {
  readonly mode: string;
  readonly sha: string;
  readonly bytes: number;
  readonly path: string;
}

/** Bytes and objects that are asked for at once. */
const batchBytes = 32 * 2 ** 20;
const batchObjects = 500;

const missing = (why: string): UsageError =>
  new UsageError('RELEASE_MISSING', `there is no release before this commit: ${why}`, {
    hint: 'Tag releases, and let CI fetch tags and history: variables: { GIT_DEPTH: "0" }.',
  });

/** The commit of the release before this one. Rejects with RELEASE_MISSING. */
async function previousCommit(git: GitCommand, root: string): Promise<string> {
  if (!(await isInWorkTree(git, root))) throw missing('this is no Git repository');
  const found = await previousRelease(git);
  if (found) return found.sha;
  const isShallow = (await git.ask(['rev-parse', '--is-shallow-repository'])) === 'true';
  throw missing(isShallow ? 'this clone is shallow' : 'it is the first one');
}

async function blobsOf(git: GitCommand, commit: string): Promise<readonly Blob[]> {
  const listed = (await git.run(['ls-tree', '-r', '-l', '-z', commit])).toString('latin1');
  return listed
    .split('\0')
    .map((entry) => /^(\d+) blob ([0-9a-f]+) +(\d+)\t(.*)$/s.exec(entry))
    .filter((match) => match !== null)
    .map(([, mode = '', sha = '', bytes = '', path = '']) => ({ mode, sha, bytes: Number(bytes), path }));
}

function* batches(blobs: readonly Blob[]): Generator<readonly Blob[]> {
  let batch: Blob[] = [];
  let bytes = 0;
  for (const blob of blobs) {
    if (batch.length > 0 && (batch.length === batchObjects || bytes + blob.bytes > batchBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(blob);
    bytes += blob.bytes;
  }
  if (batch.length > 0) yield batch;
}

/** Contents come one behind the other, each as long as its entry says. */
async function writeBatch(git: GitCommand, folder: string, batch: readonly Blob[]): Promise<void> {
  const content = await git.run(['show', '--no-textconv', '--no-color', ...batch.map(({ sha }) => sha)]);
  const wanted = batch.reduce((sum, { bytes }) => sum + bytes, 0);
  if (content.length !== wanted) throw missing('its files cannot be read from Git (a partial clone?)');
  let start = 0;
  for (const { mode, bytes, path } of batch) {
    const data = content.subarray(start, start + bytes);
    start += bytes;
    // Latin-1 maps bytes to characters one to one, so names keep every byte.
    const target = Buffer.from(join(Buffer.from(folder).toString('latin1'), path), 'latin1');
    await mkdir(Buffer.from(dirname(target.toString('latin1')), 'latin1'), { recursive: true });
    if (mode === '120000') {
      const inner = innerTarget(folder, path, data.toString('latin1'));
      if (inner !== null) await symlink(Buffer.from(inner, 'latin1'), target);
      continue;
    }
    await writeFile(target, data);
    if (mode === '100755') await chmod(target, 0o755);
  }
}

/** Writes the files of the release before HEAD into a folder, but those that `isExcluded` names. */
export async function writePreviousRelease(
  root: string,
  folder: string,
  isExcluded: (path: string) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  const git = gitCommand(root, signal);
  const commit = await previousCommit(git, root);
  const blobs = (await blobsOf(git, commit)).filter(({ path }) => !isExcluded(Buffer.from(path, 'latin1').toString('utf8')));
  if (blobs.length === 0) throw missing('it holds no files of this folder');
  // Symlinks last: no file is ever written through one.
  const ordered = [...blobs.filter(({ mode }) => mode !== '120000'), ...blobs.filter(({ mode }) => mode === '120000')];
  await mkdir(folder, { recursive: true });
  for (const batch of batches(ordered)) await writeBatch(git, folder, batch);
}
