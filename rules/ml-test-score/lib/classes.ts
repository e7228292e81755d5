/** Metrics of many classes that look at every class: they need the classes by number, and AUC every class's probability. */
import { skipped, type Verdict } from '../../../src/kernel/check.ts';
import { quoteName, quoteText } from '../../../src/kernel/sql.ts';
import type { Table } from '../../../src/kernel/world.ts';
import { type ClassProbabilities, classProbabilities, macroAuc } from '../../../src/stats/metrics/macro-auc.ts';
import { macroF1 } from '../../../src/stats/metrics/macro-f1.ts';
import type { Metric } from '../../../src/stats/metrics/metric.ts';
import type { Query } from '../../../src/stats/query.ts';

const mostClasses = 200;
/** Rows whose probabilities are kept in memory. */
const mostRows = 1_000_000;

/** The classes of the labels, which give each its number, and the probabilities that AUC compares. */
export interface Classes {
  readonly names: readonly string[];
  readonly probabilities: ClassProbabilities | null;
}

/** Classes of the labels and the metric over them, or why there are too many. */
export async function classesOf(
  tables: Query,
  name: 'f1' | 'auc',
  label: string,
  labelled: readonly Table[],
): Promise<{ readonly classes: Classes; readonly metric: Metric } | Verdict> {
  const x = quoteName(label);
  const union = labelled.map((table) => `SELECT CAST(${x} AS VARCHAR) AS v FROM ${table.name} WHERE ${x} IS NOT NULL`);
  const rows = await tables.query<{ v: string }>(
    `SELECT DISTINCT v FROM (${union.join(' UNION ALL ')}) ORDER BY v LIMIT ${mostClasses + 1}`,
  );
  if (rows.length > mostClasses)
    return skipped(`${label} has more than ${mostClasses} classes, too many to compute ${name} class by class`, {
      nextStep: 'Judge by accuracy.',
      manifestLine: 'quality: { metric: accuracy }',
    });
  const names = rows.map((row) => row.v);
  if (name === 'f1') return { classes: { names, probabilities: null }, metric: macroF1 };
  const probabilities = classProbabilities(names.length);
  return { classes: { names, probabilities }, metric: macroAuc(probabilities) };
}

/** SQL condition: the same value as text, whatever the case, or as a number. */
export const sameText = (a: string, b: string): string =>
  `(lower(CAST(${a} AS VARCHAR)) = lower(${b}) OR coalesce(TRY_CAST(CAST(${a} AS VARCHAR) AS DOUBLE) = TRY_CAST(${b} AS DOUBLE), false))`;

/** SQL of the number of the class that `x` names: null for null, -1 for none of them. */
export const classNumberSql = ({ names }: Classes, x: string): string =>
  `CASE WHEN ${x} IS NULL THEN NULL ${names.map((name, k) => `WHEN ${sameText(x, quoteText(name))} THEN ${k}.0::DOUBLE`).join(' ')} ELSE -1.0::DOUBLE END`;

/** SQL of the class that a row answers, from columns `prediction` or `p_<class>`. */
export function answerSql(columns: readonly string[], row: string): string {
  if (columns.includes('prediction')) return `CAST(${row}.prediction AS VARCHAR)`;
  const shares = columns
    .filter((name) => name.startsWith('p_'))
    .map((name) => ({ name, x: `TRY_CAST(${row}.${quoteName(name)} AS DOUBLE)` }));
  const best = `greatest(${shares.map(({ x }) => x).join(', ')})`;
  return shares.length === 0
    ? 'NULL::VARCHAR'
    : `CASE ${shares.map(({ name, x }) => `WHEN ${x} >= ${best} THEN ${quoteText(name.slice(2))}`).join(' ')} END`;
}

/**
 * The relation with `__handle`, the handle of each row's probabilities; null where one of them is null or not finite.
 * `order` tells its rows apart.
 */
export async function withHandles(
  tables: Query,
  classes: Classes,
  from: {
    readonly relation: string;
    readonly columns: readonly string[];
    readonly order: string;
    readonly parameters?: readonly string[];
  },
): Promise<string | Verdict> {
  const { probabilities, names } = classes;
  if (!probabilities) return from.relation;
  const shares = from.columns.filter((name) => name.startsWith('p_') && name.length > 2);
  if (shares.length === 0)
    return skipped('the model answers with a class and no probabilities, so auc cannot be computed', {
      nextStep: 'Let predict write one column p_<class> per class, or judge by f1.',
      manifestLine: 'quality: { metric: f1 }',
    });
  const cells = names.map((name, k) => {
    const found = shares.find(
      (share) => share.slice(2).toLowerCase() === name.toLowerCase() || Number(share.slice(2)) === Number(name),
    );
    // A class that the model does not know is as likely in every row.
    return `${found === undefined ? '0.0::DOUBLE' : `TRY_CAST(${quoteName(found)} AS DOUBLE)`} AS c${k}`;
  });
  const rows = await tables.query<Record<string, number | null>>(
    `SELECT ${cells.join(', ')} FROM ${from.relation} ORDER BY ${from.order} LIMIT ${mostRows + 1}`,
    from.parameters,
  );
  if (rows.length > mostRows)
    return skipped(`there are more than ${mostRows.toLocaleString('en')} rows, too many to compute auc class by class`, {
      nextStep: 'Judge by f1, which needs the answered class alone.',
      manifestLine: 'quality: { metric: f1 }',
    });
  const first = probabilities.keep(rows.map((row) => names.map((_, k) => row[`c${k}`] ?? Number.NaN)));
  const isKnown = shares.map((name) => `coalesce(isfinite(TRY_CAST(${quoteName(name)} AS DOUBLE)), false)`).join(' AND ');
  return `(SELECT *, CASE WHEN ${isKnown} THEN CAST(${first} + row_number() OVER (ORDER BY ${from.order}) - 1 AS DOUBLE) END AS __handle FROM ${from.relation})`;
}
