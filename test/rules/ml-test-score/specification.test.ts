/** infra-2: what a sound training does, and the faults that it shows. */
import { describe, expect, test } from 'vitest';
import infra2 from '../../../rules/ml-test-score/infra/infra-2-specification.ts';
import { UsageError } from '../../../src/kernel/failure.ts';
import type { TestCase, UnitTestRun } from '../../../src/kernel/unit-tests.ts';
import { answering, constant, good, peopleOf, unseeded } from '../../support/models.ts';
import { type Given, type Model, runProbe } from '../../support/probes.ts';

const data = { train: peopleOf({ seed: 3, rows: 600 }), eval: peopleOf({ seed: 2, rows: 400 }) };
const marked = (status: TestCase['status'], marks = ['infra-2']): UnitTestRun => ({
  ...{ at: '', commit: null, tree: '', coverage: null, problems: [], notes: [] },
  cases: [{ suite: 's', name: 't', status, file: null, line: null, seconds: 0, marks, message: 'boom', text: '' }],
});
const sound: Model = { ...good, leftover: () => null };
const lossesOf = (values: readonly number[]) => values.map((loss, i) => ({ step: i + 1, loss }));
const falling = lossesOf([0.7, 0.5, 0.4, 0.38]);
const judge = async (model: Partial<Model> = {}, given: Partial<Given> = {}) => {
  const { verdict } = await runProbe(infra2, {
    data,
    model: { ...sound, ...model },
    losses: falling,
    unitTests: marked('passed'),
    ...given,
  });
  return verdict;
};
const refuse = (code: string, message: string) => {
  throw new UsageError(code, message, { hint: '' });
};

