import { describe, expect, test } from 'vitest';
import data1 from '../../../rules/ml-test-score/data/data-1-feature-schema.ts';
import data2 from '../../../rules/ml-test-score/data/data-2-benefit.ts';
import { leastBenefit } from '../../../rules/ml-test-score/lib/benefit.ts';
import { schemaFrom } from '../../../rules/ml-test-score/lib/schema.ts';
import monitor2 from '../../../rules/ml-test-score/monitoring/monitor-2-invariants.ts';
import { formatTableSchema, parseTableSchema } from '../../../src/facts/table-schema.ts';
import type { Evidence } from '../../../src/kernel/check.ts';
import { UsageError } from '../../../src/kernel/failure.ts';
import { manifestOf } from '../../support/manifest.ts';
import { answering, good, peopleOf } from '../../support/models.ts';
import { type Row, runProbe } from '../../support/probes.ts';
import { csvOf, folderOf, storeOf } from '../../support/tables.ts';

const train = peopleOf({ seed: 1, rows: 1500 });
const evaluation = peopleOf({ seed: 2, rows: 1500 });
const serving = peopleOf({ seed: 3, rows: 800 }).map(({ y: _, ...row }): Row => row);
const path = 'flightcheck/schema.yml';

const schemaOf = async (rows: readonly Row[], manifest = {}): Promise<string> => {
  const raw = { data: { train: 'train.csv' }, columns: { label: 'y' }, ...manifest };
  const store = await storeOf(folderOf({ 'train.csv': csvOf(rows) }), raw);
  const table = await store.open({ table: 'train' });
  if (!table) throw new Error('no table');
  return formatTableSchema(await schemaFrom(store, table, manifestOf(raw)));
};
const change = (rows: readonly Row[], of: (row: Row, i: number) => Row): readonly Row[] =>
  rows.map((row, i) => ({ ...row, ...of(row, i) }));

describe('the schema file', () => {
  test('is written, read back, and speaks of every feature but not of id and label', async () => {
    const text = await schemaOf(train);
    const schema = parseTableSchema(text, path);
    expect(Object.keys(schema.columns)).toEqual(['amount', 'bend', 'state']);
    expect(schema.columns.state).toMatchObject({
      type: 'category',
      values: ['act', 'nsw', 'vic'],
      max_nulls: 0,
      max_unseen: 0.01,
    });
    expect(schema.columns.amount?.max).toBeGreaterThan(130);
    expect(parseTableSchema(formatTableSchema(schema), path)).toEqual(schema);
  });
  test.each([
    ['columns: {}\nversion: 1\n', /fewer than 1/, 1],
    ['version: 1\ncolumns:\n  a: { type: numeric }\n', /columns\.a\.type must be one of number/, 3],
    ['version: 1\ncolumns:\n  a: { type: number, maximum: 3 }\n', /columns\.a\.maximum is not a known key/, 3],
    ['version: 1\ncolumns: [\n', /./, undefined],
  ])('%j is refused with its place', (text, message, line) => {
    try {
      parseTableSchema(text, path);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ exitCode: 2, message: expect.stringMatching(message), place: { path } });
      if (line !== undefined) expect(error).toMatchObject({ place: { line } });
    }
  });
});

