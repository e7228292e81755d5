/** Keeps a model's row of the fleet page: its metadata and the newest rubric, structure suite and gate decision. */
import { sql } from 'kysely';
import type { Report } from '../../kernel/report.ts';
import type { Connection } from './database.ts';
import { type RepositoryRule, takeRules } from './rules.ts';
import { rubricOf, structureOf } from './suites.ts';
import { takeWaivers } from './waivers.ts';

interface Update {
  readonly modelId: number;
  readonly reportId: number;
  readonly report: Report;
  /** Who wrote it, for the record. */
  readonly actor: string;
  /** Of the repository, when the report is one that says. */
  readonly rules?: readonly RepositoryRule[] | undefined;
}

/** Takes over what the report knows and the row does not know newer. A late report never turns the clock back. */
export async function updateStanding(connection: Connection, { modelId, reportId, report, actor, rules }: Update): Promise<void> {
  const { at } = report;
  // The row is locked first, so that two reports of a model are compared one after the other.
  await sql`insert into standing (model_id, seen_at, is_complete) values (${modelId}, '-infinity', true) on conflict do nothing`.execute(
    connection,
  );
  const { rows } = await sql<{ isNewest: boolean }>`
    select seen_at <= ${at}::timestamptz as "isNewest" from standing where model_id = ${modelId} for update`.execute(connection);
  if (rows[0]?.isNewest) {
    await takeMetadata(connection, modelId, report);
    // As for the count: a single job's report names none, and says nothing of them.
    if (report.waivers || report.gate) await takeWaivers(connection, modelId, { report, actor });
    if (rules) await takeRules(connection, modelId, { rules, actor: `repository of ${report.model.name}, ${actor}` });
  }
  const rubric = rubricOf(report);
  if (rubric) {
    const score = (id: string): number => rubric.sections.find((section) => section.id === id)?.score ?? 0;
    await sql`
      update standing set score = ${rubric.score}, paper_score = ${rubric.paperScore ?? null}, data_score = ${score('data')},
        model_score = ${score('model')}, infra_score = ${score('infra')}, monitor_score = ${score('monitor')},
        scored_at = ${at}::timestamptz, score_report_id = ${reportId}, is_complete = ${report.complete}
      where model_id = ${modelId} and (scored_at is null or scored_at <= ${at}::timestamptz)`.execute(connection);
  }
  const structure = structureOf(report);
  if (structure)
    await sql`
      update standing set structure_score = ${structure.score}, structure_at = ${at}::timestamptz, structure_report_id = ${reportId}
      where model_id = ${modelId} and (structure_at is null or structure_at <= ${at}::timestamptz)`.execute(connection);
}

async function takeMetadata(
  connection: Connection,
  modelId: number,
  { model, at, source, gate, waivers }: Report,
): Promise<void> {
  await sql`
    update model set title = ${model.title ?? null}, description = ${model.description ?? null}, owner = ${model.owner},
      tier = ${model.tier}, task = ${model.task ?? null}, language = ${model.language ?? null},
      labels = ${JSON.stringify(model.labels)}::jsonb
    where id = ${modelId}`.execute(connection);
  // Only a merged report carries a gate and waivers; a single job's leaves the last decision standing.
  await sql`
    update standing set seen_at = ${at}::timestamptz, commit_sha = ${source.commit},
      is_gate_passed = coalesce(${gate?.isPassed ?? null}::boolean, is_gate_passed),
      waivers = coalesce(${waivers ? waivers.filter((waiver) => !waiver.isExpired).length : gate ? 0 : null}::int, waivers)
    where model_id = ${modelId}`.execute(connection);
}
