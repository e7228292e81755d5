/** GET /alerts: what is wrong now and what was done; GET /rules and /rules/{id}: what is watched, and what that would have raised. */
import type { Context } from 'hono';
import { safeUrl } from '../../reports/text.ts';
import { formatNumber, plural } from '../../reports/words.ts';
import { HttpProblem } from '../api/problem.ts';
import { idOf } from '../api/query.ts';
import { type AlertRow, listAlerts } from '../store/alerts.ts';
import type { Database } from '../store/database.ts';
import { listRules, readRule } from '../store/rules.ts';
import { backtest } from '../triggers/backtest.ts';
import { exploreHref } from './explore-state.ts';
import { documentOf, Layout } from './layout.tsx';
import { sayMetric } from './metric-words.ts';
import { daysTried, labelsOf, RulePage, RulesPage } from './rules-pages.tsx';
import { minute } from './words.ts';

const alertsShown = 100;
const severityTones = { info: 'is-manual', warning: 'is-warn', critical: 'is-fail' } as const;

function Done({ deliveries }: { readonly deliveries: AlertRow['deliveries'] }) {
  if (deliveries.length === 0) return <span class="quiet">–</span>;
  return (
    <ul>
      {deliveries.map(({ event, state, result, attempts }) => {
        const href = safeUrl(result);
        const tone = state === 'done' ? 'is-pass' : state === 'refused' ? 'is-fail' : 'is-warn';
        return (
          <li>
            <span class={`badge ${tone}`}>{state === 'done' ? event : state}</span>{' '}
            {href ? <a href={href}>{href.replace(/^https?:\/\//, '')}</a> : (result ?? '')}
            {state === 'waiting' && attempts > 0 && <span class="quiet"> ({plural(attempts, 'attempt')})</span>}
          </li>
        );
      })}
    </ul>
  );
}

function Alerts({ label, alerts }: { readonly label: string; readonly alerts: readonly AlertRow[] }) {
  return (
    <section class="panel scroll" tabindex={0} aria-label={label}>
      <table class="numbers alerts">
        <thead>
          <tr>
            {['Since', 'Model', 'What', 'Rule', 'Done'].map((head) => (
              <th scope="col">{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {alerts.map((alert) => (
            <tr>
              <td>
                <time datetime={alert.openedAt.toISOString()}>{minute(alert.openedAt)}</time>
                {alert.closedAt && <small>to {minute(alert.closedAt)}</small>}
              </td>
              <th scope="row">
                <a href={`/models/${alert.modelId}`}>{alert.model}</a>
                <small>{alert.owner ?? 'nobody'}</small>
              </th>
              <td>
                <a
                  href={exploreHref({
                    metric: alert.metric,
                    where: [`model:${alert.model}`],
                    by: Object.keys(alert.labels).slice(0, 2),
                  })}
                >
                  {sayMetric(alert.metric) ?? alert.metric}
                </a>{' '}
                {formatNumber(alert.value)}
                <small>{labelsOf(alert.labels)}</small>
              </td>
              <td>
                <span class={`badge ${severityTones[alert.severity]}`}>{alert.severity}</span>{' '}
                <a href={`/rules/${alert.ruleId}`}>{alert.rule}</a>
              </td>
              <td class="done">
                <Done deliveries={alert.deliveries} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

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

const html = (c: Context, page: { toString(): string }): Response | Promise<Response> =>
  c.html(documentOf(page), 200, { 'cache-control': 'no-cache' });

export const alertsRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const scope = c.get('scope');
    const [open, closed] = await Promise.all([
      listAlerts(db, { scope, state: 'open', limit: alertsShown }),
      listAlerts(db, { scope, state: 'closed', limit: alertsShown }),
    ]);
    return html(c, <AlertsPage open={open} closed={closed} />);
  };

export const rulesRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> =>
    html(c, <RulesPage rules={await listRules(db, c.get('scope'))} />);

export const ruleRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const scope = c.get('scope');
    const rule = await readRule(db, idOf(c.req.param('id') ?? '', 'rule'), scope);
    if (!rule) throw new HttpProblem('not-found', 'There is no such rule.');
    return html(
      c,
      <RulePage rule={rule} past={await backtest(db, rule.definition, { scope, days: daysTried, now: Date.now() })} />,
    );
  };
