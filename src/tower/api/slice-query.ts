/** The query of a slice: what `/v1/query` and the page Explore have in their address. */

import type { Connection } from '../store/database.ts';
import type { Scope } from '../store/scope.ts';
import { type Bucket, buckets, stretchOf } from '../store/slice/buckets.ts';
import { listMetrics, type MetricRow } from '../store/slice/metrics.ts';
import { aggregates, fills, heldDays, orders, type Slice } from '../store/slice/slice.ts';
import { HttpProblem } from './problem.ts';
import { labelOf, labelSchema, type QuerySchema } from './query.ts';
import { type Format, formats } from './table.ts';

export const comparisons = ['none', 'previous', 'year'] as const;

export const sliceQuery = {
  type: 'object',
  additionalProperties: false,
  required: ['metric'],
  properties: {
    metric: { type: 'string', description: 'Name of the metric.', minLength: 1, maxLength: 100 },
    unit: { type: 'string', description: 'Its unit, where the name is used with several.', maxLength: 40 },
    agg: {
      type: 'string',
      description: 'How values are drawn together; last is the newest value.',
      enum: aggregates,
      default: 'avg',
    },
    by: {
      type: 'array',
      description:
        'Group by model, owner, tier, language, task, project, environment, or any label of the series or its model (label:NAME where a label has one of these names). May be given twice.',
      items: { type: 'string', minLength: 1, maxLength: 110 },
      maxItems: 2,
      default: [],
    },
    where: {
      type: 'array',
      description: 'NAME:VALUE, with the names of `by`. Of one name any value holds, all names must hold; NAME: means not said.',
      items: { ...labelSchema, pattern: '^(label:[^:]+:|(?!label:)[^:]+:)' },
      maxItems: 32,
      default: [],
    },
    last: {
      type: 'string',
      description: 'Length of time up to now: hours, days or weeks, such as 48h, 90d, 26w. Not used with from.',
      pattern: '^[1-9][0-9]{0,3}[hdw]$',
      examples: ['48h', '90d', '26w'],
      default: '90d',
    },
    from: { type: 'string', description: 'Date or time (RFC 3339) from which on.', maxLength: 40 },
    to: { type: 'string', description: 'Date or time up to which, itself left out; now when absent.', maxLength: 40 },
    bucket: {
      type: 'string',
      description: 'Length of the buckets of time (UTC; weeks begin on Monday). auto fits it to the time asked for.',
      enum: ['auto', ...buckets],
      default: 'auto',
    },
    fill: {
      type: 'string',
      description: `What a series has in a bucket (of a day or longer) in which it has no value: none, or its last one, for ${heldDays} days. With last it has one value in each bucket, the last, so that a mean is of all models and not of those that reported.`,
      enum: fills,
      default: 'none',
    },
    compare: {
      type: 'string',
      description: 'The same over the time before, or a year (52 weeks) before.',
      enum: comparisons,
      default: 'none',
    },
    order: {
      type: 'string',
      description: 'Groups by value over the whole time, the highest or lowest first, or by name.',
      enum: orders,
      default: 'high',
    },
    limit: { type: 'integer', description: 'Groups.', minimum: 1, maximum: 1000, default: 50 },
    record: {
      type: 'string',
      description: 'Of the record, or of previews.',
      enum: ['authoritative', 'preview'],
      default: 'authoritative',
    },
    format: { type: 'string', description: 'As the header Accept: JSON, CSV or Parquet.', enum: formats },
  },
} as const satisfies QuerySchema;

export interface SliceQuery {
  readonly metric: string;
  readonly unit?: string;
  readonly agg: Slice['aggregate'];
  readonly by: readonly string[];
  readonly where: readonly string[];
  readonly last: string;
  readonly from?: string;
  readonly to?: string;
  readonly bucket: 'auto' | Bucket;
  readonly fill: (typeof fills)[number];
  readonly compare: (typeof comparisons)[number];
  readonly order: Slice['order'];
  readonly limit: number;
  readonly record: Slice['refClass'];
  readonly format?: Format;
}

const day = 86_400_000;
const lengths: Readonly<Record<string, number>> = { h: 3_600_000, d: day, w: 7 * day };
const startOfDay = (at: number): number => stretchOf('day', at).start;
const startOfWeek = (at: number): number => stretchOf('week', at).start;

const badParameter = (parameter: string, detail: string) =>
  new HttpProblem('bad-request', 'The query cannot be understood.', [{ parameter, detail }]);

