import { type Derivation, drawn, integer } from './derivation.ts';

/** How many rows are drawn. */
const count = ({ ref, from }: Derivation<'sample'> | Derivation<'rest'>): string =>
  integer(ref.rows < 1 ? ref.rows * from.rows : ref.rows);

/** Rows drawn without replacement, in the order of the source. */
export async function sample(derivation: Derivation<'sample'>): Promise<void> {
  const { db, ref, from, target } = derivation;
  await db.run(`CREATE TABLE ${target} AS SELECT * EXCLUDE (__row) FROM (
    SELECT * FROM ${from.name} ORDER BY ${drawn(ref.seed)} LIMIT ${count(derivation)}) ORDER BY __row`);
}

/** What the sample of the same size and seed leaves. */
export async function rest(derivation: Derivation<'rest'>): Promise<void> {
  const { db, ref, from, target } = derivation;
  await db.run(`CREATE TABLE ${target} AS SELECT * EXCLUDE (__row) FROM (
    SELECT * FROM ${from.name} ORDER BY ${drawn(ref.seed)} OFFSET ${count(derivation)}) ORDER BY __row`);
}
