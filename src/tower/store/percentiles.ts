/**
 * Percentiles of many points, exact. The values are taken out packed and selected here: PostgreSQL would unpack them one by one
 * and sort each twice, on one processor, which takes many times as long.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'kysely';
import { type Bucket, type Stretch, stretchOf } from './buckets.ts';
import { type Database, longestMs, TooSlow } from './database.ts';
import { percentileOf } from './order-statistics.ts';
import { pointStore } from './point-store.ts';

export interface PercentileQuestion {
  readonly metricId: number;
  /** Ids of the series of each group; a series is in one group. */
  readonly groups: readonly (readonly string[])[];
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
  readonly bucket: Bucket;
  /** 0.95: the value below which 95 % lie. */
  readonly fraction: number;
}

export interface Percentile {
  readonly value: number;
  readonly n: number;
}

export interface GroupPercentiles extends Percentile {
  readonly points: readonly (Percentile & { readonly at: Date })[];
}

export interface PercentileLimits {
  /** Values that are held at once, by all who ask: at most 24 bytes each. */
  readonly mostHeld: number;
  /** Points of one statement: what follows may be denser than all before. */
  readonly mostAtOnce: number;
  readonly longestMs: number;
}

/** 120 MB held, 30 MB of text for each statement. */
const usualLimits: PercentileLimits = { mostHeld: 5_000_000, mostAtOnce: 1_000_000, longestMs };
let held = 0;

/** An array of float8 as PostgreSQL sends it: five numbers of 4 bytes, then for each value its size in 4 bytes and itself. */
const headBytes = 20;
const elementBytes = 12;
const valueBytes = 8;

/** Points of one statement, about: 8 MB of text on their way. How many series these are is found out by asking for more each time. */
const batchPoints = 250_000;
const growth = 16;
/** Statements, each on a connection of its own. */
const atOnce = 3;

/** Others get their turn after so many milliseconds. */
const turn = 15;

interface Cell {
  readonly start: number;
  values: Float64Array;
  n: number;
}

/** Points of a group that is being read. */
interface Open {
  readonly cells: Map<number, Cell>;
  n: number;
}

/** Points of a group, as `packedOf` gives them, one series after the other. */
interface Packed {
  /** Of the group. */
  readonly place: number;
  readonly times: string;
  readonly values: Uint8Array;
}

/** Null: there were too many. */
type Sent = Packed | { readonly place: number; readonly times: null; readonly values: null };
const fits = (row: Sent): row is Packed => row.values !== null;

function cellOf({ cells }: Open, start: number): Cell {
  // A small whole number, which is found sooner.
  const key = (start / 3_600_000) | 0;
  const cell = cells.get(key) ?? { start, values: new Float64Array(16), n: 0 };
  cells.set(key, cell);
  return cell;
}

function put(cell: Cell, value: number): void {
  if (cell.n === cell.values.length) {
    const larger = new Float64Array(cell.n * 2);
    larger.set(cell.values);
    cell.values = larger;
  }
  cell.values[cell.n++] = value;
}

const code = { zero: 48, nine: 57, minus: 45, brace: 123, seconds: 115, micros: 117 } as const;

