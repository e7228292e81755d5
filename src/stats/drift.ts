import type { Table } from '../kernel/world.ts';
import { binCounts, mergedCounts } from './bin-counts.ts';
import { categoryCounts } from './category-counts.ts';
import { type ColumnCounts, countValues } from './column-summary.ts';
import { jensenShannon } from './jensen-shannon.ts';
import { kolmogorovSmirnov, ksBins } from './kolmogorov-smirnov.ts';
import { judgePsi } from './psi.ts';
import { quantileEdges } from './quantile-edges.ts';
import { kindOf, type Query } from './query.ts';
import { rise } from './rise.ts';

const psiBins = 10;

export interface ColumnDrift {
  readonly column: string;
  readonly verdict: 'stable' | 'drifted' | 'inconclusive';
  readonly psi: number;
  readonly threshold: number;
  /** Jensen-Shannon distance over the same bins; null without rows. */
  readonly jensenShannon: number | null;
  /** Kolmogorov-Smirnov D from 1,000 bins; null for categories. */
  readonly ks: number | null;
  readonly nulls: { readonly reference: number; readonly current: number; readonly hasRisen: boolean };
  readonly notFinite: { readonly reference: number; readonly current: number; readonly hasRisen: boolean };
  /** Rows of the current table whose category the reference has not; examples by frequency. */
  readonly unseen: { readonly rows: number; readonly examples: readonly string[] };
  /** Upper edges of the PSI bins, for whoever wants to do the sum again. */
  readonly edges: readonly number[];
}

/** Text with more values than this share of its rows (ids, free text) and times have no distribution to compare. */
const identifying = 0.5;
const identifies = ({ rows, nulls, distinct }: ColumnCounts): boolean =>
  distinct !== null && distinct > 30 && distinct > identifying * (rows - nulls);

/**
 * Compares columns that both tables have; k of the thresholds is their number. A column that is a number on one side only
 * is compared as categories. Times and text that identifies rows are left out.
 */
export async function drift(
  tables: Query,
  reference: Table,
  current: Table,
  candidates: readonly string[],
): Promise<readonly ColumnDrift[]> {
  const pick = (table: Table) => table.columns.filter((column) => candidates.includes(column.name));
  const r = await countValues(tables, reference.name, pick(reference));
  const c = await countValues(tables, current.name, pick(current));
  const kinds = new Map(pick(reference).map((column) => [column.name, kindOf(column)]));
  const names = candidates.filter((name) => {
    const [a, b] = [r.get(name), c.get(name)];
    const isText = kinds.get(name) === 'category' && a && identifies(a);
    return a && b && kinds.get(name) !== 'time' && !isText;
  });
  const isNumber = (name: string) =>
    kinds.get(name) === 'number' &&
    pick(current).some(
      (column) => column.name === name && (kindOf(column) === 'number' || (c.get(name)?.nulls ?? 0) === current.rows),
    );
  const numbers = names.filter(isNumber);
  const edges = await quantileEdges(tables, reference, numbers, psiBins);
  const fine = await quantileEdges(tables, reference, numbers, ksBins);
  // Every tenth is also a thousandth: one pass over each table gives the counts of both.
  const finite = (summaries: typeof r) =>
    new Set(numbers.filter((name) => (summaries.get(name)?.nans ?? 1) + (summaries.get(name)?.infinities ?? 1) === 0));
  const bins = await binCounts(tables, reference.name, fine, finite(r));
  const currentBins = await binCounts(tables, current.name, fine, finite(c));
  const tenths = (counts: typeof bins, column: string) =>
    mergedCounts(fine.get(column) ?? [], counts.get(column) ?? [], edges.get(column) ?? []);
  const found: ColumnDrift[] = [];
  for (const column of names) {
    const [a, b] = [r.get(column), c.get(column)];
    if (!a || !b) continue;
    const nulls = rise(a.nulls, a.rows, b.nulls, b.rows, names.length);
    const notFinite = rise(a.nans + a.infinities, a.rows, b.nans + b.infinities, b.rows, names.length);
    const categories = isNumber(column) ? null : await categoryCounts(tables, reference.name, current.name, column);
    const histogram = categories ?? { reference: tenths(bins, column), current: tenths(currentBins, column) };
    found.push({
      column,
      ...judgePsi(histogram.reference, histogram.current, names.length),
      jensenShannon: jensenShannon(histogram.reference, histogram.current),
      ks: categories ? null : (kolmogorovSmirnov(bins.get(column) ?? [], currentBins.get(column) ?? [])?.value ?? null),
      nulls,
      notFinite,
      unseen: categories ? categories.unseen : { rows: 0, examples: [] },
      edges: edges.get(column) ?? [],
    });
  }
  return found;
}
