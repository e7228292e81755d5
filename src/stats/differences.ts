import { quoteName, secondsOf } from '../kernel/sql.ts';
import type { Column } from '../kernel/world.ts';
import { batchesOf, kindOf, type Query } from './query.ts';

/** Numbers are the same when |a - b| <= 1e-12 + 1e-6 max(|a|, |b|). */
export const relativeTolerance = 1e-6;
const absoluteTolerance = 1e-12;
/** Times are the same within a millisecond. */
const timeTolerance = 0.001;
const examplesKept = 3;

export interface ColumnPair {
  readonly first: Column;
  readonly second: Column;
}

export interface ColumnDifference {
  readonly column: string;
  readonly differing: number;
  /** The first rows that differ, values as text. */
  readonly examples: readonly { readonly id: string; readonly first: string | null; readonly second: string | null }[];
}

export interface Differences {
  readonly rows: number;
  /** Rows with at least one value that differs. */
  readonly differing: number;
  readonly columns: readonly ColumnDifference[];
}

/** SQL: the same number. NaN is a missing value as null is; an infinity equals only itself. */
function sameNumber(a: string, b: string): string {
  const isMissing = (x: string) => `coalesce(isnan(${x}), true)`;
  return `CASE WHEN ${isMissing(a)} OR ${isMissing(b)} THEN ${isMissing(a)} = ${isMissing(b)}
    WHEN isinf(${a}) OR isinf(${b}) THEN ${a} = ${b}
    ELSE abs(${a} - ${b}) <= ${absoluteTolerance} + ${relativeTolerance} * greatest(abs(${a}), abs(${b})) END`;
}

/** SQL: the same value. Text is compared as it is, except that 1.0 is 1 where one side is a number (but 0800 is not 800). */
function same({ first, second }: ColumnPair): string {
  const [a, b] = [`a.${quoteName(first.name)}`, `b.${quoteName(second.name)}`];
  const kinds = [kindOf(first), kindOf(second)];
  if (kinds.every((kind) => kind === 'number')) return sameNumber(`CAST(${a} AS DOUBLE)`, `CAST(${b} AS DOUBLE)`);
  const [s, t] = [`CAST(${a} AS VARCHAR)`, `CAST(${b} AS VARCHAR)`];
  const sameText = `${s} IS NOT DISTINCT FROM ${t}`;
  if (kinds.includes('time'))
    return `(${sameText} OR coalesce(abs(${secondsOf(a)} - ${secondsOf(b)}) < ${timeTolerance}, false))`;
  if (!kinds.includes('number')) {
    const isTruth = [first, second].some((column) => column.type === 'BOOLEAN');
    return isTruth ? `lower(${s}) IS NOT DISTINCT FROM lower(${t})` : sameText;
  }
  const [x, y] = [`TRY_CAST(${s} AS DOUBLE)`, `TRY_CAST(${t} AS DOUBLE)`];
  const isCode = `regexp_matches(concat_ws(' ', ${s}, ${t}), '(^| )[+-]?0[0-9]')`;
  return `CASE WHEN ${x} IS NULL OR ${y} IS NULL OR ${isCode} THEN ${sameText} ELSE ${sameNumber(x, y)} END`;
}

/**
 * Compares values of rows that were computed twice. `joined` is SQL behind FROM with the aliases a and b, which have the
 * columns of `pairs`; `id` is SQL of a row's id. One pass per 50 columns.
 */
export async function differences(
  tables: Query,
  joined: string,
  pairs: readonly ColumnPair[],
  { id, parameters = [] }: { readonly id: string; readonly parameters?: readonly string[] },
): Promise<Differences> {
  const columns: ColumnDifference[] = [];
  const text = (x: string) => `left(CAST(${x} AS VARCHAR), 100)`;
  for (const batch of batchesOf(pairs)) {
    const parts = batch.flatMap((pair, i) => {
      const differs = `FILTER (NOT (${same(pair)}))`;
      const values = [id, `a.${quoteName(pair.first.name)}`, `b.${quoteName(pair.second.name)}`].map(text).join(', ');
      return [`count(*) ${differs} AS n${i}`, `arg_min([${values}], ${id}, ${examplesKept}) ${differs} AS v${i}`];
    });
    const [row] = await tables.query<Record<string, number | (string | null)[][] | null>>(
      `SELECT ${parts.join(', ')} FROM ${joined}`,
      parameters,
    );
    for (const [i, pair] of batch.entries()) {
      const found = row?.[`v${i}`];
      const examples = (Array.isArray(found) ? found : []).map(([name = null, first = null, second = null]) => ({
        id: name ?? '',
        first,
        second,
      }));
      columns.push({ column: pair.second.name, differing: Number(row?.[`n${i}`] ?? 0), examples });
    }
  }
  const any = pairs.map((pair) => `NOT (${same(pair)})`).join(' OR ');
  const [total] = await tables.query<{ rows: number; differing: number }>(
    `SELECT count(*) AS "rows", count(*) FILTER (${any || 'false'}) AS differing FROM ${joined}`,
    parameters,
  );
  return { rows: total?.rows ?? 0, differing: total?.differing ?? 0, columns };
}
