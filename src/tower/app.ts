/** The HTTP application: routes, security headers, and one answer to every error. */
import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { compress } from 'hono/compress';
import { contextStorage } from 'hono/context-storage';
import { secureHeaders } from 'hono/secure-headers';
import { type ActionTargets, noTargets } from '../kernel/tower-actions.ts';
import { getAlert, getAlerts, postAcknowledgement } from './api/alerts.ts';
import { getAudit } from './api/audit.ts';
import { postSignedBadge, revokeBadges } from './api/badges.ts';
import { getChecks } from './api/checks.ts';
import { getDashboard, getDashboards, postDashboard, putDashboard, removeDashboard } from './api/dashboards.ts';
import { openApi } from './api/document/openapi.ts';
import { defaultLimits, type Limits } from './api/json.ts';
import { postMetrics } from './api/metrics.ts';
import { getHistory, getModel, getModels } from './api/models.ts';
import { postOtlp } from './api/otlp.ts';
import { HttpProblem, problemResponse, statusOf } from './api/problem.ts';
import { defaultRate, limitRate, type Rate } from './api/rate-limit.ts';
import { getGate, getReport, getReports, getVersions } from './api/records.ts';
import { postReport } from './api/reports.ts';
import { deleteRule, getBacktest, getRule, getRules, patchRule, postRule } from './api/rules.ts';
import { getSeries } from './api/series.ts';
import { getMetrics, getQuery } from './api/slices.ts';
import { getStanding } from './api/standing.ts';
import { deleteToken, getTokens, postToken } from './api/tokens.ts';
import { usageOf } from './api/usage.ts';
import { getWaivers } from './api/waivers.ts';
import { guardOrigin, guardReading, isForPeople } from './auth/access.ts';
import type { VerifyIdToken } from './auth/gitlab.ts';
import type { Login } from './auth/login.ts';
import { getCallback, getLogin, getLogout, postLogout } from './auth/login-routes.ts';
import type { NoteBroker } from './notes/broker.ts';
import { type ChainVerifier, chainVerifier } from './store/audit-chain.ts';
import { type Database, isAlive, sqlStateOf } from './store/database.ts';
import { assets } from './views/assets.ts';
import { errorPage } from './views/error-page.tsx';
import { addPages } from './views/pages.ts';

export interface AppOptions {
  readonly db: Database;
  readonly version: string;
  /** Null: no GitLab is trusted. */
  readonly verifyIdToken: VerifyIdToken | null;
  /** Names that stand for the default branch. */
  readonly defaultBranches: readonly string[];
  /** Served to this machine alone: reading needs no login, and Host must name this machine. */
  readonly isLocal: boolean;
  /** Origin at which people reach this server; as each request names it when null. */
  readonly publicUrl?: string | null;
  /** Where people log in; null: nowhere. */
  readonly login?: Login | null;
  /** Writes notes on merge requests; null: this server may not. */
  readonly note?: NoteBroker | null;
  /** What rules can do, and those of others may. Nothing unless told. */
  readonly actions?: ActionTargets;
  /** Remembers how far the audit was verified; one of its own unless told. */
  readonly chain?: ChainVerifier;
  readonly limits?: Limits;
  readonly rate?: Rate;
  /** Told of every error that is ours, with the id that the client sees. */
  onError(error: unknown, requestId: string): void;
}

const security = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
  referrerPolicy: 'same-origin',
  xFrameOptions: 'DENY',
  strictTransportSecurity: false,
});

/** Of receipts, which no browser shows: a machine takes thousands a second, and each header is written and read as often. */
const receiptSecurity = secureHeaders({
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  referrerPolicy: false,
  strictTransportSecurity: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xFrameOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
});

declare module 'hono' {
  interface ContextVariableMap {
    /** Where people reach this server: what links and copied commands begin with. */
    origin: string;
  }
}

/** The database, not the request, is at fault, and it may be back soon. */
function isUnavailable(error: unknown): boolean {
  const code = sqlStateOf(error) ?? '';
  const text = error instanceof Error ? error.message : '';
  return (
    /^(57P|08|53)/.test(code) ||
    /^E(CONN|PIPE|TIMEDOUT|HOSTUNREACH|AI_AGAIN)/.test(code) ||
    /Connection terminated|not queryable|timeout exceeded|has stopped/.test(text)
  );
}

/** SQLSTATE disk_full, or the embedded database's own words. */
const isFull = (error: unknown): boolean =>
  sqlStateOf(error) === '53100' || (error instanceof Error && /No space left on device|ENOSPC/.test(error.message));

/** A page, or a form of one. */
const isFromPage = (c: Context): boolean =>
  isForPeople(c.req.path) &&
  (/^(GET|HEAD)$/.test(c.req.method) || /^application\/x-www-form-urlencoded\b/i.test(c.req.header('content-type') ?? ''));

function asProblem(error: unknown, c: Context, report: AppOptions['onError']): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (c.req.raw.signal.aborted) return new HttpProblem('bad-request', 'The request was cut off.');
  const id = randomUUID();
  report(error, id);
  if (isFull(error))
    return new HttpProblem('no-room', `Nothing of this request was stored: the database has no room left. Request ${id}.`);
  return isUnavailable(error)
    ? new HttpProblem('unavailable', `The database cannot be reached now. Try again. Request ${id}.`)
    : new HttpProblem('internal', `The error was logged as request ${id}.`);
}

