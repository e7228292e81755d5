/** The rules: what is watched, what is done then, and what a rule would have raised. */
import { formatNumber, plural } from '../../reports/words.ts';
import { fieldsOf } from '../api/rule-form.ts';
import type { RuleRow } from '../store/rules.ts';
import type { Backtest } from '../triggers/backtest.ts';
import type { Warning } from '../triggers/leave.ts';
import { type Action, isAbsence, type RuleDefinition } from '../triggers/rule.ts';
import { addressOf } from './address.ts';
import { exploreHref } from './explore-state.ts';
import { Csrf, Deed } from './form.tsx';
import { Layout, Shell } from './layout.tsx';
import { NextPage } from './pager.tsx';
import { sayChosen, sayQuantity } from './units.ts';
import { count, minute } from './words.ts';

/** A condition as a sentence. */
export function sayCondition({ when }: RuleDefinition, unit: string | null): string {
  if (isAbsence(when)) return `nothing for ${formatNumber(when.absentHours)} h`;
  const { of, is, limit, times = 1, closesAt } = when;
  const say = (bound: number): string => (of === 'value' ? sayChosen(bound, unit ?? '') : `${formatNumber(bound * 100)} %`);
  const row = times > 1 ? `, ${times} times in a row` : '';
  const back = closesAt === undefined ? '' : `, closed at ${say(closesAt)}`;
  return `${of === 'value' ? is : `change ${is}`} ${say(limit)}${row}${back}`;
}

const sayAction = (action: Action): string =>
  action.do === 'webhook'
    ? `webhook ${action.to}`
    : action.do === 'pipeline'
      ? `pipeline of ${action.ref}`
      : action.do === 'airflow'
        ? `DAG ${action.dag} at ${action.at}`
        : 'issue';

export const labelsOf = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

const example = (
  origin: string,
): string => `curl -X POST ${origin}/v1/rules -H "Authorization: Bearer $FLIGHTCHECK_TOWER_TOKEN" \\
  -H "Content-Type: application/json" -d '{
    "name": "drift of critical models", "metric": "model.drift.psi", "where": {"tier": ["critical"]},
    "when": {"of": "value", "is": "above", "limit": 0.2, "closesAt": 0.1, "times": 3},
    "actions": [{"do": "pipeline", "ref": "main"}]}'`;

function HowToMake({ isOpen }: { readonly isOpen: boolean }) {
  return (
    <details class="panel elsewhere" open={isOpen}>
      <summary>Make a rule</summary>
      <Shell lines={example} />
      <p class="small quiet">
        It is off until <code>PATCH /v1/rules/ID</code> with <code>{'{"enabled": true}'}</code>; its page shows what it would have
        raised.
      </p>
    </details>
  );
}

interface RulesPageProps {
  readonly rules: readonly RuleRow[];
  /** Cursor of the next page. */
  readonly next: string | null;
  /** There are other pages. */
  readonly isPart: boolean;
  readonly mayChange: boolean;
}

