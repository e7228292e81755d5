/**
 * Layers that outlive a build. Who builds takes the store away and puts it back when it is sound, so nobody meets one that
 * another build changes or left half done: whoever finds none begins with an empty one.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface KeptStore {
  /** Root of the store, in a folder that is this build's alone. */
  readonly path: string;
  /** Whether there are layers of earlier builds. */
  readonly isWarm: boolean;
  /** Puts it back; gives it up where another build has put its own by now. */
  keep(): Promise<void>;
  discard(): Promise<void>;
}

const hour = 3600_000;
/** Images of bases and layers that nothing asks for any more go with it. */
const longestAge = 7 * 24 * hour;
/** No build lasts longer: its process was killed. */
const longestBuild = 24 * hour;

const ageOf = async (path: string): Promise<number> => Date.now() - (await stat(path)).mtimeMs;

/** Takes the store of `folder`. Rejects where the folder cannot be written. `remove` takes a store from the disk. */
export async function takeStore(folder: string, remove: (path: string) => Promise<void>): Promise<KeptStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (name.startsWith('taken-') && (await ageOf(path).catch(() => 0)) > longestBuild) await remove(path);
  }
  const [shared, own] = [join(folder, 'kept'), join(folder, `taken-${randomUUID()}`)];
  const born = join(own, 'born');
  const isTaken = await rename(shared, own).then(
    () => true,
    () => false,
  );
  const isWarm = isTaken && (await ageOf(born).catch(() => Infinity)) < longestAge;
  if (isTaken && !isWarm) await remove(own);
  if (!isWarm) {
    await mkdir(own, { mode: 0o700 });
    await writeFile(born, '');
  }
  await utimes(own, new Date(), new Date());
  const discard = (): Promise<void> => remove(own);
  return { path: join(own, 'store'), isWarm, keep: () => rename(own, shared).catch(discard), discard };
}
