/** The folder that an image is built from. */
import { chmod, copyFile, lstat, mkdir, readlink, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BuildRequest } from '../../kernel/image.ts';

/** What Git tracks and nothing else, with modes that no umask has touched. */
export async function copyContext(request: BuildRequest, to: string): Promise<void> {
  for (const file of request.files) {
    const [from, target] = [join(request.context, file), join(to, file)];
    const stats = await lstat(from).catch(() => null);
    if (!stats || stats.isDirectory()) continue;
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    if (stats.isSymbolicLink()) await symlink(await readlink(from), target);
    else {
      await copyFile(from, target);
      await chmod(target, (stats.mode & 0o111) === 0 ? 0o644 : 0o755);
    }
  }
}
