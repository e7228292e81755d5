import { describe, expect, test } from 'vitest';
import monitor5 from '../../../rules/ml-test-score/monitoring/monitor-5-numerically-stable.ts';
import { UsageError } from '../../../src/kernel/failure.ts';
import { answering, good, peopleOf } from '../../support/models.ts';
import { type Given, type Model, type Row, runProbe, type TextRow } from '../../support/probes.ts';

const data = { train: peopleOf({ seed: 1, rows: 400 }), eval: peopleOf({ seed: 2, rows: 400 }) };
const isOdd = (row: TextRow): boolean => {
  const numbers = [row.amount, row.bend].map((text) => (text === '' ? Number.NaN : Number(text)));
  return numbers.some((x) => !(Math.abs(x) < 1e6)) || !['act', 'nsw', 'vic'].includes(row.state ?? '');
};
const answer = (change: (row: TextRow, score: Row[string] | undefined) => Row[string] | undefined): Model => ({
  train: good.train,
  predict: (model, rows) =>
    good.predict(model, rows).map((row, i) => ({ ...row, score: change(rows[i] ?? {}, row.score) ?? null })),
});
/** Refuses what it cannot answer. */
const careful = answer((row, score) => (isOdd(row) ? null : score));
const losses = [0.69, 0.5, 0.4].map((loss, i) => ({ step: i + 1, loss }));
const given = (more: Partial<Given> = {}): Given => ({ data, model: careful, losses, ...more });
const breaking = (isBad: (row: TextRow) => boolean, code = 'HOOK_FAILED'): Model => ({
  ...careful,
  predict: (model, rows) => {
    if (rows.some(isBad))
      throw new UsageError(code, 'the predict hook failed with exit code 1\n  command: x', { hint: 'Read its log.' });
    return careful.predict(model, rows);
  },
});