describe('data-1: a schema', () => {
  test('of the training rows holds, and rejects at least 90 % of the corrupted copies', async () => {
    const files = { [path]: await schemaOf(train) };
    const { verdict } = await runProbe(data1, { data: { train, eval: evaluation, serving }, files });
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { threshold: 0.9, n: 1500 } });
    if (verdict.outcome !== 'pass') return;
    expect(verdict.evidence?.items?.map((item) => item.fault).sort()).toEqual(['nulls', 'swap', 'type', 'unit', 'unseen']);
  });
  test('that accepts everything fails: nothing is expected of it', async () => {
    const files = {
      [path]:
        'version: 1\ncolumns:\n  amount: { type: text, max_nulls: 1 }\n  bend: { type: text, max_nulls: 1 }\n  state: { type: text, max_nulls: 1 }\n',
    };
    const { verdict } = await runProbe(data1, { data: { train }, files });
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/accepts \d+ of \d+ corrupted copies/) }],
    });
  });
  test('that is not there is skipped with the command to write it', async () => {
    const { verdict } = await runProbe(data1, { data: { train } });
    expect(verdict).toMatchObject({ outcome: 'skipped', nextStep: expect.stringMatching(/flightcheck score --write-schema/) });
  });
  test.each<[string, (row: Row, i: number) => Row, RegExp]>([
    ['another unit', (row) => ({ amount: Number(row.amount) * 100 }), /amount: 100 % of the values lie outside/],
    ['missing values', (_, i) => ({ bend: i % 3 === 0 ? null : 1 }), /bend: 33\.3 % of the rows have no value/],
    ['an unseen category', (_, i) => ({ state: i % 4 === 0 ? 'tas' : 'act' }), /state: 25 % of the values are none/],
    ['words', (_, i) => ({ amount: i % 5 === 0 ? 'a lot' : 100 }), /amount: 20 % of the values are no number/],
    ['another middle', (row) => ({ amount: Number(row.amount) + 20 }), /amount: the median is above/],
    ['NaN', (_, i) => ({ bend: i % 2 === 0 ? 'NaN' : 0 }), /bend: 50 % of the values are NaN/],
  ])('finds in the evaluation rows: %s', async (_, of, message) => {
    const files = { [path]: await schemaOf(train) };
    const { verdict } = await runProbe(data1, { data: { train, eval: change(evaluation, of) }, files });
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: expect.arrayContaining([
        expect.objectContaining({ message: expect.stringMatching(message), place: { path: 'eval.csv' } }),
      ]),
    });
  });
  test('a feature that it does not describe, a column that is gone', async () => {
    const files = { [path]: (await schemaOf(train)).replace('bend:', 'bent:') };
    const { verdict } = await runProbe(data1, { data: { train }, files });
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: expect.arrayContaining([
        expect.objectContaining({ message: 'bend is a feature that the schema does not describe' }),
        expect.objectContaining({ message: 'train: bent: the column is missing' }),
      ]),
    });
  });
  test('all-null columns, one row, no rows', async () => {
    const empty = change(train.slice(0, 50), () => ({ bend: null }));
    const files = { [path]: await schemaOf(empty) };
    expect((await runProbe(data1, { data: { train: empty }, files })).verdict.outcome).toBe('pass');
    const one = { [path]: await schemaOf(train.slice(0, 1)) };
    expect((await runProbe(data1, { data: { train: train.slice(0, 1) }, files: one })).verdict.outcome).toMatch(/pass|fail/);
    expect((await runProbe(data1, { data: { train: 'id,amount,bend,state,y\n' }, files })).verdict).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(/^inconclusive/),
    });
  });
});

describe('monitor-2: serving rows', () => {
  const run = async (rows: readonly Row[] | string, hasSchema = true) =>
    (await runProbe(monitor2, { data: { train, serving: rows }, files: hasSchema ? { [path]: await schemaOf(train) } : {} }))
      .verdict;
  test('unchanged ones pass with PSI, Jensen-Shannon and Kolmogorov-Smirnov of each feature', async () => {
    const verdict = await run(serving);
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { unit: 'psi', threshold: 0.2, n: 800 } });
    if (verdict.outcome === 'pass')
      expect(verdict.evidence?.items?.find((item) => item.feature === 'state')).toMatchObject({ ks: null, verdict: 'stable' });
  });
  test.each<[string, (row: Row, i: number) => Row, RegExp]>([
    ['a shift', (row) => ({ amount: Number(row.amount) + 8 }), /^amount has drifted: PSI/],
    ['missing values', (_, i) => ({ bend: i % 5 === 0 ? null : 0.1 }), /^bend is missing in 20 % of the serving rows/],
    [
      'a new category',
      (row, i) => ({ state: i % 10 === 0 ? 'tas' : (row.state ?? '') }),
      /^state has categories that training never saw in 10 % .*"tas"/,
    ],
    ['NaN', (row, i) => ({ amount: i % 10 === 0 ? 'NaN' : (row.amount ?? 0) }), /^amount is NaN or infinite in 10 %/],
  ])('%s is found, without a schema too', async (_, of, message) => {
    expect(await run(change(serving, of), false)).toMatchObject({
      outcome: 'fail',
      findings: expect.arrayContaining([expect.objectContaining({ message: expect.stringMatching(message) })]),
    });
  });
  test('rows that were trained on show nothing that was served since; some of them may be among the log', async () => {
    expect(await run(train.map(({ y: _, ...row }) => row))).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('shows nothing that was served since training: 100 %'),
    });
    expect(await run([...train.slice(0, 800).map(({ y: _, ...row }) => row), ...serving])).toMatchObject({ outcome: 'pass' });
  });
  test('a feature that is not logged fails; few rows are inconclusive; no table is skipped', async () => {
    expect(await run(serving.map(({ bend: _, ...row }): Row => row))).toMatchObject({
      outcome: 'fail',
      findings: expect.arrayContaining([
        expect.objectContaining({ message: expect.stringMatching(/^bend is a feature in training/) }),
      ]),
    });
    expect(await run(serving.slice(0, 100))).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(/^inconclusive: 100 serving/),
    });
    expect(await run('id,amount,bend,state\n')).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(/^inconclusive: 0 serving/),
    });
    expect((await runProbe(monitor2, { data: { train } })).verdict).toMatchObject({
      outcome: 'skipped',
      manifestLine: 'data: { serving: data/serving.csv }',
    });
  });
});

