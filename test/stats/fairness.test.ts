/** References: fairlearn's definitions by hand, Katz's interval as printed for the Physicians' Health Study, scipy.stats.contingency. */
import { describe, expect, test } from 'vitest';
import { cramersV } from '../../src/stats/association.ts';
import { difference, shareRatio } from '../../src/stats/fairness/compare.ts';
import { normalQuantile } from '../../src/stats/normal.ts';
import { randomOf } from '../../src/stats/random.ts';

describe('shares compared', () => {
  test('ratio and its interval: aspirin, 104 of 11,037 against 189 of 11,034 heart attacks (NEJM 1989)', () => {
    const found = shareRatio({ hits: 104, n: 11_037 }, { hits: 189, n: 11_034 }, 0.8);
    expect(found?.value).toBeCloseTo(0.5501, 4);
    // exp(log 0.5501 -+ 1.6449 * 0.12141)
    expect(found?.lower).toBeCloseTo(0.4505, 3);
    expect(found?.upper).toBeCloseTo(0.6717, 3);
    expect(found?.p).toBeLessThan(0.01);
  });

  test('is the same from either side, and never more than 1', () => {
    const [a, b] = [
      { hits: 30, n: 100 },
      { hits: 45, n: 100 },
    ];
    expect(shareRatio(a, b, 0.8)).toEqual(shareRatio(b, a, 0.8));
    expect(shareRatio(a, a, 0.8)).toMatchObject({ value: 1, upper: 1 });
    expect(shareRatio({ hits: 0, n: 0 }, a, 0.8)).toBeNull();
  });

  test('unchanged groups at the bound are called broken in at most about 5 % of 2,000 draws', () => {
    const random = randomOf(7);
    const draw = (p: number, n: number) =>
      Array.from({ length: n }, () => (random.uniform() < p ? 1 : 0)).reduce<number>((sum, hit) => sum + hit, 0);
    const alarms = Array.from({ length: 2000 }, () =>
      shareRatio({ hits: draw(0.4, 300), n: 300 }, { hits: draw(0.5, 300), n: 300 }, 0.8),
    ).filter((found) => (found?.p ?? 1) < 0.05);
    expect(alarms.length).toBeLessThanOrEqual(140);
    expect(alarms.length).toBeGreaterThanOrEqual(50);
  });

  test('difference', () => {
    const z = normalQuantile(0.95);
    const found = difference({ value: 0.7, error: 0.03 }, { value: 0.5, error: 0.04 }, 0.1);
    expect(found).toMatchObject({
      value: expect.closeTo(0.2),
      lower: expect.closeTo(0.2 - 0.05 * z),
      upper: expect.closeTo(0.2 + 0.05 * z),
      p: expect.closeTo(0.0228, 3),
    });
  });
});

describe("Cramer's V with Bergsma's correction", () => {
  test.each([
    [
      'independent',
      [
        [10, 10],
        [10, 10],
      ],
      0,
    ],
    [
      'one tells the other',
      [
        [50, 0],
        [0, 50],
      ],
      1,
    ],
    // chi2 = 16.6667, n = 100: phi2 = 0.166667 - 1 / 99, least = (2 - 1 / 99) - 1
    [
      'in between',
      [
        [35, 15],
        [15, 35],
      ],
      Math.sqrt((0.16 - 1 / 99) / (1 - 1 / 99)),
    ],
    ['one row', [[5, 5]], 0],
    ['empty', [], 0],
  ])('%s', (_, counts, v) => {
    expect(cramersV(counts)).toBeCloseTo(v, 6);
  });
});
