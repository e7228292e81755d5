/** Looks for texts in the bytes of a file or folder, whatever its format; plain and as UTF-16, packed with gzip, zlib or zip. */
import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TextSearch } from '../kernel/hooks.ts';
import { packingOf, unpacked } from './unpack.ts';

async function filesIn(path: string): Promise<readonly string[]> {
  const stats = await lstat(path).catch(() => null);
  if (stats?.isFile()) return [path];
  if (!stats?.isDirectory()) return [];
  const names = await readdir(path);
  return (await Promise.all(names.sort().map((name) => filesIn(join(path, name))))).flat();
}

/** Which of the texts stand in what `path` holds, in their order, and what could not be looked into. */
export async function textsIn(path: string, texts: readonly string[]): Promise<TextSearch> {
  const forms = texts.map((text) => [Buffer.from(text, 'utf8'), Buffer.from(text, 'utf16le')] as const);
  const overlap = Math.max(0, ...forms.flat().map((form) => form.byteLength - 1));
  const found = new Set<number>();
  let read = 0;
  const search = async (stream: AsyncIterable<Buffer>): Promise<void> => {
    let rest = Buffer.alloc(0);
    read = 0;
    for await (const chunk of stream) {
      const bytes = Buffer.concat([rest, chunk]);
      read += chunk.byteLength;
      for (const [i, both] of forms.entries()) if (!found.has(i) && both.some((form) => bytes.includes(form))) found.add(i);
      rest = bytes.subarray(Math.max(0, bytes.byteLength - overlap));
    }
  };
  const closed = new Set<string>();
  for (const file of await filesIn(path)) {
    await search(createReadStream(file));
    const packing = await packingOf(file);
    if (packing === 'closed') closed.add(file);
    if (packing === null || packing === 'closed') continue;
    try {
      for await (const stream of unpacked(file, packing)) await search(stream);
    } catch {
      // Two bytes of plain text can look like the start of zlib.
      if (packing !== 'zlib' || read > 0) closed.add(file);
    }
  }
  return {
    found: texts.filter((_, i) => found.has(i)),
    closed: [...closed].map((file) => file.slice(path.length + 1) || 'it'),
  };
}
