/**
 * How @gitbeaker sends requests here. Its own way repeats a 429 ten times without waiting, follows redirects with the
 * token and reads bodies of any size.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Projects } from '@gitbeaker/rest';
import { readBody } from './http-body.ts';

type RequesterFn = NonNullable<NonNullable<ConstructorParameters<typeof Projects>[0]>['requesterFn']>;
type Resource = Parameters<RequesterFn>[0];

const maxAttempts = 3;
const maxBodyBytes = 8 * 2 ** 20;
/** A server whose pages never end is left. */
const mostRequests = 50;

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** `status` is null when there was no answer; the message then ends a sentence that begins with the host. */
export class HttpProblem extends Error {
  readonly status: number | null;
  constructor(status: number | null, message: string) {
    super(message);
    this.status = status;
  }
}

export interface RequesterOptions {
  readonly timeoutSeconds?: number;
  readonly maxWaitSeconds?: number;
  readonly signal?: AbortSignal;
  /** Of one client; default 50. */
  readonly maxRequests?: number;
}

async function readJson(response: Response): Promise<unknown> {
  const { text, isWhole } = await readBody(response, maxBodyBytes);
  if (!isWhole) throw new HttpProblem(null, `sent more than ${maxBodyBytes} bytes`);
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpProblem(null, 'sent something that is not JSON (a login page or a proxy?)');
  }
}

/** Seconds that a server asks to wait: a number or a date. */
function retryAfter(response: Response, fallback: number): number {
  const header = response.headers.get('retry-after');
  if (header === null) return fallback;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : fallback;
}

async function once(url: URL, headers: Record<string, string>, options: RequesterOptions) {
  const { timeoutSeconds = 15, signal } = options;
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    // A redirect would carry the token to another host.
    const response = await fetch(url, {
      headers,
      redirect: 'manual',
      signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
    });
    if (response.ok) return { response, body: await readJson(response) };
    await response.body?.cancel();
    return { response, body: null };
  } catch (error) {
    if (error instanceof HttpProblem) throw error;
    throw new HttpProblem(null, timeout.aborted ? `did not answer within ${timeoutSeconds} s` : 'could not be reached');
  }
}

/** GET only: nothing here changes a project. */
export function gitLabRequester(options: RequesterOptions): RequesterFn {
  const { maxWaitSeconds = 10, maxRequests = mostRequests, signal } = options;
  let requests = 0;
  const get = async (resource: Resource, endpoint: string, query: Readonly<Record<string, unknown>> = {}) => {
    const url = new URL(`${resource.url.replace(/\/+$/, '')}/${endpoint}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(snakeCase(name), String(value));
    const headers: Record<string, string> = { accept: 'application/json', ...resource.headers };
    for (const [name, value] of Object.entries(resource.authHeaders)) headers[name] = await value();
    for (let attempt = 1; ; attempt += 1) {
      requests += 1;
      if (requests > maxRequests) throw new HttpProblem(null, `wanted more than ${maxRequests} requests`);
      const { response, body } = await once(url, headers, options);
      const { status } = response;
      if (response.ok) return { status, body, headers: Object.fromEntries(response.headers) };
      const seconds = retryAfter(response, 2 ** (attempt - 1) / 2);
      const isPassing = status === 429 || status >= 500;
      if (!isPassing || attempt === maxAttempts || seconds > maxWaitSeconds) throw new HttpProblem(status, `answered ${status}`);
      await wait(seconds * 1000, undefined, signal ? { signal } : {});
    }
  };
  const refuse = async () => {
    throw new HttpProblem(null, 'is only read');
  };
  return (resource) =>
    ({
      get: (endpoint: string, sent?: { readonly searchParams?: Record<string, unknown> }) =>
        get(resource, endpoint, sent?.searchParams),
      post: refuse,
      put: refuse,
      patch: refuse,
      delete: refuse,
    }) as ReturnType<RequesterFn>;
}
