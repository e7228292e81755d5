/** Dashboards: questions of the page Explore that stand together under a name. */
import { sql } from 'kysely';
import { type Actor, recordAct, shownActor } from './audit.ts';
import { type Connection, type Database, inTransaction, sqlStateOf } from './database.ts';
import { holdsFor, type Scope } from './scope.ts';

export interface Panel {
  readonly title: string;
  /** Query of the page Explore, without the question mark. */
  readonly question: string;
}

export interface DashboardRow {
  readonly id: number;
  readonly name: string;
  readonly panels: readonly Panel[];
  /** Shown to those who may read all of it. */
  readonly namespace: string;
  /** Shown to every reader, with the numbers that he may see. */
  readonly isShared: boolean;
  readonly savedBy: string;
  readonly savedAt: Date;
  /** Another after each saving. */
  readonly version: string;
}

export class DashboardNameTaken extends Error {}

/** What it asks may name models of others: it is shown to whom it is for, like the numbers themselves. */
const isSeen = (scope: Scope) => sql`(dashboard.is_shared or ${holdsFor(scope, sql`dashboard.namespace`)})`;

/** No two savings of a dashboard are of one moment: see `saveDashboard`. */
const version = sql`(extract(epoch from saved_at) * 1000000)::bigint::text`;
/** It is one of those that the writer has read; undefined: whatever it is. */
const isOf = (versions: readonly string[] | undefined) =>
  versions ? sql`${version} = any(${[...versions]}::text[])` : sql`true`;

const columns = sql`id, name, panels, namespace, is_shared as "isShared", saved_by as "savedBy", saved_at as "savedAt",
  ${version} as version`;

export async function listDashboards(connection: Connection, scope: Scope): Promise<readonly DashboardRow[]> {
  const { rows } =
    await sql<DashboardRow>`select ${columns} from dashboard where ${isSeen(scope)} order by name, namespace`.execute(connection);
  return rows;
}

export async function readDashboard(connection: Connection, id: number, scope: Scope): Promise<DashboardRow | null> {
  const { rows } = await sql<DashboardRow>`
    select ${columns} from dashboard where id = ${id}::bigint and ${isSeen(scope)}`.execute(connection);
  return rows[0] ?? null;
}

/** For the record: a name is one of its namespace. */
const ofNamespace = (namespace: string): Readonly<Record<string, unknown>> => (namespace === '' ? {} : { namespace });

export interface NewDashboard extends Omit<DashboardRow, 'id' | 'savedBy' | 'savedAt' | 'version'> {
  readonly savedBy: Actor;
}

/** A dashboard as somebody read it. */
export interface ReadDashboard {
  readonly id: number;
  /** Of which it was one. Undefined: whatever it is now. */
  readonly versions?: readonly string[] | undefined;
}

/** Makes a dashboard, or writes one anew. @returns null where there is none, or no longer of that version. @throws DashboardNameTaken */
export async function saveDashboard(
  db: Database,
  { name, panels, namespace, isShared, savedBy }: NewDashboard,
  old?: ReadDashboard,
): Promise<DashboardRow | null> {
  const panelsJson = JSON.stringify(panels);
  const write =
    old === undefined
      ? sql<DashboardRow>`insert into dashboard (name, panels, namespace, is_shared, saved_by)
          values (${name}, ${panelsJson}::jsonb, ${namespace}, ${isShared}, ${shownActor(savedBy)})
          returning ${columns}`
      : sql<DashboardRow>`update dashboard set name = ${name}, panels = ${panelsJson}::jsonb, namespace = ${namespace},
          is_shared = ${isShared}, saved_by = ${shownActor(savedBy)}, saved_at = greatest(clock_timestamp(), saved_at + interval '1 microsecond')
          where id = ${old.id}::bigint and ${isOf(old.versions)} returning ${columns}`;
  try {
    return await inTransaction(db, async (connection) => {
      const { rows } = await write.execute(connection);
      if (rows[0])
        await recordAct(connection, { actor: savedBy, action: 'dashboard.saved', subject: name, detail: ofNamespace(namespace) });
      return rows[0] ?? null;
    });
  } catch (error) {
    if (sqlStateOf(error) === '23505') throw new DashboardNameTaken();
    throw error;
  }
}

/** @returns False where there was none, or no longer of that version. */
export const deleteDashboard = (db: Database, { id, versions }: ReadDashboard, actor: Actor): Promise<boolean> =>
  inTransaction(db, async (connection) => {
    const { rows } = await sql<{
      name: string;
      namespace: string;
    }>`delete from dashboard where id = ${id}::bigint and ${isOf(versions)} returning name, namespace`.execute(connection);
    for (const { name, namespace } of rows)
      await recordAct(connection, { actor, action: 'dashboard.deleted', subject: name, detail: ofNamespace(namespace) });
    return rows.length > 0;
  });
