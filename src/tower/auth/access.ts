/** Who may come in: names of this machine against DNS rebinding, origins against forged posts, tokens for writes. */
import type { Context, MiddlewareHandler } from 'hono';
import { HttpProblem } from '../api/problem.ts';
import { idOf } from '../api/query.ts';
import type { Actor } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import { type Grant, isModelInScope, type Scope } from '../store/scope.ts';
import { findToken } from '../store/tokens.ts';
import { actorOf, type Principal } from './evidence.ts';
import type { VerifyIdToken } from './gitlab.ts';
import type { Login } from './login.ts';
import { sessionOf } from './login-routes.ts';
import { isLoopback } from './loopback.ts';
import { administered, mayEverywhere, readableBy } from './roles.ts';

declare module 'hono' {
  interface ContextVariableMap {
    /** What the reader may see. */
    scope: Scope;
    /** Nobody who may read. */
    isStranger: boolean;
  }
}

const hostnameOf = (host: string): string => (URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '');

/**
 * On loopback the Host header must name this machine: a page that rebinds its own name to 127.0.0.1 gets nothing.
 * Anywhere, a post that a browser sends for another site is refused.
 */
export function guardOrigin(isLocal: boolean): MiddlewareHandler {
  return async (c, next) => {
    const host = c.req.header('host') ?? '';
    if (isLocal && !isLoopback(hostnameOf(host)))
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
      'Send the header Authorization: Bearer TOKEN, with a token of the role that this needs, or a GitLab id_token.',
    );
  if (token.split('.').length === 3) {
    if (!verifyIdToken)
      throw new HttpProblem('unauthorized', 'This server trusts no GitLab: it was started without --gitlab-issuer.');
    return { kind: 'job', claims: await verifyIdToken(token) };
  }
  const found = await findToken(db, token);
  if (found === null) throw new HttpProblem('unauthorized', 'The token is not known, or it has expired or was replaced.');
  return { kind: 'token', name: found.name, grants: [found] };
}

interface Gate {
  readonly db: Database;
  readonly verifyIdToken: VerifyIdToken | null;
}

/** Rules and tokens belong to the operator: a job may not make one. @returns who it is, for the record. */
export async function operatorOf(c: Context, { db, verifyIdToken }: Gate): Promise<string> {
  const principal = await writerOf(c, db, verifyIdToken);
  if (principal.kind === 'job' || !mayEverywhere(principal.grants, 'admin'))
    throw new HttpProblem('forbidden', 'This needs the role admin for all projects; no job has it.');
  return actorOf(principal);
}

export interface Admin {
  /** For the record. */
  readonly actor: Actor;
  readonly grants: readonly Grant[];
}

/** Rules and dashboards belong to the admins of their namespace: which one it is says `namespaceFor`. No job is one. */
export async function adminOf(c: Context, { db, verifyIdToken }: Gate): Promise<Admin> {
  const principal = await writerOf(c, db, verifyIdToken);
  if (principal.kind === 'job' || administered(principal.grants).length === 0)
    throw new HttpProblem('forbidden', 'This needs the role admin for a namespace or for all projects; no job has it.');
  return { actor: actorOf(principal), grants: principal.grants };
}

/** What is confined to what a reader may see; elsewhere a reader must be allowed to see everything. */
const scopedPaths =
  /^\/($|(v1\/)?(models|waivers|alerts|rules|dashboards)($|\/)|explore$|v1\/(query|metrics)$|v1\/reports($|\/)|v1\/gates\/|badge\/|assets\/|api$|openapi\.json$)/;
const organisationPaths = /^\/(tokens|audit|v1\/tokens|v1\/audit)($|\/)/;
const modelPath = /^(?:\/v1)?\/models\/([^/]+)/;

async function checkReach(c: Context, db: Database, grants: readonly Grant[]): Promise<void> {
  const { path } = c.req;
  const scope = readableBy(grants);
  c.set('scope', scope);
  if (organisationPaths.test(path) && !mayEverywhere(grants, 'admin'))
    throw new HttpProblem('forbidden', 'This needs the role admin for all projects.');
  if (scope === null) return;
  if (!scopedPaths.test(path))
    throw new HttpProblem('forbidden', 'This shows numbers of all projects, and your role holds for some of them only.');
  const id = modelPath.exec(path)?.[1];
  if (id !== undefined && !(await isModelInScope(db, idOf(id), scope)))
    throw new HttpProblem('not-found', 'There is no such model.');
}

export interface ReadingOptions {
  readonly db: Database;
  readonly isLocal: boolean;
  /** Null: nobody logs in. */
  readonly login: Login | null;
}

/** Not what programs ask for. */
export const isForPeople = (path: string): boolean => !/^\/(v1\/|otlp\/|openapi\.json$|healthz$|readyz$|metrics$)/.test(path);

const openToAll = /^\/(assets\/|login($|\/)|logout$)/;
/** What anybody may do on a server that is open to readers. */
const anybody: readonly Grant[] = [{ role: 'read', namespace: '', model: '' }];

async function grantsOfReader(c: Context, { db, isLocal, login }: ReadingOptions): Promise<readonly Grant[] | null> {
  const token = bearer(c) ?? basicPassword(c);
  if (token !== null && (!isLocal || login)) {
    const found = await findToken(db, token);
    return found && [found];
  }
  const person = c.get('person');
  if (person) return login?.isPublic ? [...anybody, ...person.grants] : person.grants;
  return login?.isPublic ? anybody : null;
}

/**
 * Who may read. On loopback without a login: this machine. Elsewhere a token, as bearer or as the password that a browser asks
 * for; with a login a session, and a page sends whoever has none there.
 */
export function guardReading(options: ReadingOptions): MiddlewareHandler {
  const { db, isLocal, login } = options;
  return async (c, next) => {
    c.set('scope', null);
    c.set('hasLogin', login !== null);
    c.set('person', login && (await sessionOf(c, db, login)));
    const isReading = /^(GET|HEAD)$/.test(c.req.method) && !openToAll.test(c.req.path);
    if (isReading && !(isLocal && login === null)) {
      const grants = await grantsOfReader(c, options);
      c.set('isStranger', grants === null);
      // A badge decides by itself: some are for everybody.
      if (!grants && /^\/badge\//.test(c.req.path)) return next();
      if (!grants && login && isForPeople(c.req.path)) {
        const { pathname, search } = new URL(c.req.url);
        // A browser that goes back would take it from its memory, and never arrive.
        c.header('cache-control', 'no-store');
        return c.redirect(`/login?to=${encodeURIComponent(pathname + search)}`, 303);
      }
      if (!grants)
        throw new HttpProblem(
          'unauthorized',
          login ? 'Log in, or send a token.' : 'Log in with any user name and a token as password.',
        );
      await checkReach(c, db, grants);
    }
    await next();
  };
}
