/** The Files port: one walk of the working tree, every file read at most once. */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, readSync, realpathSync, type Stats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { EnvironmentError } from '../kernel/failure.ts';
import type { Files, RepoFile } from '../kernel/world.ts';
import { createGlob } from './file-glob.ts';
import { listPaths, orUnreadable, type RawPath } from './file-list.ts';

const defaultLimitBytes = 2 ** 20;
/** Texts kept between checks; above it the least recently used are read again. */
const cacheBytes = 256 * 2 ** 20;
/** A bound on work, not a wish: a repo above it is a data lake. */
const maxFiles = 1_000_000;

/** Tells, with a memory, whether every folder above a path is a real folder inside the root (and no symlink). */
function realFolders(absolute: (path: RawPath) => RawPath) {
  const known = new Map<string, boolean>([['', true]]);
  const isReal = (folder: RawPath): boolean => {
    const key = folder.toString('latin1');
    const before = known.get(key);
    if (before !== undefined) return before;
    const real = isReal(above(folder)) && (stat(absolute(folder))?.isDirectory() ?? false);
    known.set(key, real);
    return real;
  };
  return isReal;
}

/** The folder of a path; empty at the root. */
function above(path: RawPath): RawPath {
  const cut = Math.max(path.lastIndexOf('/'), 0);
  return typeof path === 'string' ? path.slice(0, cut) : path.subarray(0, cut);
}

/** lstat; null for what is gone. */
function stat(path: RawPath): Stats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    return orUnreadable(error, path.toString('utf8'));
  }
}

function readTarget(path: RawPath): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

interface Entry {
  readonly file: RepoFile;
  /** What to open. */
  readonly absolute: RawPath;
  /** What was read of it, kept until it is the oldest. */
  text?: { readonly limit: number; readonly value: string | null; readonly size: number };
}

async function collect(root: string, paths: readonly RawPath[], signal: AbortSignal | undefined): Promise<Entry[]> {
  const prefix = `${root}/`;
  const prefixBytes = Buffer.from(prefix);
  const absoluteOf = (path: RawPath): RawPath => (typeof path === 'string' ? prefix + path : Buffer.concat([prefixBytes, path]));
  const isReal = realFolders(absoluteOf);
  const entries: Entry[] = [];
  for (const [index, raw] of paths.entries()) {
    // The walk is synchronous because that is several times faster; pausing lets Ctrl-C through.
    if (index % 5000 === 4999) await setImmediate();
    signal?.throwIfAborted();
    if (!isReal(above(raw))) continue;
    const absolute = absoluteOf(raw);
    const stats = stat(absolute);
    if (!stats || !(stats.isFile() || stats.isSymbolicLink())) continue;
    const file = {
      path: raw.toString('utf8'),
      bytes: stats.size,
      isExecutable: stats.isFile() && (stats.mode & 0o111) !== 0,
    };
    entries.push({ absolute, file: stats.isSymbolicLink() ? { ...file, symlinkTarget: readTarget(absolute) } : file });
  }
  return entries;
}

