/** /v1/rules: who is told what when values leave their range. */
import type { Context } from 'hono';
import { operatorOf } from '../auth/access.ts';
import type { Database } from '../store/database.ts';
import { createRule, enableRule, listRules, RuleNameTaken, type RuleRow, readRule, retireRule } from '../store/rules.ts';
import { backtest } from '../triggers/backtest.ts';
import { usualInARow } from '../triggers/rule.ts';
import { parseJson, readBody } from './json.ts';
import { needJson } from './posts.ts';
import { HttpProblem } from './problem.ts';
import { idOf, pageOf, queryReader, readCursor } from './query.ts';
import type { ReportsOptions } from './reports.ts';
import { nameTaken, validRule } from './rule-body.ts';
import { type BacktestQuery, backtestQuery, type RulesQuery, rulesQuery } from './rule-schemas.ts';

export const readRulesQuery = queryReader<RulesQuery>(rulesQuery);
const rulesOrder = 'name.rules';
const readBacktestQuery = queryReader<BacktestQuery>(backtestQuery);

async function bodyOf(c: Context, { limits }: ReportsOptions): Promise<unknown> {
  needJson(c);
  return parseJson(await readBody(c.req.raw, limits), limits, 'invalid-rule');
}

const ruleJson = ({ id, name, definition, isEnabled, createdBy, createdAt, judgesFrom, modelId, open, alerts }: RuleRow) => ({
  id: String(id),
  name,
  // Rules of before have none.
  retrainsInARow: usualInARow,
  ...definition,
  enabled: isEnabled,
  model: modelId === null ? null : String(modelId),
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

/** A rule that an admin may change. */
export async function ownRuleOf(c: Context, db: Database): Promise<RuleRow> {
  const rule = await ruleOf(c, db);
  if (rule.modelId !== null)
    throw new HttpProblem('forbidden', 'This rule stands in flightcheck.yml of its model, and is changed there.');
  return rule;
}

/** A page of the rules that concern the reader. */
export async function pageOfRules(c: Context, db: Database, { limit, cursor }: RulesQuery) {
  const from = cursor === undefined ? undefined : readCursor(cursor, rulesOrder);
  const after = from && { name: String(from.key), id: from.id };
  const rows = await listRules(db, { scope: c.get('scope'), limit: limit + 1, after });
  const { shown, next } = pageOf(
    rows.map((rule) => ({ ...rule, key: rule.name })),
    limit,
    rulesOrder,
  );
  return { shown, next };
}

export const getRules =
  (db: Database) =>
  async (c: Context): Promise<Response> =>
    c.json(await pageOfRules(c, db, readRulesQuery(c.req.url)).then(({ shown, next }) => ({ items: shown.map(ruleJson), next })));

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
      throw error instanceof RuleNameTaken ? nameTaken() : error;
    }
  };

/** Only switching: another condition is another rule, so that each alert says by which it was raised. */
export const patchRule =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const actor = await operatorOf(c, options);
    const { id } = await ownRuleOf(c, options.db);
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
    const { id } = await ownRuleOf(c, options.db);
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
      modelId: rule.modelId,
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
