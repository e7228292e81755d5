/**
 * Percentiles of many points, exact. The values are taken out packed and selected here: PostgreSQL would unpack them one by one
 * and sort each twice, on one processor, which takes many times as long.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Database, longestMs, TooSlow } from '../database.ts';
import { type Bucket, type Stretch, stretchOf } from './buckets.ts';
import { percentileOf } from './order-statistics.ts';
import { elementBytes, headBytes, type Packed, type PackedQuestion, packedBatches } from './packed-batches.ts';

export interface PercentileQuestion extends PackedQuestion {
  readonly bucket: Bucket;
  /** 0.95: the value below which 95 % lie. */
  readonly fraction: number;
  readonly order: 'high' | 'low' | 'name';
  /** Groups. */
  readonly limit: number;
}

interface Percentile {
  readonly value: number;
  readonly n: number;
}

interface GroupPercentiles extends Percentile {
  /** In `groups` of the question. */
  readonly place: number;
  readonly points: readonly (Percentile & { readonly at: Date })[];
}

export interface Percentiles {
  /** The first in the order asked for. */
  readonly groups: readonly GroupPercentiles[];
  /** All that have points. */
  readonly groupCount: number;
}

export interface PercentileLimits {
  /** Values that are held at once, by all who ask: at most 32 bytes each. */
  readonly mostHeld: number;
  /** Points of one statement: what follows may be denser than all before. */
  readonly mostAtOnce: number;
  readonly longestMs: number;
}

/** 160 MB held, 30 MB of text for each statement. */
const usualLimits: PercentileLimits = { mostHeld: 5_000_000, mostAtOnce: 1_000_000, longestMs };
let held = 0;

/** Others get their turn after so many milliseconds. */
const turn = 15;

/** Values of the group that is being read, each with its bucket. */
interface Group {
  readonly place: number;
  values: Float64Array;
  cells: Int32Array;
  n: number;
  /** Of each cell. */
  readonly starts: number[];
  readonly cellByHours: Map<number, number>;
}

/** In the room of one that is done with. */
const emptyGroup = (
  place: number,
  { values, cells }: Pick<Group, 'values' | 'cells'> = { values: new Float64Array(256), cells: new Int32Array(256) },
): Group => ({ place, values, cells, n: 0, starts: [], cellByHours: new Map() });

function cellOf({ starts, cellByHours }: Group, start: number): number {
  // A small whole number is found sooner.
  const hours = (start / 3_600_000) | 0;
  const known = cellByHours.get(hours);
  if (known !== undefined) return known;
  cellByHours.set(hours, starts.length);
  return starts.push(start) - 1;
}

function put(group: Group, value: number, cell: number): void {
  if (group.n === group.values.length) {
    const { values, cells } = group;
    group.values = new Float64Array(group.n * 2);
    group.values.set(values);
    group.cells = new Int32Array(group.n * 2);
    group.cells.set(cells);
  }
  group.values[group.n] = value;
  group.cells[group.n++] = cell;
}

const valueBytes = 8;

const code = { zero: 48, nine: 57, minus: 45, brace: 123, seconds: 115, micros: 117 } as const;

/** Puts points into their buckets. */
function unpack({ times, values }: Packed, group: Group, bucket: Bucket): void {
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  let [base, isFine, number, sign, at] = [0, false, 0, 1, 0];
  let stretch: Stretch = { start: 0, end: 0 };
  let cell = 0;
  for (let i = 0; i < times.length; i++) {
    const character = times.charCodeAt(i);
    if (character >= code.zero && character <= code.nine) {
      number = number * 10 + character - code.zero;
      continue;
    }
    if (character === code.minus) {
      sign = -1;
      continue;
    }
    if (character === code.brace) {
      at += headBytes;
      continue;
    }
    const found = sign * number;
    [number, sign] = [0, 1];
    if (character === code.seconds || character === code.micros) {
      base = found * 1000;
      isFine = character === code.micros;
      continue;
    }
    const time = base + (isFine ? found / 1000 : found * 1000);
    at += elementBytes;
    if (time < stretch.start || time >= stretch.end) {
      stretch = stretchOf(bucket, time);
      cell = cellOf(group, stretch.start);
    }
    put(group, view.getFloat64(at - valueBytes), cell);
  }
}

