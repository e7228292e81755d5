/** Reads hostile JSON: bounded in bytes and depth, with a pointer to every number that JSON does not have. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { bytesWithin } from '../../kernel/bytes.ts';
import type { Problem } from '../rescore.ts';
import { HttpProblem, type ProblemKind } from './problem.ts';

export interface Limits {
  /** Of a body, before and after decompression. */
  readonly bodyBytes: number;
  readonly depth: number;
}
export const defaultLimits: Limits = { bodyBytes: 16 * 1024 * 1024, depth: 32 };

const unzip = promisify(gunzip);

const tooLarge = (limit: number) =>
  new HttpProblem(
    'too-large',
    `The body is larger than ${Math.floor(limit / 1024)} KiB, uncompressed. Send fewer items at once.`,
  );

/** A length that the request names is the server's to keep; who names none is read piece by piece. */
async function bytesOf(request: Request, most: number): Promise<Buffer> {
  const length = request.headers.get('content-length');
  if (length !== null && Number(length) > most) throw tooLarge(most);
  const isNamed = length !== null && !request.headers.has('transfer-encoding');
  const { bytes, isWhole } = isNamed
    ? { bytes: Buffer.from(await request.arrayBuffer()), isWhole: true }
    : await bytesWithin(request.body, most);
  if (!isWhole || bytes.length > most) throw tooLarge(most);
  return bytes;
}

/** The bytes of a request's body, decompressed. A small body that unpacks to a huge one is stopped at the limit. */
export async function readBody(request: Request, limits: Limits): Promise<Buffer> {
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  if (encoding !== 'gzip' && encoding !== 'identity')
    throw new HttpProblem('unsupported-media-type', `Content-Encoding ${encoding} is not known; send gzip or none.`);
  const body = await bytesOf(request, limits.bodyBytes);
  if (encoding === 'identity') return body;
  try {
    return await unzip(body, { maxOutputLength: limits.bodyBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limits.bodyBytes);
    throw new HttpProblem('bad-request', 'The body says it is gzip but cannot be unpacked.');
  }
}

/** How deep brackets nest, outside strings. */
function depthOf(text: string): number {
  let deepest = 0;
  let depth = 0;
  let isString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) isString = false;
    } else if (code === 0x22) isString = true;
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth--;
  }
  return deepest;
}

const step = (key: string | number): string => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** Pointers of the strings for which `say` has something to say; at most `limit`. */
function stringProblems(value: unknown, say: (text: string) => string | null, limit: number): Problem[] {
  const problems: Problem[] = [];
  const visit = (item: unknown, pointer: string): void => {
    if (problems.length >= limit) return;
    if (typeof item === 'string') {
      const detail = say(item);
      if (detail !== null) problems.push({ pointer, detail });
    } else if (typeof item === 'object' && item !== null)
      for (const [key, child] of Object.entries(item)) {
        const detail = Array.isArray(item) ? null : say(key);
        if (detail !== null) problems.push({ pointer, detail: `a key: ${detail}` });
        visit(child, pointer + step(key));
      }
  };
  visit(value, '');
  return problems;
}

const marker = '\u0000number:';

/** Python and R write NaN and Infinity, which JSON does not have: where they stand in an otherwise readable text. */
function notFinite(text: string): Problem[] {
  const marked = text.replaceAll(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity|Inf)\b/g, (token) =>
    token.startsWith('"') ? token : JSON.stringify(marker + token),
  );
  try {
    const say = (found: string) =>
      found.startsWith(marker)
        ? `${found.slice(marker.length)} is not a number in JSON; leave the value out or send null where it may be null`
        : null;
    return stringProblems(JSON.parse(marked), say, 20);
  } catch {
    return [];
  }
}

const badText = (text: string): string | null =>
  text.includes('\u0000') || /\p{Surrogate}/u.test(text) ? 'holds a NUL or half a surrogate pair, which no text has' : null;

/** @param kind Of the 422. @throws HttpProblem: 400 for what is not JSON, 422 with pointers for NaN, infinity, NUL and broken Unicode. */
export function parseJson(bytes: Buffer, limits: Limits, kind: ProblemKind = 'invalid-report'): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new HttpProblem('bad-request', 'The body is not UTF-8.');
  }
  if (depthOf(text) > limits.depth) throw new HttpProblem('bad-request', `The body nests deeper than ${limits.depth} levels.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const problems = notFinite(text);
    if (problems.length > 0) throw new HttpProblem(kind, 'The body holds numbers that are not finite.', problems);
    const reason = error instanceof Error ? error.message.replace(/, ?".*$/s, '').slice(0, 120) : '';
    throw new HttpProblem('bad-request', `The body is not JSON: ${reason}`);
  }
  const problems = /\\u(?:0000|d[89a-f])/i.test(text) ? stringProblems(value, badText, 20) : [];
  if (problems.length > 0) throw new HttpProblem(kind, 'The body holds text that cannot be stored.', problems);
  return value;
}
