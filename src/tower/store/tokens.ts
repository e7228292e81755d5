/** Tokens of machines: random, kept only as their SHA-256, with a role and the place where it holds. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { sql } from 'kysely';
import { type Actor, recordAct } from './audit.ts';
import { type Connection, type Database, inTransaction, sqlStateOf } from './database.ts';
import { containing } from './patterns.ts';
import { forget, recently } from './recent.ts';
import type { Grant } from './scope.ts';

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** 192 random bits; `fct_` lets secret scanners find it. */
const newToken = (): string => `fct_${randomBytes(24).toString('base64url')}`;

/** The part that may be shown and that a token is found by: 48 of its bits. */
const prefixOf = (token: string): string => token.slice(0, 12);

/** The name of the operator's token, which `tower serve` makes; nobody else's may have it. */
const operatorToken = 'operator';

/** The token once stood for something that ended, or stands for something else. */
export class TokenIsPast extends Error {}

/** @throws TokenIsPast what was revoked or replaced never opens anything again. */
async function replaceToken(connection: Connection, token: string): Promise<void> {
  const hash = hashOf(token);
  const { rows } = await sql<{ isOurs: boolean }>`
    select name = ${operatorToken} and revoked_at is null as "isOurs" from token where hash = ${hash}`.execute(connection);
  if (rows[0]?.isOurs === false) throw new TokenIsPast();
  const act = { actor: 'server', subject: operatorToken };
  const replaced = await sql`
    update token set revoked_at = now() where name = ${operatorToken} and revoked_at is null and hash <> ${hash} returning id`.execute(
    connection,
  );
  if (replaced.rows.length > 0) await recordAct(connection, { ...act, action: 'token.revoked', detail: { replaced: true } });
  // Tokens of the first versions have no prefix.
  if (rows.length > 0) {
    await sql`update token set prefix = ${prefixOf(token)} where hash = ${hash} and prefix is null`.execute(connection);
    return;
  }
  await sql`insert into token (name, hash, role, prefix) values (${operatorToken}, ${hash}, 'admin', ${prefixOf(token)})`.execute(
    connection,
  );
  await recordAct(connection, { ...act, action: 'token.created', detail: { role: 'admin' } });
}

/** Two replicas that start together agree on one token. */
const oneAtATime = (connection: Connection) => sql`select pg_advisory_xact_lock(7304212)`.execute(connection);

/** Makes `token` the only valid token of that name, so that a lost one can be replaced. @throws TokenIsPast */
export async function setOperatorToken(db: Database, token: string): Promise<void> {
  await inTransaction(db, async (connection) => {
    await oneAtATime(connection);
    await replaceToken(connection, token);
  });
  forget(db);
}

/**
 * Makes the operator's token when there is none, or when `isReplaced` asks for a new one.
 * @returns the token, which cannot be shown again; null when there was one already.
 */
export async function ensureOperatorToken(db: Database, isReplaced: boolean): Promise<string | null> {
  const made = await inTransaction(db, async (connection) => {
    await oneAtATime(connection);
    const { rows } = await sql`select 1 from token where name = ${operatorToken} and revoked_at is null`.execute(connection);
    if (rows.length > 0 && !isReplaced) return null;
    const token = newToken();
    await replaceToken(connection, token);
    return token;
  });
  forget(db);
  return made;
}

export interface TokenRow extends Grant {
  readonly id: number;
  readonly name: string;
  readonly prefix: string | null;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
}

const columns = sql`id, name, prefix, role, namespace, model, created_by as "createdBy", created_at as "createdAt",
  expires_at as "expiresAt", last_used_at as "lastUsedAt"`;

export interface TokenPage {
  /** Part of the name or of the model, any case. */
  readonly search?: string | undefined;
  readonly limit?: number;
  /** Name of the last of the page before. */
  readonly after?: string | undefined;
}

const isNamed = (search: string) => {
  const pattern = containing(search);
  return sql`(name ilike ${pattern} or model ilike ${pattern})`;
};

