/** Which buckets of a slice hold less than their time. */
import { expect, it } from 'vitest';
import { partialBuckets } from '../../../src/tower/api/partial-buckets.ts';

const now = Date.parse('2026-03-18T10:20:00Z');

it.each([
  ['a day that is not over', 'day', '2026-03-01', '2026-03-19', { '2026-03-18': 'so far' }],
  ['an hour that is not over', 'hour', '2026-03-18T08:00Z', '2026-03-18T10:20Z', { '2026-03-18T10:00Z': 'so far' }],
  ['a week that is not over', 'week', '2026-03-02', '2026-03-23', { '2026-03-16': 'so far' }],
  [
    'months that begin within the first and end after the last',
    'month',
    '2025-12-19',
    '2026-03-19',
    { '2025-12-01': 'in part', '2026-03-01': 'so far' },
  ],
  ['whole months of the past', 'month', '2025-12-01', '2026-03-01', {}],
  ['a month that the question cuts', 'month', '2025-12-01', '2026-02-10', { '2026-02-01': 'in part' }],
  ['a week that the question cuts at both ends', 'week', '2026-03-03', '2026-03-05', { '2026-03-02': 'in part' }],
  ['a time that ends in the future', 'month', '2026-01-01', '2026-07-01', { '2026-03-01': 'so far' }],
  ['a time that has not begun', 'day', '2026-04-01T10:00Z', '2026-04-02', {}],
  ['no buckets', 'none', '2026-03-01T01:00Z', '2026-03-19', {}],
] as const)('%s', (_, bucket, from, to, partial) => {
  const found = partialBuckets({ bucket, from: new Date(from), to: new Date(to) }, now);
  expect(found).toEqual(new Map(Object.entries(partial).map(([at, why]) => [Date.parse(at), why])));
});
