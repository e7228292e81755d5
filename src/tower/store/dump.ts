/**
 * The export of a store: lines of JSON, gzip. A header names the format and the schema; each table is a line
 * `{"table", "columns"}`, its rows as arrays, `{"end", "rows"}`; the last line holds the SHA-256 of all lines before it. Every
 * value is PostgreSQL's own text for it, so that nothing is rounded on the way from one database to another.
 */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { EnvironmentError } from '../../kernel/failure.ts';
import type { Connection, Database } from './database.ts';
import { schemaOf } from './migrations/migrate.ts';

export const dumpFormat = 1;

export interface DumpHeader {
  readonly flightcheck: 'tower-export';
  readonly format: number;
  /** Name of the newest migration that the data have seen. */
  readonly schema: string;
  readonly at: string;
}

export interface Table {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** Every table of ours, those that others refer to first. */
export async function tablesOf(db: Connection): Promise<readonly Table[]> {
  const { rows } = await sql<Table & { needs: readonly string[] }>`
    select relname as name,
      (select json_agg(json_build_object('name', attname, 'type', format_type(atttypid, null)) order by attnum) from pg_attribute
        where attrelid = pg_class.oid and attnum > 0 and not attisdropped) as columns,
      array(select distinct confrelid::regclass::text from pg_constraint
        where conrelid = pg_class.oid and contype = 'f' and confrelid <> conrelid) as needs
    from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and not relispartition
      and relname not like 'kysely%' order by relname`.execute(db);
  const placed: Table[] = [];
  let left = rows;
  while (left.length > 0) {
    const names = new Set(left.map(({ name }) => name));
    const ready = left.filter(({ needs }) => !needs.some((name) => names.has(name)));
    if (ready.length === 0) throw new Error(`Tables refer to each other in a circle: ${[...names].join(', ')}`);
    placed.push(...ready.map(({ name, columns }) => ({ name, columns })));
    left = left.filter((table) => !ready.includes(table));
  }
  return placed;
}

const rowsAtOnce = 2000;

async function* rowsOf(connection: Connection, { name, columns }: Table): AsyncGenerator<readonly (string | null)[][]> {
  const texts = columns.map((column) => sql`${sql.ref(column.name)}::text`);
  // One array for a row: its columns come in one order, and names that meet do no harm.
  await sql`declare dump_rows no scroll cursor for select array[${sql.join(texts)}] as row from ${sql.table(name)}`.execute(
    connection,
  );
  for (;;) {
    const { rows } = await sql<{ row: (string | null)[] }>`fetch ${sql.lit(rowsAtOnce)} from dump_rows`.execute(connection);
    if (rows.length > 0) yield rows.map(({ row }) => row);
    if (rows.length < rowsAtOnce) break;
  }
  await sql`close dump_rows`.execute(connection);
}

/** Who is logged in at the moment is nobody's backup: it would open sessions again that were closed since. A key is no hash. */
const leftOut: ReadonlySet<string> = new Set(['session', 'badge_key']);

async function* linesOf(connection: Connection, at: Date, onRows: (rows: number) => void): AsyncGenerator<string> {
  const schema = await schemaOf(connection);
  if (schema === null)
    throw new EnvironmentError('TOWER_EXPORT', 'This database holds no data of Control Tower', {
      hint: 'Name the database that flightcheck tower serve uses, with --data or --database-url.',
    });
  yield JSON.stringify({ flightcheck: 'tower-export', format: dumpFormat, schema, at: at.toISOString() } satisfies DumpHeader);
  for (const table of await tablesOf(connection)) {
    if (leftOut.has(table.name)) continue;
    yield JSON.stringify({ table: table.name, columns: table.columns.map(({ name }) => name) });
    let n = 0;
    for await (const rows of rowsOf(connection, table)) {
      n += rows.length;
      yield rows.map((row) => JSON.stringify(row)).join('\n');
      onRows(rows.length);
    }
    yield JSON.stringify({ end: table.name, rows: n });
  }
}

/** Times as text must not depend on the server's settings. */
export async function speakPlainly(connection: Connection): Promise<void> {
  await sql`set local timezone to 'UTC'`.execute(connection);
  await sql`set local datestyle to 'ISO, YMD'`.execute(connection);
  await sql`set local intervalstyle to 'iso_8601'`.execute(connection);
  await sql`set local extra_float_digits to 1`.execute(connection);
  await sql`set local bytea_output to 'hex'`.execute(connection);
  await sql`set local statement_timeout to 0`.execute(connection);
}

/** The state of one moment, while the servers go on. @returns rows written. */
export async function exportStore(
  db: Database,
  write: (text: string) => Promise<void>,
  onRows = (_: number) => {},
): Promise<number> {
  const hash = createHash('sha256');
  let all = 0;
  await db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (connection) => {
      // First: a month that is sealed now keeps its partition until we are through.
      if ((await schemaOf(connection)) !== null) await sql`lock table point in access share mode`.execute(connection);
      await speakPlainly(connection);
      const count = (rows: number) => {
        all += rows;
        onRows(all);
      };
      for await (const lines of linesOf(connection, new Date(), count)) {
        const text = `${lines}\n`;
        hash.update(text);
        await write(text);
      }
    });
  await write(`${JSON.stringify({ sha256: hash.digest('hex'), rows: all })}\n`);
  return all;
}
