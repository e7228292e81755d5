/** Takes deliveries out of the outbox and tries until the other side has acknowledged them. */
import { createHmac } from 'node:crypto';
import { sql } from 'kysely';
import { ActionFault, alertConf, alertVariable, type TowerActions } from '../../kernel/tower-actions.ts';
import { type AlertRow, listAlerts } from '../store/alerts.ts';
import type { Database } from '../store/database.ts';
import { inNamespaceOfRule } from '../store/scope.ts';
import { missing, whyNotAllowed } from './leave.ts';
import type { Action, RuleDefinition } from './rule.ts';

interface Claimed {
  readonly id: number;
  readonly alertId: number;
  readonly event: 'opened' | 'closed';
  readonly attempts: number;
  readonly action: Action;
  readonly definition: RuleDefinition;
  readonly projectId: number;
  readonly issuer: string;
  readonly externalId: string;
  readonly path: string;
  /** It is the end of what was done when the alert opened, or of an issue that a server may have opened before it died. */
  readonly isEndOfDone: boolean;
  /** The rule stands in the repository of its model, or is of a namespace. */
  readonly isConfined: boolean;
  /** The project lies where the rule looks. */
  readonly isInNamespace: boolean;
}

/** A server that dies while it delivers leaves the delivery to another after this time. */
const leaseSeconds = 120;
const longestPauseSeconds = 3600;
/** Then an operator has to look. */
const mostAttempts = 200;

export const pauseAfter = (attempts: number): number => Math.min(longestPauseSeconds, 5 * 2 ** Math.min(attempts - 1, 20));

/** Of what is due, the oldest of the next project by id: all take turns, however much one of them has. */
async function claim(db: Database, after: number): Promise<Claimed | null> {
  const { rows } = await sql<Claimed>`
    with claimed as (
      update delivery set attempts = attempts + 1, next_at = now() + make_interval(secs => ${leaseSeconds})
      where id = (
        select delivery.id from delivery join alert on alert.id = delivery.alert_id join model on model.id = alert.model_id
        where state = 'waiting' and next_at <= now()
          and not exists (select 1 from delivery as before where before.alert_id = delivery.alert_id
            and before.action = delivery.action and before.state = 'waiting' and before.id < delivery.id)
        order by model.project_id <= ${after}, model.project_id, next_at, delivery.id limit 1 for update of delivery skip locked)
      returning *
    )
    select claimed.id, claimed.alert_id as "alertId", claimed.event, claimed.attempts,
      rule.definition -> 'actions' -> claimed.action as action, rule.definition, project.id as "projectId", project.issuer, project.external_id as "externalId",
      project.path, claimed.event = 'closed' and exists (select 1 from delivery as opened where opened.alert_id = alert.id
        and opened.action = claimed.action and opened.event = 'opened' and (opened.state = 'done'
          or opened.attempts > 0 and rule.definition -> 'actions' -> claimed.action ->> 'do' = 'issue')) as "isEndOfDone",
      rule.model_id is not null or rule.namespace <> '' as "isConfined", ${inNamespaceOfRule} as "isInNamespace"
    from claimed join alert on alert.id = claimed.alert_id join rule on rule.id = alert.rule_id
      join model on model.id = alert.model_id join project on project.id = model.project_id`.execute(db);
  return rows[0] ?? null;
}

/** Text of models and labels in a line of Markdown: no mention, quick action, image or link comes of it. */
const quoted = (text: string): string =>
  `\`${
    text
      .replaceAll(/[`\p{C}]+/gu, ' ')
      .trim()
      .slice(0, 200) || ' '
  }\``;

