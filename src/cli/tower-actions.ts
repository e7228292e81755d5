/** The file of `tower serve --actions`: where Control Tower may act. Secrets stand in variables, which the file names. */
import { readFileSync } from 'node:fs';
import { gitLabActions, sendWebhook } from '../adapters/tower-actions.ts';
import { UsageError } from '../kernel/failure.ts';
import type { GitLabActions, TowerActions, WebhookTarget } from '../kernel/tower-actions.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Fields = Readonly<Record<string, unknown>>;

const hint =
  'See `flightcheck tower serve --help`; the form is {"webhooks": {"NAME": {"url": "https://...", "secret": "VARIABLE"}}, "gitlab": {"url": "https://...", "token": "VARIABLE"}}.';

const bad = (path: string, what: string) => new UsageError('TOWER_ACTIONS', `${path}: ${what}`, { hint });

const fieldsOf = (value: unknown): Fields | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;

function known(path: string, at: string, value: unknown, names: readonly string[]): Fields {
  const fields = fieldsOf(value);
  if (!fields) throw bad(path, `${at} is not an object`);
  const unknown = Object.keys(fields).find((name) => !names.includes(name));
  if (unknown !== undefined) throw bad(path, `${at} has the unknown field ${unknown}; known are ${names.join(', ')}`);
  return fields;
}

function address(path: string, at: string, value: unknown): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password)
    throw bad(path, `${at} is not an http or https address`);
  return url.href.replace(/\/+$/, '');
}

function secret(path: string, at: string, name: unknown, env: Env): string {
  if (typeof name !== 'string' || !/^[A-Za-z_]\w*$/.test(name)) throw bad(path, `${at} does not name a variable`);
  const value = env[name]?.trim();
  if (!value) throw bad(path, `the variable ${name}, which ${at} names, is not set`);
  if (!/^[\x21-\x7e]+$/.test(value)) throw bad(path, `the variable ${name} holds characters that no secret has`);
  return value;
}

/** `whsec_` and base64 as Standard Webhooks write a secret, else its bytes. */
const keyOf = (text: string): Uint8Array =>
  text.startsWith('whsec_') ? Buffer.from(text.slice('whsec_'.length), 'base64') : Buffer.from(text, 'utf8');

function webhook(path: string, name: string, value: unknown, env: Env): WebhookTarget {
  const at = `webhooks.${name}`;
  const fields = known(path, at, value, ['url', 'secret', 'private']);
  if (fields.private !== undefined && typeof fields.private !== 'boolean') throw bad(path, `${at}.private is not true or false`);
  return {
    url: address(path, `${at}.url`, fields.url),
    secret: keyOf(secret(path, `${at}.secret`, fields.secret, env)),
    mayBePrivate: fields.private === true,
  };
}

function gitLab(path: string, value: unknown, env: Env): GitLabActions {
  const fields = known(path, 'gitlab', value, ['url', 'token']);
  return gitLabActions({ url: address(path, 'gitlab.url', fields.url), token: secret(path, 'gitlab.token', fields.token, env) });
}

/** Nothing where no file is named: alerts are then shown, not sent. @throws UsageError */
export function readActions(path: string | undefined, env: Env): TowerActions {
  if (path === undefined) return { gitlab: null, webhooks: new Map(), send: sendWebhook };
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw bad(path, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const file = known(path, 'the file', content, ['webhooks', 'gitlab']);
  const webhooks = Object.entries(
    file.webhooks === undefined ? {} : (fieldsOf(file.webhooks) ?? known(path, 'webhooks', file.webhooks, [])),
  );
  return {
    gitlab: file.gitlab === undefined ? null : gitLab(path, file.gitlab, env),
    webhooks: new Map(webhooks.map(([name, value]) => [name, webhook(path, name, value, env)])),
    send: sendWebhook,
  };
}
