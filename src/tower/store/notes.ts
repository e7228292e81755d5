/** Which note of a merge request is ours. */
import { sql } from 'kysely';
import type { Database } from './database.ts';

export interface NoteKey {
  readonly modelId: number;
  readonly mergeRequest: number;
}
export interface KnownNote {
  readonly noteId: number | null;
  readonly pipelineId: number;
  readonly bodySha256: string | null;
}

/** Who writes a note, and for how long unless it says that it still does. */
export interface Lease extends NoteKey {
  /** Of this writing alone: a lease that another took meanwhile is not ours to renew or give back. */
  readonly owner: string;
  readonly milliseconds: number;
}

const until = (milliseconds: number) => sql`clock_timestamp() + make_interval(secs => ${milliseconds / 1000}::float8)`;
const ours = ({ modelId, mergeRequest, owner }: Lease) =>
  sql`model_id = ${modelId} and merge_request = ${mergeRequest} and lease_owner = ${owner}`;

/** Takes the note for one writer. @returns null while another has it. */
export async function leaseNote(db: Database, { modelId, mergeRequest, owner, milliseconds }: Lease): Promise<KnownNote | null> {
  const { rows } = await sql<KnownNote>`
    insert into mr_note (model_id, merge_request, leased_until, lease_owner)
    values (${modelId}, ${mergeRequest}, ${until(milliseconds)}, ${owner})
    on conflict (model_id, merge_request) do update set leased_until = excluded.leased_until, lease_owner = excluded.lease_owner
      where mr_note.leased_until < now()
    returning note_id as "noteId", pipeline_id as "pipelineId", body_sha256 as "bodySha256"`.execute(db);
  return rows[0] ?? null;
}

/** @returns false when another has taken it meanwhile. */
export async function renewNote(db: Database, lease: Lease): Promise<boolean> {
  const { rows } = await sql`
    update mr_note set leased_until = ${until(lease.milliseconds)} where ${ours(lease)} returning 1`.execute(db);
  return rows.length > 0;
}

/** Gives it back, with what was written; null: nothing was. */
export const releaseNote = (db: Database, lease: Lease, written: KnownNote | null): Promise<unknown> =>
  (written
    ? sql`update mr_note set leased_until = '-infinity', lease_owner = null, note_id = ${written.noteId},
        pipeline_id = ${written.pipelineId}, body_sha256 = ${written.bodySha256} where ${ours(lease)}`
    : sql`update mr_note set leased_until = '-infinity', lease_owner = null where ${ours(lease)}`
  ).execute(db);
