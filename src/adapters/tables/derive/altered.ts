import { randomUUID } from 'node:crypto';
import type { AlteredCase } from '../../../kernel/hooks.ts';
import { quoteName, quoteText } from '../../../kernel/sql.ts';
import type { Column, Table } from '../../../kernel/world.ts';
import { type Derivation, drawn, integer, newId, ownColumns } from './derivation.ts';

const isNumber = ({ type }: Column): boolean => /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL)/.test(type);

/** A category that no row is expected to have: letters, a blank, a comma and a quote. */
const unseenCategory = 'never seen, "before"';

/** SQL of the text that a case puts into a column; null when the case does not fit the column. */
function cellOf(which: AlteredCase, column: Column, from: Table): string | null {
  const x = quoteName(column.name);
  if (which === 'null') return 'NULL';
  if (which === 'typical')
    return isNumber(column)
      ? `(SELECT CAST(quantile_disc(${x}, 0.5) AS VARCHAR) FROM ${from.name} WHERE isfinite(CAST(${x} AS DOUBLE)))`
      : `(SELECT CAST(${x} AS VARCHAR) FROM ${from.name} WHERE ${x} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1)`;
  const numbers = { zero: '0', huge: '1e300', 'minus-huge': '-1e300', tiny: '5e-324' } as const;
  if (which in numbers) return isNumber(column) ? quoteText(numbers[which as keyof typeof numbers]) : null;
  if (column.type !== 'VARCHAR') return null;
  return which === 'unseen' ? quoteText(unseenCategory) : which === 'empty' ? "''" : "repeat('x', 10000)";
}

/** A cell as the hook would have read it. */
const textOf = (column: Column): string => {
  const x = `s.${quoteName(column.name)}`;
  return column.type === 'DOUBLE' || column.type === 'FLOAT'
    ? `CASE WHEN isfinite(${x}) THEN CAST(${x} AS VARCHAR) WHEN isnan(${x}) THEN 'NaN' WHEN ${x} > 0 THEN 'Inf' WHEN ${x} < 0 THEN '-Inf' END`
    : `CAST(${x} AS VARCHAR)`;
};

/** A sample, then a copy of it for each column and case. */
export async function altered({ db, ref, from, target, id }: Derivation<'altered'>): Promise<void> {
  const own = ownColumns(from, id);
  const rows = Math.min(ref.rows, from.rows);
  const picked = quoteName(`picked_${randomUUID()}`);
  await db.run(`CREATE TEMP TABLE ${picked} AS SELECT * EXCLUDE (__row), __row AS __original, row_number() OVER (ORDER BY __row) - 1 AS __row FROM (
    SELECT * FROM ${from.name} ORDER BY ${drawn(ref.seed)} LIMIT ${integer(rows)})`);
  const block = (index: number, change: { readonly name: string; readonly which: string; readonly value: string } | null) => {
    const values = own.map(
      (column) => `${change?.name === column.name ? change.value : textOf(column)} AS ${quoteName(column.name)},`,
    );
    const label = change ? [quoteText(change.name), quoteText(change.which)] : ['NULL', 'NULL'];
    return `SELECT ${newId(id, index * rows)}, ${values.join(' ')}
      CAST(${label[0]} AS VARCHAR) AS __column, CAST(${label[1]} AS VARCHAR) AS __case, s.__original FROM ${picked} s ORDER BY s.__row`;
  };
  await db.run(`CREATE TABLE ${target} AS ${block(0, null)}`);
  let index = 0;
  for (const column of own.filter(({ name }) => ref.columns.includes(name)))
    for (const which of ref.cases) {
      const value = cellOf(which, column, from);
      if (value !== null) await db.run(`INSERT INTO ${target} ${block(++index, { name: column.name, which, value })}`);
    }
  await db.run(`DROP TABLE ${picked}`);
}
