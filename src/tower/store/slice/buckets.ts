/** Spans of time that values are put into: UTC, weeks from Monday. */
export const buckets = ['none', 'hour', 'day', 'week', 'month'] as const;
export type Bucket = (typeof buckets)[number];

export interface Stretch {
  /** Milliseconds since 1970. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

const hour = 3_600_000;
const monday = Date.UTC(1970, 0, 5);
const lengths = { hour, day: 24 * hour, week: 7 * 24 * hour } as const;

/** The bucket in which a time lies, as `date_trunc` of PostgreSQL finds it. */
export function stretchOf(bucket: Bucket, ms: number): Stretch {
  if (bucket === 'none') return { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY };
  if (bucket === 'month') {
    const at = new Date(ms);
    const month = (offset: number) => new Date(0).setUTCFullYear(at.getUTCFullYear(), at.getUTCMonth() + offset, 1);
    return { start: month(0), end: month(1) };
  }
  const length = lengths[bucket];
  const start = Math.floor((ms - monday) / length) * length + monday;
  return { start, end: start + length };
}
