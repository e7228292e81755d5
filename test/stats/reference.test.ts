/** Against SciPy and scikit-learn: fixtures/reference.json, made by scripts/make-stats-reference.py. */
import { describe, expect, test } from 'vitest';
import { incompleteBeta } from '../../src/stats/beta.ts';
import { binCounts } from '../../src/stats/bin-counts.ts';
import { bootstrap, once } from '../../src/stats/bootstrap.ts';
import { chiSquareUpperQuantile } from '../../src/stats/chi-square.ts';
import { momentsOf, shiftP } from '../../src/stats/chunks.ts';
import { summarise } from '../../src/stats/column-summary.ts';
import { logGamma } from '../../src/stats/gamma.ts';
import { holm } from '../../src/stats/holm.ts';
import { jensenShannon } from '../../src/stats/jensen-shannon.ts';
import { kolmogorovSmirnov, ksBins } from '../../src/stats/kolmogorov-smirnov.ts';
import { fitLinearModel } from '../../src/stats/linear-model.ts';
import { medianAbsoluteDeviation } from '../../src/stats/mad.ts';
import { mannKendall } from '../../src/stats/mann-kendall.ts';
import { median } from '../../src/stats/median.ts';
import { calibrationError, calibrationErrorOf } from '../../src/stats/metrics/calibration-error.ts';
import { metricOf } from '../../src/stats/metrics/index.ts';
import { classProbabilities, macroAuc } from '../../src/stats/metrics/macro-auc.ts';
import { macroF1 } from '../../src/stats/metrics/macro-f1.ts';
import { normalCdf, normalQuantile } from '../../src/stats/normal.ts';
import { psi } from '../../src/stats/psi.ts';
import { quantileEdges } from '../../src/stats/quantile-edges.ts';
import { studentQuantile, studentTail } from '../../src/stats/student-t.ts';
import { theilSenSlope } from '../../src/stats/theil-sen.ts';
import { wilsonInterval } from '../../src/stats/wilson.ts';
import { csvOf, folderOf, storeOf } from '../support/tables.ts';
import reference from './fixtures/reference.json' with { type: 'json' };

const { binary, regression, columns, counts, linear } = reference;

describe.each([1, 2])('metrics in SQL and over fetched rows, %i threads', (threads) => {
  const scored = async (y: readonly number[], score: readonly number[]) => {
    const root = folderOf({ 'train.csv': csvOf(y.map((value, i) => ({ y: value, score: score[i] ?? null }))) });
    const store = await storeOf(root, { data: { train: 'train.csv' } }, { threads });
    await store.open({ table: 'train' });
    return store;
  };
  test.each([
    ['auc', binary.auc],
    ['accuracy', binary.accuracy],
    ['f1', binary.f1],
    ['log_loss', binary.log_loss],
  ] as const)('%s', async (name, expected) => {
    const store = await scored(binary.y, binary.score);
    const metric = metricOf(name, 0.5);
    const relation = '(SELECT y::DOUBLE AS y, score::DOUBLE AS score FROM train)';
    expect(await metric.measure(store, relation)).toBeCloseTo(expected, 12);
    expect(once(metric.weighted(Float64Array.from(binary.y), Float64Array.from(binary.score)), binary.y.length)).toBeCloseTo(
      expected,
      12,
    );
  });
  test.each([
    ['rmse', regression.rmse],
    ['mae', regression.mae],
    ['r2', regression.r2],
  ] as const)('%s', async (name, expected) => {
    const store = await scored(regression.y, regression.score);
    const metric = metricOf(name, 0.5);
    expect(await metric.measure(store, '(SELECT y, score FROM train)')).toBeCloseTo(expected, 12);
    const weighted = metric.weighted(Float64Array.from(regression.y), Float64Array.from(regression.score));
    expect(once(weighted, regression.y.length)).toBeCloseTo(expected, 12);
  });

  test('many classes: macro F1, and macro AUC of one class against the rest', async () => {
    const { multiclass } = reference;
    const y = multiclass.y.map((name) => multiclass.classes.indexOf(name));
    const said = multiclass.prediction.map((name) => multiclass.classes.indexOf(name));
    const probabilities = classProbabilities(multiclass.classes.length);
    // Handles do not begin at 0 when other rows were kept before.
    probabilities.keep([[1, 0, 0, 0]]);
    const first = probabilities.keep(multiclass.shares);
    const handles = y.map((_, i) => first + i);
    for (const [metric, score, expected] of [
      [macroF1, said, multiclass.f1],
      [macroAuc(probabilities), handles, multiclass.auc],
    ] as const) {
      const store = await scored(y, score);
      const relation = '(SELECT y::DOUBLE AS y, score::DOUBLE AS score FROM train)';
      expect(await metric.measure(store, relation)).toBeCloseTo(expected, 12);
      expect(once(metric.weighted(Float64Array.from(y), Float64Array.from(score)), y.length)).toBeCloseTo(expected, 12);
      expect(await metric.measure(store, '(SELECT 0.0::DOUBLE AS y, 0.0::DOUBLE AS score WHERE false)')).toBeNull();
    }
    // Rows that a resample does not draw are not there, and so is a class of which none was drawn but some was answered.
    const drawn = Uint16Array.from(y, (k) => (k === 0 ? 0 : 1));
    expect(macroF1.weighted(Float64Array.from(y), Float64Array.from(said))(drawn)).toBeCloseTo(multiclass.without_ant, 12);
    const weighted = macroAuc(probabilities).weighted(Float64Array.from(y), Float64Array.from(handles));
    expect(weighted(Uint16Array.from(y, (k) => (k === 1 ? 1 : 0)))).toBeNaN();
  });

  test('calibration error, tied scores and not; scikit-learn where no bin is torn', async () => {
    const { untied } = reference.calibration;
    for (const [y, score, expected] of [
      [binary.y, binary.score, reference.calibration.tied],
      [untied.y, untied.score, untied.ece],
      [untied.y, untied.score, reference.calibration.scikit_learn],
    ] as const) {
      const store = await scored(y, score);
      expect(await calibrationError(store, '(SELECT y::DOUBLE AS y, score::DOUBLE AS score FROM train)')).toBeCloseTo(
        expected,
        12,
      );
      expect(calibrationErrorOf(Float64Array.from(y), Float64Array.from(score))).toBeCloseTo(expected, 12);
    }
  });

  test('one class, no rows: not defined rather than a number', async () => {
    const store = await scored([1, 1], [0.5, 0.7]);
    expect(await metricOf('auc', 0.5).measure(store, '(SELECT y, score FROM train)')).toBeNull();
    expect(await metricOf('rmse', 0.5).measure(store, '(SELECT y, score FROM train WHERE false)')).toBeNull();
    expect(await metricOf('r2', 0.5).measure(store, '(SELECT y, score FROM train)')).toBeNull();
  });
});

