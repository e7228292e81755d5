/** The Files port: one walk of the working tree, every file read at most once. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, readSync, realpathSync, type Stats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { EnvironmentError } from '../kernel/failure.ts';
import type { Files, RepoFile } from '../kernel/world.ts';
import { createGlob } from './file-glob.ts';
import { listPaths } from './file-list.ts';

const defaultLimitBytes = 2 ** 20;
/** Texts kept between checks; above it the least recently used are read again. */
const cacheBytes = 256 * 2 ** 20;
/** A bound on work, not a wish: a repo above it is a data lake. */
const maxFiles = 1_000_000;

const slash = 0x2f;

/** Tells, with a memory, whether every folder above a path is a real folder inside the root (and no symlink). */
function realFolders(root: Buffer) {
  const known = new Map<string, boolean>([['', true]]);
  const isReal = (folder: Buffer): boolean => {
    const key = folder.toString('latin1');
    const before = known.get(key);
    if (before !== undefined) return before;
    const cut = folder.lastIndexOf(slash);
    const real = isReal(folder.subarray(0, Math.max(cut, 0))) && (stat(Buffer.concat([root, folder]))?.isDirectory() ?? false);
    known.set(key, real);
    return real;
  };
  return isReal;
}

/** lstat; null for what is gone or cannot be reached. */
function stat(path: Buffer): Stats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

function readTarget(path: Buffer): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

interface Entry {
  readonly file: RepoFile;
  /** The name as bytes: it need not be UTF-8. */
  readonly raw: Buffer;
}

async function collect(root: Buffer, paths: readonly Buffer[], signal: AbortSignal | undefined): Promise<Entry[]> {
  const prefix = Buffer.concat([root, Buffer.from('/')]);
  const isReal = realFolders(prefix);
  const entries: Entry[] = [];
  for (const [index, raw] of paths.entries()) {
    // The walk is synchronous because that is several times faster; pausing lets Ctrl-C through.
    if (index % 5000 === 4999) await setImmediate();
    signal?.throwIfAborted();
    if (!isReal(raw.subarray(0, Math.max(raw.lastIndexOf(slash), 0)))) continue;
    const full = Buffer.concat([prefix, raw]);
    const stats = stat(full);
    if (!stats || !(stats.isFile() || stats.isSymbolicLink())) continue;
    entries.push({
      raw,
      file: {
        path: raw.toString('utf8'),
        bytes: stats.size,
        isExecutable: stats.isFile() && (stats.mode & 0o111) !== 0,
        ...(stats.isSymbolicLink() && { symlinkTarget: readTarget(full) }),
      },
    });
  }
  return entries;
}

/** The first bytes of a regular file inside the root; null for everything else. Never blocks on a pipe or device. */
function readInside(root: string, path: Buffer, isSymlink: boolean, limitBytes: number, scratch?: Buffer): Buffer | null {
  let descriptor: number | undefined;
  try {
    const full = Buffer.concat([Buffer.from(`${root}/`), path]);
    let target: Buffer | string = full;
    if (isSymlink) {
      target = realpathSync.native(full, 'buffer');
      if (!target.subarray(0, root.length + 1).equals(Buffer.from(`${root}/`).subarray(0, root.length + 1))) return null;
    }
    descriptor = openSync(target, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return null;
    const wanted = Math.min(stats.size, limitBytes);
    const buffer = scratch && wanted <= scratch.length ? scratch : Buffer.allocUnsafe(wanted);
    let length = 0;
    while (length < wanted) {
      const read = readSync(descriptor, buffer, length, wanted - length, length);
      if (read === 0) break;
      length += read;
    }
    return buffer.subarray(0, length);
  } catch {
    return null;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** As git judges: a NUL among the first 8000 bytes. UTF-16 with its mark is text of another encoding, hence binary here. */
const isBinary = (bytes: Buffer): boolean => bytes.subarray(0, 8000).includes(0);

const withoutBom = (bytes: Buffer): Buffer =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;

/** Least recently used first; the values' sizes are bounded by `cacheBytes`. */
function textCache() {
  const texts = new Map<string, { readonly text: string | null; readonly size: number }>();
  let total = 0;
  return {
    get(key: string): string | null | undefined {
      const hit = texts.get(key);
      return hit === undefined ? undefined : hit.text;
    },
    set(key: string, text: string | null, size: number): void {
      texts.set(key, { text, size });
      total += size;
      for (const [oldest, { size: freed }] of texts) {
        if (total <= cacheBytes) break;
        texts.delete(oldest);
        total -= freed;
      }
    },
  };
}

/**
 * Lists and reads the files of a model repo. In a git work tree these are the tracked files and the untracked ones that
 * git does not ignore; elsewhere all but caches and environments. Throws EnvironmentError `FOLDER_MISSING`,
 * `TOO_MANY_FILES` and what git throws.
 */
export async function openFiles(folder: string, options: { readonly signal?: AbortSignal } = {}): Promise<Files> {
  const { signal } = options;
  let root: string;
  try {
    root = realpathSync.native(folder);
    if (!lstatSync(root).isDirectory()) throw new Error('not a folder');
  } catch (cause) {
    throw new EnvironmentError('FOLDER_MISSING', `${folder} is not a folder that can be read`, {
      hint: 'Name the folder of the model repo.',
      cause,
    });
  }
  const paths = await listPaths(root, maxFiles, signal);
  const entries = await collect(Buffer.from(root), paths, signal);
  entries.sort((a, b) => (a.file.path < b.file.path ? -1 : a.file.path > b.file.path ? 1 : 0));
  const byPath = new Map<string, Entry>();
  // Two names whose bytes are not UTF-8 can look the same; the first one answers for both.
  for (const entry of entries) if (!byPath.has(entry.file.path)) byPath.set(entry.file.path, entry);
  const cache = textCache();
  let reads = 0;

  // Texts are copied out of one buffer, so that reading leaves no garbage behind.
  const scratch = Buffer.allocUnsafe(defaultLimitBytes);

  const pause = async (): Promise<void> => {
    reads += 1;
    if (reads % 200 !== 0) return;
    await setImmediate();
    signal?.throwIfAborted();
  };
  const read = (path: string, limitBytes: number, buffer?: Buffer): Buffer | null => {
    const entry = byPath.get(path);
    return entry ? readInside(root, entry.raw, entry.file.symlinkTarget !== undefined, limitBytes, buffer) : null;
  };

  return {
    all: entries.map((entry) => entry.file),
    has: (path) => byPath.has(path),
    get: (path) => byPath.get(path)?.file,
    glob: createGlob(entries.map((entry) => entry.file.path)),
    async text(path, limitBytes = defaultLimitBytes) {
      const key = `${limitBytes} ${path}`;
      const known = cache.get(key);
      if (known !== undefined) return known;
      await pause();
      // Another check may have read it meanwhile.
      const since = cache.get(key);
      if (since !== undefined) return since;
      const bytes = read(path, limitBytes, scratch);
      const text = bytes === null || isBinary(bytes) ? null : withoutBom(bytes).toString('utf8');
      cache.set(key, text, text === null ? 64 : (bytes?.length ?? 0));
      return text;
    },
    async bytes(path, limitBytes) {
      await pause();
      return read(path, limitBytes);
    },
  };
}
