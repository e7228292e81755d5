/** Bounded samples of labels and features for the baselines of model-5. */
import { quoteName } from '../../../src/kernel/sql.ts';
import type { Column, Table } from '../../../src/kernel/world.ts';
import type { FeatureValues, Sample } from '../../../src/stats/baselines.ts';
import { kindOf, type Query } from '../../../src/stats/query.ts';
import { labelSql, type Setting } from './setting.ts';
import { within } from './within.ts';

/** Rows that baselines learn from and are compared on, and the features that they may choose from. */
export const sampleRows = 20_000;
export const sampleFeatures = 200;

type Row = Readonly<Record<string, string | number | null>>;

const select = (columns: readonly Column[]): string =>
  columns
    .map(
      (column, i) =>
        `${kindOf(column) === 'number' ? `TRY_CAST(e.${quoteName(column.name)} AS DOUBLE)` : `CAST(e.${quoteName(column.name)} AS VARCHAR)`} AS f${i}`,
    )
    .join(', ');

function sampleFrom(rows: readonly Row[], columns: readonly Column[]): Sample {
  const features = columns.map(
    (column, i): FeatureValues =>
      kindOf(column) === 'number'
        ? {
            name: column.name,
            numbers: Float64Array.from(rows, (row) => (row[`f${i}`] === null ? Number.NaN : Number(row[`f${i}`]))),
          }
        : { name: column.name, categories: rows.map((row) => (row[`f${i}`] === null ? null : String(row[`f${i}`]))) },
  );
  return { y: Float64Array.from(rows, (row) => Number(row.y)), features };
}

/** Labels and features of the training rows. `yes`, multiclass: SQL of the label of row `e` as 0 or 1. */
export async function trainingSample(
  tables: Query,
  setting: Setting,
  train: Table,
  columns: readonly Column[],
  yes?: string,
): Promise<Sample> {
  const list = columns.length > 0 ? `, ${select(columns)}` : '';
  const rows = await tables.query<Row>(
    `SELECT * FROM (SELECT e.__row, ${yes ?? labelSql(setting, 'e')} AS y ${list} FROM ${train.name} e WHERE ${within(sampleRows, train.rows)})
     WHERE y IS NOT NULL AND isfinite(y) ORDER BY __row`,
  );
  return sampleFrom(rows, columns);
}

/** Labels, the model's scores and features of the evaluation rows; types are those of the training columns. */
export async function evaluationSample(
  tables: Query,
  evaluation: Table,
  relation: string,
  rows: number,
  columns: readonly Column[],
  y = 'r.y',
) {
  const list = columns.length > 0 ? `, ${select(columns)}` : '';
  const found = await tables.query<Row>(
    `SELECT ${y} AS y, r.score AS score ${list} FROM ${relation} r JOIN ${evaluation.name} e USING (__row) WHERE ${within(sampleRows, rows)} ORDER BY __row`,
  );
  return { sample: sampleFrom(found, columns), score: Float64Array.from(found, (row) => Number(row.score)) };
}
