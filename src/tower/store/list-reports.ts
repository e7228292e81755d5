/** Reports of all models, versions of one, and what the gate said last. */
import { sql } from 'kysely';
import type { Connection } from './database.ts';
import type { HistoryEntry } from './read-model.ts';
import { inScope, type Scope } from './scope.ts';

export interface ReportFilter {
  readonly model?: string | undefined;
  readonly refClass?: 'authoritative' | 'preview' | undefined;
  readonly runner?: string | undefined;
  readonly trigger?: string | undefined;
  readonly commit?: string | undefined;
  readonly scope: Scope;
  readonly limit: number;
  /** Microseconds since 1970 and id of the last row of the page before. */
  readonly after?: { readonly key: number; readonly id: number } | undefined;
}

export interface ListedReport extends HistoryEntry {
  readonly modelId: number;
  readonly model: string;
  readonly project: string;
  readonly key: number;
}

const micros = sql`(extract(epoch from report.reported_at) * 1000000)::bigint`;

/** Newest first. `key` is for the cursor. */
export async function listReports(connection: Connection, filter: ReportFilter): Promise<readonly ListedReport[]> {
  const { scope, model, refClass, runner, trigger, commit, limit, after } = filter;
  const conditions = [
    inScope(scope),
    ...(model === undefined ? [] : [sql`model.name = ${model}`]),
    ...(refClass === undefined ? [] : [sql`report.ref_class = ${refClass}`]),
    ...(runner === undefined ? [] : [sql`report.kind = ${runner}`]),
    ...(trigger === undefined ? [] : [sql`report.trigger = ${trigger}`]),
    ...(commit === undefined ? [] : [sql`model_version.commit_sha = ${commit}`]),
    ...(after === undefined
      ? []
      : [
          sql`(report.reported_at, report.id) < ('1970-01-01Z'::timestamptz + ${after.key} * interval '1 microsecond', ${after.id}::bigint)`,
        ]),
  ];
  const { rows } = await sql<ListedReport>`
    select report.id, report.model_id as "modelId", model.name as model, project.path as project, report.reported_at as at,
      report.received_at as "receivedAt", report.kind, report.ref_class as "refClass", report.ref, model_version.commit_sha as commit,
      report.trigger, report.written_by as "writtenBy", report.is_complete as "isComplete", report.score,
      report.paper_score as "paperScore", report.structure_score as "structureScore", report.is_gate_passed as "isGatePassed",
      report.summary, ${micros} as key
    from report join model on model.id = report.model_id join project on project.id = report.project_id
      left join model_version on model_version.id = report.version_id
    where ${sql.join(conditions, sql` and `)}
    order by report.reported_at desc, report.id desc limit ${limit}`.execute(connection);
  return rows;
}

export interface VersionRow {
  readonly id: number;
  readonly commit: string;
  readonly artifactDigest: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  readonly reports: number;
  /** Of its newest authoritative report that has them. */
  readonly score: number | null;
  readonly isGatePassed: boolean | null;
}

/** Newest first. */
export async function listVersions(
  connection: Connection,
  modelId: number,
  page: { readonly limit: number; readonly before?: number | undefined },
): Promise<readonly VersionRow[]> {
  const of = sql`from report where report.version_id = version.id and report.model_id = version.model_id`;
  const newest = (column: string) => sql`(select ${sql.ref(column)} ${of} and ref_class = 'authoritative'
    and ${sql.ref(column)} is not null order by reported_at desc, id desc limit 1)`;
  const { rows } = await sql<VersionRow>`
    select version.id, commit_sha as commit, artifact_digest as "artifactDigest", labels, created_at as "createdAt",
      (select count(*) ${of}) as reports, ${newest('score')} as score, ${newest('is_gate_passed')} as "isGatePassed"
    from model_version as version where model_id = ${modelId}::bigint
      ${page.before === undefined ? sql`` : sql`and version.id < ${page.before}::bigint`}
    order by version.id desc limit ${page.limit}`.execute(connection);
  return rows;
}

export interface GateRow {
  readonly reportId: number;
  readonly at: Date;
  readonly commit: string | null;
  readonly isGatePassed: boolean;
  readonly isComplete: boolean;
  readonly score: number | null;
}

/** The newest authoritative decision about a model, or about one commit of it. */
export async function lastGate(connection: Connection, modelId: number, commit: string | undefined): Promise<GateRow | null> {
  const { rows } = await sql<GateRow>`
    select report.id as "reportId", reported_at as at, commit_sha as commit, is_gate_passed as "isGatePassed",
      is_complete as "isComplete", score
    from report left join model_version on model_version.id = report.version_id
    where report.model_id = ${modelId}::bigint and ref_class = 'authoritative' and is_gate_passed is not null
      ${commit === undefined ? sql`` : sql`and commit_sha = ${commit}`}
    order by reported_at desc, report.id desc limit 1`.execute(connection);
  return rows[0] ?? null;
}
