/** /v1/rules and /v1/alerts: who is told what when values leave their range. */
import type { Context } from 'hono';
import { operatorOf } from '../auth/access.ts';
import { type AlertRow, listAlerts } from '../store/alerts.ts';
import type { Database } from '../store/database.ts';
import {
  createRule,
  enableRule,
  listRules,
  type NewRule,
  RuleNameTaken,
  type RuleRow,
  readRule,
  retireRule,
} from '../store/rules.ts';
import { backtest } from '../triggers/backtest.ts';
import type { RuleDefinition } from '../triggers/rule.ts';
import { ruleSchema } from '../triggers/rule-schema.ts';
import { parseJson, readBody } from './json.ts';
import { needJson } from './posts.ts';
import { HttpProblem } from './problem.ts';
import { idOf, queryReader, readCursor, writeCursor } from './query.ts';
import type { ReportsOptions } from './reports.ts';
import { type AlertsQuery, alertsQuery, type BacktestQuery, backtestQuery } from './rule-schemas.ts';
import { answerItems } from './table.ts';
import { ajvOf, sayError } from './validate.ts';

interface RuleBody extends RuleDefinition {
  readonly name: string;
  readonly enabled: boolean;
}

const isRuleBody = ajvOf({ useDefaults: true }).compile<RuleBody>(ruleSchema);
const readAlertsQuery = queryReader<AlertsQuery>(alertsQuery);
const readBacktestQuery = queryReader<BacktestQuery>(backtestQuery);

async function bodyOf(c: Context, { limits }: ReportsOptions): Promise<unknown> {
  needJson(c);
  return parseJson(await readBody(c.req.raw, limits), limits, 'invalid-rule');
}

function validRule(value: unknown): Pick<NewRule, 'name' | 'definition' | 'isEnabled'> {
  if (!isRuleBody(value))
    throw new HttpProblem(
      'invalid-rule',
      'The rule does not fit its schema.',
      (isRuleBody.errors ?? []).slice(0, 20).map(sayError),
    );
  const { name, enabled, ...definition } = value;
  const { when } = definition;
  if (
    'limit' in when &&
    when.closesAt !== undefined &&
    (when.is === 'above') === when.closesAt > when.limit &&
    when.closesAt !== when.limit
  )
    throw new HttpProblem('invalid-rule', 'The rule cannot be kept.', [
      {
        pointer: '/when/closesAt',
        detail: `lies on the wrong side of the limit: an alert would close while values are ${when.is} it`,
      },
    ]);
  return { name, definition, isEnabled: enabled };
}

const ruleJson = ({ id, name, definition, isEnabled, createdBy, createdAt, judgesFrom, open, alerts }: RuleRow) => ({
  id: String(id),
  name,
  ...definition,
  enabled: isEnabled,
  createdBy,
  createdAt: createdAt.toISOString(),
  judgesFrom: judgesFrom.toISOString(),
  open,
  alerts,
});

async function ruleOf(c: Context, db: Database): Promise<RuleRow> {
  const rule = await readRule(db, idOf(c.req.param('id') ?? '', 'rule'), c.get('scope'));
  if (!rule) throw new HttpProblem('not-found', 'There is no such rule.');
  return rule;
}

export const getRules =
  (db: Database) =>
  async (c: Context): Promise<Response> =>
    c.json({ items: (await listRules(db, c.get('scope'))).map(ruleJson) });

export const getRule =
  (db: Database) =>
  async (c: Context): Promise<Response> =>
    c.json(ruleJson(await ruleOf(c, db)));

export const postRule =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const createdBy = await operatorOf(c, options);
    const rule = validRule(await bodyOf(c, options));
    try {
      const id = await createRule(options.db, { ...rule, createdBy });
      const made = await readRule(options.db, id, null);
      if (!made) throw new Error('A rule vanished while it was written');
      return c.json(ruleJson(made), 201, { location: `/v1/rules/${id}` });
    } catch (error) {
      if (error instanceof RuleNameTaken)
        throw new HttpProblem('invalid-rule', 'The rule cannot be kept.', [
          { pointer: '/name', detail: 'another rule has this name' },
        ]);
      throw error;
    }
  };

/** Only switching: another condition is another rule, so that each alert says by which it was raised. */
export const patchRule =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const actor = await operatorOf(c, options);
    const { id } = await ruleOf(c, options.db);
    const body = await bodyOf(c, options);
    const isSwitch = typeof body === 'object' && body !== null && Object.keys(body).join() === 'enabled';
    const enabled = isSwitch ? (body as { enabled: unknown }).enabled : undefined;
    if (typeof enabled !== 'boolean')
      throw new HttpProblem('invalid-rule', 'A rule can be switched on and off; for another condition make another rule.', [
        { pointer: '/enabled', detail: 'is needed, alone: true or false' },
      ]);
    await enableRule(options.db, id, enabled, actor);
    return c.json(ruleJson(await ruleOf(c, options.db)));
  };

export const deleteRule =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const actor = await operatorOf(c, options);
    const { id } = await ruleOf(c, options.db);
    await retireRule(options.db, id, actor);
    return c.body(null, 204);
  };

export const getBacktest =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const rule = await ruleOf(c, db);
    const { days } = readBacktestQuery(c.req.url);
    const { alerts, seriesCount, isCut } = await backtest(db, rule.definition, {
      scope: c.get('scope'),
      days,
      now: Date.now(),
    });
    return c.json({
      rule: String(rule.id),
      days,
      series: seriesCount,
      complete: !isCut,
      alerts: alerts.map(({ series, openedAt, closedAt, value }) => ({
        model: { id: String(series.modelId), name: series.model },
        labels: series.labels,
        value,
        openedAt: new Date(openedAt).toISOString(),
        closedAt: closedAt === null ? null : new Date(closedAt).toISOString(),
      })),
    });
  };

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
  deliveries: alert.deliveries,
});

export const getAlerts =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const { state, model, limit, cursor } = readAlertsQuery(c.req.url);
    const order = `alerts.${state ?? 'all'}.${model ?? ''}`;
    const found = cursor === undefined ? undefined : readCursor(cursor, order);
    const after = found && typeof found.key === 'number' ? { key: found.key, id: found.id } : undefined;
    const modelId = model === undefined ? undefined : idOf(model);
    const rows = await listAlerts(db, { scope: c.get('scope'), state, modelId, limit: limit + 1, after });
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    const page = {
      items: shown.map(alertJson),
      next: rows.length > limit && last ? writeCursor(order, last.key, last.id) : null,
    };
    return answerItems(c, 'alerts', page);
  };
