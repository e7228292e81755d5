import { describe, expect, test } from 'vitest';
import { binCounts } from '../../src/stats/bin-counts.ts';
import { categoryCounts } from '../../src/stats/category-counts.ts';
import { drift } from '../../src/stats/drift.ts';
import { judgePsi, psiThreshold } from '../../src/stats/psi.ts';
import { quantileEdges } from '../../src/stats/quantile-edges.ts';
import type { Query } from '../../src/stats/query.ts';
import { type Random, randomOf } from '../../src/stats/random.ts';
import { inferSchema } from '../../src/stats/schema/infer.ts';
import { profile } from '../../src/stats/schema/profile.ts';
import { violations } from '../../src/stats/schema/violations.ts';
import { csvOf, folderOf, storeOf } from '../support/tables.ts';

const bins = 10;

/** Deciles of the first sample, counts of both: what quantileEdges and binCounts do, in memory. */
function countsOf(reference: readonly number[], current: readonly number[]) {
  const sorted = [...reference].sort((a, b) => a - b);
  const edges = Array.from({ length: bins - 1 }, (_, i) => sorted[Math.ceil(((i + 1) * sorted.length) / bins) - 1] ?? 0);
  const count = (values: readonly number[]) => {
    const counts = new Array<number>(bins).fill(0);
    for (const value of values) {
      const bin = edges.findIndex((edge) => value <= edge);
      const index = bin < 0 ? bins - 1 : bin;
      counts[index] = (counts[index] ?? 0) + 1;
    }
    return counts;
  };
  return [count(reference), count(current)] as const;
}

const normals = (random: Random, n: number) => Array.from({ length: n }, () => random.normal());
describe('false alarms of the PSI rule: 200 runs of unchanged data, at most 6 at a stated 1 %', () => {
  test.each([
    [200, 200, 1],
    [200, 200, 20],
    [500, 300, 20],
    [1000, 300, 20],
  ])('numbers: n = %i, m = %i, %i columns', (n, m, columns) => {
    let alarms = 0;
    for (let seed = 0; seed < 200; seed++) {
      const random = randomOf(seed * 7919 + n);
      const isAlarm = Array.from({ length: columns }, () => {
        const [a, b] = countsOf(normals(random, n), normals(random, m));
        return judgePsi(a, b, columns).verdict === 'drifted';
      }).some(Boolean);
      if (isAlarm) alarms++;
    }
    expect(alarms).toBeLessThanOrEqual(6);
  });

  test.each([
    [200, 200],
    [1000, 250],
  ])('categories with a long tail, in SQL: n = %i, m = %i', async (n, m) => {
    const store = await storeOf(folderOf({}), {});
    const columns = Array.from({ length: 200 }, (_, i) => `floor(exp(hash(row, ${i}, side) / 2^64 * 4)) AS c${i}`);
    for (const [side, rows] of [n, m].entries())
      await store.query(
        `CREATE TABLE side${side} AS SELECT ${columns.join(', ')} FROM (SELECT i AS row, ${side} AS side FROM range(${rows}) r(i))`,
      );
    let alarms = 0;
    for (let i = 0; i < 200; i++) {
      const { reference, current } = await categoryCounts(store, 'side0', 'side1', `c${i}`);
      if (judgePsi(reference, current, 1).verdict === 'drifted') alarms++;
    }
    expect(alarms).toBeLessThanOrEqual(6);
  });
});

test('a real shift is found, also when one extreme value joins the current rows', () => {
  const random = randomOf(5);
  const shifted = normals(random, 1000).map((x) => x + 0.75);
  for (const current of [shifted, [...shifted, 1e6]]) {
    const [a, b] = countsOf(normals(randomOf(6), 1000), current);
    expect(judgePsi(a, b, 50).verdict).toBe('drifted');
  }
});

test('under 200 rows nothing is said; the threshold of many rows is the conventional 0.2', () => {
  expect(judgePsi([150, 0], [0, 150], 1).verdict).toBe('inconclusive');
  expect(psiThreshold(1e6, 1e6, 10, 100)).toBe(0.2);
  expect(psiThreshold(200, 200, 10, 1)).toBeCloseTo(0.21666, 4);
});

test('categories: a new one of weight is a bin of its own, nulls are none, rare ones share one', async () => {
  const lines = (values: readonly string[]) => `id,c\n${values.map((value, i) => `${i},${value}`).join('\n')}\n`;
  const rare = Array.from({ length: 40 }, (_, i) => `rare ${i}`);
  const root = folderOf({
    'train.csv': lines([...new Array(60).fill('a'), ...rare, '', '']),
    'serving.csv': lines([...new Array(60).fill('a'), ...new Array(39).fill('new'), '"it\'s"', '']),
  });
  const store = await storeOf(root, { data: { train: 'train.csv', serving: 'serving.csv' } });
  await store.open({ table: 'train' });
  await store.open({ table: 'serving' });
  const found = await categoryCounts(store, 'train', 'serving', 'c');
  expect(found).toEqual({
    reference: [60, 40, 0],
    current: [60, 1, 39],
    unseen: { categories: 2, rows: 40, examples: ['new', "it's"] },
  });
});

test('a constant column, an empty table: bins without a fault', async () => {
  const root = folderOf({ 'train.csv': 'x\n1\n1\n1\n', 'serving.csv': 'x\n' });
  const store = await storeOf(root, { data: { train: 'train.csv', serving: 'serving.csv' } });
  const train = await store.open({ table: 'train' });
  await store.open({ table: 'serving' });
  if (!train) throw new Error('no table');
  const edges = await quantileEdges(store, train, ['x'], 10);
  expect(edges.get('x')).toEqual([1]);
  expect((await binCounts(store, 'train', edges)).get('x')).toEqual([3, 0]);
  expect((await binCounts(store, 'serving', edges)).get('x')).toEqual([0, 0]);
});

test('profile, schema check and drift: six statements over the numbers, however many there are', async () => {
  const names = Array.from({ length: 40 }, (_, i) => `x${i}`);
  const rowsOf = (seed: number) => {
    const random = randomOf(seed);
    return csvOf(
      Array.from({ length: 50 }, (_, id) => ({ id, ...Object.fromEntries(names.map((name) => [name, random.normal()])) })),
    );
  };
  const root = folderOf({ 'train.csv': rowsOf(1), 'serving.csv': rowsOf(2) });
  const store = await storeOf(root, { data: { train: 'train.csv', serving: 'serving.csv' } });
  const [train, serving] = [await store.open({ table: 'train' }), await store.open({ table: 'serving' })];
  if (!train || !serving) throw new Error('no tables');
  const statements: string[] = [];
  const counted: Query = {
    query: (sql, params) => {
      statements.push(sql);
      return store.query(sql, params);
    },
  };
  await violations(counted, serving.name, inferSchema(await profile(counted, train, names)), names);
  expect(await drift(counted, train, serving, names)).toHaveLength(40);
  expect(statements).toHaveLength(6);
});
