/**
 * The lock of the embedded database: PGlite has none, and two processes on one folder destroy each other's data.
 *
 * `tower.lock.N` names the owner of generation N. A new owner creates N+1 exclusively, only when the owner of N has
 * released it or is dead, and the highest file is never removed, so that creation is a compare-and-swap: of two that
 * see the same dead owner one wins. A live owner is never displaced, however long it has been silent.
 */
import { linkSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { EnvironmentError } from '../../kernel/failure.ts';

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Changes when the machine starts; empty where the platform cannot say. */
  readonly boot: string;
  /** Process namespace: pids of another one cannot be looked up. */
  readonly namespace: string;
  /** When the process started, in the kernel's ticks: tells it from a later process with the same pid. */
  readonly startTicks: string;
  readonly isReleased: boolean;
}

const readOr = (read: () => string, otherwise: string): string => {
  try {
    return read().trim();
  } catch {
    return otherwise;
  }
};

/** State and start of a process; null when it does not exist or the platform has no /proc. */
function processStat(pid: number): { state: string; startTicks: string } | null {
  const stat = readOr(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), '');
  // The command's name stands in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' ? null : { state: fields[0] ?? '', startTicks: fields[19] ?? '' };
}

const self = (): Owner => ({
  pid: process.pid,
  host: hostname(),
  boot: readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'), ''),
  namespace: readOr(() => readlinkSync('/proc/self/ns/pid'), ''),
  startTicks: processStat(process.pid)?.startTicks ?? '',
  isReleased: false,
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Why the owner still holds the lock, or null when it is free to take. Doubt keeps the lock. */
function heldBecause(owner: Owner | null, me: Owner): string | null {
  if (!owner) return 'its lock file cannot be read';
  if (owner.isReleased) return null;
  if (owner.host !== me.host) return `process ${owner.pid} on host ${owner.host} holds it`;
  if (owner.boot !== me.boot) return null;
  if (owner.namespace !== me.namespace) return `process ${owner.pid} of another container holds it`;
  const stat = processStat(owner.pid);
  const isSame = stat ? stat.state !== 'Z' && stat.startTicks === owner.startTicks : isRunning(owner.pid);
  return isSame ? `process ${owner.pid} is using it` : null;
}

function read(path: string): Owner | null {
  try {
    const owner = JSON.parse(readFileSync(path, 'utf8')) as Owner;
    return Number.isInteger(owner.pid) && typeof owner.host === 'string' ? owner : null;
  } catch {
    return null;
  }
}

const prefix = 'tower.lock.';
const generations = (folder: string): number[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && /^[0-9]+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => b - a);

/** Creates the file with its whole content at once; false when it exists. */
function createExclusively(path: string, content: string): boolean {
  const draft = `${path}.${process.pid}.draft`;
  writeFileSync(draft, content);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Takes the lock of `folder` (which exists and is a real path, so that two names of it meet the same lock).
 * @returns the function that releases it.
 * @throws EnvironmentError TOWER_LOCKED when another process holds it.
 */
export function takeLock(folder: string): () => void {
  const me = self();
  for (let attempt = 0; attempt < 10; attempt++) {
    const newest = generations(folder)[0] ?? 0;
    const holder = newest === 0 ? null : heldBecause(read(join(folder, `${prefix}${newest}`)), me);
    if (holder !== null)
      throw new EnvironmentError('TOWER_LOCKED', `The data folder ${folder} is in use: ${holder}`, {
        hint: `Use that server, stop it, or choose another --data. Only when no server runs on any host or container, remove ${join(folder, `${prefix}${newest}`)}.`,
      });
    const mine = newest + 1;
    const path = join(folder, `${prefix}${mine}`);
    if (!createExclusively(path, JSON.stringify(me))) continue;
    // Someone slower to look may have made a number that others had passed already.
    if (generations(folder)[0] !== mine) {
      rmSync(path, { force: true });
      continue;
    }
    for (const old of generations(folder)) if (old < mine) rmSync(join(folder, `${prefix}${old}`), { force: true });
    return () => {
      const draft = `${path}.released`;
      writeFileSync(draft, JSON.stringify({ ...me, isReleased: true }));
      renameSync(draft, path);
    };
  }
  throw new EnvironmentError('TOWER_LOCKED', `The data folder ${folder} is being opened by several servers at once`, {
    hint: 'Start one server on this folder.',
  });
}
