/** Reads an export (`dump.ts`) into an empty database of either kind: all of it, or nothing. */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { EnvironmentError, UsageError } from '../../kernel/failure.ts';
import { type Connection, type Database, sqlStateOf } from './database.ts';
import { type DumpHeader, dumpFormat, speakPlainly, type Table, tablesOf } from './dump.ts';
import { ensurePartitions, migrate, migrationNames, schemaOf } from './migrations/migrate.ts';

const broken = (what: string) =>
  new EnvironmentError('TOWER_IMPORT', `The export cannot be read: ${what}. Nothing was imported.`, {
    hint: 'It was cut off or changed on its way. Take another copy, or export again.',
  });

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw broken('a line is not JSON');
  }
}

function headerOf(line: string): DumpHeader {
  const header = (line.startsWith('{"flightcheck"') ? parse(line) : null) as Partial<DumpHeader> | null;
  if (typeof header !== 'object' || header?.flightcheck !== 'tower-export' || typeof header.schema !== 'string')
    throw new UsageError('TOWER_IMPORT', 'The file is no export of Control Tower', {
      hint: 'flightcheck tower export FILE writes one.',
    });
  if (header.format !== dumpFormat || !migrationNames.includes(header.schema))
    throw new UsageError('TOWER_IMPORT', `The export was written by a newer Control Tower (schema ${header.schema})`, {
      hint: 'Import it with a Flightcheck that is at least as new.',
    });
  return header as DumpHeader;
}

/** An empty database of the schema of the export. */
async function prepare(db: Database, { schema }: DumpHeader): Promise<void> {
  const found = await schemaOf(db);
  if (found === null) return migrate(db, schema);
  const filled: string[] = [];
  for (const { name } of await tablesOf(db)) {
    const { rows } = await sql`select 1 from ${sql.table(name)} limit 1`.execute(db);
    if (rows.length > 0) filled.push(name);
  }
  // A server that starts writes its token and says so in the audit, which cannot be taken out again.
  const data = filled.find((name) => name !== 'token' && name !== 'audit');
  if (filled.length > 0)
    throw new UsageError(
      'TOWER_IMPORT',
      data === undefined ? 'A server has opened this database before' : `The database has data already (table ${data})`,
      {
        hint: 'Import into an empty one that no server has opened: another folder with --data, or another --database-url. Nothing is ever merged or replaced.',
      },
    );
  if (found !== schema)
    throw new UsageError('TOWER_IMPORT', `The database has the schema ${found}, the export ${schema}`, {
      hint: 'Import into a database that no server has opened yet: it is brought up to date after the import.',
    });
}

const rowsAtOnce = 1000;
const bytesAtOnce = 4 * 1024 * 1024;

async function insert(connection: Connection, table: Table, rows: readonly (readonly (string | null)[])[]): Promise<void> {
  const names = table.columns.map(({ name }) => sql.ref(name));
  const values = table.columns.map(({ type }, i) => sql`(r.row ->> ${sql.lit(i)})::${sql.raw(type)}`);
  await sql`insert into ${sql.table(table.name)} (${sql.join(names)}) overriding system value
    select ${sql.join(values)} from json_array_elements(${JSON.stringify(rows)}::json) as r(row)`.execute(connection);
}

/** Identities go on after the largest id. */
async function continueIds(connection: Connection, tables: readonly Table[]): Promise<void> {
  for (const { name } of tables) {
    const { rows } = await sql<{ identity: string | null }>`
      select (select pg_get_serial_sequence(${name}, attname::text) from pg_attribute
        where attrelid = ${name}::regclass and attname = 'id' and attidentity <> '') as identity`.execute(connection);
    const identity = rows[0]?.identity;
    if (identity)
      await sql`select setval(${identity}::regclass, coalesce(max(id), 1), max(id) is not null) from ${sql.table(name)}`.execute(
        connection,
      );
  }
}

type Row = readonly (string | null)[];

/** The table that a line begins; only names of the schema ever become SQL. */
function tableOf(line: { table?: unknown; columns?: unknown }, tables: readonly Table[]): Table {
  const known = tables.find(({ name }) => name === line.table);
  const names = Array.isArray(line.columns) ? line.columns : [];
  const columns = names.map((name) => known?.columns.find((column) => column.name === name));
  if (!known || columns.length === 0 || columns.includes(undefined)) throw broken(`the table ${String(line.table)} is not known`);
  return { name: known.name, columns: columns.filter((column) => column !== undefined) };
}

async function readTables(connection: Connection, lines: AsyncIterator<string>, onRows: (rows: number) => void) {
  const tables = await tablesOf(connection);
  let current: Table | null = null;
  let [all, inTable, bytes] = [0, 0, 0];
  let waiting: Row[] = [];
  const flush = async () => {
    if (current && waiting.length > 0) await insert(connection, current, waiting);
    onRows(all);
    [waiting, bytes] = [[], 0];
  };
  for (;;) {
    const { value: text, done } = await lines.next();
    if (done) throw broken('it ends too early');
    const line = parse(text);
    if (Array.isArray(line)) {
      if (!current || line.length !== current.columns.length) throw broken('a row does not fit its table');
      waiting.push(line as Row);
      bytes += text.length;
      all += 1;
      inTable += 1;
      if (waiting.length === rowsAtOnce || bytes > bytesAtOnce) await flush();
      continue;
    }
    const mark = line as { table?: unknown; columns?: unknown; end?: unknown; rows?: unknown; sha256?: unknown };
    await flush();
    if (mark.table !== undefined) {
      current = tableOf(mark, tables);
      inTable = 0;
    } else if (mark.end !== undefined) {
      if (!current || mark.end !== current.name || mark.rows !== inTable) throw broken(`rows of ${String(mark.end)} are missing`);
      current = null;
    } else {
      await continueIds(connection, tables);
      return { rows: all, said: mark };
    }
  }
}

/** Lines whose digest is known when the last one was read. */
async function* hashed(lines: AsyncIterable<string>, hash: { before: string }): AsyncGenerator<string> {
  const sum = createHash('sha256');
  for await (const line of lines) {
    hash.before = sum.copy().digest('hex');
    sum.update(`${line}\n`);
    yield line;
  }
}

/**
 * @param lines Of the export, unpacked.
 * @throws UsageError when the database is not empty, or the export is of a newer program; EnvironmentError when it is damaged.
 */
export async function importStore(db: Database, lines: AsyncIterable<string>, onRows = (_: number) => {}): Promise<number> {
  const hash = { before: '' };
  const read = hashed(lines, hash);
  const first = await read.next();
  const header = headerOf(first.done ? 'null' : first.value);
  await prepare(db, header);
  let rows = 0;
  try {
    await db.transaction().execute(async (connection) => {
      await speakPlainly(connection);
      const found = await readTables(connection, read, onRows);
      if (found.said.sha256 !== hash.before || found.said.rows !== found.rows) throw broken('its checksum is wrong');
      rows = found.rows;
    });
  } catch (error) {
    // Of the classes data exception and integrity constraint: the text is at fault, not the database.
    if (/^2[23]/.test(sqlStateOf(error) ?? '')) throw broken(error instanceof Error ? error.message : String(error));
    throw error;
  }
  await migrate(db);
  await ensurePartitions(db, new Date());
  await sql`analyze`.execute(db);
  return rows;
}