/** Those that were not revoked, by name; expired ones are among them. */
export async function listTokens(
  connection: Connection,
  { search = '', limit, after = '' }: TokenPage = {},
): Promise<readonly TokenRow[]> {
  const { rows } = await sql<TokenRow>`select ${columns} from token
    where revoked_at is null and ${isNamed(search)} and name > ${after} order by name limit ${limit ?? null}`.execute(connection);
  return rows;
}

export async function countTokens(connection: Connection, search = ''): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from token
    where revoked_at is null and ${isNamed(search)}`.execute(connection);
  return rows[0]?.n ?? 0;
}

export class TokenNameTaken extends Error {}

export interface NewToken extends Grant {
  readonly name: string;
  /** Null: it does not expire. */
  readonly days: number | null;
  readonly createdBy: string;
}

/** @returns the token, which is shown once. @throws TokenNameTaken */
export async function createToken(db: Database, wanted: NewToken): Promise<{ readonly token: string; readonly row: TokenRow }> {
  const { name, role, namespace, model, days, createdBy } = wanted;
  if (name === operatorToken) throw new TokenNameTaken();
  const token = newToken();
  try {
    return await inTransaction(db, async (connection) => {
      const { rows } = await sql<TokenRow>`
        insert into token (name, hash, prefix, role, namespace, model, created_by, expires_at)
        values (${name}, ${hashOf(token)}, ${prefixOf(token)}, ${role}, ${namespace}, ${model}, ${createdBy},
          now() + make_interval(days => ${days}::int)) returning ${columns}`.execute(connection);
      const [row] = rows;
      if (!row) throw new Error('A token vanished while it was written');
      await recordAct(connection, {
        actor: createdBy,
        action: 'token.created',
        subject: name,
        detail: { role, namespace, model, days },
      });
      return { token, row };
    });
  } catch (error) {
    if (sqlStateOf(error) === '23505') throw new TokenNameTaken();
    throw error;
  }
}

/** @returns false when there is no such token. */
export async function revokeToken(db: Database, id: number, actor: Actor): Promise<boolean> {
  const isRevoked = await inTransaction(db, async (connection) => {
    const { rows } = await sql<{ name: string }>`
      update token set revoked_at = now() where id = ${id}::bigint and revoked_at is null returning name`.execute(connection);
    const [revoked] = rows;
    if (revoked) await recordAct(connection, { actor, action: 'token.revoked', subject: revoked.name });
    return revoked !== undefined;
  });
  forget(db);
  return isRevoked;
}

export interface FoundToken extends Grant {
  readonly name: string;
  readonly expiresAt: Date | null;
}

/** Who the token belongs to, or null. Found by what may be shown of it, compared in constant time. */
export async function findToken(db: Database, token: string): Promise<FoundToken | null> {
  const found = await recently(db, `token ${hashOf(token)}`, () => lookUpToken(db, token));
  return found && (found.expiresAt === null || found.expiresAt > new Date()) ? found : null;
}

async function lookUpToken(db: Database, token: string): Promise<FoundToken | null> {
  const { rows } = await sql<FoundToken & { id: number; hash: string; isUseStale: boolean }>`
    select id, name, role, namespace, model, hash, expires_at as "expiresAt",
      (last_used_at is null or last_used_at < now() - interval '1 minute') as "isUseStale"
    from token where (prefix = ${prefixOf(token)} or prefix is null) and revoked_at is null
      and (expires_at is null or expires_at > now())`.execute(db);
  const given = Buffer.from(hashOf(token), 'hex');
  const found = rows.filter(({ hash }) => timingSafeEqual(Buffer.from(hash, 'hex'), given))[0];
  if (!found) return null;
  if (found.isUseStale) await sql`update token set last_used_at = now() where id = ${found.id}`.execute(db);
  const { name, role, namespace, model, expiresAt } = found;
  return { name, role, namespace, model, expiresAt };
}
