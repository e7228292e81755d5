import { randomOf } from './random.ts';

/** Ranks from 1; equal values share their mean rank. */
export function ranksOf(values: readonly number[]): readonly number[] {
  const order = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value);
  const ranks = new Array<number>(values.length).fill(0);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end + 1 < order.length && order[end + 1]?.value === order[start]?.value) end++;
    for (let i = start; i <= end; i++) ranks[order[i]?.index ?? 0] = (start + end) / 2 + 1;
    start = end + 1;
  }
  return ranks;
}

/** Pearson correlation; NaN when one side is constant. */
function pearson(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [p, q] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    const [u, v] = [x - p, (b[i] ?? q) - q];
    ab += u * v;
    aa += u * u;
    bb += v * v;
  }
  return ab / Math.sqrt(aa * bb);
}

export interface RankCorrelation {
  /** Spearman's rho, -1 to 1; NaN when one side is constant. */
  readonly rho: number;
  /** One-sided p: the share of orders of one side whose rho is at least as large. 1 when rho is not defined. */
  readonly p: number;
}

/** Up to this many pairs all orders are tried (8! = 40,320). */
const exactUpTo = 8;
const draws = 20_000;
/** Sums of ranks differ in the last bit with their order. */
const slack = 1e-12;

function* permutations(values: number[], from = 0): Generator<readonly number[]> {
  if (from >= values.length - 1) {
    yield values;
    return;
  }
  for (let i = from; i < values.length; i++) {
    [values[from], values[i]] = [values[i] ?? 0, values[from] ?? 0];
    yield* permutations(values, from + 1);
    [values[from], values[i]] = [values[i] ?? 0, values[from] ?? 0];
  }
}

/**
 * Spearman's rank correlation with the one-sided p of a permutation test: exact up to 8 pairs, else from 20,000 seeded
 * draws (Phipson and Smyth 2010: the order found is one of them). At 5 pairs the smallest p is 1/120.
 */
export function spearman(a: readonly number[], b: readonly number[], seed = 1): RankCorrelation {
  const [left, right] = [ranksOf(a), ranksOf(b)];
  const rho = pearson(left, right);
  if (!Number.isFinite(rho)) return { rho: Number.NaN, p: 1 };
  let [hits, tried] = [0, 0];
  if (a.length <= exactUpTo) {
    for (const order of permutations([...right])) {
      tried++;
      if (pearson(left, order) >= rho - slack) hits++;
    }
    return { rho, p: hits / tried };
  }
  const random = randomOf(seed);
  const order = [...right];
  for (tried = 0; tried < draws; tried++) {
    for (let i = order.length - 1; i > 0; i--) {
      const j = random.below(i + 1);
      [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
    }
    if (pearson(left, order) >= rho - slack) hits++;
  }
  return { rho, p: (hits + 1) / (draws + 1) };
}
