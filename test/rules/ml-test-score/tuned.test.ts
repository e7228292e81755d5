import { describe, expect, test } from 'vitest';
import { searchOf } from '../../../rules/ml-test-score/lib/search-space.ts';
import model3 from '../../../rules/ml-test-score/model/model-3-tuned.ts';
import { UsageError } from '../../../src/kernel/failure.ts';
import type { Mlflow, MlflowRun } from '../../../src/kernel/world.ts';
import { good, peopleOf } from '../../support/models.ts';
import { type Given, type Model, type Row, runProbe } from '../../support/probes.ts';

interface Fitted {
  readonly fit: unknown;
  readonly params: Readonly<Record<string, unknown>>;
}

/** `good`, of whose square of bend only the share `weight` counts, and with `shift` added to what it adds up. */
const tunable: Model = {
  train: (rows, seed, replicate, params = {}) => ({ fit: good.train(rows, seed, replicate), params: { ...chosen, ...params } }),
  predict: (model, rows) => {
    const { fit, params } = model as Fitted;
    const root = Math.sqrt(Number(params.weight));
    const scaled = rows.map((row) => ({ ...row, bend: String(Number(row.bend) * root) }));
    return good.predict(fit, scaled).map((row) => ({ ...row, score: Number(row.score) * (0.5 + Number(params.shift) / 20) }));
  },
};
const chosen = { weight: 1, shift: 5 };
const space = { weight: { low: 0.01, high: 4 }, shift: { low: 1, high: 10 } };
const data = { train: peopleOf({ seed: 1 }), eval: peopleOf({ seed: 2 }) };
const hooks = { train: 'train {data} {params} {model}', predict: 'predict {model} {in} {out}' };
const given = (manifest: Record<string, unknown> = {}, model: Model = tunable): Given => ({
  data,
  model,
  manifest: { columns: { label: 'y' }, hooks: { ...hooks, params: chosen }, policy: { search_space: space }, ...manifest },
});
const tuned = (params: Record<string, unknown>, search: Record<string, unknown> = space): Given => {
  const model: Model = {
    ...tunable,
    train: (rows, seed, replicate, own) => tunable.train(rows, seed, replicate, { ...params, ...own } as never),
  };
  return given({ hooks: { ...hooks, params }, policy: { search_space: search } }, model);
};

describe('the values that are tried', () => {
  test('lie half way to the ends, on the scale; whole numbers stay whole; one value at a time', () => {
    const { candidates, findings, fixed } = searchOf(
      { trees: 60, rate: 0.1, depth: 2, kernel: 'rbf', bins: 24 },
      {
        trees: { low: 20, high: 200 },
        rate: { low: 0.001, high: 1, scale: 'log' },
        depth: { low: 1, high: 3 },
        kernel: { values: ['linear', 'rbf', 'poly'] },
        bins: { fixed: 'set by the data' },
      },
    );
    expect(candidates.map(({ name, value }) => `${name} ${value}`)).toEqual([
      ...['trees 40', 'rate 0.01', 'depth 1', 'kernel linear'],
      ...['trees 130', 'rate 0.316', 'depth 3', 'kernel poly'],
    ]);
    expect(findings).toEqual([]);
    expect(fixed).toEqual([{ name: 'bins', why: 'set by the data' }]);
  });
  test('are at most twelve, of each parameter one before any second', () => {
    const names = Array.from({ length: 9 }, (_, i) => `p${i}`);
    const { candidates } = searchOf(
      Object.fromEntries(names.map((name) => [name, 5])),
      Object.fromEntries(names.map((name) => [name, { low: 0, high: 10 }])),
    );
    expect(candidates).toHaveLength(12);
    expect(new Set(candidates.slice(0, 9).map(({ name }) => name)).size).toBe(9);
  });
  test.each<[string, Record<string, unknown>, Record<string, object>, RegExp]>([
    ['no range', { a: 1 }, {}, /^a is never varied/],
    ['no single value', { a: [1, 2] }, { a: { low: 1, high: 2 } }, /^a is never varied/],
    ['no chosen value', {}, { a: { low: 1, high: 2 } }, /^search_space names a/],
    ['half a range', { a: 1 }, { a: { low: 1 } }, /needs low and high/],
    ['an empty range', { a: 1 }, { a: { low: 2, high: 1 } }, /is empty/],
    ['a log scale from 0', { a: 1 }, { a: { low: 0, high: 2, scale: 'log' } }, /log scale/],
    ['outside', { a: 3 }, { a: { low: 1, high: 2 } }, /outside its range of 1 to 2/],
    ['text', { a: 'x' }, { a: { low: 1, high: 2 } }, /no number/],
    ['a single value', { a: 1 }, { a: { values: [1] } }, /^a is never varied: its range holds no other value than 1/],
    ['none of the values', { a: 'x' }, { a: { values: ['y', 'z'] } }, /none of its values/],
    ['the low end', { a: 1 }, { a: { low: 1, high: 9 } }, /^a is 1, the low end/],
    ['the high end, nearly', { a: 0.9999 }, { a: { low: 0, high: 1 } }, /^a is 0.9999, the high end/],
    ['the other end is natural', { a: 1 }, { a: { low: 1, high: 9, natural_end: 'high' } }, /the low end/],
  ])('%s: told', (_, params, ranges, message) => {
    expect(searchOf(params, ranges).findings).toEqual([expect.objectContaining({ message: expect.stringMatching(message) })]);
  });
  test('a natural end may be chosen', () => {
    const { findings, candidates } = searchOf({ a: 1 }, { a: { low: 0, high: 1, natural_end: 'high' } });
    expect([findings, candidates.map(({ value }) => value)]).toEqual([[], [0.75, 0.5]]);
    expect(searchOf({ a: 1 }, { a: { low: 1, high: 2, natural_end: 'low' } }).candidates.map(({ value }) => value)).toEqual([
      1.25, 1.5,
    ]);
    expect(searchOf({ a: 1 }, { a: { low: 1, high: 3, natural_end: 'low' } }).candidates.map(({ value }) => value)).toEqual([2]);
  });
});

