/** /login, /login/callback and /logout; and who a page's visitor is. */

import { timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { bytesWithin } from '../../kernel/bytes.ts';
import { HttpProblem } from '../api/problem.ts';
import type { Database } from '../store/database.ts';
import { closeSession, findSession, longestHours, openSession, type Session } from '../store/sessions.ts';
import { leadToLogin, loggedOut } from '../views/login-pages.tsx';
import type { Login } from './login.ts';
import { loginSeconds } from './login-cookie.ts';

declare module 'hono' {
  interface ContextVariableMap {
    /** Who is logged in; null: nobody, or this server has no login. */
    person: Session | null;
    /** People can log in here. */
    hasLogin: boolean;
  }
}

/** `__Host-`: no other host, and no page over http, can plant one. */
const names = (login: Login) =>
  login.isSecure
    ? { session: '__Host-tower-session', login: '__Host-tower-login' }
    : { session: 'tower-session', login: 'tower-login' };

/** Lax: a link from a note or a mail opens a page with the session; a post of another site comes without. */
const cookie = (login: Login, maxAge: number) =>
  ({ httpOnly: true, secure: login.isSecure, sameSite: 'Lax', path: '/', maxAge }) as const;

/** Two slashes begin the name of another server. */
const oneSlash = /^\/(?![/\\])[\x21-\x7e]*$/;

/** It has to fit into a cookie. */
const longestPath = 2000;

/** A page of this server, never another address. */
export function localPath(text: string | undefined): string {
  if (text === undefined || text.length > longestPath || !oneSlash.test(text) || text.includes('\\')) return '/';
  const url = new URL(text, 'http://tower.invalid');
  // Dots of the path are resolved by now, and what they leave may begin with two slashes.
  const isLocal = url.origin === 'http://tower.invalid' && oneSlash.test(url.pathname);
  const path = `${url.pathname}${url.search}`;
  return isLocal && !/^\/(login|logout)/.test(url.pathname) && path.length <= longestPath ? path : '/';
}

export async function sessionOf(c: Context, db: Database, login: Login): Promise<Session | null> {
  const value = getCookie(c, names(login).session);
  return value === undefined ? null : findSession(db, value);
}

const noStore = (c: Context): void => c.header('cache-control', 'no-store');

export const getLogin =
  (login: Login) =>
  async (c: Context): Promise<Response> => {
    noStore(c);
    const begun = await login.begin(localPath(c.req.query('to')));
    setCookie(c, names(login).login, begun.cookie, cookie(login, loginSeconds));
    // A form of ours may have led here. Browsers hold all that its answer leads to against form-action: a page leads elsewhere.
    return c.req.header('sec-fetch-site') === 'same-origin' ? leadToLogin(c, begun.url) : c.redirect(begun.url, 303);
  };

export const getCallback =
  (db: Database, login: Login) =>
  async (c: Context): Promise<Response> => {
    noStore(c);
    const value = getCookie(c, names(login).login);
    deleteCookie(c, names(login).login, { path: '/', secure: login.isSecure });
    const { person, returnTo } = await login.finish(new URL(c.req.url), value);
    const session = await openSession(db, person, getCookie(c, names(login).session));
    setCookie(c, names(login).session, session, cookie(login, longestHours * 3600));
    return c.redirect(returnTo, 303);
  };

/** Of a form that says no other. */
const mostFormBytes = 16_384;

async function readForm(c: Context, most: number): Promise<URLSearchParams> {
  if (!/^application\/x-www-form-urlencoded\b/i.test(c.req.header('content-type') ?? ''))
    throw new HttpProblem('unsupported-media-type', 'Send the form as a page does.');
  const isTooLong = Number(c.req.header('content-length') ?? 0) > most;
  const { bytes, isWhole } = await bytesWithin(isTooLong ? null : c.req.raw.body, most);
  if (isTooLong || !isWhole) throw new HttpProblem('too-large', 'The form is too large.');
  return new URLSearchParams(bytes.toString('utf8'));
}

/** The fields of a form that a page of ours sent for who is logged in. @throws HttpProblem 400, 401, 403, 413, 415 */
export async function ownForm(
  c: Context,
  most = mostFormBytes,
): Promise<{ readonly person: Session; readonly fields: Readonly<Record<string, string>> }> {
  const person = c.get('person');
  if (!person) throw new HttpProblem('unauthorized', 'Log in first.');
  const sent = await readForm(c, most);
  const [given, expected] = [Buffer.from(sent.get('csrf') ?? ''), Buffer.from(person.csrf)];
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new HttpProblem('forbidden', 'The form is not one of this session. Load the page again.');
  // No text of PostgreSQL can hold it.
  for (const [name, value] of sent)
    if (value.includes('\u0000')) throw new HttpProblem('bad-request', `The field ${name.slice(0, 60)} holds a NUL.`);
  return { person, fields: Object.fromEntries(sent) };
}

export const postLogout =
  (db: Database, login: Login) =>
  async (c: Context): Promise<Response> => {
    await ownForm(c);
    const value = getCookie(c, names(login).session);
    if (value !== undefined) await closeSession(db, value);
    deleteCookie(c, names(login).session, { path: '/', secure: login.isSecure });
    return c.redirect('/logout', 303);
  };

/** Any other page would begin the next session at once, where the provider still knows who it is. */
export const getLogout = (c: Context): Response | Promise<Response> => (c.get('person') ? c.redirect('/', 303) : loggedOut(c));
