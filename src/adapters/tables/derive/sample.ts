import { type Derivation, drawn, integer } from './derivation.ts';

/** Rows drawn without replacement, in the order of the source. */
export async function sample({ db, ref, from, target }: Derivation<'sample'>): Promise<void> {
  await db.run(`CREATE TABLE ${target} AS SELECT * EXCLUDE (__row) FROM (
    SELECT * FROM ${from.name} ORDER BY ${drawn(ref.seed)} LIMIT ${integer(ref.rows)}) ORDER BY __row`);
}

/** What the sample of the same size and seed leaves. */
export async function rest({ db, ref, from, target }: Derivation<'rest'>): Promise<void> {
  await db.run(`CREATE TABLE ${target} AS SELECT * EXCLUDE (__row) FROM (
    SELECT * FROM ${from.name} ORDER BY ${drawn(ref.seed)} OFFSET ${integer(ref.rows)}) ORDER BY __row`);
}
