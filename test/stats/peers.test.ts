/**
 * On real tables against Evidently, SciPy, scikit-learn and pandas: fixtures/peers.json, made by scripts/make-stats-peers.py.
 * Where a peer gives another number, the test says by what rule, and that rule gives the peer's number from our counts.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { association } from '../../src/stats/association.ts';
import { constantBaseline, type FeatureValues, linearBaseline, singleFeatureBaseline } from '../../src/stats/baselines.ts';
import { binCounts } from '../../src/stats/bin-counts.ts';
import { once } from '../../src/stats/bootstrap.ts';
import { summarise } from '../../src/stats/column-summary.ts';
import { differences } from '../../src/stats/differences.ts';
import { drift } from '../../src/stats/drift.ts';
import { jensenShannon } from '../../src/stats/jensen-shannon.ts';
import { kolmogorovSmirnov, ksBins } from '../../src/stats/kolmogorov-smirnov.ts';
import { metricOf } from '../../src/stats/metrics/index.ts';
import { leastPsi, psi } from '../../src/stats/psi.ts';
import { quantileEdges } from '../../src/stats/quantile-edges.ts';
import { corruptions, tryCorruptions } from '../../src/stats/schema/corruptions.ts';
import { inferSchema } from '../../src/stats/schema/infer.ts';
import { profile } from '../../src/stats/schema/profile.ts';
import { violations } from '../../src/stats/schema/violations.ts';
import { spearman } from '../../src/stats/spearman.ts';
import { csvOf, folderOf, storeOf } from '../support/tables.ts';
import peers from './fixtures/peers.json' with { type: 'json' };

type Name = 'weather' | 'flights';
const linesOf = (name: Name): readonly string[] =>
  readFileSync(join(import.meta.dirname, `fixtures/${name}.csv`), 'utf8')
    .trimEnd()
    .split('\n');
/** Columns as text; no field of these tables is quoted. */
function columnsOf(name: Name): Readonly<Record<string, readonly string[]>> {
  const [head = '', ...rows] = linesOf(name);
  return Object.fromEntries(head.split(',').map((column, i) => [column, rows.map((row) => row.split(',')[i] ?? '')]));
}

/** The rows before the cut as reference, the others as what came later. */
async function halvesOf(name: Name) {
  const [head = '', ...rows] = linesOf(name);
  const part = (some: readonly string[]) => `${[head, ...some].join('\n')}\n`;
  const { cut } = peers[name];
  const root = folderOf({ 'train.csv': part(rows.slice(0, cut)), 'serving.csv': part(rows.slice(cut)) });
  const store = await storeOf(root, { data: { train: 'train.csv', serving: 'serving.csv' } });
  const [reference, current] = [await store.open({ table: 'train' }), await store.open({ table: 'serving' })];
  if (!reference || !current) throw new Error('no table');
  return { store, reference, current };
}

/** Evidently's PSI of the same counts: shares as they are, without half a row in each bin. */
function plainPsi(reference: readonly number[], current: readonly number[]): number {
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  const [n, m] = [sum(reference), sum(current)];
  return reference.reduce((total, count, i) => {
    const [p, q] = [count / n, (current[i] ?? 0) / m];
    return total + (q - p) * Math.log(q / p);
  }, 0);
}

/** Evidently's Jensen-Shannon distance is in nats under the root, ours in bits: the same but for this. */
const rootOfNats = Math.sqrt(Math.LN2);

type NumberDrift = (typeof peers.flights.drift)['delay'];
const numbers = {
  weather: ['precipitation', 'temp_max', 'temp_min', 'wind'],
  flights: ['delay', 'distance'],
} as const;

