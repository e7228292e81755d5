/** Buckets of a slice that hold less than their time: not over yet, or cut by the time that was asked for. */
import type { Slice } from '../store/slice/slice.ts';

const hour = 3_600_000;
const day = 24 * hour;

/** Start of the bucket in which a time lies, and of the one after it. UTC; weeks begin on Monday. */
function boundsOf(bucket: Exclude<Slice['bucket'], 'none'>, at: number): readonly [start: number, end: number] {
  if (bucket === 'month') {
    const date = new Date(at);
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
    return [Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1)];
  }
  const length = bucket === 'hour' ? hour : bucket === 'day' ? day : 7 * day;
  // 1970 began on a Thursday.
  const first = bucket === 'week' ? 4 * day : 0;
  const start = Math.floor((at - first) / length) * length + first;
  return [start, start + length];
}

export type Partial = 'so far' | 'in part';

/**
 * By their start in milliseconds: at most the first and the last. Sums and counts of them are smaller than those of whole buckets
 * and say nothing of a fall.
 */
export function partialBuckets(
  { bucket, from, to }: Pick<Slice, 'bucket' | 'from' | 'to'>,
  now: number,
): ReadonlyMap<number, Partial> {
  const found = new Map<number, Partial>();
  const reach = Math.min(to.getTime(), now);
  if (bucket === 'none' || reach <= from.getTime()) return found;
  const [firstStart] = boundsOf(bucket, from.getTime());
  if (firstStart < from.getTime()) found.set(firstStart, 'in part');
  const [lastStart, lastEnd] = boundsOf(bucket, reach - 1);
  if (lastEnd > reach) found.set(lastStart, lastEnd > now ? 'so far' : 'in part');
  return found;
}
