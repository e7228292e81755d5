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

/** Longer than all requests of one writing together may take. */
const leaseSeconds = 90;

/** Takes the note for one writer. @returns null while another has it. */
export async function leaseNote(db: Database, { modelId, mergeRequest }: NoteKey): Promise<KnownNote | null> {
  const { rows } = await sql<KnownNote>`
    insert into mr_note (model_id, merge_request, leased_until)
    values (${modelId}, ${mergeRequest}, now() + make_interval(secs => ${leaseSeconds}))
    on conflict (model_id, merge_request) do update set leased_until = excluded.leased_until where mr_note.leased_until < now()
    returning note_id as "noteId", pipeline_id as "pipelineId", body_sha256 as "bodySha256"`.execute(db);
  return rows[0] ?? null;
}

/** Gives it back, with what was written; null: nothing was. */
export const releaseNote = (db: Database, { modelId, mergeRequest }: NoteKey, written: KnownNote | null): Promise<unknown> =>
  (written
    ? sql`update mr_note set leased_until = '-infinity', note_id = ${written.noteId}, pipeline_id = ${written.pipelineId},
        body_sha256 = ${written.bodySha256} where model_id = ${modelId} and merge_request = ${mergeRequest}`
    : sql`update mr_note set leased_until = '-infinity' where model_id = ${modelId} and merge_request = ${mergeRequest}`
  ).execute(db);