describe.each([1, 2])('columns, %i threads', (threads) => {
  const both = async () => {
    const root = folderOf({
      'train.csv': `x\n${columns.reference.join('\n')}\nNaN\nInf\n-Inf\n\n`.replace(/\n\n$/, '\n""\n'),
      'serving.csv': csvOf(columns.current.map((x) => ({ x }))),
    });
    const store = await storeOf(root, { data: { train: 'train.csv', serving: 'serving.csv' } }, { threads });
    const train = await store.open({ table: 'train' });
    await store.open({ table: 'serving' });
    if (!train) throw new Error('no table');
    return { store, train };
  };

  test('summary: NaN, Inf and null are counted apart', async () => {
    const { store, train } = await both();
    const summary = (await summarise(store, train.name, train.columns)).get('x');
    expect(summary).toMatchObject({ rows: 604, nulls: 1, nans: 1, infinities: 2 });
    expect(summary).toMatchObject({ min: Math.min(...columns.reference), max: Math.max(...columns.reference), distinct: null });
  });

  test('deciles and bins hold only finite values', async () => {
    const { store, train } = await both();
    const edges = await quantileEdges(store, train, ['x'], 10);
    expect(edges.get('x')).toEqual(columns.deciles);
    const bins = (await binCounts(store, 'train', edges)).get('x') ?? [];
    expect(bins).toHaveLength(10);
    expect(bins.reduce((sum, n) => sum + n, 0)).toBe(600);
    expect(Math.max(...bins) - Math.min(...bins)).toBeLessThanOrEqual(4);
  });

  test('Kolmogorov-Smirnov lies within its bound', async () => {
    const { store, train } = await both();
    for (const bins of [20, ksBins]) {
      const edges = await quantileEdges(store, train, ['x'], bins);
      const [f, g] = await Promise.all([binCounts(store, 'train', edges), binCounts(store, 'serving', edges)]);
      const found = kolmogorovSmirnov(f.get('x') ?? [], g.get('x') ?? []);
      expect(found?.value).toBeLessThanOrEqual(columns.ks + 1e-12);
      expect(found?.atMost).toBeGreaterThanOrEqual(columns.ks - 1e-12);
      expect((found?.atMost ?? 1) - (found?.value ?? 0)).toBeLessThan(bins === 20 ? 0.06 : 0.005);
    }
  });
});

