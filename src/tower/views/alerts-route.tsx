/** GET /alerts: what is wrong now and what was done; GET /rules and /rules/{id}: what is watched, and what that would have raised. */
import type { Context } from 'hono';
import { plural } from '../../reports/words.ts';
import { HttpProblem } from '../api/problem.ts';
import { idOf } from '../api/query.ts';
import type { ReportsOptions } from '../api/reports.ts';
import { ownRuleOf, pageOfRules, readRulesQuery, switchRule } from '../api/rules.ts';
import { isSomeAdmin, mayChangeFor, someAdminForm } from '../auth/acting.ts';
import { type AlertRow, listAlerts } from '../store/alerts.ts';
import type { Database } from '../store/database.ts';
import { readRule, retireRule } from '../store/rules.ts';
import { backtest } from '../triggers/backtest.ts';
import { Alerts } from './alerts-table.tsx';
import { Layout, show } from './layout.tsx';
import { daysTried, RulePage, RulesPage } from './rules-pages.tsx';

const alertsShown = 100;
function AlertsPage({ open, closed }: { readonly open: readonly AlertRow[]; readonly closed: readonly AlertRow[] }) {
  return (
    <Layout title="Alerts · Control Tower" current="alerts">
      <header>
        <h1>Alerts</h1>
        <p class="lead">
          {open.length === 0
            ? 'No alert is open.'
            : `${plural(open.length, 'alert')}${open.length === alertsShown ? ' or more' : ''} open.`}{' '}
          <a href="/rules">The rules</a> say when one opens and what is done then.
        </p>
      </header>
      {open.length > 0 && <Alerts label="Open alerts" alerts={open} />}
      {closed.length > 0 && (
        <section aria-labelledby="closed">
          <h2 id="closed">Closed</h2>
          <Alerts label="Closed alerts" alerts={closed} />
        </section>
      )}
    </Layout>
  );
}

export const alertsRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const scope = c.get('scope');
    const [open, closed] = await Promise.all([
      listAlerts(db, { scope, state: 'open', limit: alertsShown }),
      listAlerts(db, { scope, state: 'closed', limit: alertsShown }),
    ]);
    return show(c, <AlertsPage open={open} closed={closed} />);
  };

export const rulesRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const query = readRulesQuery(c.req.url);
    const { shown, next } = await pageOfRules(c, db, query);
    const isPart = next !== null || query.cursor !== undefined;
    return show(c, <RulesPage rules={shown} next={next} isPart={isPart} mayChange={isSomeAdmin(c)} />);
  };

export const ruleRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const scope = c.get('scope');
    const rule = await readRule(db, idOf(c.req.param('id') ?? '', 'rule'), scope);
    if (!rule) throw new HttpProblem('not-found', 'There is no such rule.');
    return show(
      c,
      <RulePage
        rule={rule}
        mayChange={mayChangeFor(c, rule.namespace) && rule.modelId === null}
        past={
          await backtest(db, rule.definition, {
            scope,
            days: daysTried,
            now: Date.now(),
            modelId: rule.modelId,
            namespace: rule.namespace,
          })
        }
      />,
    );
  };

/** Switches a rule on or off, or takes it away. */
export const changeRule =
  (options: Pick<ReportsOptions, 'db' | 'repositories'>, change: 'switch' | 'delete') =>
  async (c: Context): Promise<Response> => {
    const { actor, grants, fields } = await someAdminForm(c);
    const rule = await ownRuleOf(c, options.db, { grants });
    if (change === 'delete') await retireRule(options.db, rule.id, actor);
    else await switchRule(options, rule, { enabled: fields.enabled === 'on', actor });
    return c.redirect(change === 'delete' ? '/rules' : `/rules/${rule.id}`, 303);
  };
