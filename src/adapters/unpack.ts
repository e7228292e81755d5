/** What is inside packed files: R's saveRDS writes gzip, joblib zlib, NumPy and Keras zip. Read as streams, never to disk. */
import { createReadStream, type ReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, type Transform } from 'node:stream';
import { createGunzip, createInflate, createInflateRaw } from 'node:zlib';

export type Packing = 'gzip' | 'zlib' | 'zip';

/** Formats whose content cannot be read here: bzip2, xz, Zstandard, LZ4, 7-Zip, Parquet. */
const closedFormats = ['425a68', 'fd377a585a00', '28b52ffd', '04224d18', '377abcaf271c', '50415231'];
/** Unpacked bytes of one file: a small file can hold very many. */
const mostBytes = 4 * 2 ** 30;
const mostEntries = 100_000;

async function bytesAt(path: string, position: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** How a file is packed, by its first bytes; `closed` when it is and cannot be read. */
export async function packingOf(path: string): Promise<Packing | 'closed' | null> {
  const head = await bytesAt(path, 0, 8);
  const hex = head.toString('hex');
  if (closedFormats.some((magic) => hex.startsWith(magic))) return 'closed';
  if (hex.startsWith('1f8b')) return 'gzip';
  if (hex.startsWith('504b0304')) return 'zip';
  return head.length > 2 && head[0] === 0x78 && head.readUInt16BE(0) % 31 === 0 ? 'zlib' : null;
}

interface Entry {
  readonly method: number;
  readonly packedBytes: number;
  readonly headerAt: number;
}

/** The central directory (PKWARE APPNOTE 4.3.12); throws for ZIP64 and for what is damaged. */
async function entriesOf(path: string): Promise<readonly Entry[]> {
  const file = await open(path, 'r');
  const { size } = await file.stat().finally(() => file.close());
  const tailAt = Math.max(0, size - 65_557);
  const tail = await bytesAt(path, tailAt, size - tailAt);
  const end = tail.lastIndexOf(Buffer.from('504b0506', 'hex'));
  if (end < 0 || end + 22 > tail.length) throw new Error('no central directory');
  const [count, bytes, start] = [tail.readUInt16LE(end + 10), tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
  if (count > mostEntries || start + bytes > size) throw new Error('ZIP64 or damaged');
  const directory = await bytesAt(path, start, bytes);
  const entries: Entry[] = [];
  for (let at = 0; entries.length < count; ) {
    if (directory.readUInt32LE(at) !== 0x02014b50) throw new Error('damaged');
    entries.push({
      method: directory.readUInt16LE(at + 10),
      packedBytes: directory.readUInt32LE(at + 20),
      headerAt: directory.readUInt32LE(at + 42),
    });
    at += 46 + directory.readUInt16LE(at + 28) + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

async function* atMost(stream: AsyncIterable<Buffer>, budget: { left: number }): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    budget.left -= chunk.byteLength;
    if (budget.left < 0) throw new Error('too large');
    yield chunk;
  }
}

/** The file is closed when its reader stops early, and an error of either side reaches the reader. */
function through(file: ReadStream, inflate: Transform): Transform {
  pipeline(file, inflate, () => undefined);
  return inflate;
}

/** The content of a packed file, one stream each; throws when it is damaged, encrypted or too large. */
export async function* unpacked(path: string, packing: Packing): AsyncGenerator<AsyncIterable<Buffer>> {
  const budget = { left: mostBytes };
  if (packing !== 'zip') {
    const inflate = packing === 'gzip' ? createGunzip() : createInflate();
    yield atMost(through(createReadStream(path), inflate), budget);
    return;
  }
  for (const { method, packedBytes, headerAt } of await entriesOf(path)) {
    // Stored entries were searched as they lie there.
    if (method === 0 || packedBytes === 0) continue;
    if (method !== 8) throw new Error('packed in another way');
    const header = await bytesAt(path, headerAt, 30);
    const start = headerAt + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
    yield atMost(through(createReadStream(path, { start, end: start + packedBytes - 1 }), createInflateRaw()), budget);
  }
}
