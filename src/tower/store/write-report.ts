/** Stores one report in one transaction: all of it or nothing, once however often it is sent. */
import { sql } from 'kysely';
import type { Report } from '../../kernel/report.ts';
import { resultsOf } from '../../kernel/report.ts';
import { type Connection, type Database, inTransaction, prepared } from './database.ts';
import { claimKey } from './idempotency.ts';
import type { Measurement } from './points/append.ts';
import { pointStore } from './points/point-store.ts';
import type { RepositoryRule } from './rules.ts';
import { updateStanding } from './standing.ts';
import { rubricOf, structureOf } from './suites.ts';

/** Who the writer is, after authentication: the numbers bind, the paths are only shown. */
export interface Writer {
  readonly issuer: string;
  readonly projectId: string;
  readonly projectPath: string;
  readonly namespaceId: string | null;
  readonly namespacePath: string | null;
  /** For the record: `token NAME` or `job ID`. */
  readonly name: string;
}

export interface Submission {
  readonly writer: Writer;
  /** Validated, its totals recomputed. */
  readonly report: Report;
  readonly refClass: 'authoritative' | 'preview';
  /** SHA-256 of the report's bytes, hexadecimal. */
  readonly sha256: string;
  /** The report's bytes, gzip. */
  readonly body: Uint8Array;
  readonly idempotencyKey: string | null;
  /** Those of the model's repository, checked; absent: the report says nothing of them that counts. */
  readonly rules?: readonly RepositoryRule[] | undefined;
}

export interface Written {
  readonly reportId: number;
  readonly modelId: number;
  readonly isReplay: boolean;
  /** New points. */
  readonly points: number;
}

/** Finds a row's id, or inserts it; another writer may have been faster. */
async function idOf(find: () => Promise<number | undefined>, insert: () => Promise<unknown>): Promise<number> {
  const known = await find();
  if (known !== undefined) return known;
  await insert();
  const made = await find();
  if (made === undefined) throw new Error('A row vanished while it was written');
  return made;
}

const first = async (query: { execute(c: Connection): Promise<{ rows: { id: number }[] }> }, connection: Connection) =>
  (await query.execute(connection)).rows[0]?.id;

async function projectOf(connection: Connection, writer: Writer): Promise<number> {
  const { issuer, projectId, projectPath, namespaceId, namespacePath } = writer;
  const namespace =
    namespaceId === null
      ? null
      : await idOf(
          () => first(sql`select id from namespace where issuer = ${issuer} and external_id = ${namespaceId}`, connection),
          () =>
            sql`insert into namespace (issuer, external_id, path) values (${issuer}, ${namespaceId}, ${namespacePath ?? ''})
              on conflict do nothing`.execute(connection),
        );
  const project = await idOf(
    () => first(sql`select id from project where issuer = ${issuer} and external_id = ${projectId}`, connection),
    () =>
      sql`insert into project (issuer, external_id, path, namespace_id) values (${issuer}, ${projectId}, ${projectPath}, ${namespace})
        on conflict do nothing`.execute(connection),
  );
  // A project that was moved keeps its history under its new name. GitLab gives a path to one project at a time: another that
  // had it was moved or deleted, and no path of GitLab holds a ~.
  await sql`
    with others as (update project set path = path || '~' || external_id
      where issuer = ${issuer} and issuer <> 'local' and path = ${projectPath} and id <> ${project})
    update project set path = ${projectPath}, namespace_id = ${namespace} where id = ${project}
      and (path, namespace_id) is distinct from (${projectPath}, ${namespace}::bigint)`.execute(connection);
  return project;
}

const modelOf = (connection: Connection, project: number, { model }: Report): Promise<number> =>
  idOf(
    () => first(sql`select id from model where project_id = ${project} and name = ${model.name}`, connection),
    () =>
      sql`insert into model (project_id, name, title, description, owner, tier, task, language, labels)
        values (${project}, ${model.name}, ${model.title ?? null}, ${model.description ?? null}, ${model.owner}, ${model.tier},
          ${model.task ?? null}, ${model.language ?? null}, ${JSON.stringify(model.labels)}::jsonb)
        on conflict do nothing`.execute(connection),
  );