/** Hands the descriptor of a regular file inside the root over; null for everything else. Never blocks on a pipe or device. */
function withInside<T>(root: string, { absolute, file }: Entry, use: (descriptor: number, bytes: number) => T): T | null {
  let descriptor: number | undefined;
  try {
    const isSymlink = file.symlinkTarget !== undefined;
    const target = isSymlink ? realpathSync.native(absolute, 'buffer') : absolute;
    if (isSymlink && !target.toString('latin1').startsWith(`${Buffer.from(root).toString('latin1')}/`)) return null;
    descriptor = openSync(target, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    // The walk saw a regular file; only what a symlink leads to is not known yet.
    const stats = isSymlink ? fstatSync(descriptor) : undefined;
    if (stats && !stats.isFile()) return null;
    return use(descriptor, stats?.size ?? file.bytes);
  } catch (error) {
    // Where a symlink leads is not ours to demand.
    return file.symlinkTarget === undefined ? orUnreadable(error, file.path) : null;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Its first bytes. */
const readInside = (root: string, entry: Entry, limitBytes: number, scratch?: Buffer): Buffer | null =>
  withInside(root, entry, (descriptor, bytes) => {
    const wanted = Math.min(bytes, limitBytes);
    const buffer = scratch && wanted <= scratch.length ? scratch : Buffer.allocUnsafe(wanted);
    let length = 0;
    while (length < wanted) {
      const read = readSync(descriptor, buffer, length, wanted - length, length);
      if (read === 0) break;
      length += read;
    }
    return buffer.subarray(0, length);
  });

/** The hash of it all, a piece at a time. */
const hashInside = (root: string, entry: Entry, scratch: Buffer): string | null =>
  withInside(root, entry, (descriptor) => {
    const hash = createHash('sha256');
    for (let read = readSync(descriptor, scratch); read > 0; read = readSync(descriptor, scratch))
      hash.update(scratch.subarray(0, read));
    return hash.digest('hex');
  });

/** As git judges: a NUL among the first 8000 bytes. UTF-16 with its mark is text of another encoding, hence binary here. */
const isBinary = (bytes: Buffer): boolean => bytes.subarray(0, 8000).includes(0);

const withoutBom = (bytes: Buffer): Buffer =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;

/** Keeps texts on their entries; the oldest are let go when all together exceed `cacheBytes`. */
function textKeeper() {
  const kept: Entry[] = [];
  let oldest = 0;
  let total = 0;
  return (entry: Entry, limit: number, value: string | null, size: number): void => {
    total += size - (entry.text?.size ?? 0);
    entry.text = { limit, value, size };
    kept.push(entry);
    for (; total > cacheBytes && oldest < kept.length - 1; oldest += 1) {
      const old = kept[oldest];
      if (!old?.text) continue;
      total -= old.text.size;
      delete old.text;
    }
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
  const entries = await collect(root, paths, signal);
  entries.sort((a, b) => (a.file.path < b.file.path ? -1 : a.file.path > b.file.path ? 1 : 0));
  const byPath = new Map<string, Entry>();
  // Two names whose bytes are not UTF-8 can look the same; the first one answers for both.
  for (const entry of entries) if (!byPath.has(entry.file.path)) byPath.set(entry.file.path, entry);
  const keep = textKeeper();
  let reads = 0;

  // Texts are copied out of one buffer, so that reading leaves no garbage behind.
  const scratch = Buffer.allocUnsafe(defaultLimitBytes);

  const pause = async (): Promise<void> => {
    reads += 1;
    if (reads % 200 !== 0) return;
    await setImmediate();
    signal?.throwIfAborted();
  };
  return {
    all: entries.map((entry) => entry.file),
    has: (path) => byPath.has(path),
    get: (path) => byPath.get(path)?.file,
    glob: createGlob(entries.map((entry) => entry.file.path)),
    async text(path, limitBytes = defaultLimitBytes) {
      const entry = byPath.get(path);
      if (!entry) return null;
      if (entry.text?.limit === limitBytes) return entry.text.value;
      await pause();
      // Another check may have read it meanwhile.
      if (entry.text?.limit === limitBytes) return entry.text.value;
      const bytes = readInside(root, entry, limitBytes, scratch);
      const text = bytes === null || isBinary(bytes) ? null : withoutBom(bytes).toString('utf8');
      keep(entry, limitBytes, text, bytes?.length ?? 0);
      return text;
    },
    async bytes(path, limitBytes) {
      const entry = byPath.get(path);
      await pause();
      return entry ? readInside(root, entry, limitBytes) : null;
    },
    async sha256(path) {
      const entry = byPath.get(path);
      await pause();
      return entry ? hashInside(root, entry, scratch) : null;
    },
  };
}
