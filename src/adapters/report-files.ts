/** Writes the files of a report into the repo's output folder. */
import { join } from 'node:path';
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
  for (const [name, content] of files) await writeAtomically(join(target, name), content);
  return [...files.keys()].map((name) => `${folder}/${name}`);
}
