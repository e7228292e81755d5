/** Posts reports and metrics to Control Tower. Nothing here throws on what a server does or fails to do: the answer is data. */
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { readBody } from './http-body.ts';
import { sha256Of } from './unsent.ts';

export interface TowerOptions {
  /** Address of Control Tower; may have a path. */
  readonly url: string;
  /** GitLab id_token of this job, or a token of Control Tower's own. */
  readonly token: string;
  /** Seconds over all attempts. */
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
  /** Seconds before the first retry; doubles with each. */
  readonly pauseSeconds?: number;
}

export type Delivery =
  /** Stored; `pageUrl` is the model's page. */
  | {
      readonly state: 'delivered';
      readonly isReplay: boolean;
      readonly pageUrl?: string /** Why the merge request has no note. */;
      readonly noNote?: string;
      /** Rules of the manifest that it did not take, and why. */
      readonly refusedRules?: readonly string[];
      /** Rules that it took, and what it cannot do for them. */
      readonly warnedRules?: readonly string[];
    }
  /** It says no. `isFinal`: it will say no to this report for ever, whoever sends it. */
  | { readonly state: 'refused'; readonly reason: string; readonly isFinal: boolean }
  /** No answer, or not one of Control Tower; worth another try later. */
  | { readonly state: 'unreachable'; readonly reason: string };

export type MetricsDelivery =
  /** `added` were new, the others known. */
  | { readonly state: 'delivered'; readonly added: number; readonly isPreview: boolean }
  | Exclude<Delivery, { state: 'delivered' }>;

interface Delivered {
  readonly state: 'delivered';
}

/** Where a body goes, and what a fine answer must hold: undefined when it is not one of Control Tower. */
interface Target<D extends Delivered> {
  readonly path: string;
  readonly what: string;
  /** What a status means here, where that is another thing than for most. */
  readonly hints?: Readonly<Record<number, string>>;
  read(answer: Readonly<Record<string, unknown>> | undefined, options: TowerOptions): D | undefined;
}

/** What one attempt says; `retryAfter` in seconds. */
type Attempt<D extends Delivered> =
  | D
  | Exclude<Delivery, { state: 'delivered' }>
  | { readonly state: 'again'; readonly reason: string; readonly retryAfter?: number };

const mostAnswerBytes = 64 * 1024;
const mostAttempts = 8;
const longestPauseSeconds = 15;
const zip = promisify(gzip);

const hints: Readonly<Record<number, string>> = {
  400: 'it does not understand the request; are this command and Control Tower of the same version?',
  403: 'the token may not write for this project',
  404: 'there is no Control Tower at this address; check tower-url',
  409: 'another body was sent with the same key',
  413: 'it is larger than it takes; send less at once',
  415: 'it does not take this content; are this command and Control Tower of the same version?',
  422: 'it is not valid for it; are this command and Control Tower of the same version?',
};
/** Of a token that is not taken, by what kind of token was sent: an id_token has three parts. */
const tokenHint = (token: string): string =>
  token.split('.').length === 3
    ? 'it does not accept the token; check the aud of the id_token and that the job is the one that posts'
    : 'it does not accept the token; it may have expired, been replaced, or belong to another Control Tower: flightcheck tower token create makes one';
const finalStatuses: ReadonlySet<number> = new Set([413, 422]);

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** One short line of what a server says: terminals and reports show it. */
const words = (text: unknown): string =>
  typeof text === 'string'
    ? text
        .replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]+/gu, ' ')
        .trim()
        .slice(0, 300)
    : '';

const secondsOf = (header: string | null): number | undefined => {
  if (header === null) return undefined;
  const seconds = /^\d{1,9}$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
};

/** `v1/reports` under the address of Control Tower, which may stand under a path. */
const under = (url: string, path: string): string => new URL(path, url.endsWith('/') ? url : `${url}/`).href;

const reports: Target<Extract<Delivery, { state: 'delivered' }>> = {
  path: 'v1/reports',
  what: 'the report',
  read(answer, { url }) {
    const model = answer?.model as { url?: unknown } | undefined;
    if (typeof answer?.id !== 'string') return undefined;
    const page =
      typeof model?.url === 'string' && /^\/(?!\/)[\w/.~-]*$/.test(model.url) ? under(url, `.${model.url}`) : undefined;
    const note = answer.note as { state?: unknown; reason?: unknown } | null | undefined;
    const noNote = note?.state === 'none' ? words(note.reason) : '';
    const rules = answer.rules as { refused?: unknown; warnings?: unknown } | null | undefined;
    const told = (list: unknown): readonly string[] =>
      (Array.isArray(list) ? list.slice(0, 50) : []).map(
        (one: { name?: unknown; reason?: unknown } | null) => `${words(one?.name)}: ${words(one?.reason)}`,
      );
    const [refusedRules, warnedRules] = [told(rules?.refused), told(rules?.warnings)];
    return {
      state: 'delivered',
      isReplay: answer.replayed === true,
      ...(page && { pageUrl: page }),
      ...(noNote && { noNote }),
      ...(refusedRules.length > 0 && { refusedRules }),
      ...(warnedRules.length > 0 && { warnedRules }),
    };
  },
};

