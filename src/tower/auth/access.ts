/** Who may come in: names of this machine against DNS rebinding, origins against forged posts, tokens for writes. */
import type { Context, MiddlewareHandler } from 'hono';
import { HttpProblem } from '../api/problem.ts';
import type { Database } from '../store/database.ts';
import { findToken } from '../store/tokens.ts';
import type { Principal } from './evidence.ts';
import type { VerifyIdToken } from './gitlab.ts';

const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

const hostnameOf = (host: string): string => (URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '');

/** True when the address can be reached from this machine alone. */
export const isLoopback = (host: string): boolean =>
  loopbackNames.has(hostnameOf(host.includes(':') && !host.startsWith('[') ? `[${host}]` : host));

/**
 * On loopback the Host header must name this machine: a page that rebinds its own name to 127.0.0.1 gets nothing.
 * Anywhere, a post that a browser sends for another site is refused.
 */
export function guardOrigin(isLocal: boolean): MiddlewareHandler {
  return async (c, next) => {
    const host = c.req.header('host') ?? '';
    if (isLocal && !loopbackNames.has(hostnameOf(host)))
      throw new HttpProblem('forbidden', 'This server answers to localhost, 127.0.0.1 and [::1] only.');
    const origin = c.req.header('origin');
    if (
      origin !== undefined &&
      c.req.method !== 'GET' &&
      c.req.method !== 'HEAD' &&
      (!URL.canParse(origin) || new URL(origin).host !== host)
    )
      throw new HttpProblem('forbidden', 'Posts from pages of other sites are refused.');
    await next();
  };
}

const bearer = (c: Context): string | null =>
  /^Bearer +([\w.~+/=-]{1,16384})$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? null;

/** The password of Basic authentication: how a browser sends a token. */
function basicPassword(c: Context): string | null {
  const encoded = /^Basic +([A-Za-z0-9+/=]{1,1024})$/i.exec(c.req.header('authorization') ?? '')?.[1];
  const text = encoded ? Buffer.from(encoded, 'base64').toString('utf8') : '';
  return text.includes(':') ? text.slice(text.indexOf(':') + 1) : null;
}

/** @throws HttpProblem 401. A writer is known by a bearer token alone: browsers never add one by themselves. */
export async function writerOf(c: Context, db: Database, verifyIdToken: VerifyIdToken | null): Promise<Principal> {
  const token = bearer(c);
  if (token === null)
    throw new HttpProblem(
      'unauthorized',
      'Send the header Authorization: Bearer TOKEN, with the write token or a GitLab id_token.',
    );
  if (token.split('.').length === 3) {
    if (!verifyIdToken)
      throw new HttpProblem('unauthorized', 'This server trusts no GitLab: it was started without --gitlab-issuer.');
    return { kind: 'job', claims: await verifyIdToken(token) };
  }
  const name = await findToken(db, token);
  if (name === null) throw new HttpProblem('unauthorized', 'The token is not known, or it was replaced.');
  return { kind: 'token', name };
}

/** Off loopback nothing is shown without a token: as bearer, or as the password that a browser asks for. */
export function guardReading(db: Database, isLocal: boolean): MiddlewareHandler {
  return async (c, next) => {
    if (!isLocal && c.req.method !== 'POST') {
      const token = bearer(c) ?? basicPassword(c);
      if (token === null || (await findToken(db, token)) === null)
        throw new HttpProblem('unauthorized', 'Log in with any user name and the write token as password.');
    }
    await next();
  };
}