describe('model-3: a search through the hooks', () => {
  test('chosen values that are as good as any pass; the evaluation rows stay out of it', async () => {
    const { verdict, requests } = await runProbe(model3, given());
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { unit: 'auc', n: 500 } });
    if (verdict.outcome === 'pass') {
      expect(Number(verdict.evidence?.value)).toBeLessThanOrEqual(Number(verdict.evidence?.threshold));
      expect(verdict.evidence?.items).toHaveLength(5);
    }
    expect(requests).toHaveLength(5);
    expect(JSON.stringify(requests)).not.toContain('"eval"');
  });
  test('values that are all fixed are tuned by nobody', async () => {
    const fixed = { weight: { fixed: 'a habit' }, shift: { fixed: 'another' } };
    expect((await runProbe(model3, given({ policy: { search_space: fixed } }))).verdict).toMatchObject({
      outcome: 'skipped',
      reason: 'every hyperparameter is fixed (weight, shift), so none was tuned',
    });
  });
  test('rows with times: the last quarter validates', async () => {
    const timed = (rows: readonly Row[]) => rows.map((row, i) => ({ ...row, at: i }));
    const { verdict, requests } = await runProbe(model3, {
      ...given({ columns: { label: 'y', time: 'at', features: ['amount', 'bend', 'state'] } }),
      data: { train: timed(data.train), eval: timed(data.eval) },
    });
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { n: 500 } });
    expect(requests[0]).toMatchObject({ input: { derive: 'window', start: 0.75, end: 1 } });
  });
  test.each<[string, Given, RegExp]>([
    ['a much better value', tuned({ weight: 0.1, shift: 5 }), /^weight 2.05 gives auc .* more than one standard error better/],
    ['a value on the end of its range', tuned({ weight: 1, shift: 10 }), /^shift is 10, the high end/],
    ['a training that ignores {params}', given({}, good), /^training ignores \{params\}: 4 trainings/],
    [
      'a parameter that nothing reads',
      tuned({ ...chosen, extra: 5 }, { ...space, extra: { low: 1, high: 9 } }),
      /^extra changes no answer/,
    ],
    ['a parameter without a range', tuned({ ...chosen, extra: 5 }), /^extra is never varied/],
  ])('%s fails', async (_, wrong, message) => {
    const { verdict } = await runProbe(model3, wrong);
    expect(verdict).toMatchObject({ outcome: 'fail', findings: [{ message: expect.stringMatching(message) }] });
  });
  test('a value on which training stops is told; a budget that is spent is not its fault', async () => {
    const stopping = (code: string): Model => ({
      ...tunable,
      train: (rows, seed, replicate, params = {}) => {
        if (params.weight === 2.5) throw new UsageError(code, 'the train hook failed with exit code 1\n  more', { hint: 'x' });
        return tunable.train(rows, seed, replicate, params);
      },
    });
    expect((await runProbe(model3, given({}, stopping('HOOK_FAILED')))).verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: 'with weight 2.5 the train hook failed with exit code 1' }],
    });
    await expect(runProbe(model3, given({}, stopping('BUDGET_SPENT')))).rejects.toMatchObject({ code: 'BUDGET_SPENT' });
  });
  test('too few rows: they are those of the training table, and so is the advice', async () => {
    const { verdict } = await runProbe(model3, { ...given(), data: { ...data, train: peopleOf({ rows: 400 }) } });
    expect(verdict).toMatchObject({ outcome: 'skipped', nextStep: expect.stringMatching(/^Give data.train more rows/) });
  });
  test.each<[string, Given, RegExp, RegExp]>([
    [
      'no {params}',
      given({ hooks: { ...hooks, train: 'fit {data} {model}', params: chosen } }),
      /has no \{params\}/,
      /fit \{data\} \{model\} --params \{params\}/,
    ],
    ['no chosen values', given({ hooks }), /^which hyperparameters were chosen/, /^hooks: \{ params/],
    ['no ranges', given({ policy: {} }), /worth trying is not known/, /search_space: \{ weight/],
    ['few rows', { ...given(), data: { ...data, train: peopleOf({ rows: 400 }) } }, /^inconclusive: 100 labelled/, /^$/],
    ['no label', given({ columns: {} }), /^which column is predicted/, /label/],
  ])('%s: skipped, with the line to add', async (_, wrong, reason, line) => {
    const { verdict } = await runProbe(model3, wrong);
    expect(verdict).toMatchObject({ outcome: 'skipped', reason: expect.stringMatching(reason) });
    if (verdict.outcome === 'skipped') expect(verdict.manifestLine ?? '').toMatch(line);
  });
});

