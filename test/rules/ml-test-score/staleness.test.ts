import { describe, expect, test } from 'vitest';
import model4 from '../../../rules/ml-test-score/model/model-4-staleness.ts';
import { answering, good, peopleOf } from '../../support/models.ts';
import { type Given, type Model, type Row, runProbe } from '../../support/probes.ts';

const day = (first: number, of: number, i: number, days: number): string =>
  new Date(Date.UTC(2024, 0, 1) + Math.floor((first + (days * i) / of) * 24) * 3_600_000).toISOString().slice(0, 19);

/** Rows in the order of their times: 100 days to learn from, then 30 to be judged on. */
const timed = (rows: readonly Row[], first: number, days: number): readonly Row[] =>
  rows.map((row, i) => ({ ...row, at: day(first, rows.length, i, days) }));
/** The longer ago, the more people hand in late for another reason than today's. */
const drifting = (rows: readonly Row[]): readonly Row[] =>
  rows.map((row, i) => (i < rows.length * 0.6 && i % 10 >= 2 ? { ...row, amount: 200 - Number(row.amount) } : row));

const train = timed(peopleOf({ seed: 1, rows: 3000 }), 0, 100);
const evaluation = timed(peopleOf({ seed: 2, rows: 3000 }), 100, 30);
const given = (more: Partial<Given> = {}): Given => ({
  data: { train, eval: evaluation },
  model: good,
  manifest: { columns: { label: 'y', time: 'at', features: ['amount', 'bend', 'state'] } },
  ...more,
});

describe('model-4: the impact of staleness', () => {
  test('a model that keeps: the curve is flat, with intervals, and the oldest age is tolerated', async () => {
    const { verdict, requests } = await runProbe(model4, given());
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { unit: 'days', n: 3000, seed: 1 } });
    if (verdict.outcome !== 'pass') return;
    expect(verdict.evidence?.value).toBeCloseTo(60, 0);
    const items = verdict.evidence?.items ?? [];
    expect(items.map((item) => Math.round(Number(item.older_by)))).toEqual([0, 15, 30, 45, 60]);
    expect(Object.keys(items[0] ?? {})).toEqual(['older_by', 'auc_1', 'auc_2', 'auc_3', 'lost', 'at_least', 'at_most']);
    for (const { at_least, lost, at_most } of items.slice(1)) {
      expect(Number(at_least)).toBeLessThanOrEqual(Number(lost));
      expect(Number(at_most)).toBeGreaterThanOrEqual(Number(lost));
    }
    expect(requests).toHaveLength(7);
  });
  test('a model that ages: known all the same, and the tolerance says how soon it must be trained', async () => {
    const { verdict } = await runProbe(model4, given({ data: { train: drifting(train), eval: evaluation } }));
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: { explanation: expect.stringMatching(/less than 15 days/), value: 0 },
    });
    if (verdict.outcome !== 'pass') return;
    expect(Number(verdict.evidence?.items?.at(-1)?.at_least)).toBeGreaterThan(0.05);
  });
  test('the same evidence at 1 and 2 threads', async () => {
    const [one, two] = [await runProbe(model4, given({ threads: 1 })), await runProbe(model4, given({ threads: 2 }))];
    expect(one.verdict).toEqual(two.verdict);
  });
  test('a training that ignores its data fails; so do predictions that are NaN', async () => {
    const baked = good.train(peopleOf({ seed: 9 }) as never, 1, 0);
    const frozen: Model = { ...good, train: () => baked };
    expect((await runProbe(model4, given({ model: frozen }))).verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/does not learn from \{data\}/) }],
    });
    const nan = answering((rows) => rows.map((row, i) => (i === 0 ? { ...row, score: 'NaN' } : row)));
    expect((await runProbe(model4, given({ model: nan }))).verdict.outcome).toBe('fail');
  });
  test('an error is compared as a share; times may be plain numbers', async () => {
    const worth = (rows: readonly Row[], first: number) =>
      rows.map(({ y: _, at: __, ...row }, i) => ({ ...row, tick: first + i, y: 1000 * Number(row.bend) + (i % 7) }));
    const slope: Model = {
      train: (rows) =>
        rows.reduce((sum, row) => sum + Number(row.y) * Number(row.bend), 0) /
        rows.reduce((sum, row) => sum + Number(row.bend) ** 2, 0),
      predict: (model, rows) => rows.map((row) => ({ id: row.id ?? '', score: Number(model) * Number(row.bend) })),
    };
    const { verdict } = await runProbe(model4, {
      data: { train: worth(train, 0), eval: worth(evaluation, 3000) },
      model: slope,
      manifest: { task: 'regression', columns: { label: 'y', time: 'tick', features: ['bend'] } },
    });
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { unit: 'units of tick', value: 1800 } });
  });
  test.each<[string, Partial<Given>, RegExp]>([
    ['no time column', { manifest: { columns: { label: 'y' } } }, /^which column holds the time/],
    [
      'a time column that the tables lack',
      { manifest: { columns: { label: 'y', time: 'when' } } },
      /^data.train has no column "when"/,
    ],
    [
      'times that cannot be read',
      { data: { train: train.map((row) => ({ ...row, at: '31/12/2024' })), eval: evaluation } },
      /^the time of 3000 of 3000 rows of data.train cannot be read, such as "31\/12\/2024"/,
    ],
    ['one month only', { data: { train: train.map((row) => ({ ...row, at: '2024-01' })), eval: evaluation } }, /same time/],
    ['one week only', { data: { train: train.map((row) => ({ ...row, at: '2024W05' })), eval: evaluation } }, /same time/],
    ['one time only', { data: { train: train.map((row) => ({ ...row, at: '2024-01-01' })), eval: evaluation } }, /same time/],
    ['tables split at random', { data: { train, eval: timed(peopleOf({ seed: 2 }), 0, 100) } }, /begins before data.train ends/],
    [
      'few rows in a window',
      { data: { train: train.filter((_, i) => i > 1500 || i % 10 === 0), eval: evaluation } },
      /^inconclusive: the training window that ends (45|60) % before .* labelled rows/,
    ],
    [
      'one class in a window',
      { data: { train: train.map((row, i) => (i < 1300 ? { ...row, y: 0 } : row)), eval: evaluation } },
      /one class only/,
    ],
    [
      'few evaluation rows',
      { data: { train, eval: timed(peopleOf({ seed: 2, rows: 150 }), 100, 30) } },
      /^inconclusive: of 3 equal parts/,
    ],
    [
      'too few for a narrow interval',
      { data: { train: drifting(train), eval: timed(peopleOf({ seed: 2, rows: 210 }), 100, 30) } },
      /^inconclusive: the loss at an age is known to ±0.\d+ only/,
    ],
    ['no label', { manifest: { columns: { time: 'at' } } }, /^which column is predicted/],
    ['no hooks', { model: undefined as never }, /^how the model is trained/],
  ])('%s: skipped, with what to do', async (_, more, reason) => {
    const { verdict } = await runProbe(model4, given(more));
    expect(verdict).toMatchObject({ outcome: 'skipped', reason: expect.stringMatching(reason) });
    if (verdict.outcome === 'skipped') expect(verdict.nextStep).toBeTruthy();
  });
});
