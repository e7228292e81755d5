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

/** SQL of a column as it is, as a number (null where it is none), and as a finite number (else null): each computed once. */
function valuesOf(name: string, expected: ColumnExpectation, i: number): readonly string[] {
  const x = quoteName(name);
  const v = `TRY_CAST(${x} AS DOUBLE)`;
  return isNumber(expected)
    ? [`${x} AS x${i}`, `${v} AS v${i}`, `CASE WHEN isfinite(${v}) THEN ${v} END AS f${i}`]
    : [`${x} AS x${i}`];
}

/** SQL counts of one column: values, and those that break each expectation. count_if() is quicker than FILTER, a list than NOT IN. */
function partsOf(expected: ColumnExpectation, i: number): readonly string[] {
  const [x, v, f] = [`x${i}`, `v${i}`, `f${i}`];
  const parts = [`count(${x}) AS n${i}`];
  if (isNumber(expected)) {
    const broken = expected.type === 'integer' ? ` + count_if(${f} <> trunc(${f}))` : '';
    parts.push(`count(${x}) - count(${v})${broken} AS type${i}`, `count(${v}) - count(${f}) AS odd${i}`);
    const bounds = [
      ...(expected.min === undefined ? [] : [`${f} < ${expected.min}`]),
      ...(expected.max === undefined ? [] : [`${f} > ${expected.max}`]),
    ];
    if (bounds.length > 0) parts.push(`count_if(${bounds.join(' OR ')}) AS range${i}`);
    const [low, high] = expected.median ?? [];
    // The median lies below `low` exactly when more than half of the values do: counts need no sorting.
    if (low !== undefined && high !== undefined)
      parts.push(`count(${f}) AS finite${i}`, `count_if(${f} < ${low}) AS below${i}`, `count_if(${f} > ${high}) AS above${i}`);
  }
  if (expected.type === 'time')
    parts.push(`count(*) FILTER (${x} IS NOT NULL AND TRY_CAST(CAST(${x} AS VARCHAR) AS TIMESTAMP) IS NULL) AS type${i}`);
  if (expected.type === 'category' && expected.values)
    parts.push(
      `count_if(NOT list_contains([${expected.values.map(quoteText).join(', ')}]::VARCHAR[], CAST(${x} AS VARCHAR))) AS unseen${i}`,
    );
  return parts;
}

function judge(
  name: string,
  expected: ColumnExpectation,
  rows: number,
  of: (key: string) => number | null,
): readonly Violation[] {
  const found: Violation[] = [];
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
  more('type', share(of('type'), values), 0, `of the values are no ${expected.type}`);
  more('not finite', share(of('odd'), values), 0, 'of the values are NaN or infinite');
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
    const values = batch.flatMap(([name, expected], i) => valuesOf(name, expected, i));
    const parts = batch.flatMap(([, expected], i) => partsOf(expected, i));
    const [row] = await tables.query<Record<string, number | null>>(
      `SELECT count(*) AS n, ${parts.join(', ')} FROM (SELECT ${values.join(', ')} FROM ${relation})`,
    );
    for (const [i, [name, expected]] of batch.entries())
      found.push(...judge(name, expected, row?.n ?? 0, (key) => row?.[`${key}${i}`] ?? null));
  }
  return found;
}