const run = (value: number, params: Record<string, string>, more: Partial<MlflowRun> = {}): MlflowRun => ({
  ...{ id: `r${value}`, name: null, status: 'FINISHED', startedAt: '2026-01-01T00:00:00Z', endedAt: null, tags: {} },
  ...{ metrics: { val_auc: value }, params },
  ...more,
});
const history = (runs: readonly MlflowRun[]): Mlflow => ({
  runs: async () => ({ ok: true, value: runs }),
  production: async () => ({ ok: false, reason: 'no model is registered', isAbsent: true }),
  versions: async () => ({ ok: false, reason: 'no model is registered', isAbsent: true }),
});
const runs = [
  run(0.9, { weight: '1.0', shift: '5' }),
  run(0.902, { weight: '1.5', shift: '5' }),
  run(0.85, { weight: '0.5', shift: '4' }),
  run(0.85, { weight: '1', shift: '6' }),
  run(Number.NaN, { weight: '9', shift: '9' }),
  run(0.99, { weight: '8', shift: '8' }, { status: 'FAILED' }),
];

describe('model-3: a search that MLflow recorded', () => {
  const recorded = (all: readonly MlflowRun[], more: Record<string, unknown> = {}): Given => ({
    ...given({ mlflow: { experiment: 'delays', tracking: 'http://127.0.0.1:1' }, policy: {}, ...more }),
    mlflow: history(all),
  });
  test('passes: every parameter varied, the chosen as good as the best and inside', async () => {
    const { verdict, requests } = await runProbe(model3, recorded(runs));
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { n: 4, value: 0.002, unit: 'auc' } });
    expect(new Set(requests.map((request) => JSON.stringify(request))).size).toBe(2);
  });
  test.each<[string, readonly MlflowRun[], RegExp]>([
    [
      'a parameter that was never varied',
      runs.map((one) => ({ ...one, params: { ...one.params, shift: '5' } })),
      /^shift was never varied: every run has 5/,
    ],
    [
      'a parameter that no run logs',
      runs.map((one) => ({ ...one, params: { weight: one.params.weight ?? '' } })),
      /^shift was never varied: no run logs it/,
    ],
    ['a better run', [...runs, run(0.97, { weight: '1.2', shift: '5' })], /more than one standard error/],
    [
      'the edge of what was tried',
      runs.filter((one) => one.params.weight !== '0.5'),
      /^weight is 1, the smallest value that was tried/,
    ],
    [
      'values that no run had',
      [...runs.slice(1, 3), run(0.85, { weight: '1', shift: '7' })],
      /^no run has the chosen values together/,
    ],
  ])('%s fails', async (_, wrong, message) => {
    const { verdict } = await runProbe(model3, recorded(wrong));
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: expect.arrayContaining([expect.objectContaining({ message: expect.stringMatching(message) })]),
    });
  });
  test('runs without the metric, or none: skipped; with ranges, the hooks search instead', async () => {
    const blind = runs.map((one) => ({ ...one, metrics: {} }));
    expect((await runProbe(model3, recorded(blind))).verdict).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(/logs auc$/),
    });
    const { verdict, requests } = await runProbe(model3, recorded(blind, { policy: { search_space: space } }));
    expect([verdict.outcome, requests.length]).toEqual(['pass', 5]);
    const { mlflow: _, ...unreachable } = recorded(runs);
    expect((await runProbe(model3, unreachable)).verdict.outcome).toBe('skipped');
  });
  test('without hooks.params the run of the production version tells what was chosen', async () => {
    const port: Mlflow = {
      ...history(runs),
      production: async () => ({
        ok: true,
        value: {
          name: 'm',
          version: '1',
          aliases: [],
          stage: null,
          status: 'READY',
          createdAt: '',
          runId: 'r0.9',
          source: '',
          tags: {},
        },
      }),
    };
    const { verdict } = await runProbe(model3, { ...recorded(runs, { hooks }), mlflow: port });
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { value: 0.002 } });
    expect((await runProbe(model3, recorded(runs, { hooks }))).verdict).toMatchObject({
      outcome: 'skipped',
      reason: 'which values were chosen is not known: no model is registered',
    });
  });
});
