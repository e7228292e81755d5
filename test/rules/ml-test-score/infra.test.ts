import { describe, expect, test } from 'vitest';
import infra1 from '../../../rules/ml-test-score/infra/infra-1-reproducible.ts';
import infra3 from '../../../rules/ml-test-score/infra/infra-3-integration.ts';
import { EnvironmentError, UsageError } from '../../../src/kernel/failure.ts';
import type { LocalTask } from '../../../src/kernel/local-dag.ts';
import type { LocalDag } from '../../../src/kernel/world.ts';
import { answering, constant, good, peopleOf, seeded, unseeded } from '../../support/models.ts';
import { type Model, runProbe } from '../../support/probes.ts';

const data = { train: peopleOf({ seed: 1, rows: 600 }), eval: peopleOf({ seed: 2, rows: 600 }) };
const failing = (error: Error): Model => ({
  ...good,
  train: () => {
    throw error;
  },
});

describe('infra-1: training', () => {
  test('that honours its seed passes and shows the spread of another seed', async () => {
    const { verdict, requests } = await runProbe(infra1, { data, model: seeded });
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { value: 0, threshold: 1e-6, n: 600 } });
    if (verdict.outcome === 'pass') expect(verdict.evidence?.items?.[1]?.rows_that_differ).toBeGreaterThan(500);
    expect(requests).toHaveLength(3);
  });
  test('that differs from run to run fails with ids', async () => {
    const { verdict } = await runProbe(infra1, { data, model: unseeded });
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^5\d\d of 600 predictions differ .*ids r2-0/) }],
    });
  });
  test('that has no influence on any answer shows nothing; one without chance does', async () => {
    const baked = good.train(peopleOf({ seed: 9 }) as never, 1, 0);
    for (const model of [constant, { ...good, train: () => baked }])
      expect((await runProbe(infra1, { data, model })).verdict).toMatchObject({
        outcome: 'skipped',
        reason: 'inconclusive: the model of random rows answers alike, so no answer depends on the training',
        evidence: { value: 0 },
      });
    expect((await runProbe(infra1, { data, model: good })).verdict).toMatchObject({ outcome: 'pass' });
    const key = { columns: { label: 'y', key: ['id', 'state'] } };
    const joined = await runProbe(infra1, { data, model: good, manifest: key });
    expect(joined).toMatchObject({ verdict: { outcome: 'pass' }, requests: [{}, {}, {}] });
  });
  test('NaN both times is no agreement; a refusal both times is one', async () => {
    const nan = answering((rows) => rows.map((row, i) => (i < 2 ? { ...row, score: 'NaN' } : row)));
    const { verdict } = await runProbe(infra1, { data, model: nan });
    expect(verdict).toMatchObject({ outcome: 'fail' });
    expect(JSON.stringify(verdict)).toContain('with the same seed, some of them NaN, infinite or refused once (ids');
    const refusing = answering((rows) => rows.map((row, i) => (i < 2 ? { ...row, score: null } : row)));
    expect((await runProbe(infra1, { data, model: refusing })).verdict).toMatchObject({ outcome: 'pass' });
    const all = answering((rows) => rows.map((row) => ({ ...row, score: null })));
    expect((await runProbe(infra1, { data, model: all })).verdict).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(/^inconclusive/),
    });
  });
  test('a refusal that comes and goes fails', async () => {
    const moody: Model = {
      train: (rows, seed, replicate) => ({ fit: good.train(rows, seed, replicate), replicate }),
      predict: (model, rows) => {
        const { fit, replicate } = model as { fit: unknown; replicate: number };
        return good.predict(fit, rows).map((row, i) => (i === replicate ? { ...row, score: null } : row));
      },
    };
    expect((await runProbe(infra1, { data, model: moody })).verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^2 of 600/) }],
    });
  });
  test('labels of many classes are compared as text', async () => {
    const classes: Model = {
      train: (_rows, _seed, replicate) => replicate,
      predict: (model, rows) => rows.map((row, i) => ({ id: row.id ?? '', prediction: i === 0 && model === 1 ? 'b' : 'a' })),
    };
    expect((await runProbe(infra1, { data, model: classes, manifest: { task: 'multiclass' } })).verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^1 of 600/) }],
    });
  });
});

