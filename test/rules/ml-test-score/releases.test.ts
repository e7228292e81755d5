import { describe, expect, test } from 'vitest';
import infra4 from '../../../rules/ml-test-score/infra/infra-4-validated.ts';
import infra6 from '../../../rules/ml-test-score/infra/infra-6-canary.ts';
import infra7 from '../../../rules/ml-test-score/infra/infra-7-rollback.ts';
import monitor4 from '../../../rules/ml-test-score/monitoring/monitor-4-stale.ts';
import type { Answer, Mlflow, MlflowVersion, World } from '../../../src/kernel/world.ts';
import { answering, good, peopleOf } from '../../support/models.ts';
import { type Given, parseCsv, type Row, runProbe } from '../../support/probes.ts';
import { csvOf } from '../../support/tables.ts';

const train = peopleOf({ seed: 1, rows: 1500 });
const evaluation = peopleOf({ seed: 2, rows: 3000 });
const unlabelled = (rows: readonly Row[]) => rows.map(({ y: _, ...row }): Row => row);
const fitted = good.train(parseCsv(csvOf(train)), 1, 0, undefined);
const noRelease = { previousRelease: async () => null } as unknown as World['git'];
const judge = async (...[check, given]: Parameters<typeof runProbe>) =>
  (await runProbe(check, { git: noRelease, ...given })).verdict;

describe('infra-4: validated before it is served', () => {
  const given = (more: Partial<Given> = {}, quality: object = {}): Given => ({
    data: { train, eval: evaluation },
    model: good,
    models: { production: fitted },
    manifest: { quality: { min: 0.7, production: 'models/last', ...quality } },
    ...more,
  });
  test('as good as the one in production, and above the floor', async () => {
    expect(await judge(infra4, given())).toMatchObject({
      outcome: 'pass',
      evidence: { unit: 'auc', threshold: 0.7, interval: { lower: 0, upper: 0 } },
    });
  });
  test('below the floor fails', async () => {
    expect(await judge(infra4, given({}, { min: 0.99 }))).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^auc is 0\.\d+, wanted is at least 0\.99/) }],
    });
  });
  test('worse than the one in production fails, with the interval of the drop', async () => {
    const half = {
      ...good,
      train: (rows: Parameters<typeof good.train>[0]) =>
        good.train(
          rows.map((row) => ({ ...row, bend: '0' })),
          1,
          0,
          undefined,
        ),
    };
    expect(await judge(infra4, given({ model: half }))).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/falls by 0\.\d+ \(0\.\d+ to 0\.\d+\) against the model in production/) }],
    });
  });
  test('few rows cannot show a drop of 0.001', async () => {
    const fewer = { ...good, train: (rows: Parameters<typeof good.train>[0]) => good.train(rows.slice(0, 200), 1, 0, undefined) };
    expect(
      await judge(infra4, given({ model: fewer, data: { train, eval: evaluation.slice(0, 400) } }, { max_drop: 0.001 })),
    ).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining('inconclusive') });
  });
  test('no floor, no model before: the line to add', async () => {
    expect(await judge(infra4, given({ manifest: {} }))).toMatchObject({
      outcome: 'skipped',
      manifestLine: expect.stringContaining('quality:'),
    });
    expect(await judge(infra4, given({ manifest: { quality: { min: 0.7 } } }))).toMatchObject({
      outcome: 'skipped',
      manifestLine: 'quality: { production: models/production }',
    });
  });
});

describe('infra-6: canary', () => {
  const logged = (shift = 0) => {
    const rows = unlabelled(peopleOf({ seed: 3, rows: 600 }));
    const answers = good.predict(fitted, parseCsv(csvOf(rows)));
    return rows.map((row, i) => ({ ...row, score: Number(answers[i]?.score) * (1 - shift) }));
  };
  const given = (more: Partial<Given> = {}): Given => ({
    data: { train, eval: evaluation, serving: logged() },
    model: good,
    serve: good.predict,
    manifest: { columns: { label: 'y', features: ['amount', 'bend', 'state'] } },
    ...more,
  });
  test('a server that answers as predict does passes, with its times', async () => {
    expect(await judge(infra6, given())).toMatchObject({
      outcome: 'pass',
      evidence: {
        value: 0,
        n: 200,
        items: expect.arrayContaining([expect.objectContaining({ what: 'PSI against the logged scores' })]),
      },
    });
  });
  test.each<[string, Partial<Given>, RegExp]>([
    [
      'rounds',
      {
        serve: (model, rows) => good.predict(model, rows).map((row) => ({ ...row, score: Number(Number(row.score).toFixed(2)) })),
      },
      /served answers differ from those of predict/,
    ],
    [
      'answers NaN',
      { serve: (model, rows) => good.predict(model, rows).map((row, i) => (i === 0 ? { ...row, score: 'NaN' } : row)) },
      /NaN or infinite/,
    ],
    ['drops a row', { serve: (model, rows) => good.predict(model, rows).slice(1) }, /1 id of 200 input rows missing/],
    [
      'answers otherwise than it did',
      { data: { train, eval: evaluation, serving: logged(0.7) } },
      /distributed otherwise than those that were logged/,
    ],
  ])('a server that %s fails', async (_, more, message) => {
    const verdict = await judge(infra6, given(more));
    expect(verdict).toMatchObject({
      outcome: 'fail',
      findings: expect.arrayContaining([expect.objectContaining({ message: expect.stringMatching(message) })]),
    });
  });
  test('no server, no log: the line to add', async () => {
    const { serve: _, ...bare } = given();
    expect(await judge(infra6, bare)).toMatchObject({ outcome: 'skipped', manifestLine: expect.stringContaining('serve') });
    expect(await judge(infra6, given({ data: { train, eval: evaluation } }))).toMatchObject({
      outcome: 'skipped',
      manifestLine: expect.stringContaining('serving'),
    });
  });
});