const issueTitle = (alert: AlertRow): string =>
  `Alert ${alert.uid.slice(0, 13)}: ${alert.metric} of ${alert.model}`.replaceAll(/[\p{C}@#!~&%]+/gu, ' ').slice(0, 200);

function issueText(alert: AlertRow, url: string): string {
  return [
    `The rule ${quoted(alert.rule)} has raised an alert for the model ${quoted(alert.model)}.`,
    '',
    `- Metric: ${quoted(alert.metric)}`,
    ...Object.entries(alert.labels).map(([name, value]) => `- Label ${quoted(name)}: ${quoted(value)}`),
    `- Value: ${alert.value}`,
    `- Since: ${alert.openedAt.toISOString()}`,
    '',
    `Control Tower closes this issue with the alert. The model: ${url}/models/${alert.modelId}`,
  ].join('\n');
}

/**
 * CloudEvents 1.0, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 * Where a project went, and who owns it there, is not told to those whom it has left.
 */
export function cloudEvent(alert: AlertRow, event: Claimed['event'], url: string, isInNamespace = true) {
  const { uid, rule, severity, modelId, model, metric, labels, value, openedAt, closedAt } = alert;
  const { project, owner } = isInNamespace ? alert : { project: null, owner: null };
  return {
    specversion: '1.0',
    id: `${uid}-${event}`,
    source: url,
    type: `flightcheck.alert.${event}`,
    subject: `models/${modelId}`,
    time: (event === 'closed' && closedAt ? closedAt : openedAt).toISOString(),
    datacontenttype: 'application/json',
    data: {
      alert: uid,
      rule,
      severity,
      model: { id: String(modelId), name: model, project, owner },
      metric,
      labels,
      value,
      openedAt: openedAt.toISOString(),
      closedAt: closedAt?.toISOString() ?? null,
    },
  };
}

/** Standard Webhooks: HMAC-SHA256 over id, time and body, https://github.com/standard-webhooks/standard-webhooks */
export function signedHeaders(id: string, seconds: number, body: string, secret: Uint8Array): Readonly<Record<string, string>> {
  const signature = createHmac('sha256', secret).update(`${id}.${seconds}.${body}`).digest('base64');
  return {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': `v1,${signature}`,
  };
}

interface Delivery {
  readonly claimed: Claimed;
  readonly alert: AlertRow;
  readonly actions: TowerActions;
  /** Of this server, as people reach it. */
  readonly url: string;
  readonly now: Date;
}

async function deliverWebhook({ claimed, alert, actions, url, now }: Delivery, to: string): Promise<string> {
  const target = actions.webhooks.get(to);
  if (!target) throw new ActionFault(missing.webhook(to));
  const body = JSON.stringify(cloudEvent(alert, claimed.event, url, claimed.isInNamespace));
  await actions.send(
    target,
    signedHeaders(`${alert.uid}-${claimed.event}`, Math.floor(now.getTime() / 1000), body, target.secret),
    body,
  );
  return `sent to ${to}`;
}

/** The project as GitLab knows it: by number where its own jobs named it, by path where a token did. */
function gitLabOf({ claimed, actions }: Delivery) {
  const { gitlab } = actions;
  if (!gitlab) throw new ActionFault(missing.gitlab);
  if (claimed.issuer === gitlab.issuer) return { gitlab, project: claimed.externalId };
  if (claimed.issuer !== 'local') throw new ActionFault('the project belongs to another GitLab than that of --actions', true);
  if (claimed.path === '') throw new ActionFault('the reports of this model name no project', true);
  return { gitlab, project: claimed.path };
}

async function deliverPipeline(delivery: Delivery, ref: string, variables: Readonly<Record<string, string>>): Promise<string> {
  const { alert, claimed } = delivery;
  const { gitlab, project } = gitLabOf(delivery);
  // GitLab has no key against doubles: after an attempt without an answer the pipeline may exist.
  const found = claimed.attempts > 1 ? await gitlab.findPipeline(project, alert.uid, alert.recordedAt) : null;
  if (found) return found;
  return gitlab.startPipeline(project, ref, {
    ...variables,
    [alertVariable]: alert.uid,
    FLIGHTCHECK_ALERT_MODEL: alert.model,
    FLIGHTCHECK_ALERT_METRIC: alert.metric,
  });
}

async function deliverIssue(delivery: Delivery): Promise<string> {
  const { alert, claimed, url } = delivery;
  const { gitlab, project } = gitLabOf(delivery);
  const title = issueTitle(alert);
  const found = claimed.attempts > 1 || claimed.event === 'closed' ? await gitlab.findIssue(project, title) : null;
  if (claimed.event === 'opened') return found?.url ?? gitlab.openIssue(project, { title, description: issueText(alert, url) });
  if (found) await gitlab.closeIssue(project, found.iid);
  return found ? found.url : 'the issue is gone';
}

function deliverRun({ alert, actions, url }: Delivery, at: string, dag: string): Promise<string> {
  const airflow = actions.airflows.get(at);
  if (!airflow) throw new ActionFault(missing.airflow(at));
  const { uid, model, metric, labels, value, rule, modelId } = alert;
  return airflow.startRun(dag, uid, {
    [alertConf]: uid,
    ...{ model, metric, labels, value, rule },
    tower: `${url}/models/${modelId}`,
  });
}

async function deliver(delivery: Delivery): Promise<string> {
  const { action, isConfined, isInNamespace, isEndOfDone, path } = delivery.claimed;
  // What was begun with leave is ended without it: no issue stays open for an alert that is closed.
  if (!isEndOfDone) {
    if (!isInNamespace) throw new ActionFault("the project has left the rule's namespace", true);
    const why = isConfined ? whyNotAllowed(action, path, delivery.actions.repositories) : null;
    if (why !== null) throw new ActionFault(why, true);
  }
  if (action.do === 'webhook') return deliverWebhook(delivery, action.to);
  if (action.do === 'pipeline') return deliverPipeline(delivery, action.ref, action.variables ?? {});
  if (action.do === 'airflow') return deliverRun(delivery, action.at, action.dag);
  return deliverIssue(delivery);
}

/** The first line is for whoever reads the alert: see `listAlerts`. */
const withDetail = ({ message, detail }: ActionFault): string =>
  [message.replaceAll(/\s+/g, ' '), ...(detail === null ? [] : [detail])].join('\n');

export interface DeliverOptions {
  readonly actions: TowerActions;
  readonly url: string;
  /** Told of faults that are ours. */
  onError(error: unknown): void;
}

/** One attempt at a delivery, of the first project after the one given. @returns whose it was; null when none is due. */
export async function deliverNext(db: Database, { actions, url, onError }: DeliverOptions, after = 0): Promise<number | null> {
  const claimed = await claim(db, after);
  if (!claimed) return null;
  const [alert] = await listAlerts(db, { scope: null, id: claimed.alertId, limit: 1 });
  try {
    if (!alert) throw new Error(`Alert ${claimed.alertId} is gone`);
    const result = await deliver({ claimed, alert, actions, url, now: new Date() });
    await sql`update delivery set state = 'done', done_at = now(), result = ${result.slice(0, 1000)} where id = ${claimed.id}`.execute(
      db,
    );
  } catch (error) {
    if (!(error instanceof ActionFault)) onError(error);
    const reason = error instanceof ActionFault ? withDetail(error) : 'something went wrong here; the log says what';
    const isOver = (error instanceof ActionFault && error.isFinal) || claimed.attempts >= mostAttempts;
    // Meanwhile its rule may have been switched off: what is refused stays so.
    await sql`update delivery set state = ${isOver ? 'refused' : 'waiting'}, result = ${reason.slice(0, 1000)},
      next_at = now() + make_interval(secs => ${pauseAfter(claimed.attempts)}) where id = ${claimed.id} and state = 'waiting'`.execute(
      db,
    );
  }
  return claimed.projectId;
}
