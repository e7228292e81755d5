/**
 * Models so simple that a real one must beat them: a constant, the best single feature, a linear model. All learn from
 * training rows only; the single feature is chosen out of fold, so that a feature of many values does not win by rote.
 */

import { once } from './bootstrap.ts';
import { fitLinearModel, predictLinearModel } from './linear-model.ts';
import type { Metric } from './metrics/metric.ts';

/** Values of one feature: all numbers (NaN = missing), or all categories (null = missing). */
export type FeatureValues =
  | { readonly name: string; readonly numbers: Float64Array }
  | { readonly name: string; readonly categories: readonly (string | null)[] };

export interface Sample {
  readonly y: Float64Array;
  readonly features: readonly FeatureValues[];
}

const folds = 5;
const bins = 10;
/** Rows that the overall mean counts in each bin, so that a bin of two rows claims little. */
const prior = 10;
const topCategories = 12;
const designColumns = 80;

const meanOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** The mean of the training labels for everyone. */
export const constantBaseline = (train: Sample, rows: number): Float64Array => new Float64Array(rows).fill(meanOf(train.y));

/** Maps a feature's values to bins: deciles of the training rows, or categories; missing is a bin of its own. */
function binner(feature: FeatureValues): (from: FeatureValues, row: number) => string {
  if ('categories' in feature) return (from, row) => ('categories' in from ? `c${from.categories[row] ?? ''}` : 'other kind');
  const sorted = feature.numbers.filter(Number.isFinite).sort();
  const edges = [
    ...new Set(Array.from({ length: bins - 1 }, (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / bins)] ?? 0)),
  ];
  return (from, row) => {
    const value = 'numbers' in from ? (from.numbers[row] ?? Number.NaN) : Number.NaN;
    return Number.isFinite(value) ? String(edges.filter((edge) => edge < value).length) : 'missing';
  };
}

interface Sums {
  readonly sum: Float64Array;
  readonly rows: Float64Array;
}

/** Label sums per bin and fold. */
function sumsOf(train: Sample, binOf: (row: number) => string): ReadonlyMap<string, Sums> {
  const sums = new Map<string, Sums>();
  for (let row = 0; row < train.y.length; row++) {
    const bin = binOf(row);
    const entry = sums.get(bin) ?? { sum: new Float64Array(folds), rows: new Float64Array(folds) };
    const fold = row % folds;
    entry.sum[fold] = (entry.sum[fold] ?? 0) + (train.y[row] ?? 0);
    entry.rows[fold] = (entry.rows[fold] ?? 0) + 1;
    sums.set(bin, entry);
  }
  return sums;
}

const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);

/** The feature whose binned mean of the label predicts best, learnt on training rows; null without features. */
export function singleFeatureBaseline(
  train: Sample,
  evaluation: Sample,
  metric: Metric,
): { readonly feature: string; readonly score: Float64Array } | null {
  const overall = meanOf(train.y);
  let best: { quality: number; feature: FeatureValues; rate: (bin: string) => number } | null = null;
  for (const feature of train.features) {
    const bin = binner(feature);
    const sums = sumsOf(train, (row) => bin(feature, row));
    const rate = (name: string, without?: number): number => {
      const entry = sums.get(name);
      const sum = entry ? total(entry.sum) - (without === undefined ? 0 : (entry.sum[without] ?? 0)) : 0;
      const rows = entry ? total(entry.rows) - (without === undefined ? 0 : (entry.rows[without] ?? 0)) : 0;
      return (sum + prior * overall) / (rows + prior);
    };
    const outOfFold = Float64Array.from(train.y, (_, row) => rate(bin(feature, row), row % folds));
    const value = once(metric.weighted(train.y, outOfFold), train.y.length);
    const quality = metric.isGreaterBetter ? value : -value;
    if (Number.isFinite(quality) && (best === null || quality > best.quality)) best = { quality, feature, rate };
  }
  if (best === null) return null;
  const { feature, rate } = best;
  const bin = binner(feature);
  const same = evaluation.features.find((other) => other.name === feature.name);
  return { feature: feature.name, score: Float64Array.from(evaluation.y, (_, row) => (same ? rate(bin(same, row)) : overall)) };
}

type Term = (from: FeatureValues, row: number) => number;

/** Standardised numbers with a flag for missing ones; the commonest categories as flags. */
function termsOf(feature: FeatureValues): readonly Term[] {
  if ('categories' in feature) {
    const counts = new Map<string, number>();
    for (const value of feature.categories) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
    const top = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, topCategories);
    // With every category present one flag follows from the others.
    const names = (counts.size <= topCategories ? top.slice(1) : top).map(([name]) => name);
    return names.map((name) => (from, row) => ('categories' in from && from.categories[row] === name ? 1 : 0));
  }
  const known = feature.numbers.filter(Number.isFinite);
  const mean = meanOf(known);
  const sd = Math.sqrt(meanOf(known.map((value) => (value - mean) ** 2)));
  if (known.length === 0 || !(sd > 0)) return [];
  const numberOf = (from: FeatureValues, row: number) => ('numbers' in from ? (from.numbers[row] ?? Number.NaN) : Number.NaN);
  // One wild value must not rule the fit: beyond five standard deviations it counts as five.
  const scaled: Term = (from, row) => {
    const value = numberOf(from, row);
    return Number.isFinite(value) ? Math.max(-5, Math.min(5, (value - mean) / sd)) : 0;
  };
  const isMissing: Term = (from, row) => (Number.isFinite(numberOf(from, row)) ? 0 : 1);
  return known.length === feature.numbers.length ? [scaled] : [scaled, isMissing];
}

/** A linear (or, with `isBinary`, logistic) model of at most 80 terms; null when no feature varies. */
export function linearBaseline(
  train: Sample,
  evaluation: Sample,
  isBinary: boolean,
): { readonly terms: number; readonly score: Float64Array } | null {
  const terms = train.features
    .flatMap((feature, index) => termsOf(feature).map((term) => ({ term, index })))
    .slice(0, designColumns);
  if (terms.length === 0) return null;
  const columns = terms.length + 1;
  const design = (sample: Sample): Float64Array => {
    const x = new Float64Array(sample.y.length * columns);
    for (let row = 0; row < sample.y.length; row++) {
      x[row * columns] = 1;
      for (const [j, { term, index }] of terms.entries()) {
        const feature = sample.features[index];
        x[row * columns + j + 1] = feature ? term(feature, row) : 0;
      }
    }
    return x;
  };
  const kind = isBinary ? 'logistic' : 'linear';
  return {
    terms: terms.length,
    score: predictLinearModel(design(evaluation), fitLinearModel(design(train), train.y, columns, kind), kind),
  };
}
