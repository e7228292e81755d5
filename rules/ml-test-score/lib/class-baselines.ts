/** Baselines of many classes that answer with a class: the commonest one, and the commonest for each value of the best single feature. */
import { quoteName } from '../../../src/kernel/sql.ts';
import type { Column, Table } from '../../../src/kernel/world.ts';
import { quantileEdges } from '../../../src/stats/quantile-edges.ts';
import { kindOf, type Query } from '../../../src/stats/query.ts';
import { sampleRows } from './samples.ts';
import type { Scored } from './scored.ts';
import { classScoreSql, labelSql, type Setting } from './setting.ts';
import { within } from './within.ts';

interface Baseline {
  readonly name: string;
  readonly y: Float64Array;
  readonly score: Float64Array;
}

/** SQL of the bin of a feature: decile of the training rows, or the category. */
function binSql(column: Column, edges: readonly number[]): string {
  const x = quoteName(column.name);
  if (kindOf(column) !== 'number') return `coalesce(CAST(e.${x} AS VARCHAR), '')`;
  const v = `TRY_CAST(e.${x} AS DOUBLE)`;
  const cases = edges.map((edge, i) => `WHEN ${v} <= ${edge} THEN '${i}'`);
  return `CASE WHEN ${v} IS NULL OR isnan(${v}) THEN '' ${cases.join(' ')} ELSE 'last' END`;
}

/** Labels and answers of the evaluation rows, in the order of `__row`, as the metric wants them. */
export async function classBaselines(
  tables: Query,
  setting: Setting,
  train: Table,
  scored: Scored,
  columns: readonly Column[],
): Promise<readonly Baseline[]> {
  const { evaluation, label } = setting;
  const y = `CAST(e.${quoteName(label)} AS VARCHAR)`;
  const numbers = columns.filter((column) => kindOf(column) === 'number').map((column) => column.name);
  const edges = await quantileEdges(tables, train, numbers, 10);
  // Each bin answers its commonest class; a tenth fold judges, so that a column of ids does not win by rote.
  const learn = (bin: string, rows: string) =>
    `(SELECT bin, arg_max(class, n * 1e9 - rank) AS answer FROM (SELECT bin, class, count(*) AS n, row_number() OVER (ORDER BY class) AS rank
      FROM (SELECT ${bin} AS bin, ${y} AS class FROM ${train.name} e WHERE ${y} IS NOT NULL AND ${rows}) GROUP BY bin, class) GROUP BY bin)`;
  const answers = async (name: string, bin: string): Promise<Baseline> => {
    const overall = learn(`''`, 'true');
    const score = classScoreSql(setting, 'e', 'coalesce(l.answer, o.answer)');
    const rows = await tables.query<{ y: number; score: number }>(
      `SELECT ${labelSql(setting, 'e')} AS y, ${score} AS score FROM ${scored.relation} r JOIN ${evaluation.name} e USING (__row)
       CROSS JOIN ${overall} o LEFT JOIN ${learn(bin, 'true')} l ON l.bin = ${bin} WHERE ${within(sampleRows, scored.rows)} ORDER BY __row`,
    );
    return { name, y: Float64Array.from(rows, (row) => row.y), score: Float64Array.from(rows, (row) => row.score) };
  };
  let best: { column: Column; share: number; bin: string } | null = null;
  for (const column of columns) {
    const bin = binSql(column, edges.get(column.name) ?? []);
    const [row] = await tables.query<{ share: number | null }>(
      `SELECT avg(CAST(coalesce(l.answer = ${y}, false) AS INTEGER)) AS share FROM ${train.name} e LEFT JOIN ${learn(bin, 'e.__row % 10 <> 0')} l ON l.bin = ${bin}
       WHERE e.__row % 10 = 0 AND ${y} IS NOT NULL`,
    );
    if (row && (row.share ?? 0) > (best?.share ?? 0)) best = { column, share: row.share ?? 0, bin };
  }
  const common = await answers('always the commonest class', `''`);
  return best ? [common, await answers(`${best.column.name} alone`, best.bin)] : [common];
}
