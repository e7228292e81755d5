/** The newest results of a model's checks, of the authoritative record. */
import { sql } from 'kysely';
import type { Connection } from './database.ts';
import { inScope, type Scope } from './scope.ts';

export interface ChecksFilter {
  /** Name of the model. */
  readonly model: string;
  readonly project: Scope;
  readonly suite: string;
  readonly section: string | null;
  /** Only of runs with this trigger. */
  readonly trigger: string | null;
}

export interface CheckRow {
  readonly check: string;
  readonly section: string;
  readonly outcome: string;
  readonly at: Date;
  readonly trigger: string;
  readonly ref: string | null;
  readonly commit: string | null;
  readonly modelId: number;
  readonly project: string;
  readonly reportId: number;
}

const mostRows = 1000;

/**
 * The newest judgement of each check: what was skipped, or broke, said nothing. A report cannot have been made after it was
 * received, whatever its clock says.
 */
export async function readChecks(connection: Connection, filter: ChecksFilter): Promise<readonly CheckRow[]> {
  const { model, project, suite, section, trigger } = filter;
  const ofSection = section === null ? sql`` : sql`and check_result.section = ${section}`;
  const ofTrigger = trigger === null ? sql`` : sql`and report.trigger = ${trigger}`;
  const { rows } = await sql<CheckRow>`
    select distinct on (model.id, check_result.check_key) check_result.check_key as "check", check_result.section, check_result.outcome,
      least(report.reported_at, report.received_at) as at, report.trigger, report.ref, model_version.commit_sha as "commit",
      model.id as "modelId", project.path as project, report.id as "reportId"
    from model join project on project.id = model.project_id
      join report on report.model_id = model.id and report.ref_class = 'authoritative'
      join check_result on check_result.report_id = report.id
      left join model_version on model_version.id = report.version_id
    where model.name = ${model} and check_result.suite = ${suite} and check_result.outcome in ('pass', 'fail')
      and ${inScope(project)} ${ofSection} ${ofTrigger}
    order by model.id, check_result.check_key, least(report.reported_at, report.received_at) desc, report.id desc
    limit ${mostRows}`.execute(connection);
  return rows;
}
