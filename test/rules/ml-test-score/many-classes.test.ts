import { describe, expect, test } from 'vitest';
import data2 from '../../../rules/ml-test-score/data/data-2-benefit.ts';
import model5 from '../../../rules/ml-test-score/model/model-5-simpler-model.ts';
import model6 from '../../../rules/ml-test-score/model/model-6-slices.ts';
import monitor7 from '../../../rules/ml-test-score/monitoring/monitor-7-prediction-quality.ts';
import { randomOf } from '../../../src/stats/random.ts';
import { type Given, type Model, parseCsv, type Row, runProbe } from '../../support/probes.ts';
import { csvOf } from '../../support/tables.ts';

const classes = ['calm', 'gale', 'storm'] as const;
const logits = (wind: number, gusts: number): readonly number[] => [1.4 - wind, wind - 0.2, 2.2 * gusts - 2.5];

/** Weather: one of three classes drawn from two numbers; storms are rare. */
function weather(seed: number, rows: number, of: (i: number) => string = (i) => (i % 2 === 0 ? 'north' : 'south')): Row[] {
  const random = randomOf(seed);
  return Array.from({ length: rows }, (_, i) => {
    const [wind, gusts, noise] = [2 * random.normal(), random.normal(), random.normal()].map((x) => Number(x.toFixed(4)));
    const shares = logits(wind ?? 0, gusts ?? 0).map(Math.exp);
    const draw = random.uniform() * shares.reduce((sum, share) => sum + share, 0);
    const y = draw < (shares[0] ?? 0) ? 'calm' : draw < (shares[0] ?? 0) + (shares[1] ?? 0) ? 'gale' : 'storm';
    return { id: `w${seed}-${i}`, wind: wind ?? 0, gusts: gusts ?? 0, noise: noise ?? 0, coast: of(i), y };
  });
}

type Answer = (shares: readonly number[], row: Readonly<Record<string, string>>) => Row;
const knowing = (answer: Answer): Model => ({
  train: () => 0,
  predict: (_, rows) =>
    rows.map((row) => {
      const raw = logits(Number(row.wind ?? 0), Number(row.gusts ?? 0)).map(Math.exp);
      return {
        id: row.id ?? '',
        ...answer(
          raw.map((share) => share / raw.reduce((sum, one) => sum + one, 0)),
          row,
        ),
      };
    }),
});
const withShares: Answer = (shares) => Object.fromEntries(classes.map((name, k) => [`p_${name}`, shares[k] ?? 0]));
const commonest = (shares: readonly number[]): string => classes[shares.indexOf(Math.max(...shares))] ?? '';
const withClass: Answer = (shares) => ({ prediction: commonest(shares) });
/** Knows nothing of the south. */
const northern: Answer = (shares, row) => withShares(row.coast === 'south' ? [0.4, 0.35, 0.25] : shares, row);

const later = weather(3, 1800);
const outcomes = later.map(({ id, y }): Row => ({ id: id ?? '', y: y ?? '' }));
/** The later rows as if logged with the model's answers. */
function logOf(answer: Answer): readonly Row[] {
  const answers = knowing(answer).predict(0, parseCsv(csvOf(later)));
  return later.map(({ y: _, ...row }, i): Row => ({ ...row, ...answers[i] }));
}

const data = { train: weather(1, 1500), eval: weather(2, 2400) };
const given = (metric: string, model: Model, more: Partial<Given> = {}): Given => ({
  data,
  model,
  manifest: {
    task: 'multiclass',
    columns: { label: 'y', slices: ['coast'], features: ['wind', 'gusts', 'noise'] },
    quality: { metric },
  },
  ...more,
});

describe.each(['f1', 'auc'])('metrics of many classes: %s', (metric) => {
  test('benefit: the feature without any is named, the others help', async () => {
    const { verdict } = await runProbe(data2, given(metric, knowing(withShares)));
    expect(verdict).toMatchObject({ outcome: 'fail', findings: [{ message: expect.stringMatching(/^noise brings nothing/) }] });
  });
  test('slices: equal groups pass, one that is guessed at fails', async () => {
    const fine = await runProbe(model6, given(metric, knowing(withShares)));
    expect(fine.verdict).toMatchObject({ outcome: 'pass' });
    const poor = await runProbe(model6, given(metric, knowing(northern)));
    expect(poor.verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(new RegExp(`^coast = south: ${metric} 0\\.`)) }],
    });
  });
  test('served predictions: as good as before, and guessed', async () => {
    const of = (answer: Answer) =>
      runProbe(monitor7, given(metric, knowing(withShares), { data: { ...data, outcomes, serving: logOf(answer) } }));
    expect((await of(withShares)).verdict).toMatchObject({ outcome: 'pass' });
    expect((await of(northern)).verdict).toMatchObject({ outcome: 'fail' });
  });
});

describe('many classes: what the answers must hold', () => {
  test('F1 needs the class alone, AUC says which columns are missing', async () => {
    expect((await runProbe(model6, given('f1', knowing(withClass)))).verdict).toMatchObject({ outcome: 'pass' });
    expect((await runProbe(model6, given('auc', knowing(withClass)))).verdict).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('no probabilities'),
      manifestLine: 'quality: { metric: f1 }',
    });
  });
  test('F1 beats the commonest class and the best feature alone; a model that answers one class does not', async () => {
    expect((await runProbe(model5, given('f1', knowing(withClass)))).verdict).toMatchObject({ outcome: 'pass' });
    const lazy = knowing(() => ({ prediction: 'gale' }));
    expect((await runProbe(model5, given('f1', lazy))).verdict).toMatchObject({ outcome: 'fail' });
    expect((await runProbe(model5, given('auc', knowing(withShares)))).verdict).toMatchObject({
      outcome: 'not-applicable',
      reason: expect.stringContaining('accuracy or f1'),
    });
  });
  test('a log of probabilities without the answered class is read by its largest', async () => {
    const serving = logOf(withShares);
    const { verdict } = await runProbe(
      monitor7,
      given('accuracy', knowing(withShares), { data: { ...data, outcomes, serving } }),
    );
    expect(verdict).toMatchObject({ outcome: 'pass' });
  });
  test('a label of hundreds of values has no score of each', async () => {
    const named = (rows: readonly Row[]) => rows.map((row, i) => ({ ...row, y: `class ${i % 300}` }));
    const { verdict } = await runProbe(
      model6,
      given('f1', knowing(withClass), { data: { train: named(data.train), eval: named(data.eval) } }),
    );
    expect(verdict).toMatchObject({ outcome: 'skipped', manifestLine: 'quality: { metric: accuracy }' });
  });
});
