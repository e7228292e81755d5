import { quoteName } from '../../kernel/sql.ts';
import type { Table } from '../../kernel/world.ts';
import { kindOf } from '../query.ts';
import type { ColumnProfile } from './profile.ts';

/** A copy of the rows in which something went wrong, as SQL. */
export interface Corruption {
  readonly kind: 'unit' | 'nulls' | 'swap' | 'unseen' | 'type';
  /** In words: "distance in another unit (x 100)". */
  readonly words: string;
  /** The columns that differ from the original; the others need no second look. */
  readonly columns: readonly string[];
  /** SQL in parentheses. */
  readonly relation: string;
}

/** Rows that a corruption is tried on. */
const sampleRows = 5000;
/** Columns that are corrupted, spread over the table; more would only cost time. */
const columnsTried = 60;

const isShifted = (a: ColumnProfile, b: ColumnProfile): boolean => {
  const [lowA, highA] = [a.deciles[1], a.deciles[7]];
  const middleB = b.deciles[4];
  return lowA !== undefined && highA !== undefined && middleB !== undefined && (middleB < lowA || middleB > highA);
};

/** A swap can be seen in the data when types differ or each median lies outside the other's middle. */
const canTellApart = (a: ColumnProfile, b: ColumnProfile): boolean =>
  kindOf(a.column) !== kindOf(b.column) || (isShifted(a, b) && isShifted(b, a));

/**
 * Corrupted copies of a table, one fault each: x 100 in a number, half of the values gone, two columns swapped, a tenth of
 * the values an unseen category or no number. Faults that would change nothing or nothing visible are left out.
 */
export function corruptions(table: Table, profiles: readonly ColumnProfile[]): readonly Corruption[] {
  const step = Math.max(1, Math.ceil(profiles.length / columnsTried));
  const tried = profiles.filter((_, i) => i % step === 0);
  const cut = Math.min(1, sampleRows / Math.max(1, table.rows));
  const rows = `(SELECT * FROM ${table.name} WHERE (__row * 2654435761) % 4294967296 < ${Math.ceil(cut * 4294967296)})`;
  const some = (each: number, then: string, x: string) => `CASE WHEN __row % ${each} = 0 THEN ${then} ELSE ${x} END`;
  const copy = (kind: Corruption['kind'], words: string, changed: Readonly<Record<string, string>>): Corruption => ({
    kind,
    words,
    columns: Object.keys(changed),
    relation: `(SELECT ${Object.entries(changed)
      .map(([name, sql]) => `${sql} AS ${quoteName(name)}`)
      .join(', ')} FROM ${rows})`,
  });
  const found: Corruption[] = [];
  for (const [i, one] of tried.entries()) {
    const { name } = one.column;
    const { summary } = one;
    const x = quoteName(name);
    const text = `CAST(${x} AS VARCHAR)`;
    const kind = kindOf(one.column);
    const hasValues = summary.nulls < summary.rows;
    const isNumber = kind === 'number' && summary.min !== null;
    if (isNumber && (summary.min !== 0 || summary.max !== 0))
      found.push(copy('unit', `${name} in another unit (× 100)`, { [name]: `CAST(${x} AS DOUBLE) * 100` }));
    if (summary.nulls < 0.25 * summary.rows) found.push(copy('nulls', `half of ${name} missing`, { [name]: some(2, 'NULL', x) }));
    if (kind !== 'category' && hasValues) found.push(copy('type', `words in ${name}`, { [name]: some(10, "'corrupt'", text) }));
    if (one.categories && one.categories.length > 0)
      found.push(copy('unseen', `an unseen category in ${name}`, { [name]: some(10, "'unseen by anyone'", text) }));
    const other = tried
      .slice(i + 1)
      .find((next) => next.summary.nulls < next.summary.rows && hasValues && canTellApart(one, next));
    if (other) {
      const y = other.column.name;
      found.push(copy('swap', `${name} and ${y} swapped`, { [name]: quoteName(y), [y]: x }));
    }
  }
  return found;
}

/** Tries every corruption; `isCaught` judges the relation of one. */
export async function tryCorruptions(
  found: readonly Corruption[],
  isCaught: (corruption: Corruption) => Promise<boolean>,
): Promise<readonly { readonly corruption: Corruption; readonly isCaught: boolean }[]> {
  const results: { corruption: Corruption; isCaught: boolean }[] = [];
  for (const corruption of found) results.push({ corruption, isCaught: await isCaught(corruption) });
  return results;
}
