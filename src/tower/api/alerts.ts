/** /v1/alerts: what rules have raised, and who has taken notice. */
import type { Context } from 'hono';
import { writerOf } from '../auth/access.ts';
import { actorOf } from '../auth/evidence.ts';
import { writableBy } from '../auth/roles.ts';
import { type AlertRow, acknowledgeAlert, listAlerts, readAlert } from '../store/alerts.ts';
import { type Chain, chainOf, type Link } from '../store/chain.ts';
import type { Database } from '../store/database.ts';
import type { Scope } from '../store/scope.ts';
import { type AlertsQuery, acknowledgementSchema, alertsQuery } from './document/rule-schemas.ts';
import { parseJson, readBody } from './json.ts';
import { sayFaults } from './plain-errors.ts';
import { needJson } from './posts.ts';
import { HttpProblem } from './problem.ts';
import { idOf, pageOf, queryReader, readCursor } from './query.ts';
import type { ReportsOptions } from './reports.ts';
import { answerItems } from './table.ts';
import { ajv } from './validate.ts';

export const readAlertsQuery: (url: string) => AlertsQuery = queryReader<AlertsQuery>(alertsQuery);
const isAcknowledgement = ajv.compile<{ readonly why: string }>(acknowledgementSchema);

const alertJson = (alert: AlertRow) => ({
  id: String(alert.id),
  uid: alert.uid,
  state: alert.closedAt === null ? 'open' : 'closed',
  rule: { id: String(alert.ruleId), name: alert.rule },
  severity: alert.severity,
  model: { id: String(alert.modelId), name: alert.model, project: alert.project, owner: alert.owner },
  metric: alert.metric,
  labels: alert.labels,
  value: alert.value,
  openedAt: alert.openedAt.toISOString(),
  closedAt: alert.closedAt?.toISOString() ?? null,
  acknowledged: alert.acknowledgedAt && {
    at: alert.acknowledgedAt.toISOString(),
    by: alert.acknowledgedBy,
    why: alert.acknowledgedWhy,
  },
  deliveries: alert.deliveries,
});

const noSuch = () => new HttpProblem('not-found', 'There is no such alert.');
const idIn = (c: Context): number => idOf(c.req.param('id') ?? '', 'alert');

const linkJson = ({ id, openedAt, closedAt, value }: Link) => ({
  ...{ id: String(id), value },
  openedAt: openedAt.toISOString(),
  closedAt: closedAt?.toISOString() ?? null,
});
const recordOf = (isRecord: boolean) => (isRecord ? 'authoritative' : 'preview');

const chainJson = ({ made, told, before, after, now }: Chain) => ({
  versions: made.map(({ commit, pipeline, jobUrl, firstAt, reports, isRecord, score, isGatePassed }) => ({
    ...{ commit, pipeline, jobUrl, reports, score },
    at: firstAt.toISOString(),
    record: recordOf(isRecord),
    gate: isGatePassed === null ? null : isGatePassed ? 'passed' : 'failed',
  })),
  numbers: told.map(({ writtenBy, environment, firstAt, points, isRecord }) => ({
    ...{ writtenBy, environment, points },
    at: firstAt.toISOString(),
    record: recordOf(isRecord),
  })),
  before: before && linkJson(before),
  after: after.map(linkJson),
  now: now && { value: now.value, at: now.at.toISOString() },
});

/** With what came of it: what the alert's page shows. @throws HttpProblem 404 */
async function inFull(db: Database, id: number, scope: Scope) {
  const alert = await readAlert(db, id, scope);
  if (!alert) throw noSuch();
  return { ...alertJson(alert), followed: chainJson(await chainOf(db, id)) };
}

/** What a query asks for, without its state and page. */
export const alertFilterOf = ({ model, rule, severity, owner }: AlertsQuery, scope: Scope) => ({
  scope,
  severity,
  owner,
  modelId: model === undefined ? undefined : idOf(model),
  ruleId: rule === undefined ? undefined : idOf(rule, 'rule'),
});

export async function pageOfAlerts(c: Context, db: Database, query: AlertsQuery) {
  const { limit, cursor, ...asked } = query;
  const order = `alerts.${JSON.stringify(Object.entries(asked).sort())}`;
  const found = cursor === undefined ? undefined : readCursor(cursor, order);
  const after = found && typeof found.key === 'number' ? { key: found.key, id: found.id } : undefined;
  const filter = alertFilterOf(query, c.get('scope'));
  return pageOf(await listAlerts(db, { ...filter, state: query.state, limit: limit + 1, after }), limit, order);
}

export const getAlerts =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const { shown, next } = await pageOfAlerts(c, db, readAlertsQuery(c.req.url));
    const page = { items: shown.map(alertJson), next };
    return answerItems(c, 'alerts', page);
  };

export const getAlert =
  (db: Database) =>
  async (c: Context): Promise<Response> =>
    c.json(await inFull(db, idIn(c), c.get('scope')));

/** Whoever may write for the model; a job takes notice of nothing. */
export const postAcknowledgement =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const { db, limits } = options;
    const principal = await writerOf(c, db, options.verifyIdToken);
    if (principal.kind === 'job')
      throw new HttpProblem('forbidden', 'Alerts are acknowledged by people and their tokens, not by jobs.');
    needJson(c);
    const body = parseJson(await readBody(c.req.raw, limits), limits, 'invalid-acknowledgement');
    if (!isAcknowledgement(body))
      throw new HttpProblem('invalid-acknowledgement', 'The alert was not acknowledged.', sayFaults(isAcknowledgement.errors));
    const id = idIn(c);
    const scope = writableBy(principal.grants);
    if (!(await acknowledgeAlert(db, id, { actor: actorOf(principal), why: body.why.trim(), scope }))) throw noSuch();
    return c.json(await inFull(db, id, scope));
  };