describe.each(['weather', 'flights'] as const)('%s: 2,000 rows and fewer of it are as Evidently says', (name) => {
  test('summaries', async () => {
    const { store, reference } = await halvesOf(name);
    const found = await summarise(store, reference.name, reference.columns);
    for (const [column, said] of Object.entries(peers[name].summary)) {
      const summary = found.get(column);
      expect(summary).toMatchObject({ rows: said.rows, nulls: said.missing, min: said.min, max: said.max });
    }
  });

  test('drift of numbers: the same over the same bins; D lies in its bound', async () => {
    const { store, reference, current } = await halvesOf(name);
    const found = new Map((await drift(store, reference, current, numbers[name])).map((one) => [one.column, one]));
    const fine = await quantileEdges(store, reference, numbers[name], ksBins);
    const edges = await quantileEdges(store, reference, numbers[name], 10);
    const counts = [await binCounts(store, reference.name, edges), await binCounts(store, current.name, edges)] as const;
    const fineCounts = [await binCounts(store, reference.name, fine), await binCounts(store, current.name, fine)] as const;
    for (const column of numbers[name]) {
      const said = (peers[name].drift as unknown as Record<string, NumberDrift>)[column] as NumberDrift;
      const ours = found.get(column);
      const [a = [], b = []] = counts.map((each) => each.get(column));
      expect(ours?.edges).toEqual(said.edges);
      expect(plainPsi(a, b)).toBeCloseTo(said.psi, 12);
      // Half a row in each bin draws the two towards each other, a little.
      expect(ours?.psi).toBeCloseTo(psi(a, b), 12);
      expect(Math.abs((ours?.psi ?? 1) - said.psi)).toBeLessThan(0.002);
      expect((ours?.jensenShannon ?? 1) * rootOfNats).toBeCloseTo(said.jensen_shannon, 12);
      // Its own bins, of equal width over both tables together, give another number and the same verdict.
      expect(ours?.verdict).toBe('stable');
      expect(said.own_bins.psi).toBeLessThan(leastPsi);
      const d = kolmogorovSmirnov(fineCounts[0].get(column) ?? [], fineCounts[1].get(column) ?? []);
      expect(ours?.ks).toBe(d?.value);
      expect(d?.value).toBeLessThanOrEqual(said.ks + 1e-12);
      expect(d?.atMost).toBeGreaterThanOrEqual(said.ks - 1e-12);
      expect(said.ks - (d?.value ?? 0)).toBeLessThan(0.002);
    }
  });
});

describe('drift of categories', () => {
  test('five kinds of weather: the same but for half a row in each bin', async () => {
    const { store, reference, current } = await halvesOf('weather');
    const said = peers.weather.drift.weather;
    const [ours] = await drift(store, reference, current, ['weather']);
    const count = (from: number, to: number) =>
      ['drizzle', 'fog', 'rain', 'snow', 'sun'].map(
        (kind) => (columnsOf('weather').weather ?? []).slice(from, to).filter((one) => one === kind).length,
      );
    const [a, b] = [count(0, peers.weather.cut), count(peers.weather.cut, Number.POSITIVE_INFINITY)];
    expect(plainPsi(a, b)).toBeCloseTo(said.psi, 12);
    expect((jensenShannon(a, b) ?? 0) * rootOfNats).toBeCloseTo(said.jensen_shannon, 12);
    expect(ours?.psi).toBeCloseTo(psi([...a, 0], [...b, 0]), 12);
    expect(Math.abs((ours?.psi ?? 0) - said.psi)).toBeLessThan(0.05);
    expect(ours?.verdict).toBe('drifted');
  });

  // Of airports with a handful of flights each, Evidently sums the noise: 0.39 and 0.35, both over its bound of 0.1.
  test.each(['origin', 'destination'] as const)('%s: rare airports share a bin, so that noise is no drift', async (column) => {
    const { store, reference, current } = await halvesOf('flights');
    const [ours] = await drift(store, reference, current, [column]);
    expect(peers.flights.drift[column].psi).toBeGreaterThan(0.3);
    expect(ours).toMatchObject({ verdict: 'stable' });
    expect(ours?.psi).toBeLessThan(0.1);
  });
});

const weather = columnsOf('weather');
const numbersOf = (column: string, from: number, to?: number): Float64Array =>
  Float64Array.from((weather[column] ?? []).slice(from, to), Number);
const features = ['temp_max', 'temp_min', 'wind'] as const;
function sampleOf(label: (rain: number) => number, from: number, to?: number, names: readonly string[] = features) {
  const values: readonly FeatureValues[] = names.map((name) => ({ name, numbers: numbersOf(name, from, to) }));
  return { y: numbersOf('precipitation', from, to).map(label), features: values };
}
const { cut } = peers.weather;
const isRain = (rain: number): number => (rain > 0 ? 1 : 0);
const largestGap = (a: Float64Array | undefined, b: readonly number[]): number =>
  b.reduce((most, value, i) => Math.max(most, Math.abs(value - (a?.[i] ?? Number.NaN))), 0);

