import { describe, expect, test } from 'vitest';
import model7 from '../../../rules/ml-test-score/model/model-7-inclusion.ts';
import { answering, good, peopleOf } from '../../support/models.ts';
import { type Given, type Model, type Row, runProbe } from '../../support/probes.ts';

/** Two groups of equal size that have nothing to do with anything. */
const grouped = (rows: readonly Row[], of: (i: number) => string = (i) => (i % 2 === 0 ? 'a' : 'b')) =>
  rows.map((row, i) => ({ ...row, band: of(i) }));
const data = { train: grouped(peopleOf({ seed: 1 })), eval: grouped(peopleOf({ seed: 2, rows: 6000 })) };
const given = (criterion: string | undefined, more: Partial<Given> = {}): Given => ({
  data,
  model: good,
  manifest: {
    columns: { label: 'y', protected: ['band'], features: ['amount', 'bend', 'state'] },
    fairness: { ...(criterion && { criterion }) },
  },
  ...more,
});
/** The score of those of group b is changed. */
const unfair = (change: (score: number) => number): Model => ({
  ...good,
  predict: (model, rows) =>
    good.predict(model, rows).map((row, i) => (rows[i]?.band === 'b' ? { ...row, score: change(Number(row.score)) } : row)),
});
const criteria = ['demographic_parity', 'equal_opportunity', 'equalised_odds', 'calibration'];