describe('data-2: features', () => {
  const noisy = {
    train: peopleOf({ seed: 1, rows: 1500, hasNoise: true }),
    eval: peopleOf({ seed: 2, rows: 1500, hasNoise: true }),
  };
  test('that all help pass, with one predict call and no retraining', async () => {
    const { verdict, requests } = await runProbe(data2, { data: { train, eval: evaluation }, model: good });
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: { threshold: 0, unit: 'auc', explanation: expect.stringContaining('every shuffle costs auc') },
    });
    // The figure is that of the feature that is missed least, with its interval, above nothing.
    const { value = 0, interval, items = [] } = (verdict as { evidence: Evidence }).evidence;
    expect(value).toBe(Math.min(...items.map(({ auc_lost }) => Number(auc_lost))));
    expect(interval).toMatchObject({ level: 0.95 });
    expect(interval?.lower).toBeGreaterThan(0);
    expect(interval?.upper).toBeGreaterThan(value);
    expect(requests).toHaveLength(1);
  });
  test('the figure is of the feature that is least surely missed, as the verdict is, though another is missed less', () => {
    const of = (feature: string, loss: number, lower: number, upper: number) => ({
      ...{ feature, loss },
      interval: { lower, upper, level: 0.95, standardError: 0.001 },
    });
    const found = [of('small', 0.001, 0.0005, 0.002), of('doubtful', 0.002, -0.001, 0.005)];
    expect(leastBenefit({ found, retrained: new Map() }, { unit: 'auc' }, ['small', 'doubtful'])).toMatchObject({
      value: 0.002,
      threshold: 0,
      interval: { lower: -0.001, upper: 0.005 },
    });
  });
  test('one that is noise fails, confirmed by a model trained without it, and it alone', async () => {
    const { verdict, requests } = await runProbe(data2, { data: noisy, model: good });
    expect(verdict).toMatchObject({ outcome: 'fail', findings: [{ message: expect.stringMatching(/^noise brings nothing/) }] });
    const { interval, items = [] } = (verdict as { evidence: Evidence }).evidence;
    const noise = items.find(({ feature }) => feature === 'noise');
    // Of a model trained without it, where there is one.
    expect([interval?.lower, interval?.upper]).toEqual([noise?.lost_without_at_least, noise?.lost_without_at_most]);
    expect(interval?.lower).toBeLessThanOrEqual(0);
    expect(new Set(requests.map((request) => JSON.stringify(request))).size).toBe(4);
  });
  test('one that the model does not read, though training without it is worse, is kept', async () => {
    const careless = {
      train: (rows: Parameters<typeof good.train>[0]) => ({ fit: good.train(rows, 1, 0), knows: 'state' in (rows[0] ?? {}) }),
      predict: (model: unknown, rows: Parameters<typeof good.predict>[1]) => {
        const { fit, knows } = model as { fit: unknown; knows: boolean };
        return good
          .predict(
            fit,
            rows.map((row) => ({ ...row, state: '' })),
          )
          .map((row, i) => (knows ? row : { ...row, score: (i * 7) % 11 }));
      },
    };
    const { verdict } = await runProbe(data2, { data: { train, eval: evaluation }, model: careless });
    expect(verdict).toMatchObject({ outcome: 'pass' });
  });
  test('one without which training fails is inconclusive, with the words of the hook', async () => {
    const named = {
      ...good,
      train: (...[rows, ...rest]: Parameters<typeof good.train>) => {
        if (rows[0] && !('noise' in rows[0]))
          throw new UsageError(
            'HOOK_FAILED',
            "the train hook failed with exit code 1\n  the last it said:\n    KeyError: 'noise'",
            {
              hint: 'Run the command yourself.',
            },
          );
        return good.train(rows, ...rest);
      },
    };
    expect((await runProbe(data2, { data: noisy, model: named })).verdict).toMatchObject({
      outcome: 'skipped',
      reason:
        "inconclusive: shuffling noise costs nothing, and no retraining without could tell: the train hook failed with exit code 1: KeyError: 'noise'",
      nextStep: expect.stringContaining('take the columns that their tables have'),
    });
  });
  test('NaN under permutation is a fault; too few rows are inconclusive', async () => {
    const brittle = answering((rows) =>
      rows.length > 1500 ? rows.map((row, i) => (i === 1600 ? { ...row, score: 'NaN' } : row)) : rows,
    );
    expect((await runProbe(data2, { data: { train, eval: evaluation }, model: brittle })).verdict).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/1 of \d+ predictions are NaN/) }],
    });
    expect((await runProbe(data2, { data: { train, eval: evaluation.slice(0, 50) }, model: good })).verdict).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(/^inconclusive: 50 evaluation rows/),
    });
  });
});

test('a table without features has no expectation or invariant of one', async () => {
  const bare = (rows: readonly Row[]) => rows.map(({ id = '', y = 0 }) => ({ id, y }));
  const data = { train: bare(train), eval: bare(evaluation), serving: serving.map(({ id = '' }) => ({ id })) };
  const files = { [path]: 'version: 1\ncolumns:\n  y: { type: number }\n' };
  for (const check of [data1, monitor2])
    expect((await runProbe(check, { data, files })).verdict).toMatchObject({
      outcome: 'not-applicable',
      reason: 'there are no tabular features',
    });
});
