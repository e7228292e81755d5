import { quoteName, quoteText } from '../../../kernel/sql.ts';
import { type Derivation, drawn, newId, ownColumns } from './derivation.ts';

/** The rows, then for each column and repeat a copy in which that column is shuffled. */
export async function permuted({ db, ref, from, target, id }: Derivation<'permuted'>): Promise<void> {
  const own = ownColumns(from, id).map((column) => quoteName(column.name));
  const block = (index: number, column: string, repeat: string, values: readonly string[], relation: string) =>
    `SELECT ${newId(id, index * from.rows)}, ${values.map((value) => `${value},`).join(' ')}
     CAST(${column} AS VARCHAR) AS __column, CAST(${repeat} AS BIGINT) AS __repeat, s.__row AS __original FROM ${relation} ORDER BY s.__row`;
  const plain = own.map((name) => `s.${name}`);
  await db.run(`CREATE TABLE ${target} AS ${block(0, 'NULL', 'NULL', plain, `${from.name} s`)}`);
  let index = 0;
  const present = ref.ifPresent ? ref.columns.filter((column) => own.includes(quoteName(column))) : ref.columns;
  for (const [k, column] of present.entries())
    for (let repeat = 0; repeat < ref.repeats; repeat++) {
      index++;
      const name = quoteName(column);
      const shuffled = `(SELECT ${name} AS value, row_number() OVER (ORDER BY ${drawn(ref.seed, k, repeat)}) - 1 AS position FROM ${from.name}) p`;
      const values = own.map((other) => (other === name ? `p.value AS ${name}` : `s.${other}`));
      await db.run(
        `INSERT INTO ${target} ${block(index, quoteText(column), String(repeat), values, `${from.name} s JOIN ${shuffled} ON p.position = s.__row`)}`,
      );
    }
}

/** Every column shuffled by itself; ids stay. */
export async function shuffled({ db, ref, from, target, id }: Derivation<'shuffled'>): Promise<void> {
  const own = ownColumns(from, id).map((column) => quoteName(column.name));
  const joins = own.map(
    (name, k) =>
      `JOIN (SELECT ${name} AS value, row_number() OVER (ORDER BY ${drawn(ref.seed, k)}) - 1 AS position FROM ${from.name}) c${k} ON c${k}.position = s.__row`,
  );
  const names = from.columns.map((column) => {
    const k = own.indexOf(quoteName(column.name));
    return k < 0 ? `s.${quoteName(column.name)}` : `c${k}.value AS ${quoteName(column.name)}`;
  });
  await db.run(`CREATE TABLE ${target} AS SELECT ${names.join(', ')} FROM ${from.name} s ${joins.join(' ')} ORDER BY s.__row`);
}
