/** The key that signs addresses of badges: one for all servers, and with another one every address that was signed ends. */
import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { type Actor, recordAct } from './audit.ts';
import { type Database, inTransaction } from './database.ts';

const newKey = (): string => randomBytes(32).toString('hex');

/** Made when there is none. */
export async function badgeKey(db: Database): Promise<Buffer> {
  const read = () => sql<{ secret: string }>`select secret from badge_key`.execute(db);
  let { rows } = await read();
  if (rows.length === 0) {
    await sql`insert into badge_key (secret) values (${newKey()}) on conflict do nothing`.execute(db);
    ({ rows } = await read());
  }
  if (!rows[0]) throw new Error('The key of badges vanished while it was read');
  return Buffer.from(rows[0].secret, 'hex');
}

export const replaceBadgeKey = (db: Database, actor: Actor): Promise<void> =>
  inTransaction(db, async (connection) => {
    await sql`insert into badge_key (secret) values (${newKey()})
      on conflict (is_only) do update set secret = excluded.secret, made_at = now()`.execute(connection);
    await recordAct(connection, { actor, action: 'badges.revoked', subject: 'every signed badge' });
  });