describe('closed forms', () => {
  test('PSI and Jensen-Shannon', () => {
    expect(psi(counts.a, counts.b)).toBeCloseTo(counts.psi, 12);
    expect(jensenShannon(counts.a, counts.b)).toBeCloseTo(counts.jensen_shannon, 12);
    expect(jensenShannon([0, 0], [1, 1])).toBeNull();
  });
  test.each(reference.chi_square_isf)('chi-square: tail %d, %d degrees', (tail = 0, df = 0, expected = 0) => {
    expect(chiSquareUpperQuantile(tail, df) / expected).toBeCloseTo(1, 9);
  });
  test('normal, log gamma, Wilson, Holm', () => {
    for (const [z = 0, p = 0] of reference.normal_cdf) expect(normalCdf(z) / p).toBeCloseTo(1, 10);
    for (const [p = 0, z = 0] of reference.normal_ppf) expect(normalQuantile(p)).toBeCloseTo(z, 9);
    for (const [x = 0, value = 0] of reference.log_gamma) expect(logGamma(x)).toBeCloseTo(value, 10);
    for (const [k = 0, n = 0, lower = 0, upper = 0] of reference.wilson) {
      const interval = wilsonInterval(k, n);
      expect(interval.lower).toBeCloseTo(lower, 10);
      expect(interval.upper).toBeCloseTo(upper, 10);
    }
    for (const [i, p] of holm(reference.holm.p).entries()) expect(p).toBeCloseTo(reference.holm.adjusted[i] ?? 0, 12);
  });
  test('incomplete beta, Student, shift of chunk means', () => {
    for (const [x = 0, a = 0, b = 0, value = 0] of reference.incomplete_beta)
      expect(incompleteBeta(x, a, b) / value).toBeCloseTo(1, 10);
    for (const [t = 0, df = 0, tail = 0] of reference.student_t) expect(studentTail(t, df) / tail).toBeCloseTo(1, 10);
    for (const [tail = 0, df = 0, t = 0] of reference.student_t_isf) expect(studentQuantile(tail, df) / t).toBeCloseTo(1, 9);
    const { reference: before, served, p } = reference.shift;
    const [a, b] = [momentsOf(before), momentsOf(served)];
    expect(shiftP(a, b, 0)).toBeCloseTo(p, 12);
    expect(Math.min(shiftP(a, b, 1), shiftP(a, b, -1))).toBeCloseTo(p / 2, 12);
  });
  test.each(Object.entries(reference.trends))('median, deviation, slope and trend: %s', (_name, expected) => {
    const { values } = expected;
    expect(median(values)).toBeCloseTo(expected.median, 12);
    expect(medianAbsoluteDeviation(values)).toBeCloseTo(expected.mad, 9);
    expect(theilSenSlope(values)).toBeCloseTo(expected.slope, 12);
    const { s, z, rises, falls } = mannKendall(values);
    expect(s).toBe(expected.s);
    expect(z).toBeCloseTo(expected.z, 10);
    expect(2 * Math.min(rises, falls)).toBeCloseTo(expected.p, 10);
  });
  test('linear and logistic fits', () => {
    const design = Float64Array.from(linear.x.flatMap((row) => [1, ...row]));
    const fits = [
      [fitLinearModel(design, Float64Array.from(linear.value), 4, 'linear'), linear.ridge],
      [fitLinearModel(design, Float64Array.from(linear.target), 4, 'logistic'), linear.logistic],
    ] as const;
    for (const [found, expected] of fits)
      for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i] ?? 0, 5);
  });
});

describe('bootstrap', () => {
  const statistic = metricOf('auc', 0.5).weighted(Float64Array.from(binary.y), Float64Array.from(binary.score));
  test('its standard error is that of resampling with scikit-learn; same seed, same interval', () => {
    const found = bootstrap(statistic, binary.y.length, { seed: 1 });
    expect((found?.standardError ?? 0) / reference.bootstrap_auc_se).toBeCloseTo(1, 0.9);
    expect(found?.lower).toBeLessThan(binary.auc);
    expect(found?.upper).toBeGreaterThan(binary.auc);
    expect(bootstrap(statistic, binary.y.length, { seed: 1 })).toEqual(found);
    expect(bootstrap(statistic, binary.y.length, { seed: 2 })).not.toEqual(found);
  });
  test('no rows or one class: no interval', () => {
    expect(bootstrap(statistic, 0, { seed: 1 })).toBeNull();
    const oneClass = metricOf('auc', 0.5).weighted(Float64Array.of(1, 1, 1), Float64Array.of(1, 2, 3));
    expect(bootstrap(oneClass, 3, { seed: 1 })).toBeNull();
  });
});
