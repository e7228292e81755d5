import { quoteName } from '../kernel/sql.ts';
import type { Column } from '../kernel/world.ts';
import { batchesOf, isRemembered, kindOf, type Query, remembered } from './query.ts';

export interface ColumnSummary {
  readonly rows: number;
  readonly nulls: number;
  /** Counted apart; they take no part in the numbers below. */
  readonly nans: number;
  readonly infinities: number;
  /** Of finite numbers; null for other columns and when there is none. */
  readonly min: number | null;
  readonly max: number | null;
  /** Of values that are no numbers, by HyperLogLog: exact for a few, within about 10 % for millions; null for numbers. */
  readonly distinct: number | null;
}

type Row = Readonly<Record<string, number | null>>;

/** How many rows, and what is missing or no number of its kind. */
export type ColumnCounts = Omit<ColumnSummary, 'min' | 'max'>;

/** What every check asks of columns, in one pass over the table per 50 of them. Times have no numbers, only counts. */
export function summarise(tables: Query, table: string, columns: readonly Column[]): Promise<ReadonlyMap<string, ColumnSummary>> {
  return remembered(tables, keyOf(table, columns), () => passes(tables, table, columns, true));
}

/** The counts alone, which take half the time; what is summarised already is not counted again. */
export function countValues(
  tables: Query,
  table: string,
  columns: readonly Column[],
): Promise<ReadonlyMap<string, ColumnCounts>> {
  if (isRemembered(tables, keyOf(table, columns))) return summarise(tables, table, columns);
  return remembered(tables, `counts ${keyOf(table, columns)}`, () => passes(tables, table, columns, false));
}

const keyOf = (table: string, columns: readonly Column[]): string => `summary ${JSON.stringify([table, columns])}`;

const isNumber = (column: Column): boolean => kindOf(column) === 'number';
/** Integers are finite: nothing has to be asked of them. */
const canBeOdd = ({ type }: Column): boolean => /^(FLOAT|DOUBLE)/.test(type);

async function passes(
  tables: Query,
  table: string,
  columns: readonly Column[],
  hasRange: boolean,
): Promise<ReadonlyMap<string, ColumnSummary>> {
  const found = new Map<string, ColumnSummary>();
  for (const batch of batchesOf(columns)) {
    const parts = batch.flatMap((column, i) => {
      const x = quoteName(column.name);
      if (!isNumber(column)) return [`count(${x}) AS n${i}`, `approx_count_distinct(${x}) AS d${i}`];
      const v = `CAST(${x} AS DOUBLE)`;
      const finite = canBeOdd(column) ? [`count_if(isfinite(${x})) AS finite${i}`] : [];
      const range = hasRange ? [`min(${v}) AS min${i}`, `max(${v}) AS max${i}`] : [];
      return [`count(${x}) AS n${i}`, ...finite, ...range];
    });
    const [row = {}] = await tables.query<Row>(`SELECT count(*) AS n, ${parts.join(', ')} FROM ${table}`);
    const rows = row.n ?? 0;
    const odd = batch.filter((column, i) => canBeOdd(column) && row[`n${i}`] !== row[`finite${i}`]);
    const others = await othersOf(tables, table, odd);
    for (const [i, column] of batch.entries()) {
      const values = row[`n${i}`] ?? 0;
      const other = others.get(column.name);
      found.set(column.name, {
        rows,
        nulls: rows - values,
        nans: other ? values - (row[`finite${i}`] ?? 0) - other.infinities : 0,
        infinities: other?.infinities ?? 0,
        min: other ? other.min : (row[`min${i}`] ?? null),
        max: other ? other.max : (row[`max${i}`] ?? null),
        distinct: row[`d${i}`] ?? null,
      });
    }
  }
  return found;
}

/** Few columns hold values that are not finite; only of those are they told apart and left out. */
async function othersOf(
  tables: Query,
  table: string,
  columns: readonly Column[],
): Promise<ReadonlyMap<string, Pick<ColumnSummary, 'infinities' | 'min' | 'max'>>> {
  if (columns.length === 0) return new Map();
  const inner = columns.map(({ name }, i) => {
    const v = `CAST(${quoteName(name)} AS DOUBLE)`;
    return `${v} AS v${i}, CASE WHEN isfinite(${v}) THEN ${v} END AS f${i}`;
  });
  const parts = columns.map((_, i) => `count_if(isinf(v${i})) AS inf${i}, min(f${i}) AS min${i}, max(f${i}) AS max${i}`);
  const [row = {}] = await tables.query<Row>(`SELECT ${parts.join(', ')} FROM (SELECT ${inner.join(', ')} FROM ${table})`);
  return new Map(
    columns.map(({ name }, i) => [
      name,
      { infinities: row[`inf${i}`] ?? 0, min: row[`min${i}`] ?? null, max: row[`max${i}`] ?? null },
    ]),
  );
}