describe('infra-3: the DAG', () => {
  const ended = { state: 'success', startedAfter: 0, tries: 1, seconds: 1, why: '', tail: [] } as const;
  const dagOf = (tasks: readonly LocalTask[]): LocalDag => ({
    basis: async () => '',
    run: async () => ({ ok: true, value: { dagId: 'risk', seconds: 3, tasks } }),
  });
  const ran = dagOf([
    { ...ended, id: 'clean' },
    { ...ended, id: 'tell', state: 'skipped', why: 'exit code 99: nothing to do' },
  ]);
  const broke = dagOf([{ ...ended, id: 'clean', state: 'failed', why: 'ended with exit code 1' }]);
  test('counts alone where no model can be trained here', async () => {
    const { verdict, requests } = await runProbe(infra3, { data, dag: ran });
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { value: 1, threshold: 1, n: 2, unit: 'tasks' } });
    expect(requests).toEqual([]);
  });
  test('is judged beside the hooks: both must hold', async () => {
    const { verdict, requests } = await runProbe(infra3, { data, model: good, dag: ran });
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: {
        value: 600,
        unit: 'rows',
        items: [{ step: 'train' }, { step: 'predict' }, { step: 'clean' }, { step: 'tell' }],
        explanation: expect.stringMatching(/all 600 ids came back\. The tasks of the DAG risk ran/),
      },
    });
    expect(requests.map((request) => request.hook)).toEqual(['train', 'predict']);
    const silent = answering((rows) => rows.map((row) => ({ ...row, score: Number.NaN })));
    for (const given of [
      { model: good, dag: broke },
      { model: silent, dag: ran },
      { model: silent, dag: broke },
    ])
      expect((await runProbe(infra3, { data, ...given })).verdict.outcome).toBe('fail');
  });
  test('decides nothing alone where the hooks cannot be judged, unless it fails', async () => {
    const empty = { ...data, eval: 'id,age,y\n' };
    expect((await runProbe(infra3, { data: empty, model: good, dag: ran })).verdict).toMatchObject({ outcome: 'skipped' });
    expect((await runProbe(infra3, { data: empty, model: good, dag: broke })).verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringContaining('the task clean') }],
    });
  });
  test('whose tasks all had nothing to do shows nothing, so the hooks are tested', async () => {
    const dag = dagOf([{ ...ended, id: 'drift', state: 'skipped', why: 'nothing to do' }]);
    expect((await runProbe(infra3, { data, model: good, dag })).verdict).toMatchObject({
      outcome: 'pass',
      evidence: { unit: 'rows', nextStep: expect.stringContaining('no task had anything to do') },
    });
  });
  test('that cannot run here leaves the hooks, and says why', async () => {
    const dag: LocalDag = { basis: async () => '', run: async () => ({ ok: false, isAbsent: false, reason: 'no spark here' }) };
    const { verdict, requests } = await runProbe(infra3, { data, model: good, dag });
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: { unit: 'rows', nextStep: expect.stringContaining('no spark here') },
    });
    expect(requests).toHaveLength(2);
  });
});

describe('infra-3: the chain of hooks', () => {
  test('runs on samples and gives every id back', async () => {
    const many = { train: peopleOf({ seed: 1, rows: 2500 }), eval: peopleOf({ seed: 2, rows: 2500 }) };
    const { verdict, requests } = await runProbe(infra3, { data: many, model: good });
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: { n: 2000, value: 2000, items: [{ step: 'train' }, { step: 'predict' }] },
    });
    expect(requests.map((request) => request.hook)).toEqual(['train', 'predict']);
  });
  test('a hook that fails is a fail with its message; a program that is not installed is an error', async () => {
    const broken = failing(
      new UsageError('HOOK_FAILED', 'the train hook failed with exit code 3', {
        hint: 'Read its log.',
        place: { path: 'flightcheck.yml', line: 9 },
      }),
    );
    const { verdict } = await runProbe(infra3, { data, model: broken });
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [
        { message: 'the train hook failed with exit code 3', fix: 'Read its log.', place: { path: 'flightcheck.yml', line: 9 } },
      ],
    });
    for (const error of [
      new EnvironmentError('HOOK_PROGRAM_MISSING', 'no python', { hint: 'x' }),
      new UsageError('BUDGET_SPENT', 'spent', { hint: 'x' }),
      new Error('ours'),
    ])
      await expect(runProbe(infra3, { data, model: failing(error) })).rejects.toThrow(error.message);
  });
  test.each([
    ['NaN', answering((rows) => rows.map((row) => ({ ...row, score: 'NaN' }))), /600 of 600 predictions are NaN/],
    ['no answer at all', answering((rows) => rows.map((row) => ({ ...row, score: null }))), /refused all 600 rows/],
    ['dropped rows', answering((rows) => rows.slice(1)), /1 id of 600 input rows missing/],
    ['words for scores', answering((rows) => rows.map((row) => ({ ...row, score: 'high' }))), /not a number, such as "high"/],
  ])('%s', async (_, model, message) => {
    expect((await runProbe(infra3, { data, model })).verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(message) }],
    });
  });
  test('without hooks or tables it says what to add', async () => {
    expect((await runProbe(infra3, { data })).verdict).toMatchObject({
      outcome: 'skipped',
      manifestLine: expect.stringMatching(/^hooks: \{ train/),
    });
    expect((await runProbe(infra3, { data: { train: data.train }, model: good })).verdict).toMatchObject({
      outcome: 'skipped',
      manifestLine: 'data: { eval: data/eval.csv }',
    });
  });
});
