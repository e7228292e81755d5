/** Brings the stored paths of projects to what the trusted GitLabs make of them now. */
import { sql } from 'kysely';
import { type Database, inTransaction } from './database.ts';
import { qualifierOf } from './scope.ts';

const tables = ['project', 'namespace'] as const;

/** Without a GitLab nothing is known of which is the first, and nothing is changed. */
export async function settlePaths(db: Database, issuers: readonly string[]): Promise<void> {
  const [home] = issuers;
  if (home === undefined) return;
  await inTransaction(db, async (connection) => {
    for (const table of tables) {
      const { rows } = await sql<{ issuer: string }>`
        select distinct issuer from ${sql.table(table)} where issuer <> 'local'`.execute(connection);
      for (const { issuer } of rows) {
        const path = sql`${qualifierOf(home, issuer)}::text || regexp_replace(path, '^.*:', '')`;
        await sql`update ${sql.table(table)} set path = ${path} where issuer = ${issuer} and path <> ${path}`.execute(connection);
      }
    }
  });
}
