/** Bytes that come in pieces, from somebody who may send without end. */

/** All of them; null when there are more than `most`, of which the rest is not read. */
export async function bytesWithin(pieces: AsyncIterable<Uint8Array> | null, most: number): Promise<Buffer | null> {
  const read: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces ?? []) {
    size += piece.byteLength;
    if (size > most) return null;
    read.push(piece);
  }
  return Buffer.concat(read, size);
}
