/** The record of who did what: only added to, each entry sealed with the one before it. */
import { type RawBuilder, sql } from 'kysely';
import type { Connection } from './database.ts';

/** Of a person the name is shown, which the provider may let everybody choose; `subject` is who it is there. */
export interface ActingPerson {
  readonly name: string;
  readonly subject: string;
}
/** `token NAME`, `job ID`, `server`, or a person. */
export type Actor = string | ActingPerson;

export const shownActor = (actor: Actor): string => (typeof actor === 'string' ? actor : `person ${actor.name}`);

export interface Act {
  readonly actor: Actor;
  /** `token.created`, `rule.enabled`, ... */
  readonly action: string;
  /** What was acted on, in words. */
  readonly subject: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

export interface AuditEntry extends Required<Act> {
  readonly actor: string;
  readonly id: number;
  readonly at: Date;
  readonly hash: string;
  /** Its seal fits what stands there and before it. */
  readonly isSealed: boolean;
}

/** Of the columns of `audit`, and `before`: the seal of the entry before it, empty of the first. */
export const sealOfEntry: RawBuilder<string> = sql`encode(sha256(convert_to(concat_ws(e'\\x1f', before, extract(epoch from at)::text,
  actor, action, subject, detail::text), 'UTF8')), 'hex')`;

/** Inside the transaction of what is recorded: neither happens without the other. */
export async function recordAct(connection: Connection, { actor, action, subject, detail = {} }: Act): Promise<void> {
  await sql`select pg_advisory_xact_lock(7304214)`.execute(connection);
  const all = typeof actor === 'string' ? detail : { ...detail, sub: actor.subject };
  await sql`
    insert into audit (at, actor, action, subject, detail, hash)
    select at, actor, action, subject, detail, ${sealOfEntry}
    from (select clock_timestamp() as at, ${shownActor(actor).slice(0, 300)}::text as actor, ${action}::text as action,
      ${subject.slice(0, 1000)}::text as subject, ${JSON.stringify(all)}::jsonb as detail,
      coalesce((select hash from audit order by id desc limit 1), '') as before) as act`.execute(connection);
}

export interface AuditFilter {
  readonly action?: string | undefined;
  readonly actor?: string | undefined;
  /** Entries with a smaller id. */
  readonly before?: number | undefined;
  readonly limit: number;
}

/** Newest first. */
export async function listAudit(
  connection: Connection,
  { action, actor, before, limit }: AuditFilter,
): Promise<readonly AuditEntry[]> {
  const { rows } = await sql<AuditEntry>`
    select id, at, actor, action, subject, detail, hash, hash = ${sealOfEntry} as "isSealed"
    from audit cross join lateral (select coalesce((select earlier.hash from audit as earlier where earlier.id < audit.id
      order by earlier.id desc limit 1), '') as before) as chain
    where ${action === undefined ? sql`true` : sql`action = ${action}`} and ${actor === undefined ? sql`true` : sql`actor = ${actor}`}
      and ${before === undefined ? sql`true` : sql`id < ${before}::bigint`}
    order by id desc limit ${limit}`.execute(connection);
  return rows;
}

/** Whether the entry with a seal that was kept elsewhere still stands. */
export async function isSealThere(connection: Connection, seal: string): Promise<boolean> {
  const { rows } = await sql`select 1 from audit where hash = ${seal} limit 1`.execute(connection);
  return rows.length > 0;
}
