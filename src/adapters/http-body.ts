/** The bodies of answers. Who answers decides how much comes, so nobody reads one without a bound. */
import { bytesWithin } from '../kernel/bytes.ts';

export interface Body {
  /** UTF-8, at most `mostBytes` of it. */
  readonly text: string;
  /** False when more would have come; it is not read. */
  readonly isWhole: boolean;
}

export async function readBody(response: Response, mostBytes: number): Promise<Body> {
  const { bytes, isWhole } = await bytesWithin(response.body, mostBytes);
  return { text: bytes.toString('utf8'), isWhole };
}
