/** Derived tables: seeded, and the same rows in the same order at any number of threads. */
import { randomUUID } from 'node:crypto';
import type { TableRef } from '../../kernel/hooks.ts';
import { quoteName } from '../../kernel/sql.ts';
import type { Table } from '../../kernel/world.ts';
import { bookkeeping } from './csv-header.ts';
import type { Database } from './database.ts';

type Derivation = Exclude<TableRef, { table: unknown }>;

/** A view over `stored` that shows the position of each row as `__row`, counted from 0, and `more` columns. */
export async function viewOf(db: Database, view: string, stored: string, more: readonly string[] = []): Promise<void> {
  await db.run(`CREATE VIEW ${view} AS SELECT ${['rowid AS __row', ...more, '*'].join(', ')} FROM ${stored}`);
}

/** Rows are drawn by the hash of their position, so that neither threads nor the values decide. */
async function sample(db: Database, from: Table, target: string, rows: number, seed: number): Promise<void> {
  await db.run(`CREATE TABLE ${target} AS SELECT * EXCLUDE (__row) FROM (
    SELECT * FROM ${from.name} ORDER BY hash(__row, ${integer(seed)}), __row LIMIT ${integer(rows)}) ORDER BY __row`);
}

const integer = (value: number): string => BigInt(Math.trunc(value)).toString();

async function permuted(
  db: Database,
  from: Table,
  target: string,
  ref: Derivation & { derive: 'permuted' },
  id: string,
): Promise<void> {
  const own = from.columns
    .filter((column) => column.name !== id && !bookkeeping.has(column.name))
    .map((column) => quoteName(column.name));
  const block = (index: number, column: string, repeat: string, values: readonly string[], relation: string) =>
    `SELECT CAST(s.__row + ${index * from.rows + 1} AS VARCHAR) AS ${quoteName(id)}, ${values.map((value) => `${value},`).join(' ')}
     CAST(${column} AS VARCHAR) AS __column, CAST(${repeat} AS BIGINT) AS __repeat, s.__row AS __original FROM ${relation} ORDER BY s.__row`;
  const plain = own.map((name) => `s.${name}`);
  await db.run(`CREATE TABLE ${target} AS ${block(0, 'NULL', 'NULL', plain, `${from.name} s`)}`);
  let index = 0;
  for (const [k, column] of ref.columns.entries())
    for (let repeat = 0; repeat < ref.repeats; repeat++) {
      index++;
      const name = quoteName(column);
      const shuffled = `(SELECT ${name} AS value, row_number() OVER (ORDER BY hash(__row, ${integer(ref.seed)}, ${k}, ${repeat}), __row) - 1 AS position FROM ${from.name}) p`;
      const values = own.map((other) => (other === name ? `p.value AS ${name}` : `s.${other}`));
      const label = `'${column.replaceAll("'", "''")}'`;
      await db.run(
        `INSERT INTO ${target} ${block(index, label, String(repeat), values, `${from.name} s JOIN ${shuffled} ON p.position = s.__row`)}`,
      );
    }
}

/** Makes the derived table and returns its name. */
export async function derive(db: Database, ref: Derivation, from: Table, id: string): Promise<string> {
  const key = randomUUID();
  const view = quoteName(`derived_${key}`);
  if (ref.derive === 'without') {
    const gone = new Set(ref.columns);
    const kept = from.columns.filter((column) => !gone.has(column.name)).map((column) => quoteName(column.name));
    await db.run(`CREATE VIEW ${view} AS SELECT ${['__row', ...kept].join(', ')} FROM ${from.name}`);
    return view;
  }
  const stored = quoteName(`stored_${key}`);
  if (ref.derive === 'sample') await sample(db, from, stored, ref.rows, ref.seed);
  else await permuted(db, from, stored, ref, id);
  await viewOf(db, view, stored);
  return view;
}
