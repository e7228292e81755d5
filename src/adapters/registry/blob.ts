/** Blobs as files: a layer has gigabytes, of which memory holds a piece at a time. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { EnvironmentError } from '../../kernel/failure.ts';

/** What a manifest says of a blob. */
export interface BlobName {
  readonly digest: string;
  /** Bytes. */
  readonly size?: number;
}

export interface BlobFile extends Required<BlobName> {
  readonly path: string;
}

type Pieces = AsyncIterable<Uint8Array>;

/** Passes pieces on; what went through is known afterwards. */
export function measure(onPiece: (size: number) => void = () => undefined) {
  const hash = createHash('sha256');
  let size = 0;
  return {
    async *through(pieces: Pieces): Pieces {
      for await (const piece of pieces) {
        hash.update(piece);
        size += piece.byteLength;
        onPiece(size);
        yield piece;
      }
    },
    result: (): Required<BlobName> => ({ digest: `sha256:${hash.digest('hex')}`, size }),
  };
}

/** The bytes of a file, as they are asked for. */
export async function* piecesOf({ path }: Pick<BlobFile, 'path'>, onPiece: () => void): Pieces {
  for await (const piece of createReadStream(path, { highWaterMark: 2 ** 18 }) as AsyncIterable<Buffer>) {
    onPiece();
    yield piece;
  }
}

/** Writes a body to `path`. Rejects with what `onPiece` throws, and with EnvironmentError REGISTRY_NO_ROOM on a full disk. */
export async function saveBody(body: Pieces, path: string, onPiece: (size: number) => void): Promise<Required<BlobName>> {
  const measured = measure(onPiece);
  try {
    await pipeline(body, measured.through, createWriteStream(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    throw new EnvironmentError('REGISTRY_NO_ROOM', `There is no room for a layer of an image in ${dirname(path)}`, {
      hint: 'Free some, or set TMPDIR to a folder of a larger disk.',
      cause: error,
    });
  }
  return measured.result();
}

/** Ends a request of which nothing was heard for a time; a transfer may take as long as it moves. */
export function limitSilence(seconds: number): { readonly signal: AbortSignal; heard(): void } {
  const controller = new AbortController();
  const end = (): void => controller.abort(new DOMException(`nothing for ${seconds} s`, 'TimeoutError'));
  const timer = setTimeout(end, seconds * 1000).unref();
  return { signal: controller.signal, heard: () => void timer.refresh() };
}
