/** One model: its row, its newest reports and its history. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { sql } from 'kysely';
import type { Report } from '../../kernel/report.ts';
import type { Connection } from './database.ts';
import { type ModelRow, modelColumns } from './list-models.ts';
import { inScope, type Scope } from './scope.ts';

export interface Model extends Omit<ModelRow, 'seenAt' | 'isComplete' | 'waivers'> {
  readonly description: string | null;
  readonly task: string | null;
  readonly lifecycle: string;
  readonly versions: number;
  /** Null: only previews so far. */
  readonly seenAt: Date | null;
  readonly isComplete: boolean | null;
  readonly waivers: number | null;
  readonly scoreReportId: number | null;
  readonly structureReportId: number | null;
}

export async function readModel(connection: Connection, id: number): Promise<Model | null> {
  const { rows } = await sql<Model>`
    select ${modelColumns}, model.description, model.task, model.lifecycle,
      (select count(*) from model_version where model_id = model.id) as versions,
      standing.score_report_id as "scoreReportId", standing.structure_report_id as "structureReportId"
    from model join project on project.id = model.project_id left join standing on standing.model_id = model.id
    where model.id = ${id}::bigint`.execute(connection);
  return rows[0] ?? null;
}

/** The model of a name; of several projects, where none is told, the one that was seen last. */
export async function findModel(connection: Connection, name: string, scope: Scope): Promise<number | null> {
  const { rows } = await sql<{ id: number }>`
    select model.id from model join project on project.id = model.project_id join standing on standing.model_id = model.id
    where model.name = ${name} and ${inScope(scope)} order by standing.seen_at desc limit 1`.execute(connection);
  return rows[0]?.id ?? null;
}

export interface HistoryEntry {
  readonly id: number;
  readonly at: Date;
  readonly receivedAt: Date;
  readonly kind: string;
  readonly refClass: 'authoritative' | 'preview';
  readonly ref: string | null;
  readonly commit: string | null;
  readonly trigger: string;
  readonly writtenBy: string;
  readonly isComplete: boolean;
  readonly score: number | null;
  readonly paperScore: number | null;
  readonly structureScore: number | null;
  readonly isGatePassed: boolean | null;
  readonly summary: {
    readonly tool: string;
    readonly outcomes: Readonly<Record<string, number>>;
    readonly jobUrl: string | null;
    readonly mergeRequest: string | null;
  };
}

export interface HistoryPage {
  readonly limit: number;
  /** Only these; all when absent. */
  readonly refClass?: 'authoritative' | 'preview' | undefined;
  /** Microseconds since 1970 and id of the last row of the page before. */
  readonly after?: { readonly key: number; readonly id: number } | undefined;
}

/** Reports of a model, newest first. `key` is for the cursor. */
export async function modelHistory(
  connection: Connection,
  modelId: number,
  page: HistoryPage,
): Promise<readonly (HistoryEntry & { key: number })[]> {
  const micros = sql`(extract(epoch from report.reported_at) * 1000000)::bigint`;
  const after = page.after ? sql`and (${micros}, report.id) < (${page.after.key}::bigint, ${page.after.id}::bigint)` : sql``;
  const ofClass = page.refClass ? sql`and report.ref_class = ${page.refClass}` : sql``;
  const { rows } = await sql<HistoryEntry & { key: number }>`
    select report.id, report.reported_at as at, report.received_at as "receivedAt", report.kind, report.ref_class as "refClass", report.ref,
      model_version.commit_sha as commit, report.trigger, report.written_by as "writtenBy", report.is_complete as "isComplete",
      report.score, report.paper_score as "paperScore", report.structure_score as "structureScore",
      report.is_gate_passed as "isGatePassed", report.summary, ${micros} as key
    from report left join model_version on model_version.id = report.version_id
    where report.model_id = ${modelId}::bigint ${ofClass} ${after}
    order by report.reported_at desc, report.id desc limit ${page.limit}`.execute(connection);
  return rows;
}

const unzip = promisify(gunzip);

/** A report as it was received, of a model in scope; its totals are not recomputed. */
export async function readReport(
  connection: Connection,
  id: number,
  scope: Scope = null,
): Promise<{ report: Report; trigger: string } | null> {
  const { rows } = await sql<{
    body: Uint8Array;
    trigger: string;
  }>`select body, report.trigger from report join model on model.id = report.model_id join project on project.id = model.project_id
    where report.id = ${id}::bigint and ${inScope(scope)}`.execute(connection);
  const [row] = rows;
  if (!row) return null;
  return { report: JSON.parse((await unzip(row.body)).toString('utf8')) as Report, trigger: row.trigger };
}
