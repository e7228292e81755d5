import { quoteName, quoteText } from '../../kernel/sql.ts';
import type { ColumnExpectation, TableSchema } from '../../kernel/table-schema.ts';
import { batchesOf, type Query } from '../query.ts';

export interface Violation {
  readonly column: string;
  readonly what: 'missing' | 'type' | 'nulls' | 'range' | 'median' | 'unseen' | 'not finite';
  /** One sentence with the number found and the number expected. */
  readonly message: string;
  readonly found: number | null;
  readonly allowed: number | null;
}

/** Fewest values whose median says something. */
const medianRows = 30;

const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;

const isNumber = ({ type }: ColumnExpectation): boolean => type === 'number' || type === 'integer';

/** SQL of a column as it is, and as a number: null where it is none, and where it is not finite unless `isAll`. */
function valuesOf(name: string, expected: ColumnExpectation, i: number, isAll: boolean): readonly string[] {
  const x = quoteName(name);
  const v = `TRY_CAST(${x} AS DOUBLE)`;
  if (!isNumber(expected)) return [`${x} AS x${i}`];
  return [`${x} AS x${i}`, `${isAll ? v : `CASE WHEN isfinite(${v}) THEN ${v} END`} AS f${i}`];
}

/** SQL counts of one column: values, and those that break each expectation. count_if() is quicker than FILTER, a list than NOT IN. */
function partsOf(expected: ColumnExpectation, i: number): readonly string[] {
  const [x, f] = [`x${i}`, `f${i}`];
  const parts = [`count(${x}) AS n${i}`];
  if (isNumber(expected)) {
    parts.push(`count(${f}) AS number${i}`, `count_if(isfinite(${f})) AS finite${i}`);
    if (expected.type === 'integer') parts.push(`count_if(${f} <> trunc(${f})) AS broken${i}`);
    const bounds = [
      ...(expected.min === undefined ? [] : [`${f} < ${expected.min}`]),
      ...(expected.max === undefined ? [] : [`${f} > ${expected.max}`]),
    ];
    if (bounds.length > 0) parts.push(`count_if(${bounds.join(' OR ')}) AS range${i}`);
    const [low, high] = expected.median ?? [];
    // The median lies below `low` exactly when more than half of the values do: counts need no sorting.
    if (low !== undefined && high !== undefined)
      parts.push(`count_if(${f} < ${low}) AS below${i}`, `count_if(${f} > ${high}) AS above${i}`);
  }
  if (expected.type === 'time')
    parts.push(`count(*) FILTER (${x} IS NOT NULL AND TRY_CAST(CAST(${x} AS VARCHAR) AS TIMESTAMP) IS NULL) AS type${i}`);
  if (expected.type === 'category' && expected.values)
    parts.push(
      `count_if(NOT list_contains([${expected.values.map(quoteText).join(', ')}]::VARCHAR[], CAST(${x} AS VARCHAR))) AS unseen${i}`,
    );
  return parts;
}

/** Counts of one column by name; null where it was not counted. */
type Counts = (key: string) => number | null;

/** How many numbers are NaN or infinite. */
const oddOf = (of: Counts): number => (of('number') ?? 0) - (of('finite') ?? 0);

async function countsOf(
  tables: Query,
  relation: string,
  columns: readonly (readonly [string, ColumnExpectation])[],
  isAll: boolean,
): Promise<readonly Counts[]> {
  const values = columns.flatMap(([name, expected], i) => valuesOf(name, expected, i, isAll));
  const parts = columns.flatMap(([, expected], i) => partsOf(expected, i));
  const [row] = await tables.query<Record<string, number | null>>(
    `SELECT count(*) AS "rows", ${parts.join(', ')} FROM (SELECT ${values.join(', ')} FROM ${relation})`,
  );
  return columns.map((_, i) => (key: string) => row?.[key === 'rows' ? key : `${key}${i}`] ?? null);
}

function judge(name: string, expected: ColumnExpectation, of: Counts): readonly Violation[] {
  const found: Violation[] = [];
  const rows = of('rows') ?? 0;
  const values = of('n') ?? 0;
  const share = (count: number | null, whole: number) => (whole === 0 ? 0 : (count ?? 0) / whole);
  const more = (what: Violation['what'], value: number, allowed: number, words: string) => {
    if (value > allowed)
      found.push({
        column: name,
        what,
        found: value,
        allowed,
        message: `${name}: ${percent(value)} ${words}, at most ${percent(allowed)} expected`,
      });
  };
  more('nulls', share(rows - values, rows), expected.max_nulls, 'of the rows have no value');
  const broken = isNumber(expected) ? values - (of('number') ?? 0) + (of('broken') ?? 0) : of('type');
  more('type', share(broken, values), 0, `of the values are no ${expected.type}`);
  more('not finite', share(oddOf(of), values), 0, 'of the values are NaN or infinite');
  more(
    'range',
    share(of('range'), values),
    expected.max_outside,
    `of the values lie outside ${expected.min ?? '-∞'} to ${expected.max ?? '∞'}`,
  );
  more('unseen', share(of('unseen'), values), expected.max_unseen, 'of the values are none of the listed categories');
  const [low, high] = expected.median ?? [];
  const below = share(of('below'), of('finite') ?? 0);
  const above = share(of('above'), of('finite') ?? 0);
  if ((of('finite') ?? 0) >= medianRows && (below > 0.5 || above > 0.5)) {
    const words = below > 0.5 ? `below ${low}` : `above ${high}`;
    const message = `${name}: the median is ${words} (${percent(Math.max(below, above))} of the values are), expected between ${low} and ${high}`;
    found.push({ column: name, what: 'median', found: Math.max(below, above), allowed: 0.5, message });
  }
  return found;
}

/**
 * What in a relation (a table's name, or SQL in parentheses) is not as the schema expects, counted by value, so that a
 * column of another type is judged like any other. `present` are the names of the relation's columns.
 */
export async function violations(
  tables: Query,
  relation: string,
  schema: TableSchema,
  present: readonly string[],
): Promise<readonly Violation[]> {
  const here = new Set(present);
  const found: Violation[] = [];
  const known: [string, ColumnExpectation][] = [];
  for (const [name, expected] of Object.entries(schema.columns)) {
    if (here.has(name)) known.push([name, expected]);
    else found.push({ column: name, what: 'missing', message: `${name}: the column is missing`, found: null, allowed: null });
  }
  for (const batch of batchesOf(known)) {
    const counts = await countsOf(tables, relation, batch, true);
    // Few columns hold NaN or Inf; only those are counted once more without them.
    const odd = batch.filter((_, i) => oddOf(counts[i] ?? (() => 0)) > 0);
    const finite = odd.length > 0 ? await countsOf(tables, relation, odd, false) : [];
    for (const [i, column] of batch.entries()) {
      const [first, again] = [counts[i], finite[odd.indexOf(column)]];
      if (!first) continue;
      const own = ['n', 'number', 'finite'];
      found.push(...judge(...column, again ? (key) => (own.includes(key) ? first : again)(key) : first));
    }
  }
  return found;
}