export function RulesPage({ rules, next, isPart, mayChange }: RulesPageProps) {
  return (
    <Layout title="Rules · Control Tower" current="alerts">
      <header>
        <p class="path">
          <a href="/alerts">Alerts</a>
        </p>
        <h1>Rules</h1>
        <p class="lead">
          {rules.length === 0
            ? 'No rule watches any metric yet.'
            : `${plural(rules.length, 'rule')}${isPart ? ' on this page' : ''}.`}
        </p>
      </header>
      {rules.length > 0 && (
        <section class="panel scroll" tabindex={0} aria-label="Rules">
          <table class="numbers flow">
            <thead>
              <tr>
                {['Rule', 'Metric', 'When', 'Then'].map((head) => (
                  <th scope="col">{head}</th>
                ))}
                <th scope="col" class="number">
                  Open
                </th>
                <th scope="col" class="number">
                  Raised
                </th>
              </tr>
            </thead>
            <tbody>
              {rules.map(({ id, name, definition, unit, isEnabled, model, namespace, open, alerts }) => (
                <tr>
                  <th scope="row">
                    <a href={`/rules/${id}`}>{name}</a>{' '}
                    <span class={`badge ${isEnabled ? 'is-pass' : 'is-skipped'}`}>{isEnabled ? 'on' : 'off'}</span>
                    {model !== null && <small class="quiet"> from the repository of {model}</small>}
                    {namespace !== '' && <small class="quiet"> {namespace}</small>}
                  </th>
                  <td>
                    <code>{definition.metric}</code>
                  </td>
                  <td>{sayCondition(definition, unit)}</td>
                  <td class="done">{definition.actions.map(sayAction).join(', ') || <span class="quiet">–</span>}</td>
                  <td class="number" data-label="Open">
                    {count(open)}
                  </td>
                  <td class="number" data-label="Raised">
                    {count(alerts)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      <NextPage href={next && addressOf('/rules', { cursor: next })} words="Next" />
      {mayChange ? (
        <p>
          <a class="button" href="/rules/new">
            Make a rule
          </a>
        </p>
      ) : (
        <HowToMake isOpen={rules.length === 0} />
      )}
    </Layout>
  );
}

export const daysTried = 90;
const pastShown = 50;

export function PastAlerts({ past }: { readonly past: Backtest }) {
  return (
    <section aria-labelledby="past">
      <h2 id="past">What it would have raised in {daysTried} days</h2>
      <p class="lead">
        {plural(past.alerts.length, 'alert')} of {plural(new Set(past.alerts.map((alert) => alert.series.modelId)).size, 'model')}
        , among the {past.isCut && 'first '}
        {count(past.seriesCount)} series that it looks at
        {past.isCut && '; there are more, which would take too long to judge here'}.
      </p>
      {past.alerts.length > 0 && (
        <div class="panel scroll">
          <table class="numbers flow">
            <thead>
              <tr>
                {['Opened', 'Closed', 'Model', 'Labels'].map((head) => (
                  <th scope="col">{head}</th>
                ))}
                <th scope="col" class="number">
                  Value
                </th>
              </tr>
            </thead>
            <tbody>
              {past.alerts.slice(0, pastShown).map(({ series, openedAt, closedAt, value }) => (
                <tr>
                  <td>{minute(new Date(openedAt))}</td>
                  <td data-label="to">{closedAt === null ? 'open' : minute(new Date(closedAt))}</td>
                  <th scope="row">
                    <a href={`/models/${series.modelId}`}>{series.model}</a>
                  </th>
                  <td>{labelsOf(series.labels)}</td>
                  <td class="number" data-label="value">
                    {sayQuantity(value, series.unit)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {past.alerts.length > pastShown && <p class="small quiet">The newest {pastShown} are shown; the API has them all.</p>}
    </section>
  );
}

function Changes({ rule }: { readonly rule: RuleRow }) {
  const to = `/rules/${rule.id}`;
  return (
    <div class="changes">
      {fieldsOf(rule) && (
        <a class="button" href={`${to}/edit`}>
          Change it
        </a>
      )}
      <form method="post" action={`${to}/switch`}>
        <Csrf />
        {!rule.isEnabled && <input type="hidden" name="enabled" value="on" />}
        <button type="submit">{rule.isEnabled ? 'Switch it off' : 'Switch it on'}</button>
      </form>
      <Deed summary="Take it away" to={`${to}/delete`} button="Take the rule away">
        <p>Its open alerts are closed; all stay on record.</p>
      </Deed>
    </div>
  );
}

const pairsOf = ({ where }: RuleDefinition): readonly string[] =>
  Object.entries(where).flatMap(([name, values]) => values.map((value) => `${name}:${value}`));

/** What it watches, as a sentence. */
export function Watched({ rule: { definition, unit } }: { readonly rule: RuleRow }) {
  const { metric } = definition;
  return (
    <>
      <a href={exploreHref({ metric, where: pairsOf(definition), by: ['model'], agg: 'max' })}>{metric}</a>{' '}
      {sayCondition(definition, unit)}.
    </>
  );
}

export function RuleTags({ rule: { definition } }: { readonly rule: RuleRow }) {
  return (
    <ul class="tags">
      <li>
        <span>severity</span> {definition.severity}
      </li>
      <li>
        <span>quiet for</span> {definition.cooldownHours} h
      </li>
      {pairsOf(definition).map((pair) => (
        <li>{pair.replace(/^label:/, '').replace(':', ' ')}</li>
      ))}
      {definition.actions.map((action) => (
        <li>
          <span>then</span> {sayAction(action)}
        </li>
      ))}
    </ul>
  );
}

/** What this server cannot do for a rule. */
export function Warnings({ warnings }: { readonly warnings: readonly Warning[] }) {
  if (warnings.length === 0) return null;
  const details = [...new Set(warnings.map(({ detail }) => detail))];
  return (
    <div class="panel notice is-fail" role="status">
      <p>Not all of it can be done: what its alerts ask for waits until it can.</p>
      <ul>
        {details.map((detail) => (
          <li>{detail}</li>
        ))}
      </ul>
    </div>
  );
}

interface RulePageProps {
  readonly warnings: readonly Warning[];
  readonly rule: RuleRow;
  readonly past: Backtest;
  readonly mayChange: boolean;
}

export function RulePage({ rule, warnings, past, mayChange }: RulePageProps) {
  return (
    <Layout title={`${rule.name} · Control Tower`} current="alerts">
      <header>
        <p class="path">
          <a href="/alerts">Alerts</a> / <a href="/rules">Rules</a>
        </p>
        <h1>{rule.name}</h1>
        <p class="lead">
          <Watched rule={rule} />{' '}
          {rule.isEnabled ? `On; values since ${minute(rule.judgesFrom)} are judged.` : 'Off: it judges nothing.'}
        </p>
        {rule.modelId !== null && (
          <p class="lead">
            From the repository of <a href={`/models/${rule.modelId}`}>{rule.model}</a>: it stands in <code>flightcheck.yml</code>
            , looks at this model alone, and is changed there.
          </p>
        )}
        {rule.namespace !== '' && (
          <p class="lead">
            For the projects of <code>{rule.namespace}</code> and below alone; its admins change it.
          </p>
        )}
        <RuleTags rule={rule} />
      </header>
      <Warnings warnings={warnings} />
      {mayChange && <Changes rule={rule} />}
      <PastAlerts past={past} />
    </Layout>
  );
}
