/** The pages and their forms, by address. */
import type { Hono } from 'hono';
import type { ActionTargets } from '../../kernel/tower-actions.ts';
import type { ApiDocument } from '../api/document/api-document.ts';
import type { ChainVerifier } from '../store/audit-chain.ts';
import type { Database } from '../store/database.ts';
import { alertRoute, sendAcknowledgement } from './alert-page.tsx';
import { alertsRoute, changeRule, ruleRoute, rulesRoute } from './alerts-route.tsx';
import { apiRoute } from './api-page.tsx';
import { auditRoute } from './audit-route.tsx';
import { badgePageRoute, sendBadge, sendBadgesRevoked } from './badge-page.tsx';
import { badgeRoute } from './badge-route.tsx';
import { dashboardFormRoute, sendDashboardForm } from './dashboard-form-page.tsx';
import { sendDashboardRemoval } from './dashboard-removal.tsx';
import { dashboardRoute, dashboardsRoute } from './dashboards-route.tsx';
import { exploreRoute } from './explore-route.tsx';
import { fleetRoute } from './fleet-route.tsx';
import { modelRoute } from './model-route.tsx';
import { ruleFormRoute, sendRuleForm } from './rule-form-page.tsx';
import { sendRevocation, tokensRoute } from './tokens-route.tsx';
import { waiversRoute } from './waivers-route.tsx';

interface Behind {
  readonly db: Database;
  readonly chain: ChainVerifier;
  readonly api: ApiDocument;
  readonly actions: ActionTargets;
}

export function addPages(app: Hono, { db, chain, api, actions }: Behind): void {
  app.get('/', fleetRoute(db));
  app.get('/explore', exploreRoute(db));
  app.get('/dashboards', dashboardsRoute(db));
  app.get('/dashboards/new', dashboardFormRoute(db));
  app.post('/dashboards/new', sendDashboardForm(db));
  app.get('/dashboards/:id', dashboardRoute(db));
  app.get('/dashboards/:id/edit', dashboardFormRoute(db));
  app.post('/dashboards/:id/edit', sendDashboardForm(db));
  app.post('/dashboards/:id/delete', sendDashboardRemoval(db));
  app.get('/api', apiRoute(api));
  app.get('/alerts', alertsRoute(db));
  app.get('/alerts/:id', alertRoute(db));
  app.post('/alerts/:id/acknowledge', sendAcknowledgement(db));
  app.get('/rules', rulesRoute(db));
  app.get('/rules/new', ruleFormRoute(db));
  app.post('/rules/new', sendRuleForm({ db, actions }));
  app.get('/rules/:id', ruleRoute({ db, actions }));
  app.get('/rules/:id/edit', ruleFormRoute(db));
  app.post('/rules/:id/edit', sendRuleForm({ db, actions }));
  app.post('/rules/:id/switch', changeRule({ db, actions }, 'switch'));
  app.post('/rules/:id/delete', changeRule({ db, actions }, 'delete'));
  app.get('/models/:id', modelRoute(db));
  app.get('/models/:id/badge', badgePageRoute(db));
  app.post('/models/:id/badge', sendBadge(db));
  app.get('/waivers', waiversRoute(db));
  app.get('/badge/:file', badgeRoute(db));
  app.get('/tokens', tokensRoute(db));
  app.post('/tokens/badges/revoke', sendBadgesRevoked(db));
  app.post('/tokens/:id/revoke', sendRevocation(db));
  app.get('/audit', auditRoute(db, chain));
}
