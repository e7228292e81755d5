/** Stores numbers of a model that come without a report: all of them or none, each once however often it is sent. */
import { sql } from 'kysely';
import { appendPoints, type Measurement } from './append.ts';
import { type Connection, type Database, inTransaction } from './database.ts';
import { claimKey } from './idempotency.ts';
import { inScope, type Scope } from './scope.ts';

export interface MetricsSubmission {
  readonly modelId: number;
  readonly projectId: number;
  /** For the record: `token NAME` or `job ID`. */
  readonly writtenBy: string;
  readonly refClass: 'authoritative' | 'preview';
  readonly environment: string;
  /** RFC 3339, of measurements that have no time of their own. */
  readonly at: string;
  readonly measurements: readonly Measurement[];
  /** SHA-256 of the body, hexadecimal. */
  readonly sha256: string;
  readonly idempotencyKey: string | null;
}

async function insertPost(connection: Connection, submission: MetricsSubmission, points: number): Promise<void> {
  const { modelId, sha256, refClass, environment, writtenBy } = submission;
  await sql`insert into metric_post (model_id, sha256, ref_class, environment, written_by, points)
    values (${modelId}, ${sha256}, ${refClass}, ${environment}, ${writtenBy}, ${points})`.execute(connection);
}

/** @returns how many points were new. @throws KeyReused */
export const writeMetrics = (db: Database, submission: MetricsSubmission): Promise<number> =>
  inTransaction(db, async (connection) => {
    const { modelId, projectId, refClass, environment, at, measurements, sha256, idempotencyKey } = submission;
    // Before the points: without times of their own a second writing would be of another moment.
    const isKnown = idempotencyKey !== null && (await claimKey(connection, { projectId, key: idempotencyKey, sha256 }));
    if (isKnown) return 0;
    const points = await appendPoints(connection, { modelId, reportId: null, refClass, environment, at, measurements });
    if (points > 0) await insertPost(connection, submission, points);
    return points;
  });

export interface NamedModel {
  readonly id: number;
  readonly projectId: number;
  readonly project: string;
}

export interface ModelName {
  readonly name: string;
  /** Path of the project, where two have a model of that name. */
  readonly projectPath?: string | undefined;
  /** What the writer is confined to. */
  readonly scope: Scope;
}

/** The models that a name means: one, unless projects share it. */
export async function modelsNamed(connection: Connection, wanted: ModelName): Promise<readonly NamedModel[]> {
  const { name, projectPath, scope } = wanted;
  const { rows } = await sql<NamedModel>`
    select model.id, project.id as "projectId", project.path as project from model join project on project.id = model.project_id
    where model.name = ${name}
      ${projectPath === undefined ? sql`` : sql`and project.path = ${projectPath}`}
      and ${inScope(scope)}
    order by model.id limit 20`.execute(connection);
  return rows;
}
