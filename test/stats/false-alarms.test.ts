/** Unchanged data, 200 seeds: at most 6 alarms at a stated 1 %. PSI is in drift.test.ts, chunks and series with their probes. */
import { expect, test } from 'vitest';
import { floorOf, judgeSlices } from '../../rules/ml-test-score/lib/slices.ts';
import { bootstrap, once } from '../../src/stats/bootstrap.ts';
import { drift } from '../../src/stats/drift.ts';
import { mannKendall } from '../../src/stats/mann-kendall.ts';
import { metricOf } from '../../src/stats/metrics/index.ts';
import { randomOf } from '../../src/stats/random.ts';
import { rise } from '../../src/stats/rise.ts';
import { inferSchema } from '../../src/stats/schema/infer.ts';
import { profile } from '../../src/stats/schema/profile.ts';
import { violations } from '../../src/stats/schema/violations.ts';
import { wilsonInterval } from '../../src/stats/wilson.ts';
import { folderOf, storeOf } from '../support/tables.ts';

test('a rise of the share of nulls, over eight columns together', () => {
  for (const [n, m, share] of [
    [200, 200, 0.3],
    [300, 220, 0.1],
    [2000, 250, 0.5],
  ] as const) {
    let alarms = 0;
    for (let seed = 0; seed < 200; seed++) {
      const random = randomOf(seed);
      const count = (rows: number) => Array.from({ length: rows }, () => random.uniform()).filter((x) => x < share).length;
      if (Array.from({ length: 8 }, () => rise(count(n), n, count(m), m, 8)).some((one) => one.hasRisen)) alarms++;
    }
    expect(alarms).toBeLessThanOrEqual(6);
  }
});

test('slices against the floor, Holm over them', () => {
  let alarms = 0;
  for (let seed = 0; seed < 200; seed++) {
    const random = randomOf(seed);
    const z = Float64Array.from({ length: 600 }, () => random.normal());
    const y = z.map((x) => (random.uniform() < 1 / (1 + Math.exp(-1.5 * x)) ? 1 : 0));
    const slices = [0, 1, 2, 3].map((group) => ({
      column: 'g',
      group: `${group}`,
      rows: [...z.keys()].filter((i) => i % 4 === group),
    }));
    const metric = metricOf('auc', 0.5);
    const floor = floorOf(metric, once(metric.weighted(y, z), y.length), 0.2);
    if (judgeSlices(metric, floor, { y, score: z, slices }, seed).some((slice) => slice.verdict === 'fail')) alarms++;
  }
  expect(alarms).toBeLessThanOrEqual(6);
}, 60_000);

test('two models that are equally good: a drop of the metric beyond what is allowed', () => {
  const [n, allowed] = [500, 0.01];
  let alarms = 0;
  for (let seed = 0; seed < 200; seed++) {
    const random = randomOf(seed);
    const z = Array.from({ length: n }, () => random.normal());
    const y = Float64Array.from(z, (x) => (random.uniform() < 1 / (1 + Math.exp(-1.5 * x)) ? 1 : 0));
    const [before, now] = [z, z].map((known) =>
      metricOf('auc', 0.5).weighted(
        y,
        Float64Array.from(known, (x) => x + 0.5 * random.normal()),
      ),
    );
    const drop = bootstrap((weights) => (before?.(weights) ?? 0) - (now?.(weights) ?? 0), n, { seed, replicates: 300 });
    if (drop && drop.lower > allowed) alarms++;
  }
  expect(alarms).toBeLessThanOrEqual(6);
}, 60_000);

test('a schema as it is inferred, against other rows of the same kind: 200 columns with missing values', async () => {
  const store = await storeOf(folderOf({}), {});
  const names = Array.from({ length: 200 }, (_, k) => `x${k}`);
  const sql = (side: string) =>
    names.map((name, k) => {
      const value = k % 4 === 3 ? `'c' || (hash(i, ${k}, '${side}') % 7)` : `(hash(i, ${k}, '${side}') / 2^64) ** ${1 + (k % 4)}`;
      return `CASE WHEN hash(i, ${k}, '${side} null') % 100 < ${k % 30} THEN NULL ELSE ${value} END AS ${name}`;
    });
  for (const side of ['a', 'b'])
    await store.query(`CREATE TABLE ${side} AS SELECT i AS __row, ${sql(side).join(', ')} FROM range(400) t(i)`);
  const columns = names.map((name, k) => ({ name, type: k % 4 === 3 ? 'VARCHAR' : 'DOUBLE' }));
  const schema = inferSchema(await profile(store, { name: 'a', rows: 400, sources: [], columns }, names));
  const alarms = await violations(store, 'b', schema, names);
  expect(new Set(alarms.map(({ column }) => column)).size).toBeLessThanOrEqual(6);
}, 60_000);

test('Mann-Kendall at 1 %, either side, ten values and many; Wilson at 99 %', () => {
  for (const n of [10, 30, 100]) {
    const alarms = { rises: 0, falls: 0 };
    for (let seed = 0; seed < 200; seed++) {
      const random = randomOf(1000 * n + seed);
      const found = mannKendall(Array.from({ length: n }, () => random.normal()));
      for (const side of ['rises', 'falls'] as const) if (found[side] < 0.01) alarms[side]++;
    }
    expect(alarms.rises).toBeLessThanOrEqual(6);
    expect(alarms.falls).toBeLessThanOrEqual(6);
  }
  let outside = 0;
  for (let seed = 0; seed < 200; seed++) {
    const random = randomOf(seed);
    let hits = 0;
    for (let i = 0; i < 400; i++) if (random.uniform() < 0.1) hits++;
    const { lower, upper } = wilsonInterval(hits, 400, 0.99);
    if (0.1 < lower || 0.1 > upper) outside++;
  }
  expect(outside).toBeLessThanOrEqual(6);
});

test('drift of 70 columns: batches of 50, and the same numbers at 1 and 2 threads', async () => {
  const sql = (side: string) =>
    Array.from({ length: 70 }, (_, k) =>
      k % 6 === 5
        ? `'c' || (hash(i, ${k}, '${side}') % 7) AS x${k}`
        : `(hash(i, ${k}, '${side}') / 2^64) ** ${1 + (k % 3)} AS x${k}`,
    ).join(', ');
  const run = async (threads: number) => {
    const store = await storeOf(folderOf({}), {}, { threads });
    const statements: string[] = [];
    const counted = {
      query: <Row extends object>(text: string, params?: readonly (string | number | boolean | null)[]) => {
        statements.push(text);
        return store.query<Row>(text, params);
      },
    };
    const tables = [];
    for (const name of ['a', 'b']) {
      await store.query(`CREATE TABLE ${name} AS SELECT i AS __row, ${sql(name)} FROM range(5000) t(i)`);
      tables.push({
        name,
        rows: 5000,
        sources: [],
        columns: Array.from({ length: 70 }, (_, k) => ({ name: `x${k}`, type: k % 6 === 5 ? 'VARCHAR' : 'DOUBLE' })),
      });
    }
    const [a, b] = tables;
    if (!a || !b) throw new Error('no tables');
    const found = await drift(
      counted,
      a,
      b,
      a.columns.map((column) => column.name),
    );
    return { found, statements: statements.filter((text) => !text.includes('FULL JOIN')).length };
  };
  const [one, two] = [await run(1), await run(2)];
  expect(one.found).toHaveLength(70);
  expect(two.found).toEqual(one.found);
  // Per table two batches of summaries (70 columns); two of bins (59 numbers). Both kinds of edges of a batch are of one sample.
  expect(one.statements).toBe(2 * 2 + 2 * 2 + 2);
}, 60_000);
