/** Signed addresses of badges: for a README that strangers read, of a model that they do not. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import { operatorOf } from '../auth/access.ts';
import { badgeKey, replaceBadgeKey } from '../store/badge-key.ts';
import type { Database } from '../store/database.ts';
import { readModel } from '../store/read-model.ts';
import { HttpProblem } from './problem.ts';
import { idOf, type QuerySchema, queryReader } from './query.ts';
import type { ReportsOptions } from './reports.ts';
import { object } from './schema-words.ts';

export const badgeKinds = ['score', 'structure', 'gate'] as const;
export type BadgeKind = (typeof badgeKinds)[number];

export const signedBadgeQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    show: { type: 'string', description: 'What it says.', enum: badgeKinds, default: 'score' },
    days: { type: 'integer', description: 'Days for which it is shown.', minimum: 1, maximum: 3660, default: 365 },
  },
} as const satisfies QuerySchema;

export const signedBadgeSchema = object('An address that shows the badge to everybody who has it.', {
  url: { type: 'string' },
  markdown: { type: 'string', description: 'As a README has it.' },
  expiresAt: { type: 'string', format: 'date-time' },
});

export const readSignedBadgeQuery = queryReader<{ readonly show: BadgeKind; readonly days: number }>(signedBadgeQuery);

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
  readonly model: string;
  /** Without the server's address. */
  readonly path: string;
  readonly url: string;
  readonly markdown: string;
  readonly expiresAt: Date;
}

/** For a reader of the model: the guard of reading has let him through. @throws HttpProblem 404 */
export async function signBadge(c: Context, db: Database, publicUrl: string | null): Promise<SignedBadge> {
  const { show, days } = readSignedBadgeQuery(c.req.url);
  const id = idOf(c.req.param('id') ?? '');
  const model = await readModel(db, id);
  if (!model) throw new HttpProblem('not-found', 'There is no such model.');
  const signed = { id, show, expires: Math.floor(Date.now() / 1000) + days * 86_400 };
  const path = `${pathOf(signed)}&signature=${signatureOf(await badgeKey(db), signed)}`;
  const origin = publicUrl ?? new URL(c.req.url).origin;
  return {
    model: model.name,
    path,
    url: origin + path,
    markdown: `[![${show}](${origin}${path})](${origin}/models/${id})`,
    expiresAt: new Date(signed.expires * 1000),
  };
}

export const getSignedBadge =
  (db: Database, publicUrl: string | null) =>
  async (c: Context): Promise<Response> => {
    const { url, markdown, expiresAt } = await signBadge(c, db, publicUrl);
    return c.json({ url, markdown, expiresAt: expiresAt.toISOString() }, 200, { 'cache-control': 'no-store' });
  };

export const revokeBadges =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    await replaceBadgeKey(options.db, await operatorOf(c, options));
    return c.body(null, 204);
  };
