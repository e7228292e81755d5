/**
 * The cache of hook executions: one folder per key, written atomically, verified by checksum when it is read. Entries of
 * protected refs stand apart: a protected ref reads no others. Nothing here is signed; share it no further than a runner's cache.
 */
import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../kernel/failure.ts';
import type { CacheRecord, HookCache } from '../kernel/hook-machine.ts';
import { gitCommand } from './git-command.ts';
import { copyTree, hashEntries, inParallel, listTree, removeTree, treeBytes } from './tree.ts';

/** Changes when the meaning of an entry does; older entries are then never found. */
const format = 1;

/** What a cache may grow to; the entries that were used longest ago go first. */
const mostBytes = 2 * 2 ** 30;

export interface HookCacheOptions {
  /** Absolute path. */
  readonly folder: string;
  /** Of the model repo: a cache that its commits bring along is refused. */
  readonly root: string;
  /** Does the ref count as protected? */
  readonly isProtected: boolean;
  /** False: entries are written but not read, for runs that must execute everything. */
  readonly isRead: boolean;
  /** Default 2 GiB. */
  readonly mostBytes?: number;
  /** A new folder of this run for the content of an entry. */
  keep(name: string): Promise<string>;
}

interface StoredRecord extends CacheRecord {
  readonly key: string;
  readonly sha256: string;
  /** Of the output. */
  readonly bytes: number;
}

/** Opens the cache. Throws UsageError `CACHE_UNSAFE` when the repo's commits hold it or it is a symlink. */
export async function openHookCache(options: HookCacheOptions): Promise<HookCache> {
  await refuseForged(options);
  const own = options.isProtected ? 'protected' : 'open';
  const readable = options.isProtected ? ['protected'] : ['open', 'protected'];
  const place = (kind: string, key: string): string => join(options.folder, `v${format}`, kind, key.slice(0, 2), key);

  const recordAt = async (path: string, key: string): Promise<StoredRecord | null> => {
    try {
      const record = JSON.parse(await readFile(join(path, 'record.json'), 'utf8')) as StoredRecord;
      const isWhole =
        record.key === key &&
        typeof record.sha256 === 'string' &&
        Number.isFinite(record.seconds) &&
        Number.isFinite(record.bytes) &&
        !Number.isNaN(Date.parse(record.ranAt)) &&
        (record.maxRssBytes === null || Number.isFinite(record.maxRssBytes));
      return isWhole ? record : null;
    } catch {
      return null;
    }
  };
  const readFrom = async (path: string, key: string) => {
    const record = await recordAt(path, key);
    if (!record) return null;
    const folder = await options.keep(`${key}-${randomUUID()}`);
    try {
      await copyTree(join(path, 'output'), folder);
      if ((await hashEntries(folder, await listTree(folder))) !== record.sha256) return null;
    } catch {
      return null;
    }
    return { folder, ...(await use(path, record)) };
  };
  const use = async (path: string, { ranAt, seconds, maxRssBytes }: StoredRecord): Promise<CacheRecord> => {
    const now = new Date();
    await utimes(join(path, 'record.json'), now, now).catch(() => {});
    return { ranAt, seconds, maxRssBytes };
  };
  return {
    async record(key) {
      if (!options.isRead) return null;
      for (const kind of readable) {
        const found = await recordAt(place(kind, key), key);
        if (found) return use(place(kind, key), found);
      }
      return null;
    },
    async read(key) {
      if (!options.isRead) return null;
      for (const kind of readable) {
        const found = await readFrom(place(kind, key), key);
        if (found) return found;
      }
      return null;
    },
    async write(key, folder, record) {
      const made = join(options.folder, `v${format}`, `.new-${randomUUID()}`);
      const old = `${made}.old`;
      try {
        await copyTree(folder, join(made, 'output'));
        const sha256 = await hashEntries(join(made, 'output'), await listTree(join(made, 'output')));
        const bytes = await treeBytes(join(made, 'output'));
        const { ranAt, seconds, maxRssBytes } = record;
        await writeFile(join(made, 'record.json'), JSON.stringify({ key, sha256, bytes, ranAt, seconds, maxRssBytes }));
        await writeFile(join(options.folder, '.gitignore'), '*\n');
        const target = place(own, key);
        await mkdir(join(target, '..'), { recursive: true });
        await rename(target, old).catch(() => {});
        await rename(made, target);
      } catch {
        // Another process was faster, or the disk is full: the run has its result all the same.
      } finally {
        await Promise.allSettled([removeTree(made), removeTree(old)]);
      }
    },
    prune: () => prune(join(options.folder, `v${format}`), options.mostBytes ?? mostBytes).catch(() => {}),
  };
}

/** Removes the entries that were used longest ago until the rest fits, and what runs that were cut short left behind. */
async function prune(folder: string, limit: number): Promise<void> {
  const entries: { path: string; used: number; bytes: number }[] = [];
  for (const kind of ['open', 'protected'])
    await inParallel(await namesIn(join(folder, kind)), async (shelf) => {
      for (const key of await namesIn(join(folder, kind, shelf))) {
        const path = join(folder, kind, shelf, key);
        const [size, used] = await Promise.all([bytesOfEntry(path), changedAt(join(path, 'record.json'))]);
        if (size === null) await removeTree(path);
        else entries.push({ path, used, bytes: size });
      }
    });
  for (const name of await namesIn(folder))
    if (name.startsWith('.new-') && Date.now() - (await changedAt(join(folder, name))) > 24 * 3600 * 1000)
      await removeTree(join(folder, name));
  let kept = 0;
  for (const { path, bytes } of entries.sort((a, b) => b.used - a.used)) {
    kept += bytes;
    if (kept > limit) await removeTree(path);
  }
}

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

const changedAt = (path: string): Promise<number> =>
  stat(path).then(
    (stats) => stats.mtimeMs,
    () => Date.now(),
  );

/** Null when the record cannot be read. */
async function bytesOfEntry(path: string): Promise<number | null> {
  try {
    const { bytes } = JSON.parse(await readFile(join(path, 'record.json'), 'utf8')) as Partial<StoredRecord>;
    return Number.isFinite(bytes) ? (bytes ?? null) : null;
  } catch {
    return null;
  }
}

/** Evidence that a commit brings along would be evidence that nobody made. */
async function refuseForged({ folder, root }: HookCacheOptions): Promise<void> {
  const stats = await lstat(folder).catch(() => null);
  const refuse = (what: string, hint: string): UsageError =>
    new UsageError('CACHE_UNSAFE', `the hook cache ${folder} ${what}`, { hint });
  if (stats && !stats.isDirectory()) throw refuse('is not a folder', 'Remove it, or name another folder with --cache.');
  if (!stats || !folder.startsWith(`${root}/`)) return;
  const tracked = await gitCommand(root).ask(['ls-files', '-z', '--', `:(literal)${folder.slice(root.length + 1)}`]);
  if (tracked) throw refuse('is committed to the repo', 'Remove it from Git (git rm -r --cached) and ignore it.');
}