describe('models of the weather in Seattle: as scikit-learn fits and scores them', () => {
  const held = sampleOf(isRain, cut);
  test('constant, single feature, logistic and linear model', () => {
    const train = sampleOf(isRain, 0, cut);
    expect(constantBaseline(train, 2)).toEqual(new Float64Array(2).fill(peers.baselines.constant));
    for (const name of features) {
      const one = singleFeatureBaseline(sampleOf(isRain, 0, cut, [name]), sampleOf(isRain, cut, undefined, [name]), auc);
      expect(one?.feature).toBe(name);
      expect(largestGap(one?.score, peers.baselines.single[name])).toBeLessThan(1e-12);
    }
    const scores = features.map((name) =>
      once(auc.weighted(held.y, Float64Array.from(peers.baselines.single[name])), held.y.length),
    );
    expect(singleFeatureBaseline(train, held, auc)?.feature).toBe(features[scores.indexOf(Math.max(...scores))]);
    const logistic = linearBaseline(train, held, true);
    expect(logistic?.terms).toBe(3);
    expect(largestGap(logistic?.score, peers.baselines.logistic)).toBeLessThan(1e-6);
    const linear = linearBaseline(
      sampleOf((rain) => rain, 0, cut),
      sampleOf((rain) => rain, cut),
      false,
    );
    expect(largestGap(linear?.score, peers.baselines.linear)).toBeLessThan(1e-9);
  });

  const auc = metricOf('auc', 0.5);
  test.each(['auc', 'accuracy', 'f1', 'log_loss', 'rmse', 'mae', 'r2'] as const)('%s', async (name) => {
    const isNumber = ['rmse', 'mae', 'r2'].includes(name);
    const y = isNumber ? numbersOf('precipitation', cut) : held.y;
    const score = isNumber ? peers.baselines.linear : peers.baselines.logistic;
    const store = await storeOf(
      folderOf({ 'train.csv': csvOf([...y].map((value, i) => ({ y: value, score: score[i] ?? null }))) }),
      {
        data: { train: 'train.csv' },
      },
    );
    await store.open({ table: 'train' });
    const metric = metricOf(name, 0.5);
    expect(await metric.measure(store, '(SELECT y::DOUBLE AS y, score::DOUBLE AS score FROM train)')).toBeCloseTo(
      peers.metrics[name],
      12,
    );
    expect(once(metric.weighted(y, Float64Array.from(score)), y.length)).toBeCloseTo(peers.metrics[name], 12);
  });

  test('AUC of every month, as a slice', () => {
    const months = (weather.date ?? []).slice(cut).map((date) => Number(date.slice(5, 7)));
    const weighted = auc.weighted(held.y, Float64Array.from(peers.baselines.logistic));
    for (const [i, expected] of peers.metrics.auc_by_month.entries())
      expect(weighted(Uint16Array.from(months, (month) => (month === i + 1 ? 1 : 0)))).toBeCloseTo(expected, 12);
  });
});

describe('two columns', () => {
  test.each(peers.spearman)('rank correlation of wind and warmth by month: rho and the share of orders', ({ a, b, rho, p }) => {
    const found = spearman(a, b);
    expect(found.rho).toBeCloseTo(rho, 12);
    // Seven months have 5,040 orders, which are all tried; of more, 20,000 are drawn.
    if (a.length === 7) expect(found.p).toBeCloseTo(p, 12);
    else expect(Math.abs(found.p - p)).toBeLessThan(0.002);
  });

  test('association: the V of SciPy with the correction of Bergsma', async () => {
    const root = folderOf({ 'train.csv': `${linesOf('weather').join('\n')}\n` });
    const store = await storeOf(root, { data: { train: 'train.csv' } });
    const table = await store.open({ table: 'train' });
    if (!table) throw new Error('no table');
    const { weather_temp_max, temp_max_temp_min } = peers.association;
    expect(await association(store, table, 'weather', 'temp_max')).toBeCloseTo(weather_temp_max, 12);
    expect(await association(store, table, 'temp_max', 'temp_min')).toBeCloseTo(temp_max_temp_min, 12);
  });

  test('values that were computed twice: those differ that NumPy tells apart', async () => {
    const { again, differing } = peers.differences;
    const rows = (values: readonly (string | number)[]) => csvOf(values.map((value, i) => ({ id: `d${i}`, t: Number(value) })));
    const root = folderOf({ 'train.csv': rows(weather.temp_max ?? []), 'serving.csv': rows(again) });
    const store = await storeOf(root, { data: { train: 'train.csv', serving: 'serving.csv' } });
    const [a, b] = [await store.open({ table: 'train' }), await store.open({ table: 'serving' })];
    const [first, second] = [a, b].map((table) => table?.columns.find(({ name }) => name === 't'));
    if (!first || !second) throw new Error('no column');
    const found = await differences(store, `${a?.name} a JOIN ${b?.name} b USING (id)`, [{ first, second }], { id: 'id' });
    expect(differing).toBeGreaterThan(10);
    expect(found).toMatchObject({ rows: again.length, differing, columns: [{ column: 't', differing }] });
    const [example] = found.columns[0]?.examples ?? [];
    expect(Math.abs(Number(example?.first) - Number(example?.second))).toBeGreaterThan(1e-7);
  });
});

