/** Writes the files of a report into the repo's output folder. */
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reportFolder } from '../kernel/report.ts';
import { openOutputFolder, writeAtomically } from './output-folder.ts';

export interface WriteOptions {
  /** Absolute path of the model repo. */
  readonly root: string;
  /** Inside the repo. */
  readonly folder: string;
}

/** Writes content by file name; returns the paths inside the repo. Throws a FlightcheckError when the folder cannot be written. */
export async function writeReports(
  files: ReadonlyMap<string, string>,
  { root, folder }: WriteOptions,
): Promise<readonly string[]> {
  const target = await openOutputFolder(root, folder);
  // Nobody commits reports by `git add .`; a folder of the repo's own choice may hold more than ours.
  if (folder === reportFolder) await writeFile(join(target, '.gitignore'), '*\n', { flag: 'wx' }).catch(() => undefined);
  for (const [name, content] of files) await writeAtomically(join(target, name), content);
  return [...files.keys()].map((name) => `${folder}/${name}`);
}

/** Removes the files of a run's own name, or those that `isStale` names, so that what stands there afterwards is what this run wrote. */
export async function removeReports({ root, folder }: WriteOptions, stale: string | ((name: string) => boolean)): Promise<void> {
  // A folder that cannot be made is told when the reports are written.
  const target = await openOutputFolder(root, folder).catch(() => null);
  if (target === null) return;
  const names = await readdir(target).catch(() => []);
  const isStale = typeof stale === 'string' ? (name: string) => name.startsWith(`${stale}.`) : stale;
  for (const name of names) if (isStale(name)) await rm(join(target, name), { recursive: true, force: true });
}