describe('infra-2', () => {
  test('a sound training passes with five parts', async () => {
    const verdict = await judge();
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: { threshold: 0.5, explanation: expect.stringMatching(/^5 of 5 hold/) },
    });
  });

  const faults: [what: string, model: Partial<Model>, message: RegExp][] = [
    [
      'crashes on random rows',
      {
        train: (rows, seed, replicate) =>
          /^\d+$/.test(rows[0]?.id ?? '') ? refuse('HOOK_FAILED', 'the train hook failed') : good.train(rows, seed, replicate),
      },
      /on 300 random rows that obey the schema: the train hook failed/,
    ],
    [
      'answers random rows with NaN',
      {
        predict: (model, rows) =>
          good.predict(model, rows).map((row) => (/^\d+$/.test(String(row.id)) ? { ...row, score: 'NaN' } : row)),
      },
      /300 of 300 rows with NaN/,
    ],
    [
      'that brings a model along instead of learning one',
      { train: () => good.train(data.train as never, 1, 0), leftover: () => null },
      /trained on 300 random rows, the model answers as that of data\.train does: training does not learn from \{data\}/,
    ],
    [
      'that learns nothing by heart',
      { predict: constant.predict },
      /trained on 200 rows, it scores auc 0\.5 on these very rows .*: it cannot learn/,
    ],
    [
      'whose labels are shifted against the rows',
      {
        train: (rows, seed, replicate) =>
          good.train(
            rows.map((row, i) => ({ ...row, y: rows[(i + 1) % rows.length]?.y ?? '' })),
            seed,
            replicate,
          ),
      },
      /cannot learn even a few rows/,
    ],
    [
      'whose half model is accepted',
      { leftover: (model) => (model as Float64Array | undefined)?.map((beta) => beta / 2) },
      /killed after 0\.5 s, it leaves half a model that predict accepts: \d+ of 400/,
    ],
    [
      'that goes on from what the killed one left',
      { again: (model) => (model as Float64Array).map((beta) => beta + 0.1) },
      /started again, it makes another model: \d+ of 400 predictions differ, and none between two trainings/,
    ],
  ];
  test.each(faults)('a training %s fails', async (_, model, message) => {
    const verdict = await judge(model);
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: expect.arrayContaining([{ message: expect.stringMatching(message) }]),
    });
  });

  test.each([
    ['rises', [0.4, 0.5, 0.6, 0.7], /from 0\.4 to 0\.7 in 4 steps: it does not fall/],
    ['stays', [0.4, 0.4], /does not fall/],
    ['is NaN', [0.4, Number.NaN, 0.2], /the loss is NaN at step 2/],
  ])('a training whose loss %s fails', async (_, losses, message) => {
    const verdict = await judge({}, { losses: lossesOf(losses) });
    expect(verdict).toMatchObject({ outcome: 'fail', findings: [{ message: expect.stringMatching(message) }] });
  });

  test('half a model that predict refuses, or that is whole already, does no harm', async () => {
    const refusing: Partial<Model> = {
      leftover: () => 'half',
      predict: (model, rows) => (model === 'half' ? refuse('HOOK_FAILED', 'not a model') : good.predict(model, rows)),
    };
    expect(await judge(refusing)).toMatchObject({ outcome: 'pass' });
    expect(await judge({ leftover: (model) => model ?? 'whole' })).toMatchObject({ outcome: 'pass' });
  });

  test('what a probe is not told of by the hook itself is no finding', async () => {
    await expect(judge({ train: () => refuse('BUDGET_SPENT', 'spent') })).rejects.toMatchObject({ code: 'BUDGET_SPENT' });
  });

  const unknown: [what: string, model: Partial<Model>, tests: UnitTestRun | undefined, reason: RegExp][] = [
    ['training is over before it can be killed', { leftover: undefined as never }, marked('passed'), /before it can be killed/],
    ['no unit test was run', {}, undefined, /unit tests were not run/],
    ['no unit test is marked', {}, marked('passed', ['data-7']), /none of 1 unit tests is marked/],
    ['the marked test was skipped', {}, marked('skipped'), /all 1 tests marked infra-2 were skipped/],
  ];
  test.each(unknown)('is not passed when %s', async (_, model, tests, reason) => {
    const given = { data, losses: falling, model: { ...sound, ...model }, ...(tests && { unitTests: tests }) };
    expect((await runProbe(infra2, given)).verdict).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(reason),
      nextStep: expect.any(String),
    });
  });

  test('is not passed when training tells no loss, or one only', async () => {
    expect(await judge({}, { losses: [] })).toMatchObject({ outcome: 'skipped', reason: 'loss falls: training tells no loss' });
    expect(await judge({}, { losses: lossesOf([1]) })).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('one loss only'),
    });
  });

  test('a failing marked test fails', async () => {
    expect(await judge({}, { unitTests: marked('failed') })).toMatchObject({
      outcome: 'fail',
      findings: [{ message: 's: t fails: boom' }],
    });
  });

  test('many classes and numbers are learnt by heart too', async () => {
    const lookup: Model = {
      ...sound,
      train: (rows) => new Map(rows.map((row) => [JSON.stringify([row.amount, row.bend]), row.y ?? ''])),
      predict: (model, rows) =>
        rows.map((row) => ({
          id: row.id ?? '',
          prediction: (model as Map<string, string>).get(JSON.stringify([row.amount, row.bend])) ?? '0',
        })),
    };
    const lost: Model = { ...lookup, predict: (_model, rows) => rows.map((row) => ({ id: row.id ?? '', prediction: '0' })) };
    expect(await judge(lookup, { manifest: { task: 'multiclass' } })).toMatchObject({ outcome: 'pass', evidence: { value: 1 } });
    expect(await judge(lost, { manifest: { task: 'multiclass' } })).toMatchObject({ outcome: 'fail' });
    const numbers: Model = {
      ...lookup,
      predict: (model, rows) => lookup.predict(model, rows).map(({ id = '', prediction = '' }) => ({ id, score: prediction })),
    };
    const regression = { manifest: { task: 'regression', columns: { label: 'amount' } } };
    const copies: Model = {
      ...numbers,
      train: (rows) => new Map(rows.map((row) => [String(row.bend), row.amount ?? ''])),
      predict: (model, rows) =>
        rows.map((row) => ({ id: row.id ?? '', score: (model as Map<string, string>).get(String(row.bend)) ?? '100' })),
    };
    expect(await judge(copies, regression)).toMatchObject({ outcome: 'pass' });
    expect(
      await judge({ ...copies, predict: (_model, rows) => rows.map((row) => ({ id: row.id ?? '', score: '100' })) }, regression),
    ).toMatchObject({ outcome: 'fail' });
  });

  test('a training without a seed is told as that, not as harm of the kill', async () => {
    const verdict = await judge({ train: unseeded.train, again: (model) => (model as Float64Array).map((beta) => beta + 0.1) });
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [
        {
          message: expect.stringMatching(
            /so do two trainings with one seed that nobody interrupts .*it is the seed, see infra-1/,
          ),
        },
      ],
    });
    const half = await judge({
      train: unseeded.train,
      leftover: (model) => (model as Float64Array | undefined)?.map((beta) => beta / 2),
    });
    expect(JSON.stringify(half)).not.toContain('half a model');
  });

  test('models that differ from run to run are told apart from those that a kill changes', async () => {
    expect(await judge({ train: unseeded.train })).toMatchObject({ outcome: 'pass' });
    expect(await judge({ predict: answering((rows) => rows).predict })).toMatchObject({ outcome: 'pass' });
  });
});
