/** Series of seconds, bytes and rates over the runs of a model: sudden jumps and slow leaks. */
import { holm } from '../../../src/stats/holm.ts';
import { medianAbsoluteDeviation } from '../../../src/stats/mad.ts';
import { mannKendall } from '../../../src/stats/mann-kendall.ts';
import { median } from '../../../src/stats/median.ts';
import { studentQuantile } from '../../../src/stats/student-t.ts';
import { theilSenSlope } from '../../../src/stats/theil-sen.ts';

/** Fewest runs for a verdict: from here on the trend test holds. */
export const minimumRuns = 10;
/** Newest runs that are looked at. */
export const mostRuns = 60;
export const jumpShare = 0.2;
const jumpDeviations = 3;
export const leakShare = 0.1;
const leakRuns = 30;
/** Rate of false alarms over all series: of jumps, and of leaks. */
const alpha = 0.01;

export interface Series {
  readonly name: string;
  readonly unit: string;
  readonly isGreaterBetter: boolean;
  /** Oldest first. */
  readonly values: readonly number[];
}

export interface SeriesVerdict {
  readonly series: Series;
  readonly newest: number;
  /** Median of the runs before the newest. */
  readonly usual: number;
  /** How much worse the newest is, as a share of what is usual; negative: better. */
  readonly jump: number;
  /** From which share on a jump counts. */
  readonly allowedJump: number;
  /** How much worse it gets in 30 runs, as a share of the median. */
  readonly leak: number;
  /** Mann-Kendall, one-sided, adjusted over the series (Holm). */
  readonly p: number;
  readonly verdict: 'steady' | 'jumped' | 'leaks' | 'inconclusive';
}

/**
 * How many scaled median absolute deviations a jump must exceed among `n` earlier runs and `k` series: 3, or more where
 * so few runs say little about the spread. The median of n normal values and their MAD (efficiency 37 %) make about a t of
 * 0.37 (n - 1) degrees of freedom, wider by sqrt(1 + pi / 2n).
 */
const deviations = (n: number, k: number): number =>
  Math.max(jumpDeviations, studentQuantile(alpha / k, 0.37 * (n - 1)) * Math.sqrt(1 + Math.PI / (2 * n)));

/**
 * The share by which a run may be worse than is usual: 20 %, or as far as chance reaches. Logarithms, because seconds and
 * bytes are skewed to the right: a slow run is further from the usual than a fast one.
 */
function allowed(before: readonly number[], sign: number, series: number): number {
  const far = deviations(before.length, series) * medianAbsoluteDeviation(before.map(Math.log));
  return Math.max(jumpShare, sign * (Math.exp(sign * far) - 1));
}

/** Judges all series together; values are above 0. */
export function judgeSeries(all: readonly Series[]): readonly SeriesVerdict[] {
  const cut = all.map((series) => ({ ...series, values: series.values.slice(-mostRuns) }));
  const enough = cut.filter((series) => series.values.length >= minimumRuns);
  const trends = enough.map((series) => {
    const { rises, falls } = mannKendall(series.values);
    return series.isGreaterBetter ? falls : rises;
  });
  const adjusted = new Map(holm(trends).map((p, i) => [enough[i], p]));
  return cut.map((series): SeriesVerdict => {
    const { values, isGreaterBetter } = series;
    const sign = isGreaterBetter ? -1 : 1;
    const before = values.slice(0, -1);
    const newest = values.at(-1) ?? Number.NaN;
    const usual = median(before);
    const jump = (sign * (newest - usual)) / Math.abs(usual);
    const leak = (sign * theilSenSlope(values) * leakRuns) / Math.abs(median(values));
    const p = adjusted.get(series);
    const found = { series, newest, usual, jump, leak };
    if (p === undefined) return { ...found, allowedJump: jumpShare, p: 1, verdict: 'inconclusive' };
    const allowedJump = allowed(before, sign, enough.length);
    const leaks = leak > leakShare && p < alpha;
    return { ...found, allowedJump, p, verdict: jump > allowedJump ? 'jumped' : leaks ? 'leaks' : 'steady' };
  });
}
