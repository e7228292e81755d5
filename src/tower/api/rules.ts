/** /v1/rules: who is told what when values leave their range. */
import type { Context } from 'hono';
import type { ActionTargets } from '../../kernel/tower-actions.ts';
import { type Admin, adminOf } from '../auth/access.ts';
import { mayAdminister, readableBy } from '../auth/roles.ts';
import type { Actor } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import { createRule, enableRule, listRules, RuleNameTaken, type RuleRow, readRule, retireRule } from '../store/rules.ts';
import type { Scope } from '../store/scope.ts';
import { backtest } from '../triggers/backtest.ts';
import { warningsOf, whyNotKept } from '../triggers/leave.ts';
import { usualInARow } from '../triggers/rule.ts';
import { ruleFor } from './confined.ts';
import { type BacktestQuery, backtestQuery, type RulesQuery, rulesQuery } from './document/rule-schemas.ts';
import { parseJson, readBody } from './json.ts';
import { needJson } from './posts.ts';
import { HttpProblem } from './problem.ts';
import { idOf, pageOf, queryReader, readCursor } from './query.ts';
import type { ReportsOptions } from './reports.ts';
import { nameTaken, validRule } from './rule-body.ts';

/** The database, and what rules can do. */
export type WithActions = Pick<ReportsOptions, 'db' | 'actions'>;

export const readRulesQuery = queryReader<RulesQuery>(rulesQuery);
const rulesOrder = 'name.rules';
const readBacktestQuery = queryReader<BacktestQuery>(backtestQuery);

async function bodyOf(c: Context, { limits }: ReportsOptions): Promise<unknown> {
  needJson(c);
  return parseJson(await readBody(c.req.raw, limits), limits, 'invalid-rule');
}

const ruleJson = (
  { id, name, definition, isEnabled, createdBy, createdAt, judgesFrom, modelId, namespace, open, alerts }: RuleRow,
  targets: ActionTargets,
) => ({
  id: String(id),
  name,
  namespace,
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
  warnings: warningsOf(definition, targets),
});

/** That of the address. */
const idIn = (c: Context): string => c.req.param('id') ?? '';

async function ruleOf(db: Database, id: string, scope: Scope): Promise<RuleRow> {
  const rule = await readRule(db, idOf(id, 'rule'), scope);
  if (!rule) throw new HttpProblem('not-found', 'There is no such rule.');
  return rule;
}

/** A rule that this admin may change. */
export async function ownRuleOf(c: Context, db: Database, { grants }: Pick<Admin, 'grants'>, id = idIn(c)): Promise<RuleRow> {
  const rule = await ruleOf(db, id, readableBy(grants));
  if (rule.modelId !== null)
    throw new HttpProblem('forbidden', 'This rule stands in flightcheck.yml of its model, and is changed there.');
  if (!mayAdminister(grants, rule.namespace))
    throw new HttpProblem('forbidden', `This needs the role admin for ${rule.namespace || 'all projects'}.`);
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
  ({ db, actions }: WithActions) =>
  async (c: Context): Promise<Response> =>
    c.json(
      await pageOfRules(c, db, readRulesQuery(c.req.url)).then(({ shown, next }) => ({
        items: shown.map((rule) => ruleJson(rule, actions)),
        next,
      })),
    );

export const getRule =
  ({ db, actions }: WithActions) =>
  async (c: Context): Promise<Response> =>
    c.json(ruleJson(await ruleOf(db, idIn(c), c.get('scope')), actions));

export const postRule =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const { actor, grants } = await adminOf(c, options);
    const given = validRule(await bodyOf(c, options));
    const rule = await ruleFor(options.db, given, { grants, leaves: options.actions.repositories });
    try {
      const id = await createRule(options.db, { ...rule, createdBy: actor });
      const made = await readRule(options.db, id, readableBy(grants));
      if (!made) throw new Error('A rule vanished while it was written');
      return c.json(ruleJson(made, options.actions), 201, { location: `/v1/rules/${id}` });
    } catch (error) {
      throw error instanceof RuleNameTaken ? nameTaken() : error;
    }
  };

interface Switch {
  readonly enabled: boolean;
  readonly actor: Actor;
}

/** What the operator allows may have changed since the rule of a namespace was made. @throws HttpProblem 422 */
export async function switchRule(
  { db, actions }: WithActions,
  { id, namespace, definition }: RuleRow,
  { enabled, actor }: Switch,
): Promise<void> {
  const why = enabled && namespace !== '' ? whyNotKept(definition, namespace, actions.repositories) : null;
  if (why !== null)
    throw new HttpProblem('invalid-rule', `The rule cannot be switched on: ${why}.`, [{ pointer: '/enabled', detail: why }]);
  await enableRule(db, id, enabled, actor);
}

/** Only switching: another condition is another rule, so that each alert says by which it was raised. */
export const patchRule =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const admin = await adminOf(c, options);
    const rule = await ownRuleOf(c, options.db, admin);
    const body = await bodyOf(c, options);
    const isSwitch = typeof body === 'object' && body !== null && Object.keys(body).join() === 'enabled';
    const enabled = isSwitch ? (body as { enabled: unknown }).enabled : undefined;
    if (typeof enabled !== 'boolean')
      throw new HttpProblem('invalid-rule', 'A rule can be switched on and off; for another condition make another rule.', [
        { pointer: '/enabled', detail: 'is needed, alone: true or false' },
      ]);
    await switchRule(options, rule, { enabled, actor: admin.actor });
    return c.json(ruleJson(await ruleOf(options.db, idIn(c), readableBy(admin.grants)), options.actions));
  };

export const deleteRule =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const admin = await adminOf(c, options);
    const { id } = await ownRuleOf(c, options.db, admin);
    await retireRule(options.db, id, admin.actor);
    return c.body(null, 204);
  };

export const getBacktest =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const rule = await ruleOf(db, idIn(c), c.get('scope'));
    const { days } = readBacktestQuery(c.req.url);
    const { alerts, seriesCount, isCut } = await backtest(db, rule.definition, {
      scope: c.get('scope'),
      days,
      now: Date.now(),
      modelId: rule.modelId,
      namespace: rule.namespace,
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