describe('the schema of two years, held against the next two', () => {
  const inferred = async () => {
    const { store, reference, current } = await halvesOf('weather');
    const names = ['precipitation', 'temp_max', 'wind', 'weather'];
    const profiles = await profile(store, reference, names);
    return { store, reference, current, names, profiles, schema: inferSchema(profiles) };
  };

  test('profile: deciles as NumPy gives them, every category', async () => {
    const { profiles } = await inferred();
    const of = (name: string) => profiles.find(({ column }) => column.name === name);
    for (const name of ['precipitation', 'temp_max', 'wind'] as const)
      expect(of(name)?.deciles).toEqual(peers.weather.drift[name].edges);
    expect(of('weather')).toMatchObject({ categories: ['drizzle', 'fog', 'rain', 'snow', 'sun'], deciles: [] });
  });

  test('inferred: what was seen, with a tenth of margin; nothing of the next two years breaks it', async () => {
    const { store, current, names, schema } = await inferred();
    const { temp_max, weather: kinds } = schema.columns;
    const { min, max } = peers.weather.summary.temp_max;
    const [low, high] = [temp_max?.min ?? 0, temp_max?.max ?? 0];
    expect(low).toBeLessThanOrEqual(min - 0.1 * (max - min));
    expect(low).toBeCloseTo(min - 0.1 * (max - min), 1);
    expect(high).toBeCloseTo(max + 0.1 * (max - min), 1);
    expect(temp_max?.median).toEqual([peers.weather.drift.temp_max.edges[1], peers.weather.drift.temp_max.edges[7]]);
    expect(schema.columns.precipitation?.min).toBe(0);
    expect(kinds).toMatchObject({ type: 'category', max_nulls: 0, values: ['drizzle', 'fog', 'rain', 'snow', 'sun'] });
    expect(await violations(store, current.name, schema, names)).toEqual([]);
  });

  test('violations: the shares that pandas counts', async () => {
    const { store, current } = await inferred();
    const expectation = { max_nulls: 0, max_outside: 0, max_unseen: 0 };
    const schema = {
      version: 1,
      columns: {
        wind: { type: 'number', min: 1, max: 7, ...expectation },
        precipitation: { type: 'integer', ...expectation },
        weather: { type: 'category', values: ['sun', 'rain'], ...expectation },
        temp_max: { type: 'number', median: [-20, 5], ...expectation },
        humidity: { type: 'number', ...expectation },
      },
    } as const;
    const names = current.columns.map(({ name }) => name);
    const found = await violations(store, current.name, schema, names);
    const by = Object.fromEntries(found.map(({ column, what, found: share }) => [`${column} ${what}`, share]));
    const { outside, fractions, unseen, above_five } = peers.schema;
    expect(Object.keys(by).sort()).toEqual(
      ['humidity missing', 'precipitation type', 'temp_max median', 'weather unseen', 'wind range'].sort(),
    );
    expect(by['wind range']).toBeCloseTo(outside, 12);
    expect(by['precipitation type']).toBeCloseTo(fractions, 12);
    expect(by['weather unseen']).toBeCloseTo(unseen, 12);
    expect(by['temp_max median']).toBeCloseTo(above_five, 12);
  });

  test('corruptions: every corrupted copy of real weather is told from it', async () => {
    const { store, reference, profiles, schema } = await inferred();
    const found = corruptions(reference, profiles);
    expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set(['unit', 'nulls', 'type', 'unseen', 'swap']));
    const tried = await tryCorruptions(found, async ({ relation, columns }) => {
      const own = Object.fromEntries(Object.entries(schema.columns).filter(([name]) => columns.includes(name)));
      return (await violations(store, relation, { ...schema, columns: own }, columns)).length > 0;
    });
    expect(tried.filter(({ isCaught }) => !isCaught).map(({ corruption }) => corruption.words)).toEqual([]);
  });
});
