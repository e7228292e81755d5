import { describe, expect, test } from 'vitest';
import model5 from '../../../rules/ml-test-score/model/model-5-simpler-model.ts';
import model6 from '../../../rules/ml-test-score/model/model-6-slices.ts';
import { answering, constant, good, peopleOf } from '../../support/models.ts';
import { type Given, type Model, type Row, runProbe } from '../../support/probes.ts';

const data = { train: peopleOf({ seed: 1 }), eval: peopleOf({ seed: 2 }) };
const given = (more: Partial<Given> = {}): Given => ({
  data,
  model: good,
  manifest: { columns: { label: 'y', slices: ['state'] } },
  ...more,
});

describe('model-5: a simpler model is not better', () => {
  test('a model that learns more than lines passes, with its numbers', async () => {
    const { verdict, requests } = await runProbe(model5, given());
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { unit: 'auc', n: 2000, threshold: 0, seed: 1 } });
    if (verdict.outcome !== 'pass') return;
    expect(verdict.evidence?.interval?.lower).toBeGreaterThan(0);
    expect(verdict.evidence?.items?.map((item) => item.baseline)).toEqual([
      'always the share of yes',
      'bend alone',
      'logistic model of 4 terms',
    ]);
    expect(new Set(requests.map((request) => JSON.stringify(request))).size).toBe(2);
  });
  test('rows that were trained on are no evaluation rows, a few doubles aside', async () => {
    const learnt = (share: number) =>
      runProbe(
        model5,
        given({ data: { ...data, eval: [...data.train.slice(0, share * 2000), ...data.eval.slice(share * 2000)] } }),
      );
    expect((await learnt(1)).verdict).toMatchObject({
      outcome: 'skipped',
      reason: 'data.eval is not held out: 100 % of its rows stand in data.train too, and were learnt',
    });
    expect((await learnt(0.1)).verdict).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining(': 10 % of') });
    expect((await learnt(0.04)).verdict.outcome).toBe('pass');
  });
  test('same evidence at 1 and 2 threads', async () => {
    const [one, two] = [await runProbe(model5, given({ threads: 1 })), await runProbe(model5, given({ threads: 2 }))];
    expect(one.verdict).toEqual(two.verdict);
  });
  test('a constant model and one that forgets the bend fail', async () => {
    const flat: Model = {
      ...good,
      predict: (model, rows) =>
        good.predict(
          model,
          rows.map((row) => ({ ...row, bend: '0' })),
        ),
    };
    expect((await runProbe(model5, given({ model: constant }))).verdict.outcome).toBe('fail');
    const { verdict } = await runProbe(model5, given({ model: flat }));
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: expect.arrayContaining([{ message: expect.stringMatching(/bend alone/) }]),
    });
  });
  test.each(['accuracy', 'log_loss', 'f1'])('%s', async (metric) => {
    const { verdict } = await runProbe(model5, given({ manifest: { quality: { metric } } }));
    expect(verdict.outcome).toBe('pass');
  });
  test('regression and many classes', async () => {
    const worth = (rows: readonly Row[]) =>
      rows.map(({ y: _, ...row }, i) => ({ ...row, y: Number(row.bend) ** 2 * 10 + Math.sin(i) }));
    const squared: Model = {
      train: () => null,
      predict: (_, rows) => rows.map((row) => ({ id: row.id ?? '', score: Number(row.bend) ** 2 * 10 })),
    };
    const numbers = await runProbe(model5, {
      data: { train: worth(data.train), eval: worth(data.eval) },
      model: squared,
      manifest: { task: 'regression' },
    });
    expect(numbers.verdict).toMatchObject({ outcome: 'pass', evidence: { unit: 'label' } });
    const classes = (rows: readonly Row[]) =>
      rows.map(({ y: _, ...row }) => ({
        ...row,
        y: Number(row.amount) > 100 === Number(row.bend) > 0 ? 'both' : Number(row.bend) > 0 ? 'up' : 'down',
      }));
    const knowing: Model = {
      train: () => null,
      predict: (_, rows) =>
        rows.map((row) => ({
          id: row.id ?? '',
          prediction: Number(row.amount) > 100 === Number(row.bend) > 0 ? 'both' : Number(row.bend) > 0 ? 'up' : 'down',
        })),
    };
    const guessing: Model = {
      train: () => null,
      predict: (_, rows) => rows.map((row) => ({ id: row.id ?? '', prediction: 'both' })),
    };
    const many = { data: { train: classes(data.train), eval: classes(data.eval) }, manifest: { task: 'multiclass' } };
    expect((await runProbe(model5, { ...many, model: knowing })).verdict.outcome).toBe('pass');
    expect((await runProbe(model5, { ...many, model: guessing })).verdict.outcome).toBe('fail');
  });
});

