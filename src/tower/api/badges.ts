/** Signed addresses of badges: for a README that strangers read, of a model that they do not. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import { operatorOf, writerOf } from '../auth/access.ts';
import { actorOf } from '../auth/evidence.ts';
import { readableBy } from '../auth/roles.ts';
import { type Actor, recordAct } from '../store/audit.ts';
import { badgeKey, replaceBadgeKey } from '../store/badge-key.ts';
import { type Database, inTransaction } from '../store/database.ts';
import { type Model, readModel } from '../store/read-model.ts';
import { isModelInScope, type Scope } from '../store/scope.ts';
import { object } from './document/schema-words.ts';
import { parseJson, readBody } from './json.ts';
import { sayFaults } from './plain-errors.ts';
import { needJson } from './posts.ts';
import { HttpProblem } from './problem.ts';
import { idOf } from './query.ts';
import type { ReportsOptions } from './reports.ts';
import { ajvOf } from './validate.ts';

export const badgeKinds = ['score', 'structure', 'gate'] as const;
export type BadgeKind = (typeof badgeKinds)[number];

/** Longer ones are signed anew, by somebody who still may. */
export const mostDays = 366;

export const badgeToSignSchema = {
  type: 'object',
  description: 'A badge that everybody with its address will see.',
  additionalProperties: false,
  properties: {
    show: { type: 'string', description: 'What it says.', enum: badgeKinds, default: 'score' },
    days: { type: 'integer', description: 'Days for which it is shown.', minimum: 1, maximum: mostDays, default: 365 },
  },
} as const;

export interface BadgeToSign {
  readonly show: BadgeKind;
  readonly days: number;
}

const isBadgeToSign = ajvOf({ useDefaults: true }).compile<BadgeToSign>(badgeToSignSchema);

/** @throws HttpProblem 400 with a pointer to each fault. */
export function validBadgeToSign(value: unknown): BadgeToSign {
  if (isBadgeToSign(value)) return value;
  throw new HttpProblem('bad-request', 'The badge was not signed.', sayFaults(isBadgeToSign.errors));
}

export const signedBadgeSchema = object('An address that shows the badge to everybody who has it.', {
  url: { type: 'string' },
  markdown: { type: 'string', description: 'As a README has it.' },
  expiresAt: { type: 'string', format: 'date-time' },
});

interface Signed {
  readonly id: number;
  readonly show: BadgeKind;
  /** Seconds since 1970. */
  readonly expires: number;
}

const pathOf = ({ id, show, expires }: Signed): string => `/badge/${id}.svg?show=${show}&expires=${expires}`;
const signatureOf = (key: Buffer, signed: Signed): string => createHmac('sha256', key).update(pathOf(signed)).digest('base64url');

/** Whether we signed this, and it has not ended. */
export async function isSigned(db: Database, signed: Signed, signature: string, now: Date): Promise<boolean> {
  if (signed.expires * 1000 <= now.getTime()) return false;
  const [given, expected] = [Buffer.from(signature), Buffer.from(signatureOf(await badgeKey(db), signed))];
  return given.length === expected.length && timingSafeEqual(given, expected);
}

export interface SignedBadge {
  /** Without the server's address. */
  readonly path: string;
  readonly url: string;
  readonly markdown: string;
  readonly expiresAt: Date;
}

/** @throws HttpProblem 404 for a model that is not in scope, too. */
export async function modelOfBadge(c: Context, db: Database, scope: Scope): Promise<Model> {
  const id = idOf(c.req.param('id') ?? '');
  const model = (await isModelInScope(db, id, scope)) ? await readModel(db, id) : null;
  if (!model) throw new HttpProblem('not-found', 'There is no such model.');
  return model;
}

export interface Signing extends BadgeToSign {
  readonly model: Pick<Model, 'id' | 'name'>;
  readonly actor: Actor;
  /** Of this server, as people reach it. */
  readonly origin: string;
}

/** A number of the model becomes public by it, so the audit says who did it. */
export async function signBadge(db: Database, { model, show, days, actor, origin }: Signing): Promise<SignedBadge> {
  const id = Number(model.id);
  const signed = { id, show, expires: Math.floor(Date.now() / 1000) + days * 86_400 };
  const path = `${pathOf(signed)}&signature=${signatureOf(await badgeKey(db), signed)}`;
  const expiresAt = new Date(signed.expires * 1000);
  const detail = { model: String(id), show, expiresAt: expiresAt.toISOString() };
  await inTransaction(db, (connection) => recordAct(connection, { actor, action: 'badge.signed', subject: model.name, detail }));
  return { path, url: origin + path, markdown: `[![${show}](${origin}${path})](${origin}/models/${id})`, expiresAt };
}

/** Whoever may read the model; a job publishes nothing. */
export const postSignedBadge =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const { db, limits } = options;
    const principal = await writerOf(c, db, options.verifyIdToken);
    if (principal.kind === 'job')
      throw new HttpProblem('forbidden', 'Badges are signed by people and their tokens, not by jobs.');
    const model = await modelOfBadge(c, db, readableBy(principal.grants));
    needJson(c);
    const asked = validBadgeToSign(parseJson(await readBody(c.req.raw, limits), limits, 'bad-request'));
    const signed = { ...asked, model, actor: actorOf(principal), origin: c.get('origin') };
    const { url, markdown, expiresAt } = await signBadge(db, signed);
    return c.json({ url, markdown, expiresAt: expiresAt.toISOString() }, 201, { 'cache-control': 'no-store' });
  };

export const revokeBadges =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    await replaceBadgeKey(options.db, await operatorOf(c, options));
    return c.body(null, 204);
  };
