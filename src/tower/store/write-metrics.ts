/** Stores numbers of a model that come without a report: all of them or none, each once however often it is sent. */
import { sql } from 'kysely';
import { type Connection, type Database, inTransaction } from './database.ts';
import { claimKey } from './idempotency.ts';
import { pointStore } from './points/point-store.ts';
import { type GivenMeasurement, withUnits } from './points/units.ts';
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
  readonly measurements: readonly GivenMeasurement[];
  /** SHA-256 of the body, hexadecimal. */
  readonly sha256: string;
  readonly idempotencyKey: string | null;
  /** Id of the alert that started what posts. */
  readonly alert?: string | null;
}

/** @returns how many points were new. @throws KeyReused */
export async function writeMetrics(db: Database, submission: MetricsSubmission): Promise<number> {
  const { modelId, projectId, refClass, environment, at, sha256, writtenBy, idempotencyKey, alert = null } = submission;
  const measurements = await withUnits(db, modelId, submission.measurements);
  const batch = { modelId, reportId: null, refClass, environment, at, measurements };
  const post = { sha256, writtenBy, alert };
  const added = idempotencyKey === null ? await pointStore.appendAtOnce(db, batch, post) : null;
  if (added !== null) return added;
  return inTransaction(db, async (connection) => {
    // Before the points: without times of their own a second writing would be of another moment.
    const isKnown = idempotencyKey !== null && (await claimKey(connection, { projectId, key: idempotencyKey, sha256, refClass }));
    return isKnown ? 0 : pointStore.append(connection, batch, post);
  });
}

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

/** The models that a name means: one, unless projects share it. What a token says of a path gives way to what GitLab says of it. */
export async function modelsNamed(connection: Connection, wanted: ModelName): Promise<readonly NamedModel[]> {
  const { name, projectPath, scope } = wanted;
  // A job names its own project, which no other can be meant by.
  const isJob = scope !== null && 'issuer' in scope;
  const asItsGitLabSays = isJob
    ? sql`or project.path like '%:%' and regexp_replace(project.path, '^.*:', '') = ${projectPath}`
    : sql``;
  const { rows } = await sql<NamedModel>`
    select model.id, project.id as "projectId", project.path as project from model join project on project.id = model.project_id
    where model.name = ${name}
      ${projectPath === undefined ? sql`` : sql`and (project.path = ${projectPath} ${asItsGitLabSays})`}
      and ${inScope(scope)}
      and not (project.issuer = 'local' and exists (select 1 from model as proven join project as at on at.id = proven.project_id
        where proven.name = model.name and at.path = project.path and at.issuer <> 'local'))
    order by model.id limit 20`.execute(connection);
  return rows;
}