const metrics: Target<Extract<MetricsDelivery, { state: 'delivered' }>> = {
  path: 'v1/metrics',
  what: 'the metrics',
  // People and scripts write them, not this command.
  hints: { 422: 'something in them is wrong' },
  read: (answer) =>
    typeof answer?.added === 'number'
      ? { state: 'delivered', added: answer.added, isPreview: answer.record === 'preview' }
      : undefined,
};

/** Pointers and what is wrong there, as far as they fit into a line. */
const errorsOf = (answer: Readonly<Record<string, unknown>> | undefined): string =>
  Array.isArray(answer?.errors)
    ? words(answer.errors.map((error) => `${String(error?.pointer ?? '')} ${String(error?.detail ?? '')}`).join('; '))
    : '';

async function attempt<D extends Delivered>(
  target: Target<D>,
  { body, key }: { readonly body: Uint8Array; readonly key: string },
  options: TowerOptions,
  signal: AbortSignal,
): Promise<Attempt<D>> {
  const response = await fetch(under(options.url, target.path), {
    method: 'POST',
    redirect: 'manual',
    signal,
    headers: {
      authorization: `Bearer ${options.token}`,
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      'idempotency-key': key,
    },
    body,
  });
  const { text } = await readBody(response, mostAnswerBytes);
  const { status } = response;
  if (status === 200 || status === 201)
    return target.read(parse(text), options) ?? { state: 'unreachable', reason: 'what answers there is not Control Tower' };
  if (status >= 300 && status < 400)
    return {
      state: 'refused',
      reason: `it redirects (${status}), which is not followed; name its final address`,
      isFinal: false,
    };
  if (status === 429 || status >= 500) {
    const retryAfter = secondsOf(response.headers.get('retry-after'));
    return { state: 'again', reason: `it answers ${status}`, ...(retryAfter !== undefined && { retryAfter }) };
  }
  const answer = parse(text);
  const detail = [words(answer?.detail), errorsOf(answer)].filter((part) => part !== '').join(' ');
  const hint =
    status === 401 ? tokenHint(options.token) : (target.hints?.[status] ?? hints[status] ?? `it refuses ${target.what}`);
  const reason = `it answers ${status}: ${hint}${detail && ` (${detail})`}`;
  return { state: 'refused', reason, isFinal: finalStatuses.has(status) };
}

/** Why a request failed, without anything that the request held. */
function networkReason(error: unknown): string {
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError'))
    return 'it does not answer in time';
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  // The Fetch standard keeps ports of other protocols for these.
  if (cause?.message === 'bad port') return 'its port is one that HTTP clients refuse to use; choose another';
  return `it cannot be reached (${cause?.code ?? (error instanceof Error ? error.name : 'unknown')})`;
}

/**
 * Posts one body, gzipped. Retries 429, 5xx and network failures with jitter until the time is out; everything else is
 * final. Sending it twice stores it once: the key is the SHA-256 of the body.
 */
async function post<D extends Delivered>(
  target: Target<D>,
  body: string,
  options: TowerOptions,
): Promise<D | Exclude<Delivery, { state: 'delivered' }>> {
  if (!/^[\x21-\x7e]+$/.test(options.token)) return { state: 'refused', reason: 'the token is not a token', isFinal: false };
  const key = sha256Of(body);
  const zipped = await zip(body);
  const end = Date.now() + options.timeoutSeconds * 1000;
  const left = (): number => end - Date.now();
  let pause = options.pauseSeconds ?? 0.5;
  let reason = 'there was no time to try';
  for (let tries = 0; tries < mostAttempts && left() > 0 && !options.signal?.aborted; tries += 1) {
    // Half of the time for one attempt: a connection that hangs leaves room for another.
    const own = AbortSignal.timeout(Math.max(1, Math.ceil(Math.min(left(), (options.timeoutSeconds * 1000) / 2))));
    const signal = options.signal ? AbortSignal.any([own, options.signal]) : own;
    const answer = await attempt(target, { body: zipped, key }, options, signal).catch(
      (error: unknown): Attempt<D> => ({ state: 'again', reason: networkReason(error) }),
    );
    if (answer.state !== 'again') return answer;
    reason = answer.reason;
    const wait = answer.retryAfter ?? Math.min(pause, longestPauseSeconds) * (0.5 + Math.random() / 2);
    pause *= 2;
    if (wait * 1000 >= left()) break;
    await sleep(wait * 1000, undefined, options.signal ? { signal: options.signal } : {}).catch(() => undefined);
  }
  return { state: 'unreachable', reason };
}

export const postReport = (body: string, options: TowerOptions): Promise<Delivery> => post(reports, body, options);
export const postMetrics = (body: string, options: TowerOptions): Promise<MetricsDelivery> => post(metrics, body, options);
