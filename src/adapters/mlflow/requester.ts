/**
 * Requests to an MLflow server, over `fetch`: the official clients are for Python, R and Java; what npm has for JavaScript
 * is unofficial and years behind the API. Never follows a redirect: it would carry the token to another host.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { readBody } from '../http-body.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const maxAttempts = 3;
const maxBodyBytes = 32 * 2 ** 20;

/** What went wrong, as a clause; `status` is null when there was no answer that could be read. */
export class MlflowProblem extends Error {
  readonly status: number | null;
  /** MLflow's `error_code`, where it gave one. */
  readonly code: string | null;
  constructor(message: string, status: number | null = null, code: string | null = null) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** No answer at all. */
class Silence extends MlflowProblem {}

export interface MlflowAccess {
  /** Address of the server without a slash at the end. */
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface RequestLimits {
  /** For one answer; default 15. */
  readonly timeoutSeconds?: number;
  /** Longest pause between two attempts; default 5. */
  readonly maxWaitSeconds?: number;
  /** A file whose bytes stop coming for this long is given up; default 60. */
  readonly silenceSeconds?: number;
  readonly signal?: AbortSignal;
}

/**
 * The server that a manifest or MLFLOW_TRACKING_URI names, with the credentials of the environment; or what is missing.
 * A manifest comes from a merge request, so credentials go only to the server that the environment itself names.
 */
export function accessOf(tracking: string | undefined, env: Environment): MlflowAccess | string {
  const own = env.MLFLOW_TRACKING_URI?.trim();
  const given = tracking ?? own;
  if (!given) return 'no MLflow server is named: set mlflow.tracking in flightcheck.yml or MLFLOW_TRACKING_URI';
  const url = URL.canParse(given) ? new URL(given) : null;
  if (!url || !/^https?:$/.test(url.protocol))
    return `${tracking === undefined ? 'MLFLOW_TRACKING_URI' : 'mlflow.tracking'} is not an address like https://mlflow.example.com`;
  const trusted = own !== undefined && URL.canParse(own) && new URL(own).origin === url.origin;
  const headers = trusted ? credentials(env, new URL(own)) : {};
  if (typeof headers === 'string') return headers;
  return { address: `${url.origin}${url.pathname.replace(/\/+$/, '')}`, headers };
}

function credentials(env: Environment, own: URL): Record<string, string> | string {
  const token = env.MLFLOW_TRACKING_TOKEN?.trim();
  if (token)
    return /^[\x21-\x7e]+$/.test(token)
      ? { authorization: `Bearer ${token}` }
      : 'MLFLOW_TRACKING_TOKEN holds characters that no token has';
  const user = env.MLFLOW_TRACKING_USERNAME ?? decodeURIComponent(own.username);
  const password = env.MLFLOW_TRACKING_PASSWORD ?? decodeURIComponent(own.password);
  return user ? { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` } : {};
}

async function textOf(response: Response): Promise<string> {
  const { text, isWhole } = await readBody(response, maxBodyBytes);
  if (!isWhole) throw new MlflowProblem(`it sent more than ${maxBodyBytes} bytes`);
  return text;
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, 200);

/** An answer that is not a success, in words. */
function refused(status: number, body: unknown, isChange: boolean): MlflowProblem {
  const code = isObject(body) && typeof body.error_code === 'string' ? body.error_code : null;
  const said = isObject(body) && typeof body.message === 'string' ? `: ${oneLine(body.message)}` : '';
  if (status === 401)
    return new MlflowProblem(
      'it wants to know who asks (401): set MLFLOW_TRACKING_URI and MLFLOW_TRACKING_TOKEN, or user name and password',
      status,
      code,
    );
  if (status === 403)
    return new MlflowProblem(`these credentials may not ${isChange ? 'change' : 'read'} it (403)${said}`, status, code);
  if (status >= 300 && status < 400)
    return new MlflowProblem(`it redirects elsewhere (${status}), to a login page perhaps`, status, code);
  if (code === null && (status === 404 || status === 405))
    return new MlflowProblem(
      `it does not know this request (${status}): it is no MLflow server, or an older version`,
      status,
      code,
    );
  return new MlflowProblem(`it answered ${status}${said}`, status, code);
}

export interface MlflowRequester {
  readonly address: string;
  readonly silenceSeconds: number;
  /** A JSON answer; MlflowProblem otherwise. */
  json(
    path: string,
    request: { readonly query?: Readonly<Record<string, string>>; readonly post?: unknown; readonly delete?: unknown },
  ): Promise<Readonly<Record<string, unknown>>>;
  /** The body of a file; the caller reads it to its end, under `signal`. */
  file(path: string, signal: AbortSignal): Promise<Response>;
}

export function mlflowRequester(access: MlflowAccess, limits: RequestLimits): MlflowRequester {
  const { timeoutSeconds = 15, maxWaitSeconds = 5, silenceSeconds = 60, signal } = limits;
  // A server that said nothing three times is not waited for again by the next check.
  let silent: MlflowProblem | null = null;
  /** One attempt: the time limit ends when `read` does. */
  const attempt = async <T>(
    url: URL,
    init: RequestInit,
    stop: AbortSignal,
    read: (response: Response) => Promise<T>,
  ): Promise<T> => {
    const isChange = init.method !== undefined && !url.pathname.endsWith('/search');
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), timeoutSeconds * 1000);
    try {
      const signals = [limit.signal, stop, ...(signal ? [signal] : [])];
      const response = await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.any(signals) });
      if (response.ok) return await read(response);
      throw refused(response.status, parse(await textOf(response)), isChange);
    } catch (error) {
      if (error instanceof MlflowProblem) throw error;
      throw new Silence(limit.signal.aborted ? `it did not answer within ${timeoutSeconds} s` : 'it could not be reached');
    } finally {
      clearTimeout(timer);
    }
  };
  const send = async <T>(
    url: URL,
    init: RequestInit,
    stop: AbortSignal,
    read: (response: Response) => Promise<T>,
  ): Promise<T> => {
    for (let count = 1; ; count += 1) {
      if (silent) throw silent;
      try {
        return await attempt(url, init, stop, read);
      } catch (error) {
        if (!(error instanceof MlflowProblem)) throw error;
        const isStopped = stop.aborted || signal?.aborted === true;
        const isPassing = error instanceof Silence || error.status === 429 || (error.status ?? 0) >= 500;
        if (isPassing && !isStopped && count < maxAttempts) {
          await wait(Math.min(2 ** (count - 1) / 2, maxWaitSeconds) * 1000);
          continue;
        }
        if (error instanceof Silence && !isStopped) silent = error;
        throw error;
      }
    }
  };
  const never = new AbortController().signal;
  const asJson = async (response: Response) => {
    const body = parse(await textOf(response));
    if (!isObject(body)) throw new MlflowProblem('it sent something that is not JSON (a login page or a proxy?)');
    return body;
  };
  return {
    address: access.address,
    silenceSeconds,
    json(path, { query = {}, post, delete: removed }) {
      const url = new URL(`${access.address}/api/2.0/${path}`);
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
      const body = post ?? removed;
      const headers = {
        ...access.headers,
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      };
      const method = post === undefined ? 'DELETE' : 'POST';
      const init = body === undefined ? { headers } : { method, headers, body: JSON.stringify(body) };
      return send(url, init, never, asJson);
    },
    file: (path, stop) => {
      // The time limit is one for the answer to begin; its body may take longer.
      return send(new URL(`${access.address}/api/2.0/${path}`), { headers: access.headers }, stop, async (response) => response);
    },
  };
}
