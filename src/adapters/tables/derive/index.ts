/** Derived tables: seeded, and the same rows in the same order at any number of threads. */
import { randomUUID } from 'node:crypto';
import { quoteName } from '../../../kernel/sql.ts';
import type { Table } from '../../../kernel/world.ts';
import type { Database } from '../database.ts';
import { altered } from './altered.ts';
import { balanced } from './balanced.ts';
import type { Derivation, Derived } from './derivation.ts';
import { permuted, shuffled } from './permuted.ts';
import { random } from './random.ts';
import { rest, sample } from './sample.ts';
import { window } from './window.ts';

type Stored = Exclude<Derived['derive'], 'without'>;

const derivations: { readonly [D in Stored]: (derivation: Derivation<D>) => Promise<void> } = {
  sample,
  rest,
  permuted,
  shuffled,
  window,
  altered,
  balanced,
  random,
};

/** SQL of a row's position in a table with the columns `names`. */
function positionOf(names: readonly string[]): string {
  if (names.includes('__row')) return '__row';
  // A column of that name hides the position that DuckDB knows.
  return names.some((name) => name.toLowerCase() === 'rowid') ? 'row_number() OVER () - 1 AS __row' : 'rowid AS __row';
}

/** A view over `stored` that shows the position of each row as `__row`, counted from 0, and `more` columns. */
export async function viewOf(
  db: Database,
  view: string,
  stored: string,
  names: readonly string[],
  more: readonly string[] = [],
): Promise<void> {
  const rest = names.includes('__row') ? '* EXCLUDE (__row)' : '*';
  await db.run(`CREATE VIEW ${view} AS SELECT ${[positionOf(names), ...more, rest].join(', ')} FROM ${stored}`);
}

/** The columns that a derivation must find. */
export const columnsNamed = (ref: Derived): readonly string[] =>
  'ifPresent' in ref ? [] : 'columns' in ref ? ref.columns : 'column' in ref ? [ref.column] : [];

/** Makes the derived table and returns its name. */
export async function derive(db: Database, ref: Derived, from: Table, id: string): Promise<string> {
  const key = randomUUID();
  const view = quoteName(`derived_${key}`);
  if (ref.derive === 'without') {
    const gone = new Set(ref.columns);
    const kept = from.columns.filter((column) => !gone.has(column.name)).map((column) => quoteName(column.name));
    await db.run(`CREATE VIEW ${view} AS SELECT ${['__row', ...kept].join(', ')} FROM ${from.name}`);
    return view;
  }
  const target = quoteName(`stored_${key}`);
  // The table of derivations pairs each name with its own reference; the compiler cannot see that of a union.
  const make = derivations[ref.derive] as (derivation: Derivation<Stored>) => Promise<void>;
  await make({ db, ref, from, target, id } as Derivation<Stored>);
  const names = from.columns.map((column) => column.name);
  await viewOf(db, view, target, names);
  return view;
}
