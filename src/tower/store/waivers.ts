/** Waivers: what a model may fail for a time, who answers for it, and until when. */
import { type RawBuilder, sql } from 'kysely';
import type { Report } from '../../kernel/report.ts';
import { recordAct } from './audit.ts';
import { type Connection, prepared } from './database.ts';
import { inScope, type Scope } from './scope.ts';
import { isDay } from './times.ts';

/** Days before its end in which a waiver is named as expiring. */
export const soonDays = 30;
export const waiverStates = ['valid', 'expiring', 'expired'] as const;
export type WaiverState = (typeof waiverStates)[number];

/** Takes over the waivers of a report of the record; those that are new or have another reason stand in the audit. */
export async function takeWaivers(
  connection: Connection,
  modelId: number,
  { report, actor }: { readonly report: Report; readonly actor: string },
): Promise<void> {
  const { waivers = [], at, model } = report;
  const column = (of: (waiver: (typeof waivers)[number]) => string | null) => waivers.map(of);
  const given = sql`select distinct on (1, 3, 4, 6) * from unnest(${column((w) => w.check)}::text[], ${column((w) => w.reason)}::text[],
    ${column((w) => w.owner)}::text[], ${column((w) => w.expires)}::text[],
    ${column((w) => (isDay(w.expires) ? w.expires : null))}::date[], ${column((w) => w.path ?? '')}::text[])
    as t(check_key, reason, owner, expires, ends, path)`;
  await prepared`delete from waiver where model_id = ${modelId} and (check_key, owner, expires, path) not in
    (select check_key, owner, expires, path from (${given}) as given)`.execute(connection);
  if (waivers.length === 0) return;
  const { rows } = await sql<{ check: string; reason: string; owner: string; expires: string; isNew: boolean }>`
    insert into waiver (model_id, check_key, reason, owner, expires, ends, path, since)
    select ${modelId}, check_key, reason, owner, expires, ends, path, ${at}::timestamptz from (${given}) as given
    on conflict (model_id, check_key, owner, expires, path) do update set reason = excluded.reason
      where waiver.reason <> excluded.reason
    returning check_key as "check", reason, owner, expires, xmax = 0 as "isNew"`.execute(connection);
  for (const { check, isNew, ...detail } of rows) {
    const action = isNew ? 'waiver.given' : 'waiver.changed';
    await recordAct(connection, { actor, action, subject: `${model.name}: ${check}`, detail });
  }
}

export interface WaiverRow {
  readonly id: number;
  readonly modelId: number;
  readonly model: string;
  readonly project: string;
  readonly tier: string;
  readonly check: string;
  readonly reason: string;
  readonly owner: string;
  readonly expires: string;
  /** `YYYY-MM-DD` */
  readonly ends: string | null;
  readonly path: string;
  readonly since: Date;
  readonly state: WaiverState;
}

export interface WaiverFilter {
  readonly scope: Scope;
  readonly state?: WaiverState | undefined;
  readonly limit: number;
  readonly after?: { readonly key: number; readonly id: number } | undefined;
}

const state = sql`case when ends is null then 'valid' when ends < (now() at time zone 'UTC')::date then 'expired'
  when ends <= (now() at time zone 'UTC')::date + ${sql.lit(soonDays)} then 'expiring' else 'valid' end`;

/** Of models, how many waivers hold today. */
export const waiversInForce = (models: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(select count(*) from waiver where waiver.model_id in (${models}) and ${state} <> 'expired')`;

/** How many there are of each state. */
export async function countWaivers(connection: Connection, scope: Scope): Promise<Readonly<Record<WaiverState, number>>> {
  const { rows } = await sql<{ state: WaiverState; n: number }>`select ${state} as state, count(*) as n
    from waiver join model on model.id = waiver.model_id join project on project.id = model.project_id
    where ${inScope(scope)} group by 1`.execute(connection);
  const of = (wanted: WaiverState) => rows.find((row) => row.state === wanted)?.n ?? 0;
  return { valid: of('valid'), expiring: of('expiring'), expired: of('expired') };
}

/** Those that end first come first; the last day is a day of the waiver. */
export async function listWaivers(
  connection: Connection,
  filter: WaiverFilter,
): Promise<readonly (WaiverRow & { key: number })[]> {
  const key = sql`coalesce(ends - date '1970-01-01', 10000000)::bigint`;
  const { rows } = await sql<WaiverRow & { key: number }>`
    select waiver.id, model.id as "modelId", model.name as model, project.path as project, model.tier, check_key as "check", reason,
      waiver.owner, expires, ends, waiver.path, since, ${state} as state, ${key} as key
    from waiver join model on model.id = waiver.model_id join project on project.id = model.project_id
    where ${inScope(filter.scope)} and ${filter.state === undefined ? sql`true` : sql`${state} = ${filter.state}`}
      and ${filter.after ? sql`(${key}, waiver.id) > (${filter.after.key}::bigint, ${filter.after.id}::bigint)` : sql`true`}
    order by ${key}, waiver.id limit ${filter.limit}`.execute(connection);
  return rows;
}
