/** /v1/tokens: tokens of machines. */
import type { Context } from 'hono';
import { operatorOf } from '../auth/access.ts';
import type { Database } from '../store/database.ts';
import { createToken, listTokens, type NewToken, revokeToken, TokenNameTaken, type TokenRow } from '../store/tokens.ts';
import { newTokenSchema } from './document/token-schemas.ts';
import { parseJson, readBody } from './json.ts';
import { sayFaults } from './plain-errors.ts';
import { needJson } from './posts.ts';
import { HttpProblem } from './problem.ts';
import { idOf } from './query.ts';
import type { ReportsOptions } from './reports.ts';
import { ajvOf } from './validate.ts';

const isTokenBody = ajvOf({ useDefaults: true }).compile<Omit<NewToken, 'createdBy'>>(newTokenSchema);

/** A token as the API and the command line show it. */
export const tokenJson = ({ id, createdAt, expiresAt, lastUsedAt, ...row }: TokenRow) => ({
  ...row,
  id: String(id),
  createdAt: createdAt.toISOString(),
  expiresAt: expiresAt?.toISOString() ?? null,
  lastUsedAt: lastUsedAt?.toISOString() ?? null,
});

/** What is wanted, with its defaults. @throws HttpProblem 422 */
export function validToken(value: unknown): Omit<NewToken, 'createdBy'> {
  if (isTokenBody(value)) return value;
  const problems = sayFaults(isTokenBody.errors);
  throw new HttpProblem('invalid-token', 'The token does not fit its schema.', problems);
}

/** @throws HttpProblem 422 */
export async function makeToken(db: Database, value: unknown, createdBy: string) {
  const wanted = validToken(value);
  try {
    return await createToken(db, { ...wanted, createdBy });
  } catch (error) {
    if (!(error instanceof TokenNameTaken)) throw error;
    throw new HttpProblem('invalid-token', 'The token cannot be made.', [
      {
        pointer: '/name',
        detail: `is ${JSON.stringify(wanted.name)}, the name of another token in use or of the server's own (operator)`,
      },
    ]);
  }
}

export const getTokens =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    await operatorOf(c, options);
    return c.json({ items: (await listTokens(options.db)).map(tokenJson) });
  };

export const postToken =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const createdBy = await operatorOf(c, options);
    needJson(c);
    const body = parseJson(await readBody(c.req.raw, options.limits), options.limits, 'invalid-token');
    const { token, row } = await makeToken(options.db, body, createdBy);
    return c.json({ ...tokenJson(row), token }, 201, { 'cache-control': 'no-store' });
  };

export const deleteToken =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const actor = await operatorOf(c, options);
    if (!(await revokeToken(options.db, idOf(c.req.param('id') ?? '', 'token'), actor)))
      throw new HttpProblem('not-found', 'There is no such token in use.');
    return c.body(null, 204);
  };
