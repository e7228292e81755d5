import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import infra4 from '../../../rules/ml-test-score/infra/infra-4-validated.ts';
import model4 from '../../../rules/ml-test-score/model/model-4-staleness.ts';
import model5 from '../../../rules/ml-test-score/model/model-5-simpler-model.ts';
import model6 from '../../../rules/ml-test-score/model/model-6-slices.ts';
import model7 from '../../../rules/ml-test-score/model/model-7-inclusion.ts';
import monitor7 from '../../../rules/ml-test-score/monitoring/monitor-7-prediction-quality.ts';
import type { AnyCheck } from '../../../src/kernel/check.ts';
import { good, peopleOf } from '../../support/models.ts';
import { type Given, type Model, type Row, runProbe, type TextRow } from '../../support/probes.ts';

const timed = (rows: readonly Row[], first: number): readonly Row[] =>
  rows.map((row, i) => ({ ...row, band: i % 2 === 0 ? 'a' : 'b', at: first + i }));
const train = timed(peopleOf({ seed: 1, rows: 3000 }), 0);
const evaluation = timed(peopleOf({ seed: 2, rows: 3000 }), 3000);
const people = timed(peopleOf({ seed: 3, rows: 2400 }), 6000);
const text = (rows: readonly Row[]): readonly TextRow[] =>
  rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value ?? '')])));
const fitted = good.train(text(train), 1, 0);

const columns = { label: 'y', time: 'at', features: ['amount', 'bend', 'state'], slices: ['state'], protected: ['band'] };
const manifest = { columns, fairness: { criterion: 'equal_opportunity' }, quality: { min: 0.7, production: 'models/last' } };
const data = {
  train,
  eval: evaluation,
  serving: people.map(({ y: _, ...row }, i) => ({ ...row, score: good.predict(fitted, text([row]))[0]?.score ?? i })),
  outcomes: people.map(({ id = '', y = 0 }) => ({ id, y })),
};
const given = (model: Model, more: Partial<Given> = {}): Given => ({
  data,
  model,
  models: { production: fitted },
  manifest,
  ...more,
});

/** `good` with each answer changed by the row that it is given for. */
const changed = (change: (score: number, row: TextRow, rows: readonly TextRow[]) => number): Model => ({
  ...good,
  predict: (model, rows) =>
    good.predict(model, rows).map(({ id = '', score }, i) => ({ id, score: change(Number(score), rows[i] ?? {}, rows) })),
});
const labels = new Map(evaluation.map(({ id, y }, i) => [String(id), { y: Number(y), i }]));
/** Every `nth` label of the evaluation rows is known by heart. */
const knowing = (nth: number) =>
  changed((score, { id = '' }) => {
    const known = labels.get(id);
    return known && known.i % nth === 0 ? 0.9 * known.y + 0.1 * score : score;
  });
const drawnById = changed((score, { id = '' }) => 0.9 * score + 0.1 * ((createHash('md5').update(id).digest()[0] ?? 0) / 255));

const tests: readonly (readonly [string, AnyCheck])[] = [
  ['model-4', model4],
  ['model-5', model5],
  ['model-6', model6],
  ['model-7', model7],
  ['infra-4', infra4],
  ['monitor-7', monitor7],
];

describe('a model that answers by the id of the row', () => {
  test.each(tests)('%s passes on a good model, which is asked for 200 rows more', async (_, check) => {
    const { verdict, requests } = await runProbe(check, given(good));
    expect(verdict.outcome).toBe('pass');
    const more = requests.filter(({ hook, ...request }) => hook === 'predict' && JSON.stringify(request).includes('permuted'));
    expect(new Set(more.map((request) => JSON.stringify(request))).size).toBe(1);
    expect(JSON.stringify(more[0])).toContain('"rows":200');
  });
  test.each(tests)('%s fails when labels are known by heart', async (_, check) => {
    const { verdict } = await runProbe(check, given(knowing(2)));
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [
        { message: expect.stringMatching(/^the model reads the id: (8|9|10|11)\d of 200 evaluation rows get another answer/) },
      ],
    });
  });
  test('and when an answer is drawn by the id; the finding says what to do', async () => {
    const { verdict } = await runProbe(model5, given(drawnById));
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringContaining('reads the id'), fix: expect.stringContaining('columns.features') }],
      evidence: { n: 200, threshold: 10, unit: 'rows' },
    });
  });
  test('classes and their probabilities are compared too; a row that is refused under another id is another answer', async () => {
    const many = { ...manifest, task: 'multiclass', quality: { metric: 'accuracy' } };
    const answer = (score: unknown) => (Number(score) > 0.5 ? '1' : '0');
    const classes = (model: Model): Model => ({
      ...model,
      predict: (made, rows) => model.predict(made, rows).map(({ id = '', score }) => ({ id, prediction: answer(score) })),
    });
    const probabilities = (model: Model): Model => ({
      ...model,
      predict: (made, rows) =>
        model.predict(made, rows).map(({ id = '', score }) => ({ id, p_0: 1 - Number(score), p_1: score ?? 0 })),
    });
    expect((await runProbe(model5, given(classes(good), { manifest: many }))).verdict.outcome).toBe('pass');
    for (const model of [classes(knowing(1)), probabilities(drawnById)])
      expect((await runProbe(model5, given(model, { manifest: many }))).verdict).toMatchObject({
        outcome: 'fail',
        findings: [{ message: expect.stringContaining('reads the id') }],
      });
    const refusing: Model = {
      ...good,
      predict: (made, rows) =>
        good.predict(made, rows).map((row) => (labels.has(String(row.id)) ? row : { ...row, score: null })),
    };
    expect((await runProbe(model5, given(refusing))).verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringContaining('200 of 200') }],
    });
  });
});

describe('what is no reading of the id', () => {
  let calls = 0;
  test.each<[string, Model]>([
    ['a few rows that stand in a table of exceptions', knowing(50)],
    ['answers that differ by chance from call to call', changed((score) => 0.99 * score + 0.01 * Math.random())],
    ['one answer in ten that differs by chance', changed((score) => (Math.random() < 0.1 ? 0.5 * score : score))],
    ['answers that depend on the rows around', changed((score, _, rows) => score * (rows.length > 1000 ? 0.9 : 1))],
    ['a refusal that comes and goes', changed((score, _, rows) => (++calls % rows.length === 7 ? 0.5 : score))],
  ])('%s', async (_, model) => {
    for (const check of [model5, model6]) {
      const { verdict } = await runProbe(check, given(model));
      expect(verdict).toMatchObject({ outcome: 'pass' });
    }
  });
  test.each<[string, object]>([
    ['a feature', { columns: { ...columns, features: ['id', ...columns.features] } }],
    ['the time', { columns: { ...columns, time: 'id' } }],
    ['one of the columns that identify a row together', { columns: { ...columns, key: ['id', 'at'] } }],
    ['a name of period and place, in a forecast', { task: 'forecast', quality: { metric: 'rmse' } }],
  ])('an id that is %s: the model may read it', async (_, more) => {
    const { verdict, requests } = await runProbe(model6, given(drawnById, { manifest: { ...manifest, ...more } }));
    expect(JSON.stringify(verdict)).not.toContain('reads the id');
    expect(requests).toHaveLength(1);
  });
});
