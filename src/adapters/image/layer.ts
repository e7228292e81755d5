/** A layer of code: a tar whose bytes depend on the files and the commit's time alone. */
import { createWriteStream } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { create } from 'tar';
import { type BlobFile, measure } from '../registry/blob.ts';

export interface Layer {
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
  readonly gzip: BlobFile;
}

/**
 * Packs `files` of `context` under the absolute folder `target`, into the file `path`. Owner and group are 0, modes 644 or 755,
 * every stamp is `timestamp` (seconds since 1970); a symlink stays one and is not followed.
 */
export async function codeLayer(
  context: string,
  files: readonly string[],
  target: string,
  timestamp: number,
  path: string,
): Promise<Layer> {
  const present: string[] = [];
  for (const file of [...files].sort()) {
    const stats = await lstat(join(context, file)).catch(() => null);
    if (stats?.isFile() || stats?.isSymbolicLink()) present.push(`./${file}`);
  }
  const packed = create(
    {
      cwd: context,
      portable: true,
      mtime: new Date(timestamp * 1000),
      noDirRecurse: true,
      prefix: target.replace(/^\/+|\/+$/g, ''),
    },
    present,
  );
  const [tar, gzip] = [measure(), measure()];
  await pipeline(packed, tar.through, createGzip({ level: 9 }), gzip.through, createWriteStream(path));
  return { diffId: tar.result().digest, gzip: { ...gzip.result(), path } };
}
