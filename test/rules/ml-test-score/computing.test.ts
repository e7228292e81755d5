import { describe, expect, test } from 'vitest';
import { judgeSeries } from '../../../rules/ml-test-score/lib/performance.ts';
import monitor6 from '../../../rules/ml-test-score/monitoring/monitor-6-computing.ts';
import type { Mlflow, MlflowRun } from '../../../src/kernel/world.ts';
import { randomOf } from '../../../src/stats/random.ts';
import { good, peopleOf } from '../../support/models.ts';
import { type Given, runProbe } from '../../support/probes.ts';

const data = { train: peopleOf({ seed: 1, rows: 300 }), eval: peopleOf({ seed: 2, rows: 300 }) };
/** In these tests a training takes 0.1 s and predicts 300 rows in 0.1 s. */
const measured = [
  { name: 'train.seconds', value: 0.1 },
  { name: 'predict.rows_per_second', value: 3000 },
];
const around = (value: number, runs: number, change: (i: number) => number = () => 1): readonly number[] => {
  const random = randomOf(7);
  return Array.from({ length: runs }, (_, i) => value * Math.exp(0.03 * random.normal()) * change(i));
};
const probe = async (history: Given['history'], more: Partial<Given> = {}) =>
  (await runProbe(monitor6, { data, model: good, measured, ...(history && { history }), ...more })).verdict;

describe('monitor-6: seconds, bytes and rates over the runs', () => {
  test('steady: passes, with every series', async () => {
    const verdict = await probe({
      'train.seconds': around(0.1, 20),
      'predict.rows_per_second': around(3000, 20),
      'serve.latency_p95': around(0.02, 12),
    });
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { n: 21 } });
    if (verdict.outcome !== 'pass') return;
    expect(verdict.evidence?.items?.map((item) => [item.series, item.runs, item.verdict])).toEqual([
      ['train.seconds', 21, 'steady'],
      ['predict.rows_per_second', 21, 'steady'],
      ['serve.latency_p95', 12, 'steady'],
    ]);
  });
  test('this run trains twice as long as usual', async () => {
    const verdict = await probe({ 'train.seconds': around(0.05, 20) });
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^train.seconds: 0.1 s in the newest run, 10\d % more than the usual 0\.0/) }],
    });
  });
  test('throughput falls to half', async () => {
    const verdict = await probe({ 'predict.rows_per_second': around(6000, 20) });
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^predict.rows_per_second: 3000 1\/s .* % less than/) }],
    });
  });
  test('memory that grows by 1 % a run is a leak, not a jump', async () => {
    const verdict = await probe({ 'serve.memory': around(5e8, 30, (i) => 1.01 ** i) });
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^serve.memory gets worse slowly: [23]\d.* % more in 30 runs/) }],
    });
  });
  test('a noisy series needs a larger jump; getting better is fine; one old outlier changes nothing', async () => {
    const noisy = around(0.1, 20, (i) => (i % 2 === 0 ? 0.7 : 1.3));
    expect((await probe({ 'train.seconds': noisy.map((value) => 0.75 * value) })).outcome).toBe('pass');
    expect((await probe({ 'train.seconds': around(0.4, 20) })).outcome).toBe('pass');
    expect((await probe({ 'train.seconds': around(0.1, 20, (i) => (i === 5 ? 40 : 1)) })).outcome).toBe('pass');
  });
});

describe('monitor-6: where the numbers come from', () => {
  const runs = (seconds: readonly number[]): Mlflow => {
    const run = (value: number, i: number): MlflowRun => {
      const start = Date.UTC(2024, 0, 1 + i);
      const at = (time: number) => new Date(time).toISOString();
      return {
        id: `${i}`,
        name: null,
        status: 'FINISHED',
        startedAt: at(start),
        endedAt: at(start + 1000 * value),
        metrics: {},
        params: {},
        tags: {},
      };
    };
    const none = async () => ({ ok: false as const, reason: 'none', isAbsent: true });
    return {
      production: none,
      versions: none,
      runs: async () => ({ ok: true, value: seconds.map(run).reverse() }),
    } as unknown as Mlflow;
  };
  test('MLflow runs, when there is no Control Tower', async () => {
    expect(await probe(undefined, { mlflow: runs(around(60, 15)) })).toMatchObject({ outcome: 'pass', evidence: { n: 15 } });
    expect(await probe(undefined, { mlflow: runs([...around(60, 15), 100]) })).toMatchObject({ outcome: 'fail' });
  });
  test('the first runs: inconclusive, with the number that is known and the number needed', async () => {
    expect(await probe({ 'train.seconds': around(0.1, 6) })).toMatchObject({
      outcome: 'skipped',
      reason: 'inconclusive: 7 runs known, at least 10 needed',
      nextStep: 'Wait: each scheduled run adds one.',
    });
    expect(await probe({})).toMatchObject({
      outcome: 'skipped',
      reason: 'inconclusive: 1 run known, at least 10 needed',
    });
  });
  test('neither: the line to add', async () => {
    expect(await probe(undefined)).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('there is no Control Tower'),
      manifestLine: 'mlflow: { experiment: NAME }',
    });
    expect((await runProbe(monitor6, { data: {} })).verdict.outcome).toBe('skipped');
  });
});

describe('false alarms: 200 seeds of unchanged runs, at most 6 at a stated 1 %, of jumps and of leaks', () => {
  test.each([
    [10, 1, 0.4],
    [12, 6, 0.15],
    [20, 1, 0.4],
    [40, 6, 0.4],
    [60, 6, 0.15],
  ])('%i runs, %i series, spread %d', (runs, count, spread) => {
    const alarms = { jumped: 0, leaks: 0, steady: 0, inconclusive: 0 };
    for (let seed = 0; seed < 200; seed++) {
      const random = randomOf(seed * 31 + runs);
      const series = Array.from({ length: count }, (_, i) => ({
        name: `s${i}`,
        unit: 's',
        isGreaterBetter: i % 2 === 1,
        values: Array.from({ length: runs }, () => 100 * Math.exp(spread * random.normal())),
      }));
      for (const verdict of new Set(judgeSeries(series).map((one) => one.verdict))) alarms[verdict]++;
    }
    expect(alarms.jumped).toBeLessThanOrEqual(6);
    expect(alarms.leaks).toBeLessThanOrEqual(6);
  });
});