const versionOf = (connection: Connection, modelId: number, commit: string): Promise<number> =>
  idOf(
    () =>
      first(
        prepared<{
          id: number;
        }>`select id from model_version where model_id = ${modelId} and commit_sha = ${commit} and artifact_digest = ''`,
        connection,
      ),
    () =>
      prepared`insert into model_version (model_id, commit_sha) values (${modelId}, ${commit}) on conflict do nothing`.execute(
        connection,
      ),
  );

/** Whom a report is of. */
interface Subject {
  readonly project: number;
  readonly model: number;
  /** Null: the report names no commit. */
  readonly version: number | null;
}

/**
 * One question for the usual report, of a model and a project that are known as the writer names them; null otherwise. The version
 * is null when it is new, too.
 */
async function knownSubject(connection: Connection, { writer, report }: Submission): Promise<Subject | null> {
  const { issuer, projectId, projectPath, namespaceId } = writer;
  const { rows } = await prepared<Subject>`
    select project.id as project, model.id as model, model_version.id as version
    from project join model on model.project_id = project.id left join namespace on namespace.id = project.namespace_id
      left join model_version on model_version.model_id = model.id and commit_sha = ${report.source.commit} and artifact_digest = ''
    where project.issuer = ${issuer} and project.external_id = ${projectId} and project.path = ${projectPath}
      and namespace.external_id is not distinct from ${namespaceId} and model.name = ${report.model.name}`.execute(connection);
  return rows[0] ?? null;
}

async function subjectOf(connection: Connection, submission: Submission): Promise<Subject> {
  const { writer, report } = submission;
  const known = await knownSubject(connection, submission);
  const { commit } = report.source;
  if (known && (known.version !== null || commit === null)) return known;
  const project = known?.project ?? (await projectOf(connection, writer));
  const model = known?.model ?? (await modelOf(connection, project, report));
  return { project, model, version: commit === null ? null : await versionOf(connection, model, commit) };
}

/** What lists show of a report without opening its body. */
function summaryOf(report: Report) {
  const outcomes: Record<string, number> = {};
  for (const { result } of resultsOf(report)) outcomes[result.outcome] = (outcomes[result.outcome] ?? 0) + 1;
  return {
    tool: report.tool.version,
    outcomes,
    jobUrl: report.run.jobUrl ?? null,
    mergeRequest: report.run.mergeRequest ?? null,
  };
}

/** The alert that started its pipeline: one of this model, whatever else the report claims. */
const alertOf = (modelId: number, { run }: Report) =>
  sql`(select id from alert where uid::text = ${run.alert ?? ''} and model_id = ${modelId})`;

async function insertReport(connection: Connection, submission: Submission, ids: Subject) {
  const { report, refClass, sha256, body, writer } = submission;
  const rubric = rubricOf(report);
  const { rows } = await prepared<{ id: number }>`
    insert into report (project_id, model_id, version_id, job_id, pipeline_id, kind, sha256, ref, ref_class, trigger, written_by,
      reported_at, is_complete, score, paper_score, structure_score, is_gate_passed, summary, alert_id, body)
    values (${ids.project}, ${ids.model}, ${ids.version}, ${report.run.jobId ?? ''}, ${report.run.pipelineId ?? null}, ${report.runner},
      ${sha256}, ${report.source.ref}, ${refClass}, ${report.run.trigger}, ${writer.name}, ${report.at}::timestamptz, ${report.complete},
      ${rubric?.score ?? null}, ${rubric?.paperScore ?? null}, ${structureOf(report)?.score ?? null}, ${report.gate?.isPassed ?? null},
      ${JSON.stringify(summaryOf(report))}::jsonb, ${alertOf(ids.model, report)}, ${body})
    on conflict do nothing returning id`.execute(connection);
  return rows[0]?.id;
}

