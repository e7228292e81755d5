/** Alerts as a table, and what was done for one. */
import { safeUrl } from '../../reports/text.ts';
import { formatNumber, plural } from '../../reports/words.ts';
import type { AlertRow } from '../store/alerts.ts';
import { exploreHref } from './explore-state.ts';
import { sayMetric } from './metric-words.ts';
import { labelsOf } from './rules-pages.tsx';
import { sayQuantity } from './units.ts';
import { minute } from './words.ts';

const severityTones = { info: 'is-manual', warning: 'is-warn', critical: 'is-fail' } as const;

export function Done({ deliveries }: { readonly deliveries: AlertRow['deliveries'] }) {
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

export function Alerts({ label, alerts }: { readonly label: string; readonly alerts: readonly AlertRow[] }) {
  return (
    <section class="scroll" tabindex={0} aria-label={label}>
      <table class="numbers alerts flow">
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
                <a href={`/alerts/${alert.id}`}>
                  <time datetime={alert.openedAt.toISOString()}>{minute(alert.openedAt)}</time>
                </a>
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
                {alert.absentHours === null
                  ? sayQuantity(alert.value, alert.unit)
                  : `nothing for ${formatNumber(alert.absentHours)} h`}
                <small>{labelsOf(alert.labels)}</small>
              </td>
              <td>
                <span class={`badge ${severityTones[alert.severity]}`}>{alert.severity}</span>{' '}
                <a href={`/rules/${alert.ruleId}`}>{alert.rule}</a>
              </td>
              <td class="done">
                <Done deliveries={alert.deliveries} />
                {alert.acknowledgedAt && (
                  <small>
                    acknowledged by {alert.acknowledgedBy}: {alert.acknowledgedWhy}
                  </small>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
