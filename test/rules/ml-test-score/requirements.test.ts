import { describe, expect, test } from 'vitest';
import data3 from '../../../rules/ml-test-score/data/data-3-cost.ts';
import data4 from '../../../rules/ml-test-score/data/data-4-requirements.ts';
import { answering, good, peopleOf } from '../../support/models.ts';
import { type Given, type Model, type Row, runProbe } from '../../support/probes.ts';

const train = peopleOf({ seed: 1, rows: 1500 });
const evaluation = peopleOf({ seed: 2, rows: 1500 });
const serving = peopleOf({ seed: 3, rows: 800 }).map(({ y: _, ...row }): Row => row);

describe('data-3: cost against benefit', () => {
  const noisy = (change: (row: Row, i: number) => Row = (row) => row) => ({
    train: peopleOf({ seed: 1, rows: 1500, hasNoise: true }).map(change),
    eval: peopleOf({ seed: 2, rows: 1500, hasNoise: true }).map(change),
  });
  const gap = (row: Row, i: number): Row => (i % 3 === 0 ? { ...row, noise: null } : row);

  test('features that cost nothing and help pass, with what each brings', async () => {
    const { verdict, requests } = await runProbe(data3, { data: { train, eval: evaluation, serving }, model: good });
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: {
        threshold: 0,
        unit: 'auc',
        interval: { level: 0.95 },
        explanation: expect.stringMatching(/^0 of 3 features cost more than being computed; 0 of them bring nothing/),
        nextStep: expect.stringContaining('policy: { upstream'),
      },
    });
    expect(verdict).toMatchObject({
      evidence: { items: expect.arrayContaining([expect.objectContaining({ feature: 'bend', missing: 0, costs: null })]) },
    });
    expect(requests).toHaveLength(1);
  });
  test.each<[string, Given, RegExp]>([
    [
      'missing in a third of the rows',
      { data: noisy(gap), model: good },
      /^noise costs and brings nothing: missing in 33 % of the training rows/,
    ],
    [
      'moving between training and serving',
      {
        data: {
          ...noisy(),
          serving: noisy((row) => ({ ...row, noise: Number(row.noise) + 3 })).eval.map(({ y: _, ...row }): Row => row),
        },
        model: good,
      },
      /^noise costs .*distribution moves \(PSI/,
    ],
    [
      'the only one that needs a system',
      { data: noisy(), model: good, manifest: { policy: { upstream: { noise: ['mainframe', 'ledger'], amount: ['ledger'] } } } },
      /^noise costs .*it alone needs mainframe,/,
    ],
  ])('a useless feature %s fails, and it alone', async (_, given, message) => {
    expect((await runProbe(data3, given)).verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(message) }],
    });
  });
  test('a dear feature that helps is worth it', async () => {
    const dear = (rows: readonly Row[]) => rows.map((row, i) => (i % 4 === 0 ? { ...row, amount: null } : row));
    const { verdict } = await runProbe(data3, { data: { train: dear(train), eval: dear(evaluation) }, model: good });
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: { explanation: expect.stringContaining('1 of 3 features cost') },
    });
  });
  test('a dear feature whose benefit cannot be told is not passed', async () => {
    const { verdict } = await runProbe(data3, {
      data: noisy(gap),
      model: good,
      manifest: { columns: { label: 'y', features: ['noise'] } },
    });
    expect(verdict).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(/^inconclusive: .* whether noise brings/),
    });
  });
  test('the features hook is timed', async () => {
    const { verdict } = await runProbe(data3, {
      data: { train, eval: evaluation },
      model: good,
      features: (rows) => rows.map(({ id = '', bend = '' }) => ({ id, bend })),
    });
    expect(verdict).toMatchObject({
      evidence: { explanation: expect.stringMatching(/Computing all features takes 0\.\d+ s per 1,000 rows/) },
    });
  });
});

