import { quoteName, secondsOf } from '../../../kernel/sql.ts';
import type { Derivation } from './derivation.ts';

/** The rows of a part of the time that the table covers. */
export async function window({ db, ref, from, target }: Derivation<'window'>): Promise<void> {
  const { start, end } = ref;
  // Alone with their positions, the times can clash with no column of the table.
  const timed = `(SELECT __row, ${secondsOf(quoteName(ref.column))} AS t FROM ${from.name})`;
  const share = '(t - range.first) / nullif(range.last - range.first, 0)';
  await db.run(`CREATE TABLE ${target} AS SELECT * EXCLUDE (__row) FROM ${from.name} WHERE __row IN (
    SELECT __row FROM ${timed}, (SELECT min(t) AS first, max(t) AS last FROM ${timed} WHERE isfinite(t)) AS range
    WHERE isfinite(t) AND ${share} >= ${Number(start)} AND ${share} ${end >= 1 ? '<=' : '<'} ${Number(end)}) ORDER BY __row`);
}
