/** Brings the stored paths of projects to what the trusted GitLabs make of them now. */
import { sql } from 'kysely';
import { UsageError } from '../../kernel/failure.ts';
import { recordAct } from './audit.ts';
import { type Connection, type Database, inTransaction } from './database.ts';
import { qualifierOf } from './scope.ts';

const tables = ['project', 'namespace'] as const;
const firstNamed = 'gitlab.first';

/** The GitLab that was the first; undefined: not recorded yet. */
async function recordedFirst(connection: Connection): Promise<string | undefined> {
  const { rows } = await sql<{ subject: string }>`
    select subject from audit where action = ${firstNamed} order by id desc limit 1`.execute(connection);
  return rows[0]?.subject;
}

/** Before that was recorded: those of whom a path is stored without an address before it. */
async function firstByPaths(connection: Connection): Promise<readonly string[]> {
  const { rows } = await sql<{ issuer: string }>`
    select distinct issuer from project where issuer <> 'local' and path not like '%:%' order by issuer`.execute(connection);
  return rows.map(({ issuer }) => issuer);
}

/**
 * Grants, dashboards and rules name paths of the first GitLab as they are. With another first one they would hold for its
 * projects, so an operator has to say that this is meant. @throws UsageError
 */
async function settleFirst(connection: Connection, home: string, accepted: string | undefined): Promise<void> {
  const recorded = await recordedFirst(connection);
  const before = recorded === undefined ? await firstByPaths(connection) : [recorded];
  const isChanged = before.length > 0 && !before.includes(home);
  if (isChanged && accepted !== home)
    throw new UsageError(
      'TOWER_FIRST_GITLAB',
      `The first of the trusted GitLabs was ${before.join(' or ')} and is now ${home}: tokens, dashboards and rules that name a namespace would hold for projects of another GitLab`,
      {
        hint: `Name ${before[0]} first in --gitlab-issuer. If the change is meant, look through tokens, roles, dashboards and rules, then start once with --accept-first-gitlab ${home}; everybody logs in anew.`,
      },
    );
  if (isChanged) await sql`delete from session`.execute(connection);
  if (isChanged || recorded === undefined)
    await recordAct(connection, { actor: 'server', action: firstNamed, subject: home, detail: isChanged ? { before } : {} });
}

/** Without a GitLab nothing is known of which is the first, and nothing is changed. @param accepted The first one that may be new. */
export async function settlePaths(db: Database, issuers: readonly string[], accepted?: string): Promise<void> {
  const [home] = issuers;
  if (home === undefined) return;
  await inTransaction(db, async (connection) => {
    await settleFirst(connection, home, accepted);
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
