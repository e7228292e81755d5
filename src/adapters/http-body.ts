/** The bodies of answers. Who answers decides how much comes, so nobody reads one without a bound. */

export interface Body {
  /** UTF-8, at most `mostBytes` of it. */
  readonly text: string;
  /** False when more would have come; it is not read. */
  readonly isWhole: boolean;
}

export async function readBody(response: Response, mostBytes: number): Promise<Body> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the rest.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes > mostBytes) break;
  }
  return { text: Buffer.concat(chunks).subarray(0, mostBytes).toString('utf8'), isWhole: bytes <= mostBytes };
}