/** Puts points into their buckets. */
function unpack({ times, values }: Packed, group: Open, bucket: Bucket): void {
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  let [base, isFine, number, sign, at] = [0, false, 0, 1, 0];
  let stretch: Stretch = { start: 0, end: 0 };
  let cell: Cell | null = null;
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
    if (cell === null || time < stretch.start || time >= stretch.end) {
      stretch = stretchOf(bucket, time);
      cell = cellOf(group, stretch.start);
    }
    put(cell, view.getFloat64(at - valueBytes));
    group.n++;
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

/** Null: the group has no point. */
async function drawn(open: Open, fraction: number, turns: Turns): Promise<GroupPercentiles | null> {
  if (open.n === 0) return null;
  const points: (Percentile & { at: Date })[] = [];
  const all = new Float64Array(open.n);
  let filled = 0;
  for (const { start, values, n } of [...open.cells.values()].sort((a, b) => a.start - b.start)) {
    const own = all.subarray(filled, filled + n);
    own.set(values.subarray(0, n));
    filled += n;
    if (Number.isFinite(start)) points.push({ at: new Date(start), value: percentileOf(own, fraction), n });
    if (turns.isOver()) await turns.next();
  }
  return { value: percentileOf(all, fraction), n: open.n, points };
}

/** What one statement has read, and the place of the first group of which more may come; null: too much for one. */
type Batch = { readonly rows: readonly Packed[]; readonly complete: number } | null;

/** All series in turn; what comes next is read while somebody works on what came. */
async function* batchesOf(db: Database, question: PercentileQuestion, most: number): AsyncGenerator<Batch> {
  const { metricId, groups, ...span } = question;
  const ids = groups.flat();
  const places = groups.flatMap((series, place) => series.map(() => place));
  let [taken, size, densest] = [0, 1, 1];
  const take = () => {
    const [first, last] = [taken, Math.min(taken + size, ids.length)];
    taken = last;
    const read = sql<Sent>`
      with wanted as (
        select id, place, ${metricId}::bigint as metric_id
        from unnest(${`{${ids.slice(first, last).join()}}`}::bigint[], ${`{${places.slice(first, last).join()}}`}::int[]) as given(id, place)
      ), grouped as (
        select place, string_agg(times, '') as times, string_agg("values", '') as "values"
        from ${pointStore.packed('wanted', span, most)} as packed group by place
      )
      select place, case when fits then times end as times, case when fits then "values" end as "values"
      from (select *, sum(length("values")) over () < ${most * elementBytes} as fits from grouped) as checked`.execute(db);
    // It fails when it is asked for, and nobody may ask any more.
    read.catch(() => {});
    return { read, series: last - first, complete: places[last] ?? groups.length };
  };
  const underWay: ReturnType<typeof take>[] = [];
  const fill = () => {
    while (underWay.length < atOnce && taken < ids.length) underWay.push(take());
  };
  fill();
  for (let next = underWay.shift(); next; next = underWay.shift()) {
    const { rows } = await next.read;
    if (!rows.every(fits)) return yield null;
    const points = rows.reduce((sum, { values }) => sum + values.byteLength, 0) / elementBytes;
    densest = Math.max(densest, points / next.series);
    size = Math.ceil(Math.min(next.series * growth, batchPoints / densest));
    fill();
    yield { rows, complete: next.complete };
  }
}

/**
 * @returns one for each group, null for one without points; null: there are too many values to hold at once. The most that are
 * held are those of one group and of a few statements. @throws TooSlow
 */
export async function percentilesOf(
  db: Database,
  question: PercentileQuestion,
  limits: PercentileLimits = usualLimits,
): Promise<readonly (GroupPercentiles | null)[] | null> {
  const found: (GroupPercentiles | null)[] = [];
  const open = new Map<number, Open>();
  const turns = takeTurns();
  const until = performance.now() + limits.longestMs;
  let mine = 0;
  const hold = (n: number) => {
    mine += n;
    held += n;
  };
  try {
    for await (const batch of batchesOf(db, question, limits.mostAtOnce)) {
      if (batch === null) return null;
      if (performance.now() > until) throw new TooSlow();
      for (const row of batch.rows) {
        const group = open.get(row.place) ?? { cells: new Map(), n: 0 };
        open.set(row.place, group);
        const before = group.n;
        unpack(row, group, question.bucket);
        hold(group.n - before);
        if (held > limits.mostHeld) return null;
        if (turns.isOver()) await turns.next();
      }
      while (found.length < batch.complete) {
        const group = open.get(found.length);
        open.delete(found.length);
        found.push(group ? await drawn(group, question.fraction, turns) : null);
        hold(-(group?.n ?? 0));
      }
    }
    return found;
  } finally {
    held -= mine;
  }
}
