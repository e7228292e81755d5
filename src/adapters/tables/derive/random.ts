import { quoteName } from '../../../kernel/sql.ts';
import type { Column } from '../../../kernel/world.ts';
import { type Derivation, integer, newId, ownColumns } from './derivation.ts';

/** A number column with no more different values than this is drawn from them: a label, a flag, a grade. */
const fewValues = 20;
/** Of a text column, at most its most frequent values. */
const mostValues = 1000;

const isWhole = ({ type }: Column): boolean => /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type);
const isReal = ({ type }: Column): boolean => /^(FLOAT|DOUBLE|DECIMAL)/.test(type);

/** Uniform in [0, 1), by row, column and purpose; 32 bits, so that the quotient is exact. */
const uniform = (seed: number, ...more: readonly number[]): string =>
  `((hash(hash(g.range, ${[seed, ...more].map(integer).join(', ')})) >> 32) / 4294967296.0)`;

/** Rows drawn column by column from what each column holds. */
export async function random({ db, ref, from, target, id }: Derivation<'random'>): Promise<void> {
  const own = ownColumns(from, id);
  const cells: string[] = [];
  for (const [k, column] of own.entries()) {
    const x = quoteName(column.name);
    const isNumber = isWhole(column) || isReal(column);
    const known = isReal(column) ? `${x} IS NOT NULL AND isfinite(${x})` : `${x} IS NOT NULL`;
    const [facts] = await db.query<{ distinct: number; nulls: number; all: number }>(
      `SELECT count(DISTINCT ${x}) AS distinct, count(*) FILTER (${x} IS NULL) AS nulls, count(*) AS "all" FROM ${from.name}`,
    );
    const { distinct = 0, nulls = 0, all = 0 } = facts ?? {};
    const where = `FROM ${from.name} WHERE ${known}`;
    const u = uniform(ref.seed, k, 0);
    const list = `(SELECT list(v ORDER BY v) FROM (SELECT ${x} AS v, count(*) AS n ${where} GROUP BY 1 ORDER BY n DESC, v LIMIT ${mostValues}))`;
    const [low, high] = ['min', 'max'].map((bound) => `(SELECT CAST(${bound}(${x}) AS DOUBLE) ${where})`);
    const value =
      !isNumber || distinct <= fewValues
        ? `list_extract(${list}, 1 + CAST(floor(${u} * len(${list})) AS BIGINT))`
        : isWhole(column)
          ? `CAST(least(${high}, floor(${low} + ${u} * (${high} - ${low} + 1))) AS ${column.type})`
          : `CAST(${low} + ${u} * (${high} - ${low}) AS ${column.type})`;
    cells.push(`CASE WHEN ${uniform(ref.seed, k, 1)} >= ${nulls / Math.max(all, 1)} THEN ${value} END AS ${x}`);
  }
  await db.run(
    `CREATE TABLE ${target} AS SELECT ${[newId(id, 0, 'g.range'), ...cells].join(', ')} FROM range(${integer(ref.rows)}) g ORDER BY g.range`,
  );
}
