import type { ColumnExpectation, TableSchema } from '../../kernel/table-schema.ts';
import { kindOf } from '../query.ts';
import type { ColumnProfile } from './profile.ts';

/** Share of values that may fall outside of what training showed: new rows always hold a few. */
const slack = 0.01;

/** Four significant digits, rounded away from the data. */
function outward(value: number, direction: -1 | 1): number {
  if (value === 0) return 0;
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 3);
  return Number(((direction < 0 ? Math.floor(value / unit) : Math.ceil(value / unit)) * unit).toPrecision(4));
}

function numberExpectation({ column, summary, deciles }: ColumnProfile, max_nulls: number): ColumnExpectation {
  const type = /INT/.test(column.type) ? 'integer' : 'number';
  const base = { type, max_nulls, max_outside: slack, max_unseen: 0 } as const;
  const { min, max } = summary;
  if (min === null || max === null) return { ...base, max_outside: 0 };
  const margin = 0.1 * (max - min);
  const bound = (value: number, direction: -1 | 1) => {
    const rough = outward(value, direction);
    return type === 'integer' ? (direction < 0 ? Math.floor(rough) : Math.ceil(rough)) : rough;
  };
  const [low, high] = [deciles[1], deciles[deciles.length - 2]];
  return {
    ...base,
    // What is never negative is not allowed to become so by a margin.
    min: min >= 0 ? Math.max(0, bound(min - margin, -1)) : bound(min - margin, -1),
    max: max <= 0 ? Math.min(0, bound(max + margin, 1)) : bound(max + margin, 1),
    ...(low !== undefined && high !== undefined && deciles.length === 9 && low < high
      ? { median: [bound(low, -1), bound(high, 1)] }
      : {}),
  };
}

/**
 * Expectations from profiles of the training rows, pure: type, share of nulls (up to twice or ten points more than was seen, and 1 %), range with a
 * tenth of margin, where the median lies (second to eighth decile), categories when there are at most 100.
 */
export function inferSchema(profiles: readonly ColumnProfile[]): TableSchema {
  const columns = profiles.map((found): [string, ColumnExpectation] => {
    const { column, summary, categories } = found;
    const share = summary.rows === 0 ? 1 : summary.nulls / summary.rows;
    const max_nulls = share === 0 ? 0 : Number(Math.min(1, share + Math.min(share, 0.1) + slack).toFixed(3));
    const base = { max_nulls, max_outside: 0, max_unseen: 0 };
    if (kindOf(column) === 'number') return [column.name, numberExpectation(found, max_nulls)];
    if (kindOf(column) === 'time') return [column.name, { type: 'time', ...base }];
    if (categories === null || categories.length === 0) return [column.name, { type: 'text', ...base }];
    return [column.name, { type: 'category', ...base, values: categories, max_unseen: slack }];
  });
  return { version: 1, columns: Object.fromEntries(columns) };
}