async function insertResults(connection: Connection, reportId: number, report: Report): Promise<void> {
  const rows = Array.from(resultsOf(report), ({ suite, section, result }) => ({
    suite: suite.id,
    section: section.id,
    check_key: result.check,
    outcome: result.outcome,
    severity: result.severity,
    weight: result.weight,
    execution: result.execution,
    paper_points: result.paperPoints,
    passing_points: result.passingPoints,
    seconds: result.seconds,
    is_waived: result.waived !== undefined,
  }));
  if (rows.length === 0) return;
  await prepared`
    insert into check_result (report_id, suite, section, check_key, outcome, severity, weight, execution, paper_points,
      passing_points, seconds, is_waived)
    select ${reportId}, suite, section, check_key, outcome, severity, weight, execution, paper_points, passing_points, seconds,
      is_waived from jsonb_populate_recordset(null::check_result, ${JSON.stringify(rows)}::jsonb)`.execute(connection);
}

/** Our own series of a report's scores, before those that it brings. */
function measurementsOf(report: Report): readonly Measurement[] {
  const scores: Measurement[] = [];
  const add = (name: string, value: number | null | undefined, labels: Record<string, string> = {}) => {
    if (typeof value === 'number') scores.push({ name: `tower.${name}`, unit: '1', labels, value });
  };
  const rubric = rubricOf(report);
  add('score.passing', rubric?.score);
  add('score.paper', rubric?.paperScore);
  for (const section of rubric?.sections ?? []) add('score.section', section.score, { section: section.id });
  add('score.structure', structureOf(report)?.score);
  return [
    ...scores,
    ...report.metrics.map((m) => ({ name: m.name, unit: m.unit ?? '', labels: m.labels ?? {}, value: m.value })),
  ];
}

async function write(connection: Connection, submission: Submission): Promise<Written> {
  const { report, writer, sha256, refClass, idempotencyKey, rules } = submission;
  const subject = await subjectOf(connection, submission);
  const { project, model } = subject;
  /** The one on record, else a preview where this is one too. */
  const known = () =>
    first(
      sql`select id from report where project_id = ${project} and job_id = ${report.run.jobId ?? ''} and kind = ${report.runner}
          and sha256 = ${sha256} and ref_class in ('authoritative', ${refClass}) order by ref_class limit 1`,
      connection,
    );
  const before = refClass === 'preview' ? await known() : undefined;
  const made = before === undefined ? await insertReport(connection, submission, subject) : undefined;
  const reportId = made ?? before ?? (await known());
  if (reportId === undefined) throw new Error('A report vanished while it was written');
  if (idempotencyKey !== null)
    await claimKey(connection, { projectId: project, key: idempotencyKey, sha256, reportId, refClass });
  if (made === undefined) return { reportId, modelId: model, isReplay: true, points: 0 };
  await insertResults(connection, reportId, report);
  if (refClass === 'authoritative')
    await updateStanding(connection, { modelId: model, reportId, report, actor: writer.name, rules });
  const points = await pointStore.append(connection, {
    modelId: model,
    reportId,
    refClass,
    environment: '',
    at: report.at,
    measurements: measurementsOf(report),
  });
  return { reportId, modelId: model, isReplay: false, points };
}

/**
 * Stores the report. Resolves only after the commit: what is acknowledged is kept.
 * @throws KeyReused when the Idempotency-Key was used for another body.
 */
export const writeReport = (db: Database, submission: Submission): Promise<Written> =>
  inTransaction(db, (connection) => write(connection, submission));

/** Many in one transaction, in their order. Each is asked for when the one before is being written. */
export const writeReports = (db: Database, submissions: readonly (() => Promise<Submission>)[]): Promise<void> =>
  inTransaction(db, async (connection) => {
    let next = submissions[0]?.();
    for (const make of [...submissions.slice(1), undefined]) {
      const submission = await next;
      next = make?.();
      if (submission) await write(connection, submission);
    }
  });
