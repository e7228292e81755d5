/** Reads one small text file inside a root, without a walk of the tree. */
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { UsageError } from '../kernel/failure.ts';

/** What keeps a file from being read, and what to do; a file that is simply not there is no refusal. */
function refusal(path: string, error: unknown): UsageError | null {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return null;
  const isCircle = code === 'ELOOP';
  return new UsageError('FILE_UNREADABLE', `${path} cannot be read: ${isCircle ? 'its symbolic links run in a circle' : code}`, {
    hint: isCircle ? 'Put a regular file there.' : 'Give this user the right to read it, and to enter the folders above it.',
    place: { path },
    cause: error,
  });
}

/**
 * The text of `path` (POSIX, relative to `root`) without a BOM. Null when there is no such file. Throws a UsageError when the
 * path leaves the root, also through a symlink, is no regular file, may not be read, is larger than `limitBytes` or is not UTF-8.
 */
export async function readText(root: string, path: string, limitBytes = 1024 * 1024): Promise<string | null> {
  const orRefuse = (error: unknown): null => {
    const refused = refusal(path, error);
    if (refused) throw refused;
    return null;
  };
  const real = await realpath(join(root, path)).catch(orRefuse);
  if (real === null) return null;
  const inside = relative(await realpath(root), real);
  if (inside === '..' || inside.startsWith(`..${sep}`))
    throw new UsageError('PATH_OUTSIDE', `${path} leads out of the repository`, {
      hint: 'Keep the file inside the repository; symbolic links that leave it are not followed.',
      place: { path },
    });
  // A named pipe must not keep us waiting for its writer.
  const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK).catch(orRefuse);
  if (file === null) return null;
  try {
    const stat = await file.stat();
    if (!stat.isFile())
      throw new UsageError('NOT_A_FILE', `${path} is not a regular file`, { hint: 'Put a file there.', place: { path } });
    if (stat.size > limitBytes)
      throw new UsageError('FILE_TOO_LARGE', `${path} has ${stat.size} bytes, at most ${limitBytes} are read`, {
        hint: 'A configuration file is small; move data elsewhere.',
        place: { path },
      });
    const bytes = await file.readFile();
    // UTF-16 without its mark can pass for UTF-8 with a NUL in every other place.
    if (bytes.includes(0)) throw new TypeError('it holds a NUL');
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError)
      throw new UsageError('NOT_UTF8', `${path} is not UTF-8 text`, { hint: 'Save it as UTF-8.', place: { path }, cause: error });
    throw error;
  } finally {
    await file.close();
  }
}
