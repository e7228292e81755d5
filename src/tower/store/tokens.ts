/** Write tokens: random, kept only as their SHA-256. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { sql } from 'kysely';
import { type Connection, type Database, inTransaction } from './database.ts';

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** 192 random bits; the prefix lets secret scanners find it. */
const newToken = (): string => `fct_${randomBytes(24).toString('base64url')}`;

/** The name of the token that `tower serve` prints. */
const serveToken = 'write';

async function replaceToken(connection: Connection, token: string): Promise<void> {
  const hash = hashOf(token);
  await sql`update token set revoked_at = now() where name = ${serveToken} and revoked_at is null and hash <> ${hash}`.execute(
    connection,
  );
  await sql`insert into token (name, hash, scope) values (${serveToken}, ${hash}, 'write')
    on conflict (hash) do update set revoked_at = null`.execute(connection);
}

/** Two replicas that start together agree on one token. */
const oneAtATime = (connection: Connection) => sql`select pg_advisory_xact_lock(7304212)`.execute(connection);

/** Makes `token` the only valid token of that name, so that a lost one can be replaced. */
export const setWriteToken = (db: Database, token: string): Promise<void> =>
  inTransaction(db, async (connection) => {
    await oneAtATime(connection);
    await replaceToken(connection, token);
  });

/**
 * Makes a write token when there is none, or when `isReplaced` asks for a new one.
 * @returns the token, which cannot be shown again; null when there was one already.
 */
export const ensureWriteToken = (db: Database, isReplaced: boolean): Promise<string | null> =>
  inTransaction(db, async (connection) => {
    await oneAtATime(connection);
    const { rows } = await sql`select 1 from token where name = ${serveToken} and revoked_at is null`.execute(connection);
    if (rows.length > 0 && !isReplaced) return null;
    const token = newToken();
    await replaceToken(connection, token);
    return token;
  });

/** The name of the valid token with this text, or null. Every candidate is compared in constant time. */
export async function findToken(db: Database, token: string): Promise<string | null> {
  const { rows } = await sql<{ name: string; hash: string }>`
    select name, hash from token where revoked_at is null and (expires_at is null or expires_at > now())`.execute(db);
  const given = Buffer.from(hashOf(token), 'hex');
  let found: string | null = null;
  for (const { name, hash } of rows) if (timingSafeEqual(Buffer.from(hash, 'hex'), given)) found = name;
  return found;
}
