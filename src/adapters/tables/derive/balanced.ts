import { quoteName } from '../../../kernel/sql.ts';
import { type Derivation, drawn, integer } from './derivation.ts';

/** Rows drawn in turn from each group of equal values, in the order of the source; rows without a value are in no group. */
export async function balanced({ db, ref, from, target }: Derivation<'balanced'>): Promise<void> {
  const column = quoteName(ref.column);
  const turn = `row_number() OVER (PARTITION BY ${column} ORDER BY ${drawn(ref.seed)})`;
  await db.run(`CREATE TABLE ${target} AS SELECT * EXCLUDE (__row, __turn) FROM (
    SELECT *, ${turn} AS __turn FROM ${from.name} WHERE ${column} IS NOT NULL
    ORDER BY __turn, ${drawn(ref.seed)} LIMIT ${integer(ref.rows)}) ORDER BY __row`);
}
