/** Looks for texts in the bytes of a file or folder, whatever its format; plain and as UTF-16. */
import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

async function filesIn(path: string): Promise<readonly string[]> {
  const stats = await lstat(path).catch(() => null);
  if (stats?.isFile()) return [path];
  if (!stats?.isDirectory()) return [];
  const names = await readdir(path);
  return (await Promise.all(names.sort().map((name) => filesIn(join(path, name))))).flat();
}

/** Which of the texts stand in what `path` holds, in their order. */
export async function textsIn(path: string, texts: readonly string[]): Promise<readonly string[]> {
  const forms = texts.map((text) => [Buffer.from(text, 'utf8'), Buffer.from(text, 'utf16le')] as const);
  const overlap = Math.max(0, ...forms.flat().map((form) => form.byteLength - 1));
  const found = new Set<number>();
  for (const file of await filesIn(path)) {
    let rest = Buffer.alloc(0);
    for await (const chunk of createReadStream(file)) {
      const bytes = Buffer.concat([rest, chunk as Buffer]);
      for (const [i, both] of forms.entries()) if (!found.has(i) && both.some((form) => bytes.includes(form))) found.add(i);
      rest = bytes.subarray(Math.max(0, bytes.byteLength - overlap));
    }
  }
  return texts.filter((_, i) => found.has(i));
}
