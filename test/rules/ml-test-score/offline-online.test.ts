import { describe, expect, test } from 'vitest';
import model2 from '../../../rules/ml-test-score/model/model-2-offline-online.ts';
import { spearman } from '../../../src/stats/spearman.ts';
import { type Row, runProbe } from '../../support/probes.ts';

const versions = (pairs: readonly (readonly [number | string | null, number | null])[], degraded = [0]): readonly Row[] =>
  pairs.map(([offline, online], i) => ({
    version: `1.${i}`,
    offline,
    online,
    degraded: degraded.includes(i) ? 'true' : 'false',
  }));
const agreeing = versions([
  [0.6, 100],
  [0.7, 130],
  [0.72, 131],
  [0.75, 150],
  [0.8, 170],
]);
const judge = async (experiments: readonly Row[], manifest = {}) =>
  (await runProbe(model2, { data: { experiments }, manifest })).verdict;

describe('model-2: offline and online', () => {
  test('an offline metric that orders the versions as their use did passes', async () => {
    expect(await judge(agreeing)).toMatchObject({
      outcome: 'pass',
      evidence: {
        value: expect.closeTo(1 / 120, 6),
        n: 5,
        explanation: expect.stringContaining('correlation of 1.00 (p 0.0083)'),
      },
    });
  });
  test('one that does not fails', async () => {
    const crossed = versions([
      [0.8, 100],
      [0.7, 130],
      [0.72, 131],
      [0.75, 90],
      [0.6, 170],
    ]);
    expect(await judge(crossed)).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringContaining('rank correlation -0.') }],
    });
    expect(
      await judge(
        versions([
          [0.8, 1],
          [0.7, 1],
          [0.72, 1],
          [0.75, 1],
          [0.6, 1],
        ]),
      ),
    ).toMatchObject({ outcome: 'fail', findings: [{ message: expect.stringContaining('same for every version') }] });
  });
  test('versions made worse on purpose must be worse by both metrics, and not be all there are', async () => {
    const pairs = agreeing.map(({ offline, online }) => [Number(offline), Number(online)] as const);
    expect(await judge(versions(pairs, [4]))).toMatchObject({
      outcome: 'fail',
      findings: [
        { message: 'the versions that were made worse on purpose (1.4) are not worse by the offline metric: 0.8, others 0.71' },
        { message: 'the versions that were made worse on purpose (1.4) are not worse by the online metric: 170, others 130.5' },
      ],
    });
    expect(await judge(versions(pairs, [0, 1, 2, 3, 4]))).toMatchObject({
      outcome: 'skipped',
      reason: 'every version was made worse on purpose, so there is none to compare them with',
    });
  });
  test('a number that stands twice says nothing of its use', async () => {
    const copied = agreeing.map((row) => ({ ...row, online: row.offline ?? null }));
    expect(await judge(copied)).toMatchObject({
      outcome: 'skipped',
      reason: 'the online metric of all 5 versions is the offline metric: one number, written twice',
    });
  });
  test('an error is better when it is smaller', async () => {
    const errors = versions([
      [9, 100],
      [7, 130],
      [6, 131],
      [5, 150],
      [4, 170],
    ]);
    expect(await judge(errors, { task: 'regression', quality: { metric: 'rmse' } })).toMatchObject({ outcome: 'pass' });
    expect(await judge(errors, { task: 'regression' })).toMatchObject({ outcome: 'pass' });
    expect(await judge(errors)).toMatchObject({ outcome: 'fail' });
  });
  test.each<[string, readonly Row[], RegExp]>([
    ['four versions', agreeing.slice(0, 4), /^inconclusive: 4 versions/],
    ['none degraded', agreeing.map((row) => ({ ...row, degraded: 'false' })), /^no version was made worse on purpose/],
    [
      'values that are no numbers',
      versions([
        [0.6, 1],
        ['n/a', 2],
        [0.7, null],
        [0.8, 3],
        [0.9, 4],
      ]),
      /^inconclusive: 3 versions/,
    ],
    [
      'a version twice',
      [...agreeing, { version: '1.0', offline: 0.9, online: 200, degraded: 'false' }],
      /several rows for version 1\.0/,
    ],
    ['other columns', [{ name: 'a', auc: 1 }], /no column version, offline, online, degraded/],
  ])('%s is skipped', async (_, experiments, reason) => {
    expect(await judge(experiments)).toMatchObject({ outcome: 'skipped', reason: expect.stringMatching(reason) });
  });
  test('no table: the line to add', async () => {
    expect((await runProbe(model2, { data: {} })).verdict).toMatchObject({
      outcome: 'skipped',
      manifestLine: 'data: { experiments: data/experiments.csv }',
    });
  });
});

describe('Spearman, against scipy.stats.spearmanr and scipy.stats.permutation_test', () => {
  test('with ties', () => {
    const [a, b] = [
      [1, 2, 2, 4, 5, 3],
      [2, 1, 3, 3, 6, 5],
    ];
    expect(spearman(a, b).rho).toBeCloseTo(0.7794117647058825, 9);
    expect(spearman(a, b).p).toBeCloseTo(0.03611111111111111, 9);
  });
  test('more than eight pairs: drawn orders, the same on every run', () => {
    const a = Array.from({ length: 12 }, (_, i) => i);
    const b = a.map((i) => (i * 5) % 12);
    expect(spearman(a, b)).toEqual(spearman(a, b));
    expect(spearman(a, a).p).toBeCloseTo(1 / 20_001, 6);
  });
  test('200 seeds of unrelated numbers: at most about 5 % below 0.05', () => {
    const p = Array.from({ length: 200 }, (_, seed) => {
      const value = (i: number) => Math.abs(Math.sin(1000 * seed + 17.3 * i) * 10_000) % 1;
      return spearman([0, 1, 2, 3, 4, 5].map(value), [9, 10, 11, 12, 13, 14].map(value)).p;
    });
    expect(p.filter((value) => value < 0.05).length).toBeLessThanOrEqual(18);
  });
});
