/** The folder that reports are written to: always inside the repo, also through symlinks. */
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { EnvironmentError, UsageError } from '../kernel/failure.ts';

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

/** What helps where nothing can be written. */
function adviceOn(error: unknown): string {
  const code = codeOf(error);
  if (['EROFS', 'EACCES', 'EPERM'].includes(code))
    return 'Files are written inside the repository alone: let this user write there, or run on a copy of it that can be written.';
  if (['EISDIR', 'ENOTEMPTY', 'EEXIST'].includes(code)) return 'A folder of that name is in the way: remove it.';
  return 'Look for free space on the disk of the repository, and for a name that is too long.';
}

function outside(folder: string): UsageError {
  return new UsageError('OUTPUT_OUTSIDE', `The output folder ${folder} leads out of the repository`, {
    hint: 'Name a folder inside the repository; symbolic links that leave it are not followed.',
    place: { path: folder },
  });
}

/** Makes the folder, part by part, and returns its real path. Throws a UsageError when it leaves the root. */
export async function openOutputFolder(root: string, folder: string): Promise<string> {
  const realRoot = await realpath(root);
  let current = realRoot;
  for (const part of folder.split('/').filter((name) => name !== '' && name !== '.')) {
    if (part === '..' || part === '.git') throw outside(folder);
    const next = join(current, part);
    try {
      await mkdir(next).catch((error: unknown) => {
        if (codeOf(error) !== 'EEXIST') throw error;
      });
      current = await realpath(next);
    } catch (error) {
      if ((await lstat(next).catch(() => null))?.isSymbolicLink())
        throw new UsageError('OUTPUT_NOT_A_FOLDER', `The output folder ${folder} is a symbolic link to no folder`, {
          hint: 'Remove the link, or choose another folder with --output.',
          place: { path: folder },
        });
      throw new EnvironmentError('OUTPUT_NOT_WRITABLE', `The output folder ${folder} cannot be made: ${codeOf(error)}`, {
        hint: adviceOn(error),
        cause: error,
      });
    }
    const inside = relative(realRoot, current);
    if (inside === '..' || inside.startsWith(`..${sep}`)) throw outside(folder);
    if (!(await lstat(current)).isDirectory())
      throw new UsageError('OUTPUT_NOT_A_FOLDER', `The output folder ${folder} is a file`, {
        hint: 'Remove the file, or choose another folder with --output.',
        place: { path: folder },
      });
  }
  return current;
}

/** Writes a whole file or nothing: a reader never sees half of it, and a symlink in its place is replaced, not followed. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeFile(draft, text, { flag: 'wx' });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw new EnvironmentError('OUTPUT_NOT_WRITABLE', `${basename(path)} cannot be written: ${codeOf(error)}`, {
      hint: adviceOn(error),
      cause: error,
    });
  }
}
