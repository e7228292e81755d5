/** Buckets of a slice that hold less than their time: not over yet, or cut by the time that was asked for. */
import { stretchOf } from '../store/slice/buckets.ts';
import type { Slice } from '../store/slice/slice.ts';

export type PartialBucket = 'so far' | 'in part';

/**
 * By their start in milliseconds: at most the first and the last. Sums and counts of them are smaller than those of whole buckets
 * and say nothing of a fall.
 */
export function partialBuckets(
  { bucket, fill, from, to }: Pick<Slice, 'bucket' | 'fill' | 'from' | 'to'>,
  now: number,
): ReadonlyMap<number, PartialBucket> {
  const found = new Map<number, PartialBucket>();
  const reach = Math.min(to.getTime(), now);
  // Of values that hold, all are there.
  if (bucket === 'none' || fill === 'last' || reach <= from.getTime()) return found;
  const first = stretchOf(bucket, from.getTime());
  if (first.start < from.getTime()) found.set(first.start, 'in part');
  const last = stretchOf(bucket, reach - 1);
  if (last.end > reach) found.set(last.start, last.end > now ? 'so far' : 'in part');
  return found;
}
