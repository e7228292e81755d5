/** The table store on DuckDB: what a manifest names is loaded once, when it is first asked for. */
import { createHash, randomUUID } from 'node:crypto';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Place, UsageError } from '../../kernel/failure.ts';
import { type SourceName, sourceOf, type TableRef } from '../../kernel/hooks.ts';
import { manifestFile, type ResolvedManifest } from '../../kernel/manifest.ts';
import { keySeparator, keyText, quoteName, quoteText } from '../../kernel/sql.ts';
import type { TableStore } from '../../kernel/table-store.ts';
import type { Table } from '../../kernel/world.ts';
import { bookkeeping } from './csv-header.ts';
import { type Database, openDatabase } from './database.ts';
import { columnsNamed, derive, viewOf } from './derive/index.ts';
import { featureFile, readTable, traceFile } from './features.ts';
import { load } from './load.ts';
import { readPredictions } from './predictions.ts';
import { keyOf } from './row-key.ts';
import { readSources } from './sources.ts';

export interface OpenTablesOptions {
  /** Absolute path of the model repo. */
  readonly root: string;
  readonly manifest: ResolvedManifest;
  /** A folder of ours, outside the repo; the caller removes it after `close`. */
  readonly workFolder: string;
  /** DuckDB's buffer pool; larger tables spill to `workFolder`. Default `2GiB`: what 10,000 columns need. */
  readonly memoryLimit?: string;
  /** What may spill; by default most of what the disk has free. */
  readonly spillLimit?: string;
  /** Default: all processors. The results do not depend on it. */
  readonly threads?: number;
  /** Where a key of the manifest stands, for messages. */
  readonly place?: (key: string) => Place | undefined;
}

async function describe(db: Database, name: string, loaded: Pick<Table, 'sources' | 'dialect'>): Promise<Table> {
  const columns = await db.query<{ column_name: string; column_type: string }>(`DESCRIBE ${name}`);
  const [total] = await db.query<{ n: number }>(`SELECT count(*) AS n FROM ${name}`);
  const shown = columns.filter(({ column_name }) => column_name !== '__row');
  return { name, rows: total?.n ?? 0, columns: shown.map((c) => ({ name: c.column_name, type: c.column_type })), ...loaded };
}

interface Identified {
  readonly id: string;
  /** The columns that the id was made up of; null where the table has one. */
  readonly joined: readonly string[] | null;
  /** `data.eval`. */
  readonly key: string;
  place(key: string): Place;
}

/** Predictions are joined by id, so the rows that are predicted must each have their own. */
async function requireIds(db: Database, table: Table, { id, joined, key, place: placeOf }: Identified): Promise<void> {
  const place = placeOf(joined ? 'columns.key' : 'columns.id');
  const names = table.columns.map((column) => column.name);
  if (!names.includes(id))
    throw new UsageError('TABLE_NO_ID', `${key} has no column ${JSON.stringify(id)}; it has ${names.slice(0, 10).join(', ')}`, {
      hint: 'Name the column that identifies a row in flightcheck.yml: `columns: { id: ... }`, or several that do together: `columns: { key: [...] }`.',
      place,
    });
  const [sums] = await db.query<{ doubled: number; empty: number; example: string | null }>(
    `SELECT count(*) FILTER (n > 1 AND id IS NOT NULL) AS doubled, coalesce(max(n) FILTER (id IS NULL), 0) AS empty,
      min(id) FILTER (n > 1) AS example FROM (SELECT CAST(${quoteName(id)} AS VARCHAR) AS id, count(*) AS n FROM ${table.name} GROUP BY 1)`,
  );
  if (!sums || sums.doubled + sums.empty === 0) return;
  const who = joined
    ? `the columns ${joined.map((name) => JSON.stringify(name)).join(' and ')} together do`
    : `the column ${JSON.stringify(id)} does`;
  const example = sums.example
    ?.split(keySeparator)
    .map((part, i) => (joined ? `${joined[i]} ${JSON.stringify(part)}` : JSON.stringify(part)));
  const hint = joined
    ? 'Add a column under columns.key that tells these rows apart, or drop the rows that stand twice.'
    : 'Give every row an id of its own, or name several columns that identify a row together: `columns: { key: [...] }`.';
  throw new UsageError(
    'TABLE_IDS',
    `${key}: ${who} not identify a row: ${sums.doubled} values stand in several rows${example === undefined ? '' : ` (${example.join(', ')})`}, ${sums.empty} rows have none`,
    { hint, place },
  );
}

/** SQL of a value as hooks read it: R and Python both understand NaN and Inf, and DuckDB's `nan` only one of them. */
function exported({ name, type }: { readonly name: string; readonly type: string }): string {
  const x = quoteName(name);
  if (type !== 'DOUBLE' && type !== 'FLOAT') return x;
  return `CASE WHEN isfinite(${x}) THEN CAST(${x} AS VARCHAR) WHEN isnan(${x}) THEN 'NaN' WHEN ${x} > 0 THEN 'Inf' WHEN ${x} < 0 THEN '-Inf' END`;
}

/** How a request in JSON writes the values of a column. */
function kindOfType(type: string): 'number' | 'boolean' | 'text' {
  if (type === 'BOOLEAN') return 'boolean';
  return /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL.*)$/.test(type) ? 'number' : 'text';
}

