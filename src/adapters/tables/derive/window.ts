import { quoteName, secondsOf } from '../../../kernel/sql.ts';
import type { Derivation } from './derivation.ts';

/** The rows of a part of the time that the table covers. */
export async function window({ db, ref, from, target }: Derivation<'window'>): Promise<void> {
  const { start, end } = ref;
  const timed = `(SELECT *, ${secondsOf(quoteName(ref.column))} AS __seconds FROM ${from.name})`;
  const share = '(__seconds - first) / nullif(last - first, 0)';
  await db.run(`CREATE TABLE ${target} AS SELECT * EXCLUDE (__row, __seconds, first, last)
    FROM ${timed}, (SELECT min(__seconds) AS first, max(__seconds) AS last FROM ${timed})
    WHERE ${share} >= ${Number(start)} AND ${share} ${end >= 1 ? '<=' : '<'} ${Number(end)} ORDER BY __row`);
}