function timeOf(parameter: 'from' | 'to', text: string): number {
  const isTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const at = isTime ? Date.parse(text) : Number.NaN;
  if (!Number.isFinite(at)) throw badParameter(parameter, 'is a date such as 2026-03-01 or a time such as 2026-03-01T10:00:00Z');
  return at;
}

export interface Span {
  readonly from: number;
  readonly to: number;
  readonly bucket: Bucket;
}

const autoBucket = (length: number): Bucket =>
  length <= 3 * day ? 'hour' : length <= 100 * day ? 'day' : length <= 800 * day ? 'week' : 'month';

const mostBuckets = 2000;

/** Values are held over buckets that rollups answer. */
function checkFill(bucket: Bucket, times: Readonly<Record<'from' | 'to', string | undefined>>): void {
  if (bucket === 'none' || bucket === 'hour') throw badParameter('fill', 'is last, which needs a bucket of day, week or month');
  for (const name of ['from', 'to'] as const) {
    const text = times[name];
    if (text !== undefined && timeOf(name, text) % day !== 0)
      throw badParameter(name, 'is a time within a day; with fill=last it is a date such as 2026-03-01');
  }
}

/** The time asked for. With buckets of days or more it is whole days (or weeks), which rollups can answer. */
export function spanOf({ last, from, to, bucket, fill }: SliceQuery, now: number): Span {
  const end = to === undefined ? now : timeOf('to', to);
  const start = from === undefined ? end - Number(last.slice(0, -1)) * (lengths[last.slice(-1)] ?? day) : timeOf('from', from);
  if (start >= end) throw badParameter('from', 'lies after `to`');
  if (start < Date.UTC(1970, 0, 1)) throw badParameter('from', 'lies before 1970');
  const fitting = bucket === 'auto' ? autoBucket(end - start) : bucket;
  const length = fill === 'last' && bucket === 'auto' && fitting === 'hour' ? 'day' : fitting;
  if (fill === 'last') checkFill(length, { from, to });
  if (length === 'hour' && end - start > mostBuckets * 3_600_000)
    throw badParameter('bucket', `would make more than ${mostBuckets} buckets; take day or longer`);
  if (length === 'hour') return { from: Math.floor(start / 3_600_000) * 3_600_000, to: end, bucket: length };
  const isOpen = to === undefined;
  if (length === 'week')
    return {
      from: from === undefined ? startOfWeek(start) : start,
      to: isOpen ? startOfWeek(end) + 7 * day : end,
      bucket: length,
    };
  return { from: from === undefined ? startOfDay(start) : start, to: isOpen ? startOfDay(end) + day : end, bucket: length };
}

/** The span that is compared with: just before, or 52 weeks before (the same days of the week). */
export function comparedSpan(span: Span, compare: SliceQuery['compare']): Span | null {
  if (compare === 'none') return null;
  const shift = compare === 'year' ? 364 * day : span.to - span.from;
  return { ...span, from: span.from - shift, to: span.to - shift };
}

function whereOf(pairs: readonly string[]): Slice['where'] {
  const where = new Map<string, string[]>();
  for (const pair of pairs) {
    const label = pair.startsWith('label:');
    const [name, value] = labelOf(label ? pair.slice('label:'.length) : pair);
    const key = label ? `label:${name}` : name;
    where.set(key, [...(where.get(key) ?? []), value]);
  }
  return Object.fromEntries(where);
}

/** @throws HttpProblem 404 for a metric that no model in scope has, 400 where a name stands for several units. */
export async function metricOf(
  db: Connection,
  { metric, unit }: Pick<SliceQuery, 'metric' | 'unit'>,
  scope: Scope,
): Promise<MetricRow> {
  const named = await listMetrics(db, scope, metric);
  if (named.length === 0) throw new HttpProblem('not-found', 'No model has this metric. GET /v1/metrics lists those there are.');
  const found = unit === undefined ? named : named.filter((row) => row.unit === unit);
  const [only] = found;
  if (only && found.length === 1) return only;
  throw badParameter('unit', `is needed: one of ${named.map((row) => JSON.stringify(row.unit)).join(', ')}`);
}

export const sliceOf = (query: SliceQuery, { unit }: MetricRow, { from, to, bucket }: Span, scope: Scope): Slice => ({
  scope,
  metric: query.metric,
  unit,
  refClass: query.record,
  by: [...new Set(query.by)],
  where: whereOf(query.where),
  from: new Date(from),
  to: new Date(to),
  aggregate: query.agg,
  bucket,
  fill: query.fill,
  order: query.order,
  limit: query.limit,
});
