import type { Query } from '../query.ts';

/** Bins of equal mass. */
export const calibrationBins = 10;

/**
 * Expected calibration error over bins that hold about equal numbers of rows: sum over bins of share * |mean score - mean y|
 * (Naeini, Cooper, Hauskrecht 2015; equal mass after Nixon et al. 2019 and Roelofs et al. 2022, whose bias is smaller than
 * that of bins of equal width). Row r of n in the order of scores, counted from 0, is in bin floor(bins r / n); equal scores
 * count from the first of them and so are never torn apart. Unit 1, 0 = calibrated. It is never negative, so noise alone
 * makes it positive: compare it with that of as many other rows. Null without rows.
 */
export async function calibrationError(tables: Query, scored: string, bins = calibrationBins): Promise<number | null> {
  const [row] = await tables.query<{ ece: number | null }>(
    `WITH ranked AS (SELECT y, score, rank() OVER (ORDER BY score) - 1 AS r, count(*) OVER () AS n FROM ${scored}),
     binned AS (SELECT count(*) AS n, favg(score) - favg(y) AS gap FROM ranked GROUP BY (r * ${Math.floor(bins)}) // n)
     SELECT sum(n * abs(gap)) / sum(n) AS ece FROM binned`,
  );
  return row?.ece ?? null;
}

/** The same over fetched rows; NaN without rows. */
export function calibrationErrorOf(y: Float64Array, score: Float64Array, bins = calibrationBins): number {
  const order = Uint32Array.from(score.keys()).sort((a, b) => (score[a] ?? 0) - (score[b] ?? 0));
  const gaps = new Float64Array(bins);
  let first = 0;
  for (const [rank, row] of order.entries()) {
    if (score[row] !== score[order[first] ?? 0]) first = rank;
    const bin = Math.floor((first * bins) / order.length);
    gaps[bin] = (gaps[bin] ?? 0) + (score[row] ?? 0) - (y[row] ?? 0);
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / order.length;
}
