/** A folder that Airflow reads: files are replaced by a rename, and what was there before is kept beside them. */
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DagTarget } from '../../kernel/delivery.ts';
import { EnvironmentError } from '../../kernel/failure.ts';
import { type Kept, readKept, recordName } from './kept.ts';

async function readOrNull(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}

async function replace(folder: string, name: string, text: string): Promise<void> {
  // Airflow must never read half a file.
  const temporary = join(folder, `.${name}.${process.pid}.tmp`);
  await writeFile(temporary, text, { mode: 0o644 });
  await rename(temporary, join(folder, name));
}

/** Opens the folder. Throws DELIVERY_NO_FOLDER when it does not exist: making one that nobody reads helps nobody. */
export async function openFolder(folder: string): Promise<DagTarget> {
  const isFolder = await stat(folder).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (!isFolder)
    throw new EnvironmentError('DELIVERY_NO_FOLDER', `The folder ${folder} does not exist`, {
      hint: "Name Airflow's DAG folder under environments.*.deliver.dir, and mount it on this runner.",
    });
  const failing = (action: string) => (error: unknown) => {
    throw new EnvironmentError(
      'DELIVERY_FAILED',
      `${action} in ${folder} failed: ${error instanceof Error ? error.message : String(error)}`,
      {
        hint: 'Check the rights and the free space of the folder.',
        cause: error,
      },
    );
  };
  const keptOf = async (name: string): Promise<Kept | null> => {
    const text = await readOrNull(join(folder, recordName(name))).catch(failing(`Reading the record of ${name}`));
    return text === null ? null : readKept(text, join(folder, recordName(name)));
  };
  return {
    words: `folder ${folder}`,
    read: (name) => readOrNull(join(folder, name)).catch(failing(`Reading ${name}`)),
    async write(name, text, record) {
      try {
        await mkdir(folder, { recursive: true });
        const kept: Kept = { ...record, before: await readOrNull(join(folder, name)) };
        // The way back is written first: a process killed between the two loses nothing.
        await replace(folder, recordName(name), JSON.stringify(kept));
        await replace(folder, name, text);
        return `${folder}/${name}`;
      } catch (error) {
        return failing(`Writing ${name}`)(error);
      }
    },
    last: keptOf,
    async revert(name, _reason, delivered) {
      const kept = await keptOf(name);
      if (kept === null) return 'nothing';
      const now = await readOrNull(join(folder, name)).catch(failing(`Reading ${name}`));
      if (delivered !== undefined && now !== delivered) return 'superseded';
      const { before } = kept;
      try {
        if (before === null) await rm(join(folder, name), { force: true });
        else await replace(folder, name, before);
        await rm(join(folder, recordName(name)), { force: true });
      } catch (error) {
        failing(`Restoring ${name}`)(error);
      }
      return { text: before, change: `${folder}/${name}` };
    },
    async remove(name) {
      // The way back first: what is removed on purpose is not to be restored by a rollback.
      for (const each of [recordName(name), name])
        await rm(join(folder, each), { force: true }).catch(failing(`Removing ${name}`));
    },
  };
}
