/** Asks a running Control Tower, as its operator. */
import { readBody } from '../../adapters/http-body.ts';
import { EnvironmentError, UsageError } from '../../kernel/failure.ts';
import { oneLine } from '../../reports/text.ts';
import type { Context } from '../command.ts';
import { tokenVariable } from '../post-report.ts';

export interface TowerAccess {
  readonly url: string;
  readonly token: string;
  readonly signal: AbortSignal;
}

/** @throws UsageError */
export function towerAccess({ env, signal }: Context, url: string): TowerAccess {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new UsageError('TOWER_URL', `--tower-url is ${oneLine(url)}, expected an http or https address`, {
      hint: 'For example https://tower.example.com, or http://127.0.0.1:4700.',
    });
  const token = env[tokenVariable]?.trim();
  if (!token || !/^[\x21-\x7e]+$/.test(token))
    throw new UsageError('TOWER_TOKEN', `The variable ${tokenVariable} holds no token`, {
      hint: 'Set it to a token of the role admin: the one that `flightcheck tower serve` shows, for example.',
    });
  return { url: url.endsWith('/') ? url : `${url}/`, token, signal };
}

const hints: Readonly<Record<number, string>> = {
  401: `It does not accept the token of ${tokenVariable}.`,
  403: `The token of ${tokenVariable} needs the role admin for all projects.`,
  404: 'Is this the address of a Control Tower of this version?',
};

const timeoutMs = 15_000;
const mostMebibytes = 16;

/** @throws UsageError or EnvironmentError, in the words of the server. */
export async function askTower(
  { url, token, signal }: TowerAccess,
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  let response: Response;
  let text: string;
  let isWhole: boolean;
  try {
    response = await fetch(new URL(path, url), {
      method,
      redirect: 'error',
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    ({ text, isWhole } = await readBody(response, mostMebibytes * 2 ** 20));
  } catch (cause) {
    throw new EnvironmentError('TOWER_UNREACHABLE', `Control Tower at ${oneLine(url)} does not answer`, {
      hint: 'Check the address, and that the server runs.',
      cause,
    });
  }
  if (!isWhole)
    throw new EnvironmentError('TOWER_ANSWER', `Control Tower at ${oneLine(url)} answers with more than ${mostMebibytes} MiB`, {
      hint: 'Is this the address of a Control Tower?',
    });
  let answer: unknown;
  try {
    answer = text === '' ? null : JSON.parse(text);
  } catch {
    answer = null;
  }
  if (response.ok) return answer;
  const { detail, errors } = (answer ?? {}) as { detail?: string; errors?: readonly { pointer?: string; detail?: string }[] };
  const where = errors?.[0]?.detail ? ` (${errors[0].pointer ?? ''} ${errors[0].detail})` : '';
  const message = oneLine(`Control Tower answers ${response.status}: ${detail ?? 'it does not say why'}${where}`);
  const hint = hints[response.status] ?? 'Correct it and try again.';
  throw response.status >= 500
    ? new EnvironmentError('TOWER_REFUSES', message, { hint: 'Try again later.' })
    : new UsageError('TOWER_REFUSES', message, { hint });
}
