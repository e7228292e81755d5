/** Folders as bytes: names need not be UTF-8, symlinks are never followed, what leaves the folder is left out. */
import { createHash } from 'node:crypto';
import { constants, createReadStream, type Dirent, type Stats } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { posix } from 'node:path';

const slash = Buffer.from('/');
/** Copies at the same time; the thread pool of Node has four. */
const parallel = 8;

export const bytesOf = (path: string | Buffer): Buffer => (typeof path === 'string' ? Buffer.from(path) : path);
const joinBytes = (...parts: readonly Buffer[]): Buffer =>
  parts.reduce((all, part) => (all.length === 0 ? part : part.length === 0 ? all : Buffer.concat([all, slash, part])));

const parentOf = (path: Buffer): Buffer => path.subarray(0, Math.max(path.lastIndexOf(0x2f), 0));

async function statOf(path: Buffer): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch {
    return null;
  }
}

export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

/** Every file, symlink and empty folder below a folder, relative to it, sorted by bytes. */
export async function listTree(root: string | Buffer): Promise<readonly Buffer[]> {
  const found: Buffer[] = [];
  const folders: Buffer[] = [Buffer.alloc(0)];
  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    const entries: Dirent<Buffer>[] = await readdir(joinBytes(bytesOf(root), folder), {
      withFileTypes: true,
      encoding: 'buffer',
    });
    if (entries.length === 0 && folder.length > 0) found.push(folder);
    for (const entry of entries) (entry.isDirectory() ? folders : found).push(joinBytes(folder, entry.name));
  }
  return found.sort(Buffer.compare);
}

/** The text of a symlink as it may stand in a copy of its tree: relative, and inside; null when it leaves the tree. */
export function innerTarget(root: string, path: string, target: string): string | null {
  const full = target.startsWith('/') ? target : posix.join(root, posix.dirname(path), target);
  const inside = posix.relative(root, posix.normalize(full));
  if (inside === '..' || inside.startsWith('../')) return null;
  return target.startsWith('/') ? posix.relative(posix.join(root, posix.dirname(path)), full) || '.' : target;
}

/**
 * Copies the named entries of one folder into another, copy-on-write where the file system can. Missing entries, devices,
 * pipes, and symlinks that leave the folder are left out, as is what lies behind a symlinked folder.
 */
export async function copyEntries(from: string | Buffer, to: string | Buffer, entries: readonly Buffer[]): Promise<void> {
  const [source, target] = [bytesOf(from), bytesOf(to)];
  const folders = new Map<string, Promise<boolean>>();
  const folder = (path: Buffer): Promise<boolean> => {
    const key = path.toString('latin1');
    let made = folders.get(key);
    if (!made) {
      made = makeFolder(path);
      folders.set(key, made);
    }
    return made;
  };
  const makeFolder = async (path: Buffer): Promise<boolean> => {
    if (path.length === 0) {
      await mkdir(target, { recursive: true });
      return true;
    }
    if (!(await folder(parentOf(path)))) return false;
    if (!(await statOf(joinBytes(source, path)))?.isDirectory()) return false;
    await mkdir(joinBytes(target, path), { recursive: true });
    return true;
  };
  await folder(Buffer.alloc(0));
  await inParallel(entries, async (path) => {
    if (!(await folder(parentOf(path)))) return;
    const [inside, outside] = [joinBytes(source, path), joinBytes(target, path)];
    const stats = await statOf(inside);
    if (stats?.isDirectory()) await copySubfolder(inside, outside);
    else if (stats?.isFile()) await copyOne(inside, outside, stats);
    else if (stats?.isSymbolicLink()) await copyLink(source, path, outside);
  });
}

/** A folder among the entries is empty or, a submodule, has files that the list does not name. */
async function copySubfolder(from: Buffer, to: Buffer): Promise<void> {
  const inner = (await listTree(from)).filter((path) => !/^\.git(\/|$)/.test(path.toString('latin1')));
  await copyEntries(from, to, inner);
}

async function copyOne(from: Buffer, to: Buffer, stats: Stats): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    // A copy that cannot be written to would fail hooks that a checkout does not fail.
    if ((stats.mode & 0o200) === 0) await chmod(to, (stats.mode & 0o777) | 0o200);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function copyLink(root: Buffer, path: Buffer, to: Buffer): Promise<void> {
  const text = await readlink(joinBytes(root, path), { encoding: 'buffer' });
  // Latin-1 maps bytes to characters one to one, so the path functions keep every byte.
  const inner = innerTarget(root.toString('latin1'), path.toString('latin1'), text.toString('latin1'));
  if (inner !== null) await symlink(Buffer.from(inner, 'latin1'), to);
}

/** Copies a file or a whole folder. */
export async function copyTree(from: string, to: string): Promise<void> {
  const stats = await lstat(from);
  if (stats.isDirectory()) await copyEntries(from, to, await listTree(from));
  else if (stats.isFile()) await copyOne(bytesOf(from), bytesOf(to), stats);
}

/** Bytes of all files below a folder. */
export async function treeBytes(root: string): Promise<number> {
  let bytes = 0;
  for (const path of await listTree(root)) bytes += (await statOf(joinBytes(bytesOf(root), path)))?.size ?? 0;
  return bytes;
}

async function contentHash(path: Buffer): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** SHA-256 over path, kind, executable bit and content of the entries that `isIncluded` keeps. */
export async function hashEntries(
  root: string | Buffer,
  entries: readonly Buffer[],
  isIncluded: (path: string) => boolean = () => true,
): Promise<string> {
  const lines = new Map<Buffer, string>();
  const chosen = entries.filter((path) => isIncluded(path.toString('utf8')));
  await inParallel(chosen, async (path) => {
    const full = joinBytes(bytesOf(root), path);
    const stats = await statOf(full);
    if (stats?.isFile()) lines.set(path, `${stats.mode & 0o100 ? 'x' : 'f'} ${await contentHash(full)}`);
    else if (stats?.isSymbolicLink()) lines.set(path, `l ${(await readlink(full, { encoding: 'buffer' })).toString('hex')}`);
    else if (stats?.isDirectory()) lines.set(path, 'd');
  });
  const hash = createHash('sha256');
  for (const path of chosen)
    hash
      .update(path)
      .update('\0')
      .update(`${lines.get(path)}\n`);
  return hash.digest('hex');
}

/** Removes a folder even when what ran in it took permissions away. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    await openFolders(bytesOf(path));
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** What somebody else removes at the same time is gone, which is what was wanted. */
async function openFolders(folder: Buffer): Promise<void> {
  if (!(await statOf(folder))?.isDirectory()) return;
  const goneToo = (error: unknown): [] => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  };
  await chmod(folder, 0o700).catch(goneToo);
  const entries: Dirent<Buffer>[] = await readdir(folder, { withFileTypes: true, encoding: 'buffer' }).catch(goneToo);
  for (const entry of entries) if (entry.isDirectory()) await openFolders(joinBytes(folder, entry.name));
}
