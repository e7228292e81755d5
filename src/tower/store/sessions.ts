/** Sessions: their cookies are kept as hashes, so that a copy of the database opens none. */
import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { recordAct } from './audit.ts';
import { type Connection, type Database, inTransaction } from './database.ts';
import type { Grant } from './scope.ts';

const newSecret = (): string => randomBytes(32).toString('base64url');
const keyOf = (cookie: string): string => createHash('sha256').update(cookie).digest('hex');

export interface Person {
  /** As the provider knows it. */
  readonly subject: string;
  readonly name: string;
  readonly grants: readonly Grant[];
}
export interface Session extends Person {
  /** Has to come with every post of a page. */
  readonly csrf: string;
}

export const idleHours = 2;
export const longestHours = 12;
const isAlive = sql`created_at > now() - make_interval(hours => ${sql.lit(longestHours)})
  and seen_at > now() - make_interval(hours => ${sql.lit(idleHours)})`;

const endSession = (connection: Connection, cookie: string) =>
  sql<Pick<Person, 'name' | 'subject'>>`delete from session where key = ${keyOf(cookie)} returning name, subject`.execute(
    connection,
  );

/** Always a new cookie: one that was there before the login, whoever put it there, ends. */
export const openSession = (db: Database, person: Person, before: string | undefined): Promise<string> =>
  inTransaction(db, async (connection) => {
    if (before !== undefined) await endSession(connection, before);
    await sql`delete from session where not (${isAlive})`.execute(connection);
    const cookie = newSecret();
    const { subject, name, grants } = person;
    await sql`insert into session (key, subject, name, grants, csrf)
      values (${keyOf(cookie)}, ${subject}, ${name}, ${JSON.stringify(grants)}::jsonb, ${newSecret()})`.execute(connection);
    await recordAct(connection, { actor: { name, subject }, action: 'person.login', subject, detail: { grants } });
    return cookie;
  });

export async function findSession(db: Database, cookie: string): Promise<Session | null> {
  const { rows } = await sql<Session & { isSeenLongAgo: boolean }>`
    select subject, name, grants, csrf, seen_at < now() - interval '1 minute' as "isSeenLongAgo"
    from session where key = ${keyOf(cookie)} and ${isAlive}`.execute(db);
  const [found] = rows;
  if (!found) return null;
  if (found.isSeenLongAgo) await sql`update session set seen_at = now() where key = ${keyOf(cookie)}`.execute(db);
  const { subject, name, grants, csrf } = found;
  return { subject, name, grants, csrf };
}

export const closeSession = (db: Database, cookie: string): Promise<void> =>
  inTransaction(db, async (connection) => {
    const { rows } = await endSession(connection, cookie);
    if (rows[0]) await recordAct(connection, { actor: rows[0], action: 'person.logout', subject: rows[0].name });
  });
