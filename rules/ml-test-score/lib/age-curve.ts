/** How much a model loses with age: models of fixed-length windows that end earlier and earlier, judged on the same later rows. */
import { skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { PredictRequest, TableRef } from '../../../src/kernel/hooks.ts';
import { quoteName, secondsOf } from '../../../src/kernel/sql.ts';
import type { Table, Tables } from '../../../src/kernel/world.ts';
import { type Bootstrap, bootstrapAll, once } from '../../../src/stats/bootstrap.ts';
import type { Metric, Weighted } from '../../../src/stats/metrics/metric.ts';
import { kindOf } from '../../../src/stats/query.ts';
import { cell } from './manifest.ts';
import { minimumRows } from './scored.ts';
import { within } from './within.ts';

/** Share of the training period that each model learns from: all learn from the same length of time. */
export const windowLength = 0.4;
/** How long before the end of the training period each window ends, as shares of it; the first model is the fresh one. */
export const lags = [0, 0.15, 0.3, 0.45, 0.6] as const;
/** Parts of the evaluation period; the loss is averaged over them, so that one odd week does not make the curve. */
export const periods = 3;
/** Largest share of rows whose time may be unreadable, and of the training period that may lie after the first evaluation row. */
export const mostUnread = 0.05;
const mostOverlap = 0.05;
/** Rows that metrics are computed on. */
const sampleRows = 20_000;
const replicates = 500;
const seed = 1;

export const trainWindow = (lag: number, column: string): TableRef => {
  // Two decimals: 1 - 0.6 is not 0.4 in binary, and the rows at an edge would depend on it.
  const end = Number((1 - lag).toFixed(2));
  return { derive: 'window', from: { table: 'train' }, column, start: Number((end - windowLength).toFixed(2)), end };
};

/** The evaluation rows, predicted by the model of each lag. */
export const predictionsAt = (lag: number, column: string): PredictRequest => ({
  hook: 'predict',
  model: { hook: 'train', data: trainWindow(lag, column), seed, replicate: 0 },
  input: { table: 'eval' },
});

export interface Period {
  /** Seconds, or whatever unit a time of plain numbers has. */
  readonly first: number;
  readonly last: number;
}

/** The time that a table covers, or why it is no use. */
export async function periodOf(tables: Tables, table: Table, name: 'train' | 'eval', column: string): Promise<Period | Verdict> {
  if (!table.columns.some((one) => one.name === column))
    return skipped(`data.${name} has no column ${JSON.stringify(column)}, which columns.time names`, {
      nextStep: 'Name the column that holds the time of a row.',
      manifestLine: 'columns: { time: recorded_at }',
    });
  const [found] = await tables.query<{ first: number | null; last: number | null; unread: number; example: string | null }>(
    `SELECT min(t) AS first, max(t) AS last, count(*) FILTER (t IS NULL) AS unread, min(x) FILTER (t IS NULL) AS example
     FROM (SELECT CASE WHEN isfinite(t) THEN t END AS t, x FROM (
       SELECT ${secondsOf(quoteName(column))} AS t, CAST(${quoteName(column)} AS VARCHAR) AS x FROM ${table.name}))`,
  );
  const { first = null, last = null, unread = 0, example = null } = found ?? {};
  if (first === null || last === null || unread > mostUnread * table.rows)
    return skipped(
      `the time of ${unread} of ${table.rows} rows of data.${name} cannot be read${example === null ? '' : `, such as ${JSON.stringify(example)}`}`,
      { nextStep: `Write ${column} as 2026-11-23 or 2026-11-23T08:30:00, or as a number that grows with time.` },
    );
  if (first === last)
    return skipped(`inconclusive: all rows of data.${name} have the same time`, { nextStep: 'Give rows of more than one time.' });
  return { first, last };
}

/** The periods of both tables, evaluation after training, or why no model has an age. */
export async function periodsOf(tables: Tables, train: Table, evaluation: Table, column: string) {
  const taught = await periodOf(tables, train, 'train', column);
  if ('outcome' in taught) return taught;
  const judged = await periodOf(tables, evaluation, 'eval', column);
  if ('outcome' in judged) return judged;
  const overlap = (taught.last - judged.first) / (taught.last - taught.first);
  if (overlap > mostOverlap)
    return skipped(
      `data.eval begins before data.train ends (${Math.round(100 * Math.min(1, overlap))} % of the training period lies after its first row), so no model has an age there`,
      { nextStep: 'Split in time: let data.eval hold the rows after those of data.train.' },
    );
  return { taught, judged };
}

/** Fewest rows and classes of the windows, or why a window teaches nothing. */
export async function windowsOr(tables: Tables, column: string, label: string, isClasses: boolean): Promise<Verdict | null> {
  for (const lag of lags) {
    const window = await tables.open(trainWindow(lag, column));
    const [found] = window
      ? await tables.query<{ n: number; classes: number }>(
          `SELECT count(${quoteName(label)}) AS n, count(DISTINCT ${quoteName(label)}) AS classes FROM ${window.name}`,
        )
      : [];
    const { n = 0, classes = 0 } = found ?? {};
    if (n < minimumRows || (isClasses && classes < 2))
      return skipped(
        `inconclusive: the training window that ends ${Math.round(100 * lag)} % before the end of data.train has ${n < minimumRows ? `${n} labelled rows; at least ${minimumRows} are needed` : 'one class only'}`,
        { nextStep: 'Give data.train rows of a longer time.' },
      );
  }
  return null;
}

/** Labels and every model's scores of the same rows, ordered by period. */
export interface AgeRows {
  /** First row of each period, and the number of rows. */
  readonly starts: readonly number[];
  readonly y: Float64Array;
  /** One per lag. */
  readonly scores: readonly Float64Array[];
}

/** Rows that every model scored; `relations` are scored relations of the evaluation table, one per lag. */
export async function ageRows(
  tables: Tables,
  evaluation: Table,
  column: string,
  judged: Period,
  relations: readonly { readonly relation: string; readonly rows: number }[],
): Promise<AgeRows> {
  const names = relations.map((_, i) => `s${i}`);
  const joins = relations.slice(1).map(({ relation }, i) => `JOIN ${relation} ${names[i + 1]} USING (__row)`);
  const rows = await tables.query<Record<string, number>>(
    `SELECT * FROM (SELECT __row, s0.y AS y, ${names.map((name) => `${name}.score AS ${name}`).join(', ')},
       least(${periods - 1}, floor(${periods} * (t - ${judged.first}) / ${judged.last - judged.first})) AS period
     FROM ${relations[0]?.relation} s0 ${joins.join(' ')}
     JOIN (SELECT __row, ${secondsOf(quoteName(column))} AS t FROM ${evaluation.name}) USING (__row)
     WHERE isfinite(t) AND ${within(sampleRows, evaluation.rows)}) ORDER BY period, __row`,
  );
  const starts = Array.from({ length: periods + 1 }, (_, period) => rows.filter((row) => (row.period ?? 0) < period).length);
  return {
    starts,
    y: Float64Array.from(rows, (row) => row.y ?? Number.NaN),
    scores: names.map((name) => Float64Array.from(rows, (row) => row[name] ?? Number.NaN)),
  };
}

export interface AgePoint {
  readonly lag: number;
  /** The metric in each period. */
  readonly values: readonly number[];
  /** What is lost against the fresh model, mean over the periods, positive = the older model is poorer. */
  readonly loss: number;
  /** Over resampled evaluation rows, the same for both models; null for the fresh one, and where the metric is not defined. */
  readonly interval: Bootstrap | null;
}

/**
 * The curve. Errors (rmse, mae, log loss) are compared as shares of the fresh model's, so that `max_drop` means as much
 * for a label in dollars as for a share of right answers.
 */
export function ageCurve(metric: Metric, { starts, y, scores }: AgeRows): readonly AgePoint[] {
  const values: readonly (readonly Weighted[])[] = scores.map((score) =>
    Array.from({ length: periods }, (_, period) => {
      const [from, to] = [starts[period] ?? 0, starts[period + 1] ?? 0];
      const of = metric.weighted(y.subarray(from, to), score.subarray(from, to));
      return (weights: Uint16Array) => of(weights.subarray(from, to));
    }),
  );
  const losses = (weights: Uint16Array): readonly number[] => {
    const [fresh = [], ...older] = values.map((those) => those.map((value) => value(weights)));
    return [fresh, ...older].map((old) => {
      const lost = old.map((value, period) => {
        const now = fresh[period] ?? Number.NaN;
        return metric.isGreaterBetter ? now - value : value / now - 1;
      });
      return lost.reduce((sum, value) => sum + value, 0) / periods;
    });
  };
  const now = losses(new Uint16Array(y.length).fill(1));
  const intervals = bootstrapAll(losses, y.length, { seed, replicates });
  return lags.map((lag, i) => ({
    lag,
    values: (values[i] ?? []).map((value) => once(value, y.length)),
    loss: now[i] ?? Number.NaN,
    interval: i === 0 ? null : (intervals[i] ?? null),
  }));
}

/** Ages in words: days, or the unit that a time of plain numbers has. */
export function ageUnit(table: Table, column: string): { readonly unit: string; readonly of: number } {
  const found = table.columns.find((one) => one.name === column);
  return found && kindOf(found) === 'number' ? { unit: `units of ${column}`, of: 1 } : { unit: 'days', of: 86_400 };
}

/** The curve as a table: a row for each age. */
export const curveItems = (curve: readonly AgePoint[], metric: Metric, age: (lag: number) => number) =>
  curve.map(({ lag, values, loss, interval }) => ({
    older_by: cell(age(lag)),
    ...Object.fromEntries(values.map((value, period) => [`${metric.name}_${period + 1}`, cell(value)])),
    lost: cell(loss),
    at_least: cell(interval?.lower ?? null),
    at_most: cell(interval?.upper ?? null),
  }));
