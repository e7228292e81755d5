/** Bytes that come in pieces, from somebody who may send without end. */

export interface Bytes {
  /** At most as many as were asked for. */
  readonly bytes: Buffer;
  /** False when more would have come; it is not read. */
  readonly isWhole: boolean;
}

export async function bytesWithin(pieces: AsyncIterable<Uint8Array> | null, most: number): Promise<Bytes> {
  const read: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop cancels the rest.
  for await (const piece of pieces ?? []) {
    read.push(piece);
    size += piece.byteLength;
    if (size > most) break;
  }
  return { bytes: Buffer.concat(read).subarray(0, most), isWhole: size <= most };
}
