/**
 * Quality of served predictions against that of the evaluation rows, in chunks: prediction bias, calibration and the
 * metric, each chunk against a band, and the mean of all chunks, overall and per slice, by a test that is adjusted over all.
 */

import { once } from '../../../src/stats/bootstrap.ts';
import { bandWidth, type Moments, momentsOf, shiftP } from '../../../src/stats/chunks.ts';
import { holm } from '../../../src/stats/holm.ts';
import { calibrationErrorOf } from '../../../src/stats/metrics/calibration-error.ts';
import type { Metric } from '../../../src/stats/metrics/metric.ts';
import type { Rows } from './served.ts';

/** Fewest chunks of a reference (NannyML warns below it), and of served rows. */
export const minimumChunks = 6;
/** Chunks that a reference is cut into where it has the rows: its spread is better known. */
const wantedChunks = 12;
/** Newest served chunks that are judged. */
const mostServed = 24;
/** Fewest rows of a chunk; of a slice's chunk. */
export const chunkRows = 50;
const sliceChunkRows = 20;
/** Rate of false alarms of the tests of means, all together; the bands have the other half of 1 %. */
export const shiftAlpha = 0.005;

export interface Measure {
  readonly name: string;
  readonly of: (y: Float64Array, score: Float64Array) => number;
  /** 1: greater is worse; -1: smaller is worse; 0: any change is. */
  readonly side: -1 | 0 | 1;
  /** Change that does not matter, however sure: in the unit of the measure, or a share of its reference. */
  readonly slack: number;
  readonly isRelative: boolean;
}

export interface Part {
  /** Empty: all rows. */
  readonly slice: string;
  readonly measure: string;
  readonly reference: Moments;
  readonly served: Moments;
  /** Adjusted over all parts (Holm); null when there are too few chunks. */
  readonly p: number | null;
  readonly verdict: 'pass' | 'fail' | 'inconclusive';
}

export interface Chunk {
  readonly rows: number;
  readonly from: number | null;
  readonly to: number | null;
  readonly values: readonly {
    readonly measure: string;
    readonly value: number;
    readonly lower: number;
    readonly upper: number;
    readonly isOutside: boolean;
  }[];
}

export interface QualityShift {
  readonly chunkSize: number;
  readonly referenceChunks: number;
  readonly chunks: readonly Chunk[];
  readonly parts: readonly Part[];
  /** Served rows of each slice. */
  readonly sliceRows: ReadonlyMap<string, number>;
  /** Half the width of the bands, in standard deviations. */
  readonly width: number;
}

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** What is measured: bias of scores that are numbers, calibration of probabilities, and the metric. */
export function measuresOf(task: string, metric: Metric, drop: number, spread: number): readonly Measure[] {
  const isProbability = task === 'binary';
  const bias: Measure = {
    name: 'bias',
    of: (y, score) => mean(score) - mean(y),
    side: 0,
    slack: isProbability ? 0.01 : drop * spread,
    isRelative: false,
  };
  const calibration: Measure = { name: 'calibration_error', of: calibrationErrorOf, side: 1, slack: 0.01, isRelative: false };
  const quality: Measure = {
    name: metric.name,
    of: (y, score) => once(metric.weighted(y, score), y.length),
    side: metric.isGreaterBetter ? -1 : 1,
    slack: drop,
    isRelative: !metric.isGreaterBetter,
  };
  return task === 'multiclass' ? [quality] : isProbability ? [bias, calibration, quality] : [bias, quality];
}

const take = (values: Float64Array, positions: readonly number[]): Float64Array =>
  Float64Array.from(positions, (i) => values[i] ?? Number.NaN);

/** Positions cut into whole chunks of `size`; what is left over is the oldest rows. */
function cut(positions: readonly number[], size: number): readonly (readonly number[])[] {
  const chunks: (readonly number[])[] = [];
  for (let end = positions.length; end >= size; end -= size) chunks.unshift(positions.slice(end - size, end));
  return chunks;
}

/** Rows of a chunk: enough chunks on both sides, and no fewer rows than `least`. */
const sizeOf = (reference: number, served: number, least: number): number =>
  Math.max(least, Math.floor(Math.min(reference / wantedChunks, served / minimumChunks)));

const valuesOf = (rows: Rows, chunks: readonly (readonly number[])[], measure: Measure): readonly number[] =>
  chunks.map((chunk) => measure.of(take(rows.y, chunk), take(rows.score, chunk)));

