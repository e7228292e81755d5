/** HTTP to Airflow: a token or basic authentication, one clear error for every answer that is not the documented one. */
import { EnvironmentError, UsageError } from '../../kernel/failure.ts';
import { readBody } from '../http-body.ts';

export interface AirflowAccess {
  readonly url: string;
  /** 2 speaks /api/v1 with basic authentication, 3 speaks /api/v2 with a token. */
  readonly major: 2 | 3;
  readonly username?: string;
  readonly password?: string;
  readonly token?: string;
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
}

export type Ask = (path: string, options?: { readonly method?: string; readonly body?: unknown }) => Promise<Answer>;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const mostBytes = 16 * 2 ** 20;

async function textOf(response: Response): Promise<string> {
  const { text, isWhole } = await readBody(response, mostBytes);
  if (!isWhole) throw new Error('the answer is larger than 16 MiB');
  return text;
}

const unreachable = (url: string, what: string, cause?: unknown): EnvironmentError =>
  new EnvironmentError('AIRFLOW_UNREACHABLE', `Airflow at ${url} ${what}`, {
    hint: 'Check environments.*.airflow.url, and that the API server is up and this runner may reach it.',
    cause,
  });

/** One request. 404 is an answer; 401 and 403 are wrong use; everything else that is not 2xx is Airflow's fault. */
async function send(access: AirflowAccess, path: string, options: RequestInit): Promise<Answer> {
  const base = access.url.replace(/\/+$/, '');
  const limit = AbortSignal.timeout((access.timeoutSeconds ?? 30) * 1000);
  const signal = access.signal ? AbortSignal.any([limit, access.signal]) : limit;
  let response: Response;
  let text: string;
  try {
    // A redirect would carry the token to another host.
    response = await fetch(`${base}${path}`, { ...options, signal, redirect: 'manual' });
    text = await textOf(response);
  } catch (error) {
    if (access.signal?.aborted) throw error;
    throw unreachable(
      base,
      limit.aborted ? `did not answer within ${access.timeoutSeconds ?? 30} s` : 'cannot be reached',
      error,
    );
  }
  if (response.status === 401 || response.status === 403)
    throw new UsageError(
      'AIRFLOW_REFUSED',
      `Airflow at ${base} refuses ${options.method ?? 'GET'} ${path} (${response.status})`,
      {
        hint: 'Check the variables with user name and password or token that the environment names, and the rights of that account.',
      },
    );
  let body: unknown = null;
  try {
    body = text === '' ? null : JSON.parse(text);
  } catch {
    throw unreachable(base, `answered ${response.status} with something that is not JSON; is it Airflow?`);
  }
  if (response.status >= 300 && response.status !== 404 && response.status !== 409) {
    const detail =
      typeof body === 'object' && body !== null && 'detail' in body ? `: ${JSON.stringify(body.detail).slice(0, 300)}` : '';
    throw unreachable(base, `answered ${response.status} to ${options.method ?? 'GET'} ${path}${detail}`);
  }
  return { status: response.status, body };
}

/** Asks an Airflow which major version it is: only 3 knows /api/v2. */
export async function airflowMajor(access: Omit<AirflowAccess, 'major'>): Promise<2 | 3> {
  const base = access.url.replace(/\/+$/, '');
  const limit = AbortSignal.timeout((access.timeoutSeconds ?? 30) * 1000);
  try {
    const response = await fetch(`${base}/api/v2/version`, { signal: limit, redirect: 'manual' });
    const text = await textOf(response);
    if (response.status >= 500) throw new Error(`it answers ${response.status}`);
    return response.status === 200 && /"version"\s*:\s*"3\./.test(text) ? 3 : 2;
  } catch (error) {
    throw unreachable(
      base,
      limit.aborted ? `did not answer within ${access.timeoutSeconds ?? 30} s` : 'cannot be reached',
      error,
    );
  }
}

/** Gets a token of Airflow 3: by user name and password, or without, where it lets everybody in. */
async function loginToken(access: AirflowAccess): Promise<string> {
  const { username, password } = access;
  const { body } =
    username === undefined
      ? await send(access, '/auth/token', {})
      : await send(access, '/auth/token', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ username, password: password ?? '' }),
        });
  const token = (body as { access_token?: unknown } | null)?.access_token;
  if (typeof token !== 'string') throw unreachable(access.url, 'gave no token at /auth/token');
  return token;
}

/** Requests to the API's root; the token is asked for once. */
export function requester(access: AirflowAccess): Ask {
  const { username, password, token } = access;
  let authorization: Promise<string> | undefined;
  const authorize = async (): Promise<string> => {
    if (token !== undefined) return `Bearer ${token}`;
    return access.major === 3
      ? `Bearer ${await loginToken(access)}`
      : `Basic ${Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')}`;
  };
  const root = access.major === 3 ? '/api/v2' : '/api/v1';
  return async (path, { method = 'GET', body } = {}) => {
    authorization ??= authorize();
    const headers = { authorization: await authorization, ...(body !== undefined && { 'content-type': 'application/json' }) };
    return send(access, `${root}${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  };
}
