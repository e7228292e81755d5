import { describe, expect, test } from 'vitest';
import infra5 from '../../../rules/ml-test-score/infra/infra-5-debuggable.ts';
import { UsageError } from '../../../src/kernel/failure.ts';
import { answering, constant, good, peopleOf } from '../../support/models.ts';
import { type Given, type Model, type Row, runProbe } from '../../support/probes.ts';

const data = { train: peopleOf({ seed: 1, rows: 400 }), eval: peopleOf({ seed: 2, rows: 400 }) };
const given = (more: Partial<Given> = {}): Given => ({ data, model: good, ...more });
const traced = (last: (rows: readonly Row[]) => readonly Row[]): Model => ({
  ...good,
  trace: (model, rows) => ({
    '01_features.csv': rows.map((row) => ({ id: row.id ?? '', amount: row.amount ?? '' })),
    '02_output.csv': last(good.predict(model, rows)),
  }),
});

describe('infra-5: one row can be looked into', () => {
  test('the same alone as in a batch, and each feature with its part: passes, and says that steps are missing', async () => {
    const { verdict, requests } = await runProbe(infra5, given());
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: {
        value: 0,
        threshold: 1e-6,
        n: 3,
        nextStep: expect.stringMatching(/FLIGHTCHECK_TRACE_DIR/),
        explanation: expect.stringMatching(/writes no trace/),
      },
    });
    expect(requests).toHaveLength(5);
    if (verdict.outcome !== 'pass') return;
    const items = verdict.evidence?.items ?? [];
    expect(items.map((item) => item.feature).sort()).toEqual(['amount', 'bend', 'state']);
    expect(Math.abs(Number(items[0]?.contribution))).toBeGreaterThan(0.1);
    const id = /Row (r2-\d+) is answered ([\d.]+)/.exec(verdict.evidence?.explanation ?? '');
    const row = data.eval.find((one) => one.id === id?.[1]);
    const text = (change: Row) => [
      Object.fromEntries(Object.entries({ ...row, ...change }).map(([name, value]) => [name, String(value)])),
    ];
    const fit = good.train(
      data.train.map((one) => text(one)[0] ?? {}),
      1,
      0,
    );
    const [first] = items;
    const difference =
      Number(good.predict(fit, text({}))[0]?.score) -
      Number(good.predict(fit, text({ [String(first?.feature)]: String(first?.typical) }))[0]?.score);
    expect(Number(first?.contribution)).toBeCloseTo(difference, 5);
  });
  test('steps that end in the output pass', async () => {
    const { verdict } = await runProbe(infra5, given({ model: traced((rows) => rows) }));
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: { explanation: expect.stringMatching(/2 stages, 01_features.csv, 02_output.csv/) },
    });
  });
  test('the same evidence at 1 and 2 threads', async () => {
    const [one, two] = [await runProbe(infra5, given({ threads: 1 })), await runProbe(infra5, given({ threads: 2 }))];
    expect(one.verdict).toEqual(two.verdict);
  });
  const nan = answering((rows) => rows.map((row) => (rows.length === 1 ? { ...row, score: 'NaN' } : row)));
  test.each<[string, Model, RegExp]>([
    [
      'scores that are ranks of the batch',
      answering((rows) => rows.map((row, i) => ({ ...row, score: i / rows.length }))),
      /^3 of 3 rows are answered otherwise when they come alone: row r2-\d+ gets 0 alone and 0\.\d+ in a batch of 400/,
    ],
    ['NaN alone', nan, /^3 of 3 rows are answered otherwise/],
    [
      'a refusal alone',
      answering((rows) => rows.map((row) => (rows.length === 1 ? { ...row, score: null } : row))),
      /gets nothing alone/,
    ],
    ['one score for everyone', constant, /^no feature moves any answer: in 20 rows/],
    [
      'steps that end elsewhere',
      traced((rows) => rows.map((row) => ({ ...row, score: Number(row.score) + 0.001 }))),
      /^the trace of row r2-\d+ does not explain its output: its last stage, 02_output.csv, says/,
    ],
    ['steps of another row', traced((rows) => rows.map((row) => ({ ...row, id: 'x' }))), /lacks the row/],
    [
      'steps without a score',
      traced((rows) => rows.map((row) => ({ id: row.id ?? '', margin: 1 }))),
      /has no score: it has id, margin/,
    ],
    [
      'a row alone that breaks predict',
      {
        ...good,
        predict: (model, rows) => {
          const message =
            'the predict hook failed\n  command: x\n  the last it said:\n    File "x", line 1\n    ValueError: bend is text\n    see the docs';
          if (rows.length === 1) throw new UsageError('HOOK_FAILED', message, { hint: 'x' });
          return good.predict(model, rows);
        },
      },
      /^one row alone breaks predict: the predict hook failed: ValueError: bend is text$/,
    ],
  ])('%s fails', async (_, model, message) => {
    const { verdict } = await runProbe(infra5, given({ model }));
    expect(verdict).toMatchObject({ outcome: 'fail', findings: [{ message: expect.stringMatching(message) }] });
    // What was not compared has no difference.
    expect(JSON.stringify(verdict)).not.toMatch(/\b0 rows/);
  });
  test('a model of classes; a row refused both alone and in the batch agrees', async () => {
    const classes: Model = {
      train: () => null,
      predict: (_, rows) => rows.map((row) => ({ id: row.id ?? '', prediction: Number(row.amount) > 100 ? 'high' : 'low' })),
    };
    expect((await runProbe(infra5, given({ model: classes, manifest: { task: 'multiclass' } }))).verdict).toMatchObject({
      outcome: 'pass',
      evidence: { unit: 'label changed' },
    });
    const shy = answering((rows) => rows.map((row) => (/[02468]$/.test(String(row.id)) ? { ...row, score: null } : row)));
    expect((await runProbe(infra5, given({ model: shy }))).verdict.outcome).toBe('pass');
  });
  test.each<[string, Partial<Given>, RegExp]>([
    ['no hooks', { model: undefined as never }, /^how the model is trained/],
    ['no label', { manifest: { columns: {} } }, /^which column is predicted/],
    [
      'no answers',
      { model: answering((rows) => rows.map((row) => ({ ...row, score: null }))) },
      /^inconclusive: the model refused every/,
    ],
  ])('%s: skipped, with what to do', async (_, more, reason) => {
    const { verdict } = await runProbe(infra5, given(more));
    expect(verdict).toMatchObject({ outcome: 'skipped', reason: expect.stringMatching(reason) });
    if (verdict.outcome === 'skipped') expect(verdict.nextStep).toBeTruthy();
  });
});
