/**
 * Folders for scratch, named after the process that owns them, so that what a killed run left behind is known for what it
 * is: the next run removes it.
 */
import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, readdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from './tree.ts';

const pattern = /^flightcheck-[a-z]+-(\d+)-(\d+)-(\d+)-[A-Za-z0-9]{6}$/;
const mostSwept = 50;

const orZero = (read: () => string | undefined): string => {
  try {
    return read() ?? '0';
  } catch {
    return '0';
  }
};

/** Process ids are counted anew in every container, and containers may share a temporary directory. */
const namespaceOf = (): string => orZero(() => /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0]);

/** Clock tick at which a process started: ids are used again. */
const startOf = (id: string): string =>
  orZero(() => {
    const text = readFileSync(`/proc/${id}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  });

function isAlive(id: string, started: string): boolean {
  try {
    process.kill(Number(id), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startOf(id) === started;
}

/** A folder of this user whose owner, a process of this machine, is gone. */
function isStale(base: string, name: string): boolean {
  const [, namespace, id = '', started = ''] = pattern.exec(name) ?? [];
  if (namespace === undefined || namespace !== namespaceOf() || isAlive(id, started)) return false;
  const stat = lstatSync(join(base, name), { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === process.getuid?.();
}

async function sweep(base: string): Promise<void> {
  const names = await readdir(base).catch(() => []);
  const stale = names.filter((name) => isStale(base, name)).slice(0, mostSwept);
  // Another run may be sweeping the same one; what cannot be removed is no reason to fail.
  for (const name of stale) await removeTree(join(base, name)).catch(() => undefined);
}

let swept: Promise<void> | undefined;

/** A new folder; whoever makes it removes it. `what` (letters) tells people what it is for. */
export async function makeTemporary(what: string): Promise<string> {
  // Real, because processes are recognised by the folder that they work in.
  const base = await realpath(tmpdir());
  swept ??= sweep(base);
  await swept;
  return mkdtemp(join(base, `flightcheck-${what}-${namespaceOf()}-${process.pid}-${startOf('self')}-`));
}