function answer(problem: HttpProblem, c: Context, asksPassword: boolean): Response | Promise<Response> {
  const challenge = {
    'www-authenticate':
      !asksPassword || !isFromPage(c) ? 'Bearer realm="Control Tower"' : 'Basic realm="Control Tower", charset="UTF-8"',
  };
  const headers =
    problem.kind === 'unauthorized'
      ? challenge
      : problem.kind === 'too-many' || problem.kind === 'unavailable'
        ? { 'retry-after': String(problem.retryAfterSeconds) }
        : {};
  return isFromPage(c) ? c.html(errorPage(problem), statusOf(problem.kind), headers) : problemResponse(problem, headers);
}

export function createApp(options: AppOptions): Hono {
  const { db, version, isLocal, publicUrl = null, login = null, limits = defaultLimits } = options;
  const asksPassword = !isLocal && login === null;
  const app = new Hono();
  const { chain = chainVerifier(db) } = options;
  const usage = usageOf(db, version);
  app.use((c, next) => (c.req.method === 'POST' && !isForPeople(c.req.path) ? receiptSecurity : security)(c, next));
  // The frame of a page says who is logged in.
  app.use(contextStorage());
  app.use((c, next) => {
    c.set('origin', publicUrl ?? new URL(c.req.url).origin);
    return next();
  });
  app.use(usage.count);
  // A receipt is shorter than what packing it costs.
  app.get('*', compress());
  app.onError((error, c) => answer(asProblem(error, c, options.onError), c, asksPassword));
  app.notFound((c) => answer(new HttpProblem('not-found', 'There is nothing at this address.'), c, asksPassword));
  // Probes of an orchestrator carry no token and name the pod.
  app.get('/healthz', (c) => c.json({ status: 'ok', version }));
  app.get('/readyz', async (c) => {
    if (!(await isAlive(db))) throw new HttpProblem('unavailable', 'The database does not answer.');
    return c.json({ status: 'ready' });
  });
  app.use(guardOrigin(isLocal));
  // Before the guard of reading: a job reads its own project with its id_token.
  const reading = { ...options, isLocal: login ? login.isPublic : isLocal };
  app.get('/v1/series', getSeries(reading));
  app.get('/v1/standing', getStanding(reading));
  app.get('/v1/checks', getChecks(reading));
  app.use(guardReading({ db, isLocal, login }));
  if (login) {
    app.get('/login', getLogin(login));
    app.get('/login/callback', getCallback(db, login));
    app.get('/logout', getLogout);
    app.post('/logout', postLogout(db, login));
  }
  app.use(limitRate(options.rate ?? defaultRate));
  const { actions = noTargets } = options;
  const withLimits = { ...options, actions, limits };
  app.post('/v1/reports', postReport(withLimits));
  app.post('/v1/metrics', postMetrics(withLimits));
  app.post('/otlp/v1/metrics', postOtlp(withLimits));
  app.get('/v1/metrics', getMetrics(db));
  app.get('/v1/query', getQuery(db));
  app.get('/metrics', usage.expose);
  app.get('/v1/rules', getRules({ db, actions }));
  app.post('/v1/rules', postRule(withLimits));
  app.get('/v1/rules/:id', getRule({ db, actions }));
  app.patch('/v1/rules/:id', patchRule(withLimits));
  app.delete('/v1/rules/:id', deleteRule(withLimits));
  app.get('/v1/rules/:id/backtest', getBacktest(db));
  app.get('/v1/alerts', getAlerts(db));
  app.get('/v1/alerts/:id', getAlert(db));
  app.post('/v1/alerts/:id/acknowledge', postAcknowledgement(withLimits));
  app.get('/v1/dashboards', getDashboards(db));
  app.post('/v1/dashboards', postDashboard(withLimits));
  app.get('/v1/dashboards/:id', getDashboard(db));
  app.put('/v1/dashboards/:id', putDashboard(withLimits));
  app.delete('/v1/dashboards/:id', removeDashboard(withLimits));
  app.get('/v1/tokens', getTokens(withLimits));
  app.post('/v1/tokens', postToken(withLimits));
  app.delete('/v1/tokens/:id', deleteToken(withLimits));
  app.get('/v1/audit', getAudit(db, chain));
  app.get('/v1/waivers', getWaivers(db));
  app.get('/v1/models', getModels(db));
  app.get('/v1/models/:id', getModel(db));
  app.post('/v1/models/:id/badge', postSignedBadge(withLimits));
  app.delete('/v1/badges/signed', revokeBadges(withLimits));
  app.get('/v1/models/:id/history', getHistory(db));
  app.get('/v1/models/:id/versions', getVersions(db));
  app.get('/v1/reports', getReports(db));
  app.get('/v1/reports/:id', getReport(db));
  app.get('/v1/gates/:model', getGate(db));
  const api = openApi(version);
  const document = JSON.stringify(api);
  app.get('/openapi.json', () => new Response(document, { headers: { 'content-type': 'application/json' } }));
  for (const asset of assets)
    app.get(
      asset.path,
      () =>
        new Response(asset.content, {
          headers: { 'content-type': asset.type, 'cache-control': 'public, max-age=31536000, immutable' },
        }),
    );
  addPages(app, { db, chain, api, actions });
  return app;
}
