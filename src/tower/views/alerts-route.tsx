/** GET /alerts: what is wrong now and what was done; GET /rules and /rules/{id}: what is watched, and what that would have raised. */
import type { Context } from 'hono';
import { plural } from '../../reports/words.ts';
import { alertFilterOf, pageOfAlerts, readAlertsQuery } from '../api/alerts.ts';
import type { AlertsQuery } from '../api/document/rule-schemas.ts';
import { HttpProblem } from '../api/problem.ts';
import { idOf } from '../api/query.ts';
import { ownRuleOf, pageOfRules, readRulesQuery, switchRule, type WithActions } from '../api/rules.ts';
import { isSomeAdmin, mayChangeFor, someAdminForm } from '../auth/acting.ts';
import { type AlertCount, type AlertRow, countAlerts } from '../store/alerts.ts';
import type { Database } from '../store/database.ts';
import { readRule, retireRule } from '../store/rules.ts';
import { backtest } from '../triggers/backtest.ts';
import { warningsOf } from '../triggers/leave.ts';
import { addressOf } from './address.ts';
import { Alerts } from './alerts-table.tsx';
import { Facets } from './facets.tsx';
import { Layout, show } from './layout.tsx';
import { NextPage } from './pager.tsx';
import { daysTried, RulePage, RulesPage } from './rules-pages.tsx';
import { count } from './words.ts';

interface AlertsPageProps {
  readonly query: AlertsQuery;
  readonly alerts: readonly AlertRow[];
  readonly counts: readonly AlertCount[];
  /** Cursor of the next page. */
  readonly next: string | null;
}

type Changes = { readonly [name in keyof AlertsQuery]?: AlertsQuery[name] | undefined };

const change = ({ limit: _, cursor: __, ...query }: AlertsQuery, changes: Changes): string =>
  addressOf('/alerts', { ...query, ...changes, ...(changes.state === 'open' && { state: undefined }) });

const narrowings = ['rule', 'severity', 'owner'] as const;

/** By what the alerts of the page's state can be told apart, the most frequent first. */
function Narrowings({ query, counts, state }: Pick<AlertsPageProps, 'query' | 'counts'> & { readonly state: 'open' | 'closed' }) {
  const facetsOf = (of: (typeof narrowings)[number]) =>
    counts
      .filter((row) => row.of === of && row.key !== null && row[state] > 0)
      .sort((a, b) => b[state] - a[state])
      .map(({ key, name, [state]: n }) => {
        const isChosen = query[of] !== undefined;
        const href = change(query, { [of]: isChosen ? undefined : (key ?? undefined) });
        return { text: name ?? '', n, href, isChosen };
      });
  return (
    <>
      {narrowings.map((of) => (
        <Facets title={of === 'rule' ? 'Rule' : of === 'owner' ? 'Owner' : 'Severity'} facets={facetsOf(of)} />
      ))}
    </>
  );
}

function AlertsPage({ query, alerts, counts, next }: AlertsPageProps) {
  const { open = 0, closed = 0 } = counts.find(({ of }) => of === 'all') ?? {};
  const state = query.state ?? 'open';
  const states = [
    { text: 'open', n: open, href: change(query, { state: 'open' }), isChosen: state === 'open' },
    { text: 'closed', n: closed, href: change(query, { state: 'closed' }), isChosen: state === 'closed' },
  ];
  return (
    <Layout title="Alerts · Control Tower" current="alerts">
      <header>
        <h1>Alerts</h1>
        <p class="lead">
          {open === 0 ? 'No alert is open' : `${plural(open, 'alert')} ${open === 1 ? 'is' : 'are'} open`}
          {closed > 0 && `, ${count(closed)} closed`}
          {query.model !== undefined && (
            <>
              , of <a href={`/models/${query.model}`}>one model</a> (<a href={change(query, { model: undefined })}>of all</a>)
            </>
          )}
          . <a href="/rules">The rules</a> say when one opens and what is done then.
        </p>
        <div class="narrowings">
          <Facets title="State" facets={states} />
          <Narrowings query={query} counts={counts} state={state} />
        </div>
      </header>
      {alerts.length > 0 && (
        <div class="panel">
          <Alerts label={state === 'open' ? 'Open alerts' : 'Closed alerts'} alerts={alerts} />
          <NextPage href={next && change(query, { cursor: next })} words="Older" />
        </div>
      )}
    </Layout>
  );
}

export const alertsRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const query = readAlertsQuery(c.req.url);
    const [{ shown, next }, counts] = await Promise.all([
      pageOfAlerts(c, db, { ...query, state: query.state ?? 'open' }),
      countAlerts(db, alertFilterOf(query, c.get('scope'))),
    ]);
    return show(c, <AlertsPage query={query} alerts={shown} counts={counts} next={next} />);
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
  ({ db, actions }: WithActions) =>
  async (c: Context): Promise<Response> => {
    const scope = c.get('scope');
    const rule = await readRule(db, idOf(c.req.param('id') ?? '', 'rule'), scope);
    if (!rule) throw new HttpProblem('not-found', 'There is no such rule.');
    return show(
      c,
      <RulePage
        rule={rule}
        warnings={warningsOf(rule.definition, actions)}
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
  (options: WithActions, change: 'switch' | 'delete') =>
  async (c: Context): Promise<Response> => {
    const { actor, grants, fields } = await someAdminForm(c);
    const rule = await ownRuleOf(c, options.db, { grants });
    if (change === 'delete') await retireRule(options.db, rule.id, actor);
    else await switchRule(options, rule, { enabled: fields.enabled === 'on', actor });
    return c.redirect(change === 'delete' ? '/rules' : `/rules/${rule.id}`, 303);
  };
