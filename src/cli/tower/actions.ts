/** The file of `tower serve --actions`: where Control Tower may act. Secrets stand in variables, which the file names. */
import { readFileSync } from 'node:fs';
import { gitLabActions, sendWebhook } from '../../adapters/tower-actions.ts';
import { airflowActions } from '../../adapters/tower-airflow.ts';
import { UsageError } from '../../kernel/failure.ts';
import type { AirflowActions, GitLabActions, RepositoryLeave, TowerActions, WebhookTarget } from '../../kernel/tower-actions.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Fields = Readonly<Record<string, unknown>>;

const hint =
  'See `flightcheck tower serve --help`; the form is {"webhooks": {"NAME": {"url": "https://...", "secret": "VARIABLE"}}, "gitlab": {"url": "https://...", "token": "VARIABLE"}, "airflow": {"NAME": {"url": "https://...", "username": "...", "password": "VARIABLE"}}, "repositories": {"GROUP": ["pipeline", "issue", "webhook:NAME"]}}.';

/** A file of the operator, and what is said when it is wrong. */
export interface OperatorFile {
  readonly path: string;
  readonly code: string;
  readonly hint: string;
}

const bad = ({ path, code, hint: form }: OperatorFile, what: string) => new UsageError(code, `${path}: ${what}`, { hint: form });

const fieldsOf = (value: unknown): Fields | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;

export function known(file: OperatorFile, at: string, value: unknown, names: readonly string[]): Fields {
  const fields = fieldsOf(value);
  if (!fields) throw bad(file, `${at} is not an object`);
  const unknown = Object.keys(fields).find((name) => !names.includes(name));
  if (unknown !== undefined) throw bad(file, `${at} has the unknown field ${unknown}; known are ${names.join(', ')}`);
  return fields;
}

export function address(file: OperatorFile, at: string, value: unknown): URL {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password)
    throw bad(file, `${at} is not an http or https address`);
  return url;
}

const baseOf = (url: URL): string => url.href.replace(/\/+$/, '');

export function secret(file: OperatorFile, at: string, name: unknown, env: Env): string {
  if (typeof name !== 'string' || !/^[A-Za-z_]\w*$/.test(name)) throw bad(file, `${at} does not name a variable`);
  const value = env[name]?.trim();
  if (!value) throw bad(file, `the variable ${name}, which ${at} names, is not set`);
  if (!/^[\x21-\x7e]+$/.test(value)) throw bad(file, `the variable ${name} holds characters that no secret has`);
  return value;
}

/** `whsec_` and base64 as Standard Webhooks write a secret, else its bytes. */
const keyOf = (text: string): Uint8Array =>
  text.startsWith('whsec_') ? Buffer.from(text.slice('whsec_'.length), 'base64') : Buffer.from(text, 'utf8');

function webhook(file: OperatorFile, name: string, value: unknown, env: Env): WebhookTarget {
  const at = `webhooks.${name}`;
  const fields = known(file, at, value, ['url', 'secret', 'private']);
  if (fields.private !== undefined && typeof fields.private !== 'boolean') throw bad(file, `${at}.private is not true or false`);
  return {
    url: baseOf(address(file, `${at}.url`, fields.url)),
    secret: keyOf(secret(file, `${at}.secret`, fields.secret, env)),
    mayBePrivate: fields.private === true,
  };
}

function gitLab(file: OperatorFile, value: unknown, env: Env): GitLabActions {
  const fields = known(file, 'gitlab', value, ['url', 'token']);
  return gitLabActions({
    url: baseOf(address(file, 'gitlab.url', fields.url)),
    token: secret(file, 'gitlab.token', fields.token, env),
  });
}

/** An account with its password, or a token; which version it is it says itself, unless told. */
function airflow(file: OperatorFile, name: string, value: unknown, env: Env): AirflowActions {
  const at = `airflow.${name}`;
  const fields = known(file, at, value, ['url', 'username', 'password', 'token', 'version']);
  const { url, username, password, token, version: major = null } = fields;
  if (major !== null && major !== 2 && major !== 3) throw bad(file, `${at}.version is not 2 or 3`);
  const base = { name, url: baseOf(address(file, `${at}.url`, url)), major } as const;
  if (token !== undefined && username === undefined && password === undefined)
    return airflowActions({ ...base, token: secret(file, `${at}.token`, token, env) });
  if (token !== undefined || typeof username !== 'string' || username === '')
    throw bad(file, `${at} needs username and password, or token alone`);
  return airflowActions({ ...base, username, password: secret(file, `${at}.password`, password, env) });
}

/** By path of a project or namespace, what rules of its repositories may do. */
function leave(file: OperatorFile, namespace: string, value: unknown): RepositoryLeave {
  const at = `repositories.${namespace}`;
  const isAction = (text: unknown): text is string =>
    typeof text === 'string' &&
    /^(pipeline|issue|webhook:[^:]+|airflow:[^:]+(:[\w.-]+)?|(pipelinesPerDay|retrainsInARow):(100|\d{1,2}))$/.test(text);
  if (!Array.isArray(value) || !value.every(isAction))
    throw bad(
      file,
      `${at} is not a list of pipeline, issue, webhook:NAME, airflow:NAME, airflow:NAME:DAG, pipelinesPerDay:N or retrainsInARow:N`,
    );
  return { namespace, actions: value };
}

/** The named parts of a list in the file. */
const partsOf = (file: OperatorFile, at: string, value: unknown): readonly [name: string, value: unknown][] =>
  value === undefined ? [] : Object.entries(fieldsOf(value) ?? known(file, at, value, []));

/** Nothing where no file is named: alerts are then shown, not sent. @throws UsageError */
export function readActions(path: string | undefined, env: Env): TowerActions {
  if (path === undefined) return { gitlab: null, airflows: new Map(), webhooks: new Map(), send: sendWebhook };
  const file = { path, code: 'TOWER_ACTIONS', hint };
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw bad(file, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const found = known(file, 'the file', content, ['webhooks', 'gitlab', 'airflow', 'repositories']);
  const [webhooks, airflows] = [partsOf(file, 'webhooks', found.webhooks), partsOf(file, 'airflow', found.airflow)];
  return {
    gitlab: found.gitlab === undefined ? null : gitLab(file, found.gitlab, env),
    repositories: partsOf(file, 'repositories', found.repositories).map(([name, value]) => leave(file, name, value)),
    airflows: new Map(airflows.map(([name, value]) => [name, airflow(file, name, value, env)])),
    webhooks: new Map(webhooks.map(([name, value]) => [name, webhook(file, name, value, env)])),
    send: sendWebhook,
  };
}
