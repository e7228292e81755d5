/** GET /alerts/{id}: one alert, what was done for it, and who has taken notice. */
import type { Context } from 'hono';
import { safeUrl } from '../../reports/text.ts';
import { formatNumber, formatScore, plural } from '../../reports/words.ts';
import { HttpProblem } from '../api/problem.ts';
import { idOf } from '../api/query.ts';
import { mayWriteFor, sentForm } from '../auth/acting.ts';
import { type AlertRow, acknowledgeAlert, readAlert } from '../store/alerts.ts';
import { type Chain, chainOf, type Link, type Remade, type Told } from '../store/chain.ts';
import type { Database } from '../store/database.ts';
import { Done } from './alerts-table.tsx';
import { exploreHref } from './explore-state.ts';
import { Csrf, LinesField } from './form.tsx';
import { documentOf, Layout } from './layout.tsx';
import { sayMetric } from './metric-words.ts';
import { labelsOf } from './rules-pages.tsx';
import { sayQuantity } from './units.ts';
import { minute } from './words.ts';

const mostWhy = 500;

interface AlertPageProps {
  readonly alert: AlertRow;
  readonly chain: Chain;
  /** Whether the visitor may acknowledge it. */
  readonly mayWrite: boolean;
  /** What was sent and is not right. */
  readonly sent?: { readonly why: string; readonly error: string };
}

function Acknowledged({ alert, mayWrite, sent }: AlertPageProps) {
  return (
    <section aria-labelledby="notice">
      <h2 id="notice">Who has taken notice</h2>
      <div class="panel record-form">
        {alert.acknowledgedAt ? (
          <p>
            <strong>{alert.acknowledgedBy}</strong>, {minute(alert.acknowledgedAt)}: {alert.acknowledgedWhy}
          </p>
        ) : (
          <p>Nobody yet.</p>
        )}
        {mayWrite && (
          <form method="post" action={`/alerts/${alert.id}/acknowledge`} novalidate>
            <Csrf />
            <LinesField
              name="why"
              label={alert.acknowledgedAt ? 'Acknowledge it anew' : 'Acknowledge it'}
              hint="What is done about it, or why nothing is."
              value={sent?.why}
              error={sent?.error}
              most={mostWhy}
              isNeeded
            />
            <div class="buttons">
              <button type="submit">Acknowledge</button>
            </div>
          </form>
        )}
      </div>
    </section>
  );
}

const Other = ({ link }: { readonly link: Link }) => <a href={`/alerts/${link.id}`}>the alert of {minute(link.openedAt)}</a>;

function Version({ made, modelId }: { readonly made: Remade; readonly modelId: number }) {
  const job = safeUrl(made.jobUrl);
  const gate = made.isGatePassed;
  return (
    <li>
      {minute(made.firstAt)}: {made.commit ? <code>{made.commit.slice(0, 10)}</code> : 'no commit named'}
      {made.pipeline && <> of pipeline {job ? <a href={job}>{made.pipeline}</a> : made.pipeline}</>}
      {made.score !== null && (
        <>
          , <a href={`/models/${modelId}`}>score {formatScore(made.score)}</a>
        </>
      )}{' '}
      {gate !== null && <span class={`badge ${gate ? 'is-pass' : 'is-fail'}`}>gate {gate ? 'passed' : 'failed'}</span>}
      {!made.isRecord && <span class="quiet"> (a preview)</span>}
    </li>
  );
}

const Numbers = ({ told, modelId }: { readonly told: Told; readonly modelId: number }) => (
  <li>
    {minute(told.firstAt)}: <a href={`/models/${modelId}`}>{plural(told.points, 'value')}</a> by {told.writtenBy}
    {told.environment && <>, {told.environment}</>}
    {!told.isRecord && <span class="quiet"> (a preview)</span>}
  </li>
);

