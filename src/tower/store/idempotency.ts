/** Idempotency-Keys: one body for each key of a project, in the record and among previews. */
import { sql } from 'kysely';
import type { Connection } from './database.ts';

/** The same Idempotency-Key came with another body. */
export class KeyReused extends Error {}

interface Use {
  readonly projectId: number;
  readonly key: string;
  /** Digest of the body. */
  readonly sha256: string;
  readonly reportId?: number;
  readonly refClass: 'authoritative' | 'preview';
}

/**
 * Takes the key for a body, inside the caller's transaction; of two requests with one key the second waits for the first.
 * @returns true when the same body had it before.
 * @throws KeyReused
 */
export async function claimKey(connection: Connection, { projectId, sha256, reportId, refClass, ...use }: Use): Promise<boolean> {
  // What a branch sent must not count as sent when the record's job sends it. No header holds the tab, so no key is another's.
  const key = refClass === 'preview' ? `preview\t${use.key}` : use.key;
  const made = await sql`insert into idempotency (project_id, key, sha256, report_id)
    values (${projectId}, ${key}, ${sha256}, ${reportId ?? null}::bigint) on conflict do nothing returning key`.execute(
    connection,
  );
  if (made.rows.length > 0) return false;
  const { rows } = await sql<{ sha256: string }>`
    select sha256 from idempotency where project_id = ${projectId} and key = ${key}`.execute(connection);
  if (rows[0]?.sha256 !== sha256) throw new KeyReused();
  return true;
}