interface Turns {
  readonly isOver: () => boolean;
  /** Lets others do what they have to. */
  readonly next: () => Promise<void>;
}

function takeTurns(): Turns {
  let since = performance.now();
  return {
    isOver: () => performance.now() - since > turn,
    async next() {
      await nextTurn();
      since = performance.now();
    },
  };
}

/** Of each bucket, in their order. */
async function pointsOf(
  { values, cells, n, starts }: Group,
  fraction: number,
  turns: Turns,
): Promise<GroupPercentiles['points']> {
  const counts = new Int32Array(starts.length);
  for (let i = 0; i < n; i++) (counts[cells[i] as number] as number)++;
  const ends = new Int32Array(starts.length);
  for (let cell = 1; cell < starts.length; cell++) ends[cell] = (ends[cell - 1] as number) + (counts[cell - 1] as number);
  const sorted = new Float64Array(n);
  for (let i = 0; i < n; i++) sorted[(ends[cells[i] as number] as number)++] = values[i] as number;
  const points: GroupPercentiles['points'][number][] = [];
  for (const [cell, start] of starts.entries()) {
    const [end, count] = [ends[cell] as number, counts[cell] as number];
    points.push({ at: new Date(start), value: percentileOf(sorted.subarray(end - count, end), fraction), n: count });
    if (turns.isOver()) await turns.next();
  }
  return points.sort((a, b) => a.at.getTime() - b.at.getTime());
}

const comparisons: Readonly<Record<PercentileQuestion['order'], (a: Percentile, b: Percentile) => number>> = {
  high: (a, b) => b.value - a.value,
  low: (a, b) => a.value - b.value,
  name: () => 0,
};

/** Keeps the first groups; of others no bucket is looked at. What is equal stays in the order of its name. */
function ranking({ order, limit, bucket, fraction }: PercentileQuestion, turns: Turns) {
  const groups: GroupPercentiles[] = [];
  let groupCount = 0;
  return {
    async add(group: Group) {
      if (group.n === 0) return;
      groupCount++;
      const { place, n } = group;
      const value = percentileOf(group.values.slice(0, n), fraction);
      const rank = groups.findLastIndex((other) => comparisons[order](other, { value, n }) <= 0) + 1;
      if (rank >= limit) return;
      groups.splice(rank, 0, { place, value, n, points: bucket === 'none' ? [] : await pointsOf(group, fraction, turns) });
      groups.length = Math.min(groups.length, limit);
    },
    end: (): Percentiles => ({ groups, groupCount }),
  };
}

/**
 * @returns null: there are too many values to hold at once. The most that are held are those of one group and of a few
 * statements. @throws TooSlow
 */
export async function percentilesOf(
  db: Database,
  question: PercentileQuestion,
  limits: PercentileLimits = usualLimits,
): Promise<Percentiles | null> {
  const turns = takeTurns();
  const ranked = ranking(question, turns);
  const until = performance.now() + limits.longestMs;
  let group = emptyGroup(0);
  try {
    for await (const batch of packedBatches(db, question, limits.mostAtOnce)) {
      if (batch === null) return null;
      if (performance.now() > until) throw new TooSlow();
      for (const row of [...batch].sort((a, b) => a.place - b.place)) {
        if (row.place !== group.place) {
          await ranked.add(group);
          held -= group.n;
          group = emptyGroup(row.place, group);
        }
        const before = group.n;
        unpack(row, group, question.bucket);
        held += group.n - before;
        if (held > limits.mostHeld) return null;
        if (turns.isOver()) await turns.next();
      }
    }
    await ranked.add(group);
    return ranked.end();
  } finally {
    held -= group.n;
  }
}
