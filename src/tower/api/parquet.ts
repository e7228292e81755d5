/** A table as Parquet, written by DuckDB in memory. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cell, Table } from './csv.ts';
import { HttpProblem } from './problem.ts';

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const time = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

/** By what stands in the column; one of nulls alone is text. */
function typeOf(cells: readonly Cell[]): string {
  const values = cells.filter((cell) => cell !== null);
  if (values.length === 0) return 'VARCHAR';
  if (values.every((value) => typeof value === 'number')) return 'DOUBLE';
  if (values.every((value) => typeof value === 'boolean')) return 'BOOLEAN';
  return values.every((value) => typeof value === 'string' && time.test(value)) ? 'TIMESTAMPTZ' : 'VARCHAR';
}

async function loadDuckDb() {
  try {
    return await import('./duckdb.ts');
  } catch {
    throw new HttpProblem('not-acceptable', 'This copy of Control Tower cannot write Parquet; ask for CSV or JSON.');
  }
}

export async function parquetOf({ columns, rows }: Table): Promise<Uint8Array<ArrayBuffer>> {
  const { DuckDBInstance } = await loadDuckDb();
  const folder = await mkdtemp(join(tmpdir(), 'flightcheck-parquet-'));
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '1GB' });
  try {
    const connection = await instance.connect();
    // A file has a column at least; without rows nothing is known of any.
    const names = columns.length > 0 ? columns : ['empty'];
    const casts = names.map((name, i) => `c${i}::${typeOf(rows.map((row) => row[i] ?? null))} as ${identifier(name)}`);
    await connection.run(`create table t (${names.map((_, i) => `c${i} varchar`).join(', ')})`);
    const appender = await connection.createAppender('t');
    for (const row of rows) {
      for (const cell of row) {
        if (cell === null) appender.appendNull();
        else appender.appendVarchar(String(cell));
      }
      appender.endRow();
    }
    appender.closeSync();
    const file = join(folder, 'table.parquet');
    await connection.run(`set timezone = 'UTC'`);
    await connection.run(`copy (select ${casts.join(', ')} from t) to ${literal(file)} (format parquet, compression zstd)`);
    connection.closeSync();
    return new Uint8Array(await readFile(file));
  } finally {
    instance.closeSync();
    await rm(folder, { recursive: true, force: true });
  }
}