describe('model-6: every slice', () => {
  test('even groups pass, each with its interval', async () => {
    const { verdict } = await runProbe(model6, given());
    expect(verdict).toMatchObject({ outcome: 'pass' });
    if (verdict.outcome === 'pass')
      expect(verdict.evidence?.items?.map((item) => [item.slice, item.verdict])).toContainEqual(['state = vic', 'pass']);
  });
  test('a group whose labels are a coin toss fails, and it alone is named', async () => {
    const { verdict } = await runProbe(model6, given({ data: { train: data.train, eval: peopleOf({ seed: 2, tossed: 1 }) } }));
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^state = vic: auc 0\.[45]/) }],
    });
  });
  test('a small group is inconclusive: skipped, never passed', async () => {
    const rare = data.eval.map((row, i) => ({ ...row, state: i < 60 ? 'nt' : (row.state ?? '') }));
    const { verdict } = await runProbe(
      model6,
      given({
        data: { train: data.train, eval: rare },
        manifest: { columns: { label: 'y', slices: ['state'] }, quality: { slice_max_drop: 0.02 } },
      }),
    );
    expect(verdict).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(/^inconclusive: .*state = nt \(60 rows\)/),
      evidence: { n: 2000 },
    });
  });
  test('numbers of many values are cut into quarters; names that are not there are told', async () => {
    const quarters = await runProbe(
      model6,
      given({ manifest: { columns: { label: 'y', slices: ['amount'] }, quality: { metric: 'accuracy' } } }),
    );
    expect(quarters.verdict).toMatchObject({
      evidence: { items: expect.arrayContaining([expect.objectContaining({ slice: expect.stringMatching(/^amount = up to/) })]) },
    });
    const absent = await runProbe(model6, given({ manifest: { columns: { label: 'y', slices: ['town'] } } }));
    expect(absent.verdict).toMatchObject({ outcome: 'skipped', reason: expect.stringMatching(/town/) });
    const none = await runProbe(model6, given({ manifest: {} }));
    expect(none.verdict).toMatchObject({ outcome: 'skipped', manifestLine: 'columns: { slices: [state, channel] }' });
    expect(none.requests).toEqual([]);
  });
});

