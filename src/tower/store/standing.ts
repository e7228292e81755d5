/** Keeps a model's row of the fleet page: its metadata and the newest rubric, structure suite and gate decision. */
import { type RawBuilder, sql } from 'kysely';
import type { Report } from '../../kernel/report.ts';
import { type Connection, prepared } from './database.ts';
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

type Columns = Readonly<Record<string, RawBuilder<unknown>>>;

/** The columns that a report sets, and the time that says whether the row knows newer. */
interface Part {
  readonly clock: string;
  readonly columns: Columns;
}

function partsOf({ reportId, report }: Update): readonly Part[] {
  const at = sql`${report.at}::timestamptz`;
  const { gate, source, complete } = report;
  const rubric = rubricOf(report);
  const structure = structureOf(report);
  const section = (id: string) => sql`${rubric?.sections.find((one) => one.id === id)?.score ?? 0}::float8`;
  // Only a merged report carries a gate; a single job's leaves the last decision standing.
  const decided: Columns = { ...(gate && { is_gate_passed: sql`${gate.isPassed}::boolean` }) };
  const parts: Part[] = [{ clock: 'seen_at', columns: { seen_at: at, commit_sha: sql`${source.commit}::text`, ...decided } }];
  if (rubric)
    parts.push({
      clock: 'scored_at',
      columns: {
        scored_at: at,
        score: sql`${rubric.score}::float8`,
        paper_score: sql`${rubric.paperScore ?? null}::float8`,
        data_score: section('data'),
        model_score: section('model'),
        infra_score: section('infra'),
        monitor_score: section('monitor'),
        score_report_id: sql`${reportId}::bigint`,
        is_complete: sql`${complete}::boolean`,
      },
    });
  if (structure)
    parts.push({
      clock: 'structure_at',
      columns: {
        structure_at: at,
        structure_score: sql`${structure.score}::float8`,
        structure_report_id: sql`${reportId}::bigint`,
      },
    });
  return parts;
}

/** Of two reports of a model that come at once the second waits here. @returns whether none is newer. */
async function writeStanding(connection: Connection, update: Update): Promise<boolean> {
  const parts = partsOf(update);
  // Without a rubric nothing of it is missing.
  const row: Columns = Object.assign({ is_complete: sql`true` }, ...parts.map(({ columns }) => columns));
  const newer = parts.flatMap(({ clock, columns }) =>
    Object.keys(columns).map(
      (name) => sql`${sql.ref(name)} = case when excluded.${sql.ref(clock)} >= coalesce(standing.${sql.ref(clock)}, '-infinity')
        then excluded.${sql.ref(name)} else standing.${sql.ref(name)} end`,
    ),
  );
  const { rows } = await prepared<{ isNewest: boolean }>`
    insert into standing (model_id, ${sql.join(Object.keys(row).map((name) => sql.ref(name)))})
    values (${update.modelId}, ${sql.join(Object.values(row))})
    on conflict (model_id) do update set ${sql.join(newer)}
    returning seen_at = ${update.report.at}::timestamptz as "isNewest"`.execute(connection);
  return rows[0]?.isNewest ?? false;
}

/** Takes over what the report knows and the row does not know newer. A late report never turns the clock back. */
export async function updateStanding(connection: Connection, update: Update): Promise<void> {
  const { modelId, report, actor, rules } = update;
  if (!(await writeStanding(connection, update))) return;
  await takeMetadata(connection, modelId, report);
  // As for the count: a single job's report names none, and says nothing of them.
  if (report.waivers || report.gate) await takeWaivers(connection, modelId, { report, actor });
  if (rules) await takeRules(connection, modelId, { rules, actor: `repository of ${report.model.name}, ${actor}` });
}

const takeMetadata = (connection: Connection, modelId: number, { model }: Report) =>
  prepared`update model set title = ${model.title ?? null}, description = ${model.description ?? null}, owner = ${model.owner},
    tier = ${model.tier}, task = ${model.task ?? null}, language = ${model.language ?? null},
    labels = ${JSON.stringify(model.labels)}::jsonb
  where id = ${modelId}`.execute(connection);