/** What came of it: pipeline, version, values, and the next alert where it did not help. */
function Followed({ alert, chain }: Pick<AlertPageProps, 'alert' | 'chain'>) {
  const { made, told, before, after, now } = chain;
  if (made.length === 0 && told.length === 0 && !before && after.length === 0) return null;
  return (
    <section aria-labelledby="followed">
      <h2 id="followed">What came of it</h2>
      <div class="panel record-form">
        {before && (
          <p>
            The version that raised it was made for <Other link={before} />.
          </p>
        )}
        {made.length > 0 && (
          <>
            <p>Made for this alert, by what the pipelines say that it started:</p>
            <ul class="versions">
              {made.map((one) => (
                <Version made={one} modelId={alert.modelId} />
              ))}
            </ul>
          </>
        )}
        {told.length > 0 && (
          <>
            <p>Told by what it started:</p>
            <ul class="versions">
              {told.map((one) => (
                <Numbers told={one} modelId={alert.modelId} />
              ))}
            </ul>
          </>
        )}
        {now && (
          <p>
            The value since then: <strong>{sayQuantity(now.value, alert.unit)}</strong> at {minute(now.at)}, after{' '}
            {sayQuantity(alert.value, alert.unit)}.
          </p>
        )}
        {after.map((link) => (
          <p>
            The version that was made for it raised <Other link={link} />.
          </p>
        ))}
      </div>
    </section>
  );
}

function AlertPage(props: AlertPageProps) {
  const { alert } = props;
  const what = sayMetric(alert.metric) ?? alert.metric;
  return (
    <Layout title={`${props.sent ? 'Error: ' : ''}${what} of ${alert.model} · Control Tower`} current="alerts">
      <header>
        <p class="path">
          <a href="/alerts">Alerts</a>
        </p>
        <h1>
          {what} of {alert.model}
        </h1>
        <p class="lead">
          The rule <a href={`/rules/${alert.ruleId}`}>{alert.rule}</a> raised it{' '}
          {alert.absentHours === null
            ? `for the value ${sayQuantity(alert.value, alert.unit)}`
            : `when nothing had come for ${formatNumber(alert.absentHours)} h, after the value ${sayQuantity(alert.value, alert.unit)},`}{' '}
          at {minute(alert.openedAt)}; {alert.closedAt ? `it was closed at ${minute(alert.closedAt)}` : 'it is open'}.{' '}
          <a
            href={exploreHref({
              metric: alert.metric,
              where: [`model:${alert.model}`],
              by: Object.keys(alert.labels).slice(0, 2),
            })}
          >
            The values
          </a>
        </p>
        <ul class="tags">
          <li>
            <span>severity</span> {alert.severity}
          </li>
          <li>
            <span>model</span> <a href={`/models/${alert.modelId}`}>{alert.model}</a>
          </li>
          <li>
            <span>owner</span> {alert.owner ?? 'nobody'}
          </li>
          {labelsOf(alert.labels) && <li>{labelsOf(alert.labels)}</li>}
          <li>
            <span>id</span> <code>{alert.uid}</code>
          </li>
        </ul>
      </header>
      <section aria-labelledby="done">
        <h2 id="done">What was done</h2>
        <div class="panel record-form">
          {alert.deliveries.length === 0 ? <p>The rule asks for nothing.</p> : <Done deliveries={alert.deliveries} />}
        </div>
      </section>
      <Followed alert={alert} chain={props.chain} />
      <Acknowledged {...props} />
    </Layout>
  );
}

const noSuch = () => new HttpProblem('not-found', 'There is no such alert.');
const idIn = (c: Context): number => idOf(c.req.param('id') ?? '', 'alert');
const targetOf = ({ project, model }: AlertRow) => ({ project, model });

const html = (c: Context, props: AlertPageProps, status: 200 | 422 = 200) =>
  c.html(documentOf(<AlertPage {...props} />), status, { 'cache-control': 'no-store' });

export const alertRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const alert = await readAlert(db, idIn(c), c.get('scope'));
    if (!alert) throw noSuch();
    return html(c, { alert, chain: await chainOf(db, alert.id), mayWrite: mayWriteFor(c, targetOf(alert)) });
  };

export const sendAcknowledgement =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const { actor, fields, scope } = await sentForm(c);
    const id = idIn(c);
    const alert = await readAlert(db, id, scope);
    if (!alert) throw noSuch();
    const why = (fields.why ?? '').trim();
    const error = why === '' ? 'is needed' : why.length > mostWhy ? `has more than ${mostWhy} characters` : null;
    if (error !== null) return html(c, { alert, chain: await chainOf(db, id), mayWrite: true, sent: { why, error } }, 422);
    if (!(await acknowledgeAlert(db, id, { actor, why, scope }))) throw noSuch();
    return c.redirect(`/alerts/${id}`, 303);
  };
