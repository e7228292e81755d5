/** The groups of the slice columns, and how the metric does in each. */
import { quoteName } from '../../../src/kernel/sql.ts';
import type { Table } from '../../../src/kernel/world.ts';
import { bootstrap, once } from '../../../src/stats/bootstrap.ts';
import { holm } from '../../../src/stats/holm.ts';
import type { Metric } from '../../../src/stats/metrics/metric.ts';
import { normalCdf } from '../../../src/stats/normal.ts';
import { quantileEdges } from '../../../src/stats/quantile-edges.ts';
import { kindOf, type Query } from '../../../src/stats/query.ts';
import type { Scored } from './scored.ts';
import { within } from './within.ts';

/** Rows that slices are judged on. */
const sampleRows = 100_000;
/** A group smaller than this, or than 1 % of the rows, is judged together with the other small ones of its column. */
const groupRows = 50;
const groupShare = 0.01;
/** A number of more values than this is cut into quarters. */
const numberValues = 20;
const classRows = 10;

export interface SliceRows {
  readonly column: string;
  readonly group: string;
  /** Positions in the fetched rows. */
  readonly rows: readonly number[];
}

export interface SliceResult {
  readonly column: string;
  readonly group: string;
  readonly n: number;
  readonly value: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  /** Holm-adjusted probability of so poor a value if the slice were as good as the floor. */
  readonly p: number | null;
  readonly verdict: 'pass' | 'fail' | 'inconclusive';
}

/** SQL of the group of a row `e`: the value, or the quarter of a number of many values. */
export async function groupSql(tables: Query, table: Table, name: string): Promise<string> {
  const column = table.columns.find((one) => one.name === name);
  const x = `e.${quoteName(name)}`;
  const text = `coalesce(CAST(${x} AS VARCHAR), '(missing)')`;
  if (!column || kindOf(column) !== 'number') return text;
  const [row] = await tables.query<{ d: number }>(`SELECT count(DISTINCT ${x}) AS d FROM ${table.name} e`);
  if ((row?.d ?? 0) <= numberValues) return text;
  const edges = (await quantileEdges(tables, table, [name], 4)).get(name) ?? [];
  const cases = edges.map((edge) => `WHEN ${x} <= ${edge} THEN 'up to ${Number(edge.toPrecision(4))}'`);
  return `CASE WHEN ${x} IS NULL OR isnan(CAST(${x} AS DOUBLE)) THEN '(missing)' ${cases.join(' ')} ELSE 'above ${Number((edges.at(-1) ?? 0).toPrecision(4))}' END`;
}

/** Fetches the scored rows and groups them by each column. */
export async function sliceRows(tables: Query, table: Table, scored: Scored, columns: readonly string[]) {
  const groups = await Promise.all(columns.map((name) => groupSql(tables, table, name)));
  const list = groups.map((sql, i) => `${sql} AS g${i}`).join(', ');
  const rows = await tables.query<Record<string, string | number>>(
    `SELECT r.y AS y, r.score AS score, ${list} FROM ${scored.relation} r JOIN ${table.name} e USING (__row) WHERE ${within(sampleRows, scored.rows)} ORDER BY __row`,
  );
  const y = Float64Array.from(rows, (row) => Number(row.y));
  const score = Float64Array.from(rows, (row) => Number(row.score));
  const slices: SliceRows[] = [];
  for (const [i, column] of columns.entries()) {
    const found = new Map<string, number[]>();
    for (const [position, row] of rows.entries()) {
      const group = String(row[`g${i}`]);
      const list = found.get(group);
      if (list) list.push(position);
      else found.set(group, [position]);
    }
    const isSmall = (list: readonly number[]) => list.length < Math.max(groupRows, groupShare * rows.length);
    const small = [...found].filter(([, list]) => isSmall(list));
    for (const [group, list] of found) if (!isSmall(list) || small.length === 1) slices.push({ column, group, rows: list });
    if (small.length > 1)
      slices.push({
        column,
        group: `(${small.length} small groups)`,
        rows: small.flatMap(([, list]) => list).sort((a, b) => a - b),
      });
  }
  return { y, score, slices };
}

/** The worst value that a slice may have: skill (AUC - 0.5, else the metric itself) may fall, and errors rise, by `drop`. */
export function floorOf(metric: Metric, overall: number, drop: number): number {
  if (metric.name === 'auc') return 0.5 + (1 - drop) * (overall - 0.5);
  return metric.isGreaterBetter ? (1 - drop) * overall : (1 + drop) * overall;
}

/** Classes of which there are enough rows to compare. */
function commonClasses(y: Float64Array): number {
  const counts = new Map<number, number>();
  for (const value of y) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts.values()].filter((n) => n >= classRows).length;
}

/**
 * Judges slices against the floor: a pass needs the whole interval on the good side, a fail a Holm-adjusted p below 0.05;
 * what is neither is inconclusive.
 */
export function judgeSlices(
  metric: Metric,
  floor: number,
  data: { y: Float64Array; score: Float64Array; slices: readonly SliceRows[] },
  seed: number,
): readonly SliceResult[] {
  const sign = metric.isGreaterBetter ? 1 : -1;
  const judged = data.slices.map(({ column, group, rows }) => {
    const y = Float64Array.from(rows, (row) => data.y[row] ?? 0);
    const weighted = metric.weighted(
      y,
      Float64Array.from(rows, (row) => data.score[row] ?? 0),
    );
    const hasBoth = metric.name !== 'auc' || commonClasses(y) >= 2;
    const value = once(weighted, rows.length);
    const interval = rows.length >= groupRows && hasBoth ? bootstrap(weighted, rows.length, { seed, replicates: 500 }) : null;
    const gap = sign * (value - floor);
    // Without any spread (all right, all wrong) the sign alone decides.
    const p = interval === null ? null : interval.standardError > 0 ? normalCdf(gap / interval.standardError) : gap < 0 ? 0 : 1;
    return { column, group, n: rows.length, value: Number.isFinite(value) ? value : null, interval, p };
  });
  const tested = judged.filter((slice) => slice.p !== null);
  const adjusted = new Map(holm(tested.map((slice) => slice.p ?? 1)).map((p, i) => [tested[i], p]));
  return judged.map((slice) => {
    const { column, group, n, value, interval } = slice;
    const p = adjusted.get(slice) ?? null;
    const worst = interval === null ? null : metric.isGreaterBetter ? interval.lower : interval.upper;
    const isGood = worst !== null && sign * (worst - floor) >= 0;
    const verdict = isGood ? 'pass' : p !== null && p < 0.05 ? 'fail' : 'inconclusive';
    return { column, group, n, value, lower: interval?.lower ?? null, upper: interval?.upper ?? null, p, verdict };
  });
}