describe('infra-7: rollback drill', () => {
  const given = (more: Partial<Given> = {}): Given => ({
    data: { train, eval: evaluation },
    model: good,
    serve: good.predict,
    models: { previous: fitted },
    manifest: { mlflow: { registeredModel: 'risk' } },
    ...more,
  });
  test('the version before is served, and answers as it did', async () => {
    expect(await judge(infra7, given())).toMatchObject({
      outcome: 'pass',
      evidence: { unit: 's', threshold: 3600, n: 100, explanation: expect.stringContaining('all 100 golden answers') },
    });
  });
  test('a server that knows only the newest model fails', async () => {
    const newest = answering((rows) => rows.map((row) => ({ ...row, score: 0.5 })));
    expect(await judge(infra7, given({ serve: newest.predict }))).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/100 of 100 golden answers are not its own/) }],
    });
  });
  test.each(['stopSeconds', 'modelSeconds', 'startSeconds'])('a way back of more than an hour fails, by %s', async (part) => {
    expect(await judge(infra7, given({ serveSeconds: { [part]: 3601 } }))).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/took 360\d s, at most 3600 s/) }],
    });
  });
  test('nothing to go back to is skipped', async () => {
    expect(await judge(infra7, given({ manifest: {} }))).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('no version before this commit'),
    });
    const { serve: _, ...bare } = given();
    expect(await judge(infra7, bare)).toMatchObject({ outcome: 'skipped', manifestLine: expect.stringContaining('serve') });
  });
});

describe('monitor-4: age', () => {
  const dated = (rows: readonly Row[], from: string, days: number) =>
    rows.map((row, i) => ({ ...row, at: new Date(Date.parse(from) + ((i % days) + 1) * 86_400_000).toISOString().slice(0, 10) }));
  const registered = (days: number): Mlflow => {
    const version = {
      name: 'risk',
      version: '3',
      createdAt: new Date(Date.now() - days * 86_400_000).toISOString(),
    } as MlflowVersion;
    const known = async (): Promise<Answer<MlflowVersion>> => ({ ok: true, value: version });
    return {
      production: known,
      versions: async () => ({ ok: true, value: [version] }),
      runs: async () => ({ ok: false, reason: 'none', isAbsent: true }),
    };
  };
  const given = (more: Partial<Given> = {}, policy: object = { max_age: '60d' }): Given => ({
    data: { train: dated(train, '2026-01-01', 90), serving: dated(unlabelled(evaluation), '2026-04-01', 30) },
    manifest: { columns: { label: 'y', time: 'at' }, policy },
    ...more,
  });
  test('rows young enough, with their age', async () => {
    expect(await judge(monitor4, given())).toMatchObject({
      outcome: 'pass',
      evidence: { value: 30, threshold: 60, unit: 'days' },
    });
  });
  test('rows too old fail', async () => {
    expect(await judge(monitor4, given({}, { max_age: '2w' }))).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/30 days old, at most 14/) }],
    });
  });
  test('a time that is years off does not make the rows young', async () => {
    const rows = dated(train, '2026-01-01', 90);
    const mistyped = rows.map((row, i) => (i === 7 ? { ...row, at: '2062-01-03' } : row));
    const { data } = given();
    expect(await judge(monitor4, given({ data: { ...data, train: mistyped } }, { max_age: '2w' }))).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/30 days old, at most 14/) }],
    });
  });
  test('times that cannot be read may be the newest: more than a few are inconclusive, of either table', async () => {
    const unread = (rows: readonly Row[]) =>
      rows.map((row, i) => ({ ...row, at: i % 5 === 0 ? row.at : `${row.at} in the morning` }));
    const { data } = given();
    for (const table of ['train', 'serving'] as const) {
      const verdict = await judge(monitor4, given({ data: { ...data, [table]: unread(data[table] as readonly Row[]) } }));
      expect(verdict).toMatchObject({
        outcome: 'skipped',
        reason: expect.stringMatching(
          new RegExp(`^inconclusive: data.${table}: the time of \\d+ of \\d+ rows cannot be read, such as "2026-`),
        ),
      });
    }
  });
  test('the model itself, where it is registered', async () => {
    const manifest = { columns: { label: 'y', time: 'at' }, policy: { max_age: '60d' }, mlflow: { registeredModel: 'risk' } };
    expect(await judge(monitor4, given({ manifest, mlflow: registered(10) }))).toMatchObject({
      outcome: 'pass',
      evidence: {
        items: expect.arrayContaining([expect.objectContaining({ stage: expect.stringContaining('risk 3'), days: 10 })]),
      },
    });
    expect(await judge(monitor4, given({ manifest, mlflow: registered(100) }))).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringContaining('risk 3') }],
    });
    expect(await judge(monitor4, given({ manifest }))).toMatchObject({ outcome: 'skipped' });
  });
  test.each<[string, Given, RegExp]>([
    ['no time', given({ manifest: { columns: { label: 'y' }, policy: { max_age: '60d' } } }), /when a row happened/],
    ['no bound', given({}, {}), /how old a model may get/],
    [
      'times that cannot be read',
      given({
        data: { train: train.map((row) => ({ ...row, at: 'soon' })), serving: dated(unlabelled(evaluation), '2026-04-01', 30) },
      }),
      /no time that can be read/,
    ],
  ])('%s is skipped', async (_, world, reason) => {
    expect(await judge(monitor4, world)).toMatchObject({ outcome: 'skipped', reason: expect.stringMatching(reason) });
  });
});