describe('data-4: what must not reach the model', () => {
  const columns = { label: 'y', features: ['amount', 'bend'] };
  const given = (more: Partial<Given> = {}): Given => ({
    data: { train, eval: evaluation },
    model: answering((rows) => rows),
    manifest: { columns, policy: { deny: ['state'], deprecated: ['region'] } },
    ...more,
  });
  /** Obeys the list of features: what is not in it is dropped before the model sees it. */
  const obedient: Model = {
    ...good,
    predict: (model, rows) =>
      good.predict(
        model,
        rows.map(({ state: _, ...row }) => row),
      ),
  };

  test('a model that drops the column passes: scrambling it moves nothing', async () => {
    const { verdict } = await runProbe(data4, given({ model: obedient }));
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: {
        items: [
          { column: 'state', policy: 'denied', in_rows: true, predictions_moved: 0, of: expect.closeTo(667, -2) },
          { column: 'region', policy: 'deprecated', in_rows: false, of: 0 },
        ],
      },
    });
  });
  test('a model that reads it behind the list fails', async () => {
    const { verdict } = await runProbe(data4, given({ model: good }));
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^state is denied, and scrambling it moves \d+ of 6\d\d predictions/) }],
    });
  });
  test('a denied column among the features, or written by the features hook, fails', async () => {
    const listed = await runProbe(
      data4,
      given({ model: obedient, manifest: { columns: { label: 'y' }, policy: { deny: ['state'] } } }),
    );
    expect(listed.verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringContaining('it is a feature') }],
    });
    const written = await runProbe(
      data4,
      given({ model: obedient, features: (rows) => rows.map(({ id = '', state = '' }) => ({ id, state })) }),
    );
    expect(written.verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringContaining('features hook writes it') }],
    });
  });
  test('a feature that tells a denied column is named, and does not decide', async () => {
    const told = (rows: readonly Row[]) =>
      rows.map((row) => ({ ...row, office: row.state === 'vic' ? 'melbourne' : row.state === 'nsw' ? 'sydney' : 'canberra' }));
    const { verdict } = await runProbe(
      data4,
      given({
        data: { train: told(train), eval: told(evaluation) },
        model: obedient,
        manifest: { columns: { label: 'y', features: ['amount', 'office'] }, policy: { deny: ['state'] } },
      }),
    );
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: { explanation: expect.stringContaining('office (state, 1.00)') },
    });
  });
  test('all columns that are there are asked in one batch, and each is judged by its own copies', async () => {
    const two = (rows: readonly Row[]) => rows.map((row, i) => ({ ...row, branch: i % 7 }));
    const policy = { deny: ['branch', 'state'], deprecated: ['region'] };
    const data = { train: two(train), eval: two(evaluation) };
    const { verdict, requests } = await runProbe(data4, given({ data, model: good, manifest: { columns, policy } }));
    const batches = requests.map((request) => JSON.stringify(request)).filter((request) => request.includes('branch'));
    expect(new Set(batches).size).toBe(1);
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^state is denied, and scrambling it moves/) }],
      evidence: {
        items: [
          { column: 'branch', in_rows: true, predictions_moved: 0, of: expect.closeTo(857, -2) },
          { column: 'state', in_rows: true, of: expect.closeTo(667, -2) },
          { column: 'region', in_rows: false, of: 0 },
        ],
      },
    });
  });
  test('a model that reads the id, or answers by chance, is not said to read the column', async () => {
    const moving = (change: (score: number, id: string) => number): Model => ({
      ...obedient,
      predict: (model, rows) =>
        obedient.predict(model, rows).map(({ id, score }) => ({ id: id ?? '', score: change(Number(score), String(id)) })),
    });
    const byId = moving((score, id) => 0.9 * score + 0.01 * (Number(id.replace(/\D/g, '')) % 7));
    expect((await runProbe(data4, given({ model: byId }))).verdict).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(/^inconclusive: the model reads the id, .*: whether it reads state too cannot be told/),
    });
    const byChance = moving((score) => 0.9 * score + 0.1 * Math.random());
    expect((await runProbe(data4, given({ model: byChance }))).verdict).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(
        /^inconclusive: 200 of 200 rows get another answer when they are asked again: whether .* state /,
      ),
    });
    const denied = { columns, policy: { deny: ['id', 'state'] } };
    expect((await runProbe(data4, given({ model: byId, manifest: denied }))).verdict).toMatchObject({
      outcome: 'fail',
      findings: [
        { message: expect.stringMatching(/^id is denied, and another id moves 1\d\d of 200 predictions: the model reads it$/) },
      ],
    });
    expect((await runProbe(data4, given({ model: obedient, manifest: denied }))).verdict).toMatchObject({ outcome: 'pass' });
  });
  test('a column of one value cannot be scrambled: not passed', async () => {
    const same = (rows: readonly Row[]) => rows.map((row) => ({ ...row, state: 'act' }));
    const { verdict } = await runProbe(data4, given({ data: { train: same(train), eval: same(evaluation) }, model: obedient }));
    expect(verdict).toMatchObject({ outcome: 'skipped', reason: expect.stringMatching(/^inconclusive: state could not/) });
  });
  test('a probability that moves is seen though the likeliest class stays', async () => {
    const classes: Model = {
      train: () => 0,
      predict: (_, rows) =>
        rows.map(({ id = '', state }) => ({ id, p_0: state === 'vic' ? 0.1 : 0.2, p_1: state === 'vic' ? 0.9 : 0.8 })),
    };
    const manifest = { task: 'multiclass', columns, policy: { deny: ['state'] } };
    expect((await runProbe(data4, given({ model: classes, manifest }))).verdict).toMatchObject({ outcome: 'fail' });
  });
  test('a feature that no table has is no fault of ours', async () => {
    const manifest = { columns: { ...columns, features: ['amount', 'gone'] }, policy: { deny: ['state'] } };
    expect((await runProbe(data4, given({ model: obedient, manifest }))).verdict).toMatchObject({ outcome: 'pass' });
  });
  test('without a list nothing is judged', async () => {
    const { verdict, requests } = await runProbe(data4, given({ manifest: { columns } }));
    expect(verdict).toMatchObject({ outcome: 'skipped', manifestLine: 'policy: { deny: [name, tax_file_number] }' });
    expect(requests).toEqual([]);
  });
});