describe('model-7: inclusion', () => {
  test.each(criteria)('equal groups hold %s, and all criteria are reported', async (criterion) => {
    const { verdict } = await runProbe(model7, given(criterion));
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { n: 6000, interval: { level: 0.9 } } });
    if (verdict.outcome === 'pass')
      expect(new Set(verdict.evidence?.items?.map((item) => item.criterion))).toEqual(new Set([...criteria, 'rates']));
  });

  test.each(criteria)('a group that gets lower scores breaks %s', async (criterion) => {
    const { verdict } = await runProbe(model7, given(criterion, { model: unfair((score) => 0.6 * score) }));
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^band: the (ratio|difference) of the .* of a and b is/) }],
    });
  });

  test.each<[string, (score: number) => number, RegExp]>([
    [
      'scores in per cent',
      (score) => 100 * score,
      /^inconclusive: \d+ of 6000 scores are no probabilities, and decision.threshold is 0.5/,
    ],
    ['a yes for everybody', (score) => 0.5 + score / 2, /every one of 6000 rows is a yes: scores from 0.5/],
    ['a no for everybody', (score) => score / 2.1, /every one of 6000 rows is a no/],
  ])('%s is fair to nobody: inconclusive', async (_, change, reason) => {
    const model = answering((rows) => rows.map((row) => ({ ...row, score: change(Number(row.score)) })));
    const { verdict } = await runProbe(model7, given('equal_opportunity', { model }));
    expect(verdict).toMatchObject({ outcome: 'skipped', reason: expect.stringMatching(reason) });
  });

  test('only the asserted criterion decides', async () => {
    // Group b has half as many yes labels, and a model that knows: unequal selection, equal opportunity within it.
    const rare = (rows: readonly Row[]) =>
      rows.filter((row) => row.band === 'a' || row.y === 0 || Number(String(row.id).split('-')[1]) % 4 === 1);
    const skewed = { train: rare(data.train), eval: rare(data.eval) };
    const parity = await runProbe(model7, given('demographic_parity', { data: skewed }));
    const opportunity = await runProbe(model7, given('equal_opportunity', { data: skewed }));
    expect(parity.verdict.outcome).toBe('fail');
    expect(opportunity.verdict.outcome).toBe('pass');
  });

  test('a feature that tells the group is named as a proxy', async () => {
    const told = (rows: readonly Row[]) => rows.map((row) => ({ ...row, postcode: row.band === 'a' ? 2000 : 3000 }));
    const { verdict } = await runProbe(
      model7,
      given('demographic_parity', {
        data: { train: told(data.train), eval: told(data.eval) },
        manifest: { columns: { label: 'y', protected: ['band'] }, fairness: { criterion: 'demographic_parity' } },
      }),
    );
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: { explanation: expect.stringContaining('postcode (band, 1.00)') },
    });
  });

  test('few rows are inconclusive, a small group is named and not judged', async () => {
    const few = await runProbe(model7, given('demographic_parity', { data: { ...data, eval: data.eval.slice(0, 200) } }));
    expect(few.verdict).toMatchObject({ outcome: 'skipped', reason: expect.stringMatching(/^inconclusive: too few rows/) });
    const third = { ...data, eval: grouped(peopleOf({ seed: 2, rows: 6000 }), (i) => (i < 5 ? 'c' : i % 2 === 0 ? 'a' : 'b')) };
    expect((await runProbe(model7, given('demographic_parity', { data: third }))).verdict).toMatchObject({
      outcome: 'pass',
      evidence: { explanation: expect.stringContaining('band = c (5 rows)') },
    });
  });

  test('a number of many values is compared in quarters', async () => {
    const aged = (rows: readonly Row[]) => rows.map((row, i) => ({ ...row, band: 20 + (i % 47) }));
    const { verdict } = await runProbe(
      model7,
      given('demographic_parity', { data: { train: aged(data.train), eval: aged(data.eval) } }),
    );
    expect(verdict).toMatchObject({ outcome: 'pass' });
    if (verdict.outcome === 'pass') expect(verdict.evidence?.items?.filter((item) => item.criterion === 'rates')).toHaveLength(4);
  });

  test('people who are not compared keep it from passing', async () => {
    const many = { ...data, eval: grouped(data.eval, (i) => (i % 40 === 0 ? `c${i % 600}` : i % 2 === 0 ? 'a' : 'b')) };
    expect((await runProbe(model7, given('demographic_parity', { data: many }))).verdict).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('150 rows of band are in groups that cannot be judged'),
    });
    const never = { ...data, eval: grouped(data.eval, (i) => (i % 3 === 0 ? 'c' : i % 2 === 0 ? 'a' : 'b')) };
    const noYes = { ...never, eval: never.eval.map((row) => (row.band === 'c' ? { ...row, y: 0 } : row)) };
    expect((await runProbe(model7, given('equal_opportunity', { data: noYes }))).verdict).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('band = c has no row to compare on'),
    });
  });

  test.each<[string, Given, object]>([
    [
      'one group',
      given('demographic_parity', { data: { ...data, eval: grouped(data.eval, () => 'a') } }),
      { outcome: 'skipped', reason: expect.stringContaining('fewer than two groups') },
    ],
    ['no criterion', given(undefined), { outcome: 'skipped', manifestLine: expect.stringContaining('fairness:') }],
    [
      'nothing protected',
      given('demographic_parity', { manifest: { fairness: { criterion: 'demographic_parity' } } }),
      { outcome: 'skipped', manifestLine: expect.stringContaining('protected') },
    ],
    [
      'a column that is not there',
      given('demographic_parity', {
        manifest: { columns: { label: 'y', protected: ['sex'] }, fairness: { criterion: 'demographic_parity' } },
      }),
      { outcome: 'skipped', reason: expect.stringContaining('sex') },
    ],
    [
      'another task',
      given('demographic_parity', { manifest: { task: 'regression', columns: { label: 'y', protected: ['band'] } } }),
      { outcome: 'not-applicable' },
    ],
    [
      'scores that are NaN',
      given('demographic_parity', {
        model: answering((rows) => rows.map((row, i) => ({ ...row, score: i === 3 ? 'NaN' : (row.score ?? null) }))),
      }),
      { outcome: 'fail', findings: [{ message: expect.stringContaining('NaN') }] },
    ],
  ])('%s', async (_, world, expected) => {
    expect((await runProbe(model7, world)).verdict).toMatchObject(expected);
  });
});
