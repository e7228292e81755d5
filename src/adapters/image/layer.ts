/** A layer of code: a tar whose bytes depend on the files and the commit's time alone. */
import { lstat, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { create } from 'tar';
import { makeTemporary } from '../temporary.ts';

export interface Layer {
  /** Uncompressed tar: its digest is the diff id. */
  readonly tar: Buffer;
  readonly gzip: Buffer;
}

/**
 * Packs `files` of `context` under the absolute folder `target`. Owner and group are 0, modes 644 or 755, every stamp is
 * `timestamp` (seconds since 1970); a symlink stays one and is not followed.
 */
export async function codeLayer(context: string, files: readonly string[], target: string, timestamp: number): Promise<Layer> {
  const folder = await makeTemporary('layer');
  try {
    const present: string[] = [];
    for (const file of [...files].sort()) {
      const stats = await lstat(join(context, file)).catch(() => null);
      if (stats?.isFile() || stats?.isSymbolicLink()) present.push(`./${file}`);
    }
    const path = join(folder, 'layer.tar');
    await create(
      {
        cwd: context,
        file: path,
        portable: true,
        mtime: new Date(timestamp * 1000),
        noDirRecurse: true,
        prefix: target.replace(/^\/+|\/+$/g, ''),
      },
      present,
    );
    const tar = await readFile(path);
    return { tar, gzip: gzipSync(tar, { level: 9 }) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