/** Opens the store. Nothing of the repo is read before a table is asked for; errors name the manifest's line. */
export async function openTables(options: OpenTablesOptions): Promise<TableStore> {
  const { manifest, workFolder } = options;
  await mkdir(workFolder, { recursive: true });
  const { memoryLimit = '2GiB', threads = availableParallelism(), spillLimit } = options;
  const db = await openDatabase(workFolder, { memoryLimit, threads, spillLimit });
  const id = manifest.columns.id;
  const placeOf = (key: string): Place => options.place?.(key) ?? { path: manifestFile };

  const sources = readSources(options, placeOf);

  async function openSource(table: SourceName): Promise<Table | null> {
    const files = await sources.files(table);
    if (files === null) return null;
    const key = `data.${table}`;
    const stored = quoteName(`source_${table}`);
    const loaded = await load(db, stored, files, { key, asText: [id, ...(manifest.columns.key ?? [])], inPlace: true });
    await sources.requireSame(table, loaded.sources);
    const described = await db.query<{ column_name: string }>(`DESCRIBE ${stored}`);
    const names = described.map((column) => column.column_name);
    const joined = keyOf(manifest.columns, names);
    // A made-up id is ours: hooks are not shown a column that their data does not have.
    if (joined) madeUp.add(id);
    await viewOf(db, quoteName(table), stored, names, joined ? [`${keyText(joined)} AS ${quoteName(id)}`] : []);
    const opened = await describe(db, quoteName(table), loaded);
    if (table === 'eval') await requireIds(db, opened, { id, joined, key, place: placeOf });
    return opened;
  }

  const madeUp = new Set<string>();
  const tables = new Map<string, Promise<Table | null>>();
  function open(ref: TableRef): Promise<Table | null> {
    const text = JSON.stringify(ref);
    const known = tables.get(text);
    if (known) return known;
    const made = 'table' in ref ? openSource(ref.table) : openDerived(ref);
    tables.set(text, made);
    return made;
  }

  async function openDerived(ref: Exclude<TableRef, { table: unknown }>): Promise<Table | null> {
    const from = await open(ref.from);
    if (from === null) return null;
    const names = new Set(from.columns.map((column) => column.name));
    const unknown = columnsNamed(ref).filter((column) => !names.has(column));
    if (unknown.length > 0)
      throw new UsageError('TABLE_NO_COLUMN', `There is no column ${unknown.map((name) => JSON.stringify(name)).join(', ')}`, {
        hint: `The table has ${[...names].slice(0, 20).join(', ')}.`,
        place: placeOf('columns.features'),
      });
    return describe(db, await derive(db, ref, from, id), { sources: [] });
  }

  async function need(ref: TableRef): Promise<Table> {
    const table = await open(ref);
    if (table) return table;
    throw notNamed(sourceOf(ref));
  }
  const notNamed = (source: SourceName): UsageError =>
    new UsageError('TABLE_NOT_NAMED', `The manifest does not name data.${source}`, {
      hint: `Add to flightcheck.yml: \`data: { ${source}: path/to/${source}.csv }\`.`,
      place: placeOf('data'),
    });

  async function key(ref: TableRef): Promise<string> {
    const read = await sources.hashed(sourceOf(ref));
    if (read === null) throw notNamed(sourceOf(ref));
    const derivation = JSON.stringify([2, id, read.map((source) => source.sha256), contentOf(ref)]);
    return createHash('sha256').update(derivation).digest('hex');
  }

  const shownColumns = (table: Table, without: readonly string[]) =>
    table.columns.filter(({ name }) => !without.includes(name) && !bookkeeping.has(name) && !madeUp.has(name));

  return {
    open,
    query: db.query,
    sources: sources.hashed,
    key,
    async export(ref, path, { without }) {
      const table = await need(ref);
      const columns = shownColumns(table, without);
      const staged = join(db.exchange, `export-${randomUUID()}`);
      await db.run(
        `COPY (SELECT ${columns.map((column) => `${exported(column)} AS ${quoteName(column.name)}`).join(', ')} FROM ${table.name} ORDER BY __row) TO ${quoteText(staged)} (FORMAT csv, HEADER true, DELIMITER ',', QUOTE '"', ESCAPE '"', NULLSTR '')`,
      );
      // The hook's folder may lie on another file system.
      await rename(staged, path).catch(async () => {
        await rm(path, { force: true });
        await copyFile(staged, path);
        await rm(staged, { force: true });
      });
      return table.rows;
    },
    async rows(ref, { without }) {
      const table = await need(ref);
      const columns = shownColumns(table, without);
      const values = columns.map((column, i) => `CAST(${exported(column)} AS VARCHAR) AS c${i}`);
      const rows = await db.query<Record<string, string | null>>(`SELECT ${values.join(', ')} FROM ${table.name} ORDER BY __row`);
      return {
        columns: columns.map(({ name, type }) => ({ name, kind: kindOfType(type) })),
        rows: rows.map((row) => columns.map((_, i) => row[`c${i}`] ?? null)),
      };
    },
    async readPredictions(path, input, name) {
      return readPredictions(db, path, await need(input), name, manifest);
    },
    readFeatures: (path, name) => readTable(db, path, name, manifest, featureFile),
    readTrace: (path, name) => readTable(db, path, name, manifest, traceFile),
    async close() {
      await db.close();
      await rm(db.exchange, { recursive: true, force: true });
    },
  };
}

/** A reference without the name of its source: the same content gives the same key whatever it is called. */
function contentOf(ref: TableRef): unknown {
  if ('table' in ref) return null;
  const { from, ...derivation } = ref;
  return [Object.entries(derivation).sort(([a], [b]) => (a < b ? -1 : 1)), contentOf(from)];
}