const matters = ({ side, slack, isRelative }: Measure, reference: number, served: number): boolean => {
  const gap = served - reference;
  const allowed = isRelative ? slack * Math.abs(reference) : slack;
  return side === 0 ? Math.abs(gap) > allowed : side * gap > allowed;
};

interface Cut {
  readonly slice: string;
  readonly before: readonly (readonly number[])[];
  readonly now: readonly (readonly number[])[];
}

/** All rows, then the groups of each slice column. */
function cutsOf(reference: Rows, served: Rows): { cuts: readonly Cut[]; size: number; sliceRows: Map<string, number> } {
  const all = (rows: Rows) => [...rows.y.keys()];
  const cutBoth = (slice: string, before: readonly number[], now: readonly number[], size: number): Cut => ({
    slice,
    before: cut(before, size),
    now: cut(now, size).slice(-mostServed),
  });
  const size = sizeOf(reference.y.length, served.y.length, chunkRows);
  const cuts = [cutBoth('', all(reference), all(served), size)];
  const sliceRows = new Map<string, number>();
  for (const [column, groups] of served.groups) {
    const before = reference.groups.get(column) ?? [];
    for (const group of [...new Set(groups)].sort()) {
      const [old, now] = [before, groups].map((list) => list.flatMap((one, i) => (one === group ? [i] : [])));
      const slice = `${column} = ${group}`;
      sliceRows.set(slice, now?.length ?? 0);
      cuts.push(cutBoth(slice, old ?? [], now ?? [], sizeOf(old?.length ?? 0, now?.length ?? 0, sliceChunkRows)));
    }
  }
  return { cuts, size, sliceRows };
}

/** Judges the served rows; both sides have at least `minimumChunks` chunks of `chunkRows` rows. */
export function qualityShift(reference: Rows, served: Rows, measures: readonly Measure[]): QualityShift {
  const { cuts, size, sliceRows } = cutsOf(reference, served);
  const found = cuts.flatMap(({ slice, before, now }) =>
    measures
      // Calibration needs more rows than the chunks of a slice have.
      .filter(({ name }) => slice === '' || name !== 'calibration_error')
      .map((measure) => {
        const [old, fresh] = [valuesOf(reference, before, measure), valuesOf(served, now, measure)].map((values) =>
          values.filter(Number.isFinite),
        );
        const [a, b] = [momentsOf(old ?? []), momentsOf(fresh ?? [])];
        const isEnough = a.n >= minimumChunks && b.n >= minimumChunks;
        return { slice, measure, a, b, p: isEnough ? shiftP(a, b, measure.side) : null };
      }),
  );
  const tested = found.filter((part) => part.p !== null);
  const adjusted = new Map(holm(tested.map((part) => part.p ?? 1)).map((p, i) => [tested[i], p]));
  const parts = found.map((part): Part => {
    const p = adjusted.get(part) ?? null;
    const isWorse = p !== null && p < shiftAlpha && matters(part.measure, part.a.mean, part.b.mean);
    return {
      slice: part.slice,
      measure: part.measure.name,
      reference: part.a,
      served: part.b,
      p,
      verdict: p === null ? 'inconclusive' : isWorse ? 'fail' : 'pass',
    };
  });
  const overall = found.filter((part) => part.slice === '' && part.a.n >= minimumChunks);
  const now = cuts[0]?.now ?? [];
  const referenceChunks = cuts[0]?.before.length ?? 0;
  const width = bandWidth(Math.max(minimumChunks, referenceChunks), now.length * overall.length);
  const chunks = now.map((chunk): Chunk => {
    const values = overall.map(({ measure, a }) => {
      const value = measure.of(take(served.y, chunk), take(served.score, chunk));
      const [lower, upper] = [a.mean - width * a.sd, a.mean + width * a.sd];
      const isOutside = Number.isFinite(value) && ((measure.side <= 0 && value < lower) || (measure.side >= 0 && value > upper));
      return { measure: measure.name, value, lower, upper, isOutside: isOutside && matters(measure, a.mean, value) };
    });
    const times = chunk.map((i) => served.at[i]).filter((at): at is number => typeof at === 'number');
    return { rows: chunk.length, from: times[0] ?? null, to: times.at(-1) ?? null, values };
  });
  return { chunkSize: size, referenceChunks, chunks, parts, sliceRows, width };
}