describe('monitor-5: numerical stability', () => {
  test('a model that refuses odd rows passes, and its refusals are counted', async () => {
    const { verdict, requests } = await runProbe(monitor5, given());
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { value: 0, threshold: 0, n: 400 } });
    if (verdict.outcome !== 'pass') return;
    const items = verdict.evidence?.items ?? [];
    expect(items.map((item) => [item.cell, item.columns, item.rows, item.refused])).toEqual([
      ['(rows as they are)', null, 5, 0],
      ['an empty cell', 3, 15, 15],
      ['0', 2, 10, 0],
      ['1e300', 2, 10, 10],
      ['-1e300', 2, 10, 10],
      ['5e-324', 2, 10, 0],
      ['a category never seen', 1, 5, 5],
      ['an empty text', 1, 5, 5],
      ['a text of 10,000 characters', 1, 5, 5],
    ]);
    expect(requests).toHaveLength(3);
  });
  test('the same evidence at 1 and 2 threads', async () => {
    const [one, two] = [await runProbe(monitor5, given({ threads: 1 })), await runProbe(monitor5, given({ threads: 2 }))];
    expect(one.verdict).toEqual(two.verdict);
  });
  test.each<[string, Partial<Given>, RegExp]>([
    [
      'a loss that is NaN',
      { losses: [...losses, { step: 4, loss: Number.NaN }] },
      /^the training loss is NaN at step 4, and not finite in 1 of 4/,
    ],
    [
      'a loss without end',
      { losses: [{ step: 1, loss: Number.POSITIVE_INFINITY }, ...losses] },
      /^the training loss is Infinity at step 1/,
    ],
    [
      'NaN for an empty cell',
      { model: answer((row, score) => (row.bend === '' ? 'NaN' : isOdd(row) ? null : score)) },
      /^an empty cell in bend: predictions are 5 NaN or infinite/,
    ],
    [
      'infinity for a large number',
      { model: answer((row, score) => (Number(row.amount) > 1e6 ? 'Inf' : isOdd(row) ? null : score)) },
      /^1e300 in amount: predictions are 5 NaN or infinite/,
    ],
    [
      'no probability for an unseen category',
      { model: answer((row, score) => ((row.state ?? '').includes('never') ? 1.5 : isOdd(row) ? null : score)) },
      /^a category never seen in state: predictions are 5 outside 0 to 1/,
    ],
    [
      'NaN on ordinary rows',
      { model: answering((rows) => rows.map((row, i) => (rows.length === 400 && i < 3 ? { ...row, score: 'NaN' } : row))) },
      /^3 of 400 predictions of data.eval are NaN/,
    ],
    [
      'scores that are no probabilities',
      { model: answer((row, score) => (isOdd(row) ? null : Number(score) * 3)) },
      /of 400 predictions of data.eval are no probabilities/,
    ],
    [
      'NaN in what was logged',
      {
        data: {
          ...data,
          serving: [
            { id: 'a', score: 'NaN' },
            { id: 'b', score: 0.5 },
          ],
        },
      },
      /^1 of 2 scores logged under data.serving are NaN/,
    ],
  ])('%s fails', async (_, more, message) => {
    const { verdict } = await runProbe(monitor5, given(more));
    expect(verdict).toMatchObject({ outcome: 'fail' });
    if (verdict.outcome === 'fail')
      expect(verdict.findings.map((finding) => finding.message)).toContainEqual(expect.stringMatching(message));
  });
  test('a crash is told with its case and column, and the rest is not blamed', async () => {
    const { verdict, requests } = await runProbe(monitor5, given({ model: breaking((row) => row.bend === '') }));
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: 'an empty cell in bend breaks predict: the predict hook failed with exit code 1' }],
    });
    expect(requests).toHaveLength(3 + 3 + 8);
    const dropping: Model = {
      ...careful,
      predict: (model, rows) =>
        careful.predict(
          model,
          rows.filter((row) => row.state !== ''),
        ),
    };
    expect((await runProbe(monitor5, given({ model: dropping }))).verdict).toMatchObject({
      outcome: 'fail',
      findings: [
        { message: expect.stringMatching(/^an empty cell in state breaks predict: .*missing/) },
        { message: expect.stringMatching(/^an empty text in state/) },
      ],
    });
  });
  test('where several columns break it no one of them is blamed for every cell; the reason in the log of R is told', async () => {
    const log =
      '\n    Calls: predict\n    Error in model.frame.default(Terms, newdata) : \n      factor state has new levels\n    Execution halted';
    const model: Model = {
      ...careful,
      predict: (fit, rows) => {
        if (rows.some((row) => row.bend === '' || (row.state ?? '').length > 3))
          throw new UsageError(
            'HOOK_FAILED',
            `the predict hook failed with exit code 1\n  command: x\n  the last it said:${log}`,
            {
              hint: 'x',
            },
          );
        return careful.predict(fit, rows);
      },
    };
    const { verdict } = await runProbe(monitor5, given({ model }));
    if (verdict.outcome !== 'fail') expect.fail(verdict.outcome);
    expect(verdict.findings[0]?.message).toBe(
      'an empty cell in one or more of bend, state breaks predict: the predict hook failed with exit code 1: Error in model.frame.default(Terms, newdata) : factor state has new levels',
    );
  });
  test('a crash that only the whole batch brings is told too; a spent budget is not a fault', async () => {
    const large: Model = {
      ...careful,
      predict: (model, rows) => {
        if (rows.length === 80 - 5)
          throw new UsageError('HOOK_MEMORY', 'the predict hook was stopped at its limit of memory', { hint: 'x' });
        return careful.predict(model, rows);
      },
    };
    const { verdict } = await runProbe(monitor5, given({ model: large }));
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^a batch of rows with odd cells breaks predict/) }],
    });
    await expect(runProbe(monitor5, given({ model: breaking((row) => row.bend === '', 'BUDGET_SPENT') }))).rejects.toMatchObject({
      code: 'BUDGET_SPENT',
    });
  });
  test('without losses it passes on the outputs and says what to write; a margin is fine in a regression', async () => {
    const { losses: _, ...silent } = given();
    const { verdict } = await runProbe(monitor5, silent);
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { nextStep: expect.stringMatching(/metrics\.jsonl/) } });
    const scaled = answer((row, score) => (isOdd(row) ? null : Number(score) * 300));
    expect((await runProbe(monitor5, given({ model: scaled, manifest: { task: 'regression' } }))).verdict.outcome).toBe('pass');
  });
  test('classes: every probability counts', async () => {
    const classes = (p: string): Model => ({
      train: () => null,
      predict: (_, rows) => rows.map((row) => ({ id: row.id ?? '', p_0: 0.4, p_1: row.amount === '0' ? p : 0.6 })),
    });
    const run = async (p: string) =>
      (await runProbe(monitor5, given({ model: classes(p), manifest: { task: 'multiclass' } }))).verdict;
    expect((await run('0.6')).outcome).toBe('pass');
    expect(await run('NaN')).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^0 in amount: predictions are 5 NaN/) }],
    });
  });
  test.each<[string, Partial<Given>, RegExp]>([
    ['no hooks', { model: undefined as never }, /^how the model is trained/],
    ['no label', { manifest: { columns: {} } }, /^which column is predicted/],
    ['no answers', { model: answer(() => null) }, /^inconclusive: the model refused every/],
    [
      'features that are not there',
      { manifest: { columns: { label: 'y', features: ['amount', 'weight'] } } },
      /has no column weight/,
    ],
  ])('%s: skipped, with what to do', async (_, more, reason) => {
    const { verdict } = await runProbe(monitor5, given(more));
    expect(verdict).toMatchObject({ outcome: 'skipped', reason: expect.stringMatching(reason) });
    if (verdict.outcome === 'skipped') expect(verdict.nextStep).toBeTruthy();
  });
});
