/** The four criteria of group fairness, each for every pair of groups. */
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import { type Comparison, difference, shareError, shareRatio } from '../../../src/stats/fairness/compare.ts';
import {
  calibrationGap,
  falsePositiveRate,
  type Group,
  selectionRate,
  truePositiveRate,
} from '../../../src/stats/fairness/groups.ts';
import { holm } from '../../../src/stats/holm.ts';
import { cell } from './manifest.ts';

export type Criterion = NonNullable<ResolvedManifest['fairness']['criterion']>;

export interface Pair {
  readonly criterion: Criterion;
  /** What is compared: `selection rate`, `true positive rate`, ... */
  readonly of: string;
  readonly column: string;
  readonly groups: readonly [string, string];
  readonly kind: 'ratio' | 'difference';
  readonly bound: number;
  readonly comparison: Comparison;
  readonly verdict: 'holds' | 'broken' | 'inconclusive';
}

export interface Bounds {
  /** Smallest ratio: 0.8 is the four-fifths rule (29 CFR 1607.4 D). */
  readonly minRatio: number;
  /** Largest difference: 0.1 by convention. */
  readonly maxDifference: number;
}

type Unjudged = Omit<Pair, 'verdict' | 'column'>;

/** Does the group have the rows that the criterion is about: a true positive rate needs people whose label is yes? */
export const isDefinedIn = (criterion: Criterion | undefined, { n, positives }: Group): boolean =>
  criterion === 'equal_opportunity' ? positives > 0 : criterion !== 'equalised_odds' || (positives > 0 && positives < n);

/** Every comparison of two groups; one that has no rows to compare on is left out. */
function compare(a: Group, b: Group, { minRatio, maxDifference }: Bounds): readonly Unjudged[] {
  const groups = [a.group, b.group] as const;
  const ratio = (criterion: Criterion, of: string, hits: (g: Group) => number, n: (g: Group) => number): Unjudged[] => {
    const comparison = shareRatio({ hits: hits(a), n: n(a) }, { hits: hits(b), n: n(b) }, minRatio);
    return comparison ? [{ criterion, of, groups, kind: 'ratio', bound: minRatio, comparison }] : [];
  };
  const gap = (criterion: Criterion, of: string, value: (g: Group) => number, error: (g: Group) => number): Unjudged[] => {
    const [x, y] = [a, b].map((g) => ({ value: value(g), error: error(g) }));
    const isDefined = x && y && [x.value, y.value, x.error, y.error].every(Number.isFinite);
    return isDefined
      ? [{ criterion, of, groups, kind: 'difference', bound: maxDifference, comparison: difference(x, y, maxDifference) }]
      : [];
  };
  return [
    ...ratio(
      'demographic_parity',
      'selection rate',
      (g) => g.selected,
      (g) => g.n,
    ),
    ...ratio(
      'equal_opportunity',
      'true positive rate',
      (g) => g.truePositives,
      (g) => g.positives,
    ),
    ...gap('equalised_odds', 'true positive rate', truePositiveRate, (g) => shareError(g.truePositives, g.positives)),
    ...gap('equalised_odds', 'false positive rate', falsePositiveRate, (g) => shareError(g.falsePositives, g.n - g.positives)),
    ...gap('calibration', 'observed minus predicted', calibrationGap, (g) => g.residualDeviation / Math.sqrt(g.n)),
  ];
}

/**
 * All pairs of the groups of a protected column. A pair holds when its 90 % interval lies within the bound (every pair must,
 * so no correction is due), is broken when its Holm-adjusted p over the criterion's pairs is below 0.05, else nobody can tell.
 */
export function pairsOf(column: string, groups: readonly Group[], bounds: Bounds): readonly Pair[] {
  const all = groups.flatMap((a, i) => groups.slice(i + 1).flatMap((b) => compare(a, b, bounds)));
  const adjusted = new Map<Unjudged, number>();
  for (const criterion of new Set(all.map((pair) => pair.criterion))) {
    const those = all.filter((pair) => pair.criterion === criterion);
    const p = holm(those.map((pair) => pair.comparison.p));
    for (const [i, pair] of those.entries()) adjusted.set(pair, p[i] ?? 1);
  }
  return all.map((pair) => {
    const { lower, upper } = pair.comparison;
    const holds = pair.kind === 'ratio' ? lower >= pair.bound : upper <= pair.bound;
    const isBroken = (adjusted.get(pair) ?? 1) < 0.05;
    return { ...pair, column, verdict: holds ? 'holds' : isBroken ? 'broken' : 'inconclusive' };
  });
}

/** A comparison in words, with its interval and bound. */
export const pairWords = ({ column, groups, of, kind, comparison, bound }: Pair): string =>
  `${column}: the ${kind} of the ${of} of ${groups[0]} and ${groups[1]} is ${cell(comparison.value)} (${cell(comparison.lower)} to ${cell(comparison.upper)}), allowed is ${kind === 'ratio' ? 'at least' : 'at most'} ${bound}`;

export const pairItem = ({ criterion, column, groups, of, kind, bound, comparison, verdict }: Pair) => ({
  criterion,
  compared: `${column}: ${groups.join(' / ')}`,
  of: `${kind} of ${of}`,
  value: cell(comparison.value),
  at_least: cell(comparison.lower),
  at_most: cell(comparison.upper),
  bound,
  verdict,
});

export const groupItem = (column: string, group: Group) => ({
  criterion: 'rates',
  compared: `${column}: ${group.group}`,
  of: `${group.n} rows, ${group.positives} yes`,
  value: cell(selectionRate(group)),
  true_positive_rate: cell(truePositiveRate(group)),
  false_positive_rate: cell(falsePositiveRate(group)),
});

/** The most unequal pair, against its bound. */
export const worstOf = (pairs: readonly Pair[]): Pair | undefined => {
  const unequal = ({ kind, comparison, bound }: Pair): number =>
    kind === 'ratio' ? bound / Math.max(comparison.value, 1e-9) : comparison.value / Math.max(bound, 1e-9);
  return [...pairs].sort((a, b) => unequal(b) - unequal(a))[0];
};