describe('what is given is not as it should be', () => {
  const inWords = (rows: readonly Row[]) => rows.map((row) => ({ ...row, y: row.y === 1 ? 'yes' : 'no' }));
  const even: Model = { train: () => null, predict: (_, rows) => rows.map(({ id = '' }) => ({ id, score: 0.5 })) };
  const first = (rows: readonly Row[], change: Row) => rows.map((row) => ({ ...row, ...change }));
  test.each<[string, Partial<Given>, object]>([
    [
      'one label only',
      { data: { train: data.train, eval: first(data.eval, { y: 1 }) } },
      { outcome: 'skipped', reason: expect.stringMatching(/^inconclusive: .*same label/) },
    ],
    [
      'no label at all',
      { data: { train: data.train, eval: first(data.eval, { y: null }) } },
      { outcome: 'skipped', reason: expect.stringMatching(/^inconclusive/) },
    ],
    [
      'no such column',
      { manifest: { columns: { label: 'late', slices: ['state'] } } },
      { outcome: 'skipped', manifestLine: 'columns: { label: ... }' },
    ],
    [
      'evaluation rows without the label',
      { data: { train: data.train, eval: data.eval.map(({ y: _, ...row }) => row) } },
      { outcome: 'skipped', manifestLine: 'data: { eval: path/to/labelled-rows.csv }' },
    ],
    [
      'words where decision.positive is 1',
      { data: { train: inWords(data.train), eval: inWords(data.eval) }, model: even },
      { outcome: 'skipped', manifestLine: 'decision: { positive: "yes" }' },
    ],
    [
      'words in the evaluation rows alone',
      { data: { train: data.train, eval: inWords(data.eval) } },
      { outcome: 'skipped', nextStep: expect.stringMatching(/^Write y as in data.train, where \d+ rows hold decision.positive/) },
    ],
    [
      'the label by a name that differs in case and spaces',
      { data: { train: data.train, eval: data.eval.map(({ y, ...row }) => ({ ...row, ' Y ': y ?? null })) } },
      { outcome: 'skipped', nextStep: 'It has " Y ": give the label one name in all tables.' },
    ],
    [
      'NaN scores',
      { model: answering((rows) => rows.map((row, i) => (i === 7 ? { ...row, score: 'NaN' } : row))) },
      {
        outcome: 'fail',
        findings: [{ message: '1 of 2000 predictions are NaN or infinite', fix: expect.stringMatching(/^Find the rows/) }],
      },
    ],
    [
      'every row refused',
      { model: answering((rows) => rows.map((row) => ({ ...row, score: null }))) },
      { outcome: 'skipped', reason: expect.stringMatching(/refused/) },
    ],
    [
      'one row',
      { data: { train: data.train, eval: data.eval.slice(0, 1) } },
      { outcome: 'skipped', reason: expect.stringMatching(/^inconclusive/) },
    ],
    [
      'no rows',
      { data: { train: data.train, eval: 'id,amount,bend,state,y\n' }, model: answering(() => [{ id: '', score: 1 }].slice(1)) },
      { outcome: 'skipped', reason: 'inconclusive: data.eval has no rows' },
    ],
    [
      'a metric of another task',
      { manifest: { columns: { label: 'y', slices: ['state'] }, quality: { metric: 'rmse' } } },
      { outcome: 'skipped', manifestLine: 'quality: { metric: auc }' },
    ],
    ['a ranking', { manifest: { task: 'ranking', columns: { label: 'y', slices: ['state'] } } }, { outcome: 'not-applicable' }],
    [
      'no task',
      { manifest: { task: undefined, columns: { label: 'y', slices: ['state'] } } },
      { outcome: 'skipped', manifestLine: 'task: binary' },
    ],
  ])('%s', async (_, more, expected) => {
    expect((await runProbe(model5, given(more))).verdict).toMatchObject(expected);
  });

  test('a few refusals are left out and told', async () => {
    const { verdict } = await runProbe(
      model6,
      given({ model: answering((rows) => rows.map((row, i) => (i % 100 === 0 ? { ...row, score: null } : row))) }),
    );
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: { explanation: expect.stringMatching(/20 refused by the model/) },
    });
  });
  test.each([
    ['dropped rows', answering((rows) => rows.slice(3)), /3 ids of 2,000 input rows missing/],
    ['other ids', answering((rows) => rows.map((row, i) => ({ ...row, id: i }))), /not in the input/],
  ])('%s: the error of the hook', async (_name, model, message) => {
    await expect(runProbe(model6, given({ model }))).rejects.toMatchObject({
      code: 'PREDICTIONS_INVALID',
      message: expect.stringMatching(message),
    });
  });
});
