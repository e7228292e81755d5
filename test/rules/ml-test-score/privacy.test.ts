import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import data5 from '../../../rules/ml-test-score/data/data-5-privacy.ts';
import { good, peopleOf } from '../../support/models.ts';
import { type Given, type Model, type Row, runProbe, type TextRow } from '../../support/probes.ts';

const named = (rows: readonly Row[], of: (i: number) => Row) => rows.map((row, i) => ({ ...row, ...of(i) }));
const people = (seed: number, rows: number) =>
  named(peopleOf({ seed, rows }), (i) => ({ id: `person-${seed}-${String(i).padStart(5, '0')}` }));
const data = { train: people(1, 800), eval: people(2, 600) };
const given = (more: Partial<Given> = {}): Given => ({
  data,
  model: good,
  features: (rows) => rows.map(({ id = '', bend = '' }) => ({ id, bend })),
  ...more,
});
const judge = async (world: Given) => (await runProbe(data5, world)).verdict;

/** Keeps the ids that it was ever shown, in a store beside the code. */
const remembers = (): Model => {
  const store: string[] = data.train.map((row) => String(row.id));
  return {
    train: (rows, seed, replicate) => ({ fit: good.train(rows, seed, replicate), seen: store }),
    predict: (model, rows) => good.predict((model as { fit: unknown }).fit, rows),
  };
};

describe('data-5: privacy', () => {
  test('a pipeline that is made of what it is given forgets whom it is told to', async () => {
    expect(await judge(given())).toMatchObject({
      outcome: 'pass',
      evidence: {
        n: 50,
        items: expect.arrayContaining([
          expect.objectContaining({ searched: 'the model', erased_ids: 50, found: 0 }),
          expect.objectContaining({ searched: 'the feature table', erased_ids: 50, found: 0 }),
        ]),
      },
    });
  });
  test('a model that remembers erased people fails', async () => {
    expect(await judge(given({ model: remembers() }))).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^the model still holds 50 of 50 erased ids/) }],
    });
  });
  test('erased people are found in a packed model too', async () => {
    const model = { ...remembers(), written: (made: unknown) => gzipSync(JSON.stringify(made)) };
    expect(await judge(given({ model }))).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^the model still holds 50 of 50/) }],
    });
  });
  test('a training that does not read what it is given shows nothing: not passed', async () => {
    const stale = good.train(data.train as unknown as readonly TextRow[], 1, 0);
    expect(await judge(given({ model: { ...good, train: () => stale } }))).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(/^inconclusive: without these rows the model answers 500 of 500 rows as it did/),
    });
  });
  test('a model that cannot be looked into is not passed', async () => {
    const xz = (): Buffer => Buffer.from('fd377a585a000004', 'hex');
    expect(await judge(given({ model: { ...good, written: xz } }))).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(/^inconclusive: the model is packed/),
    });
  });
  test('a feature store that is never purged fails', async () => {
    const store = (rows: readonly TextRow[]) =>
      [...rows, ...data.train.slice(0, 800)].map(({ id }) => ({ id: String(id), bend: 1 }));
    expect(await judge(given({ features: store }))).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^the feature table still holds 50/) }],
    });
  });
  test('personal data among the features fails', async () => {
    const mail = (rows: readonly Row[]) => named(rows, (i) => ({ mail: `p${i}@claims.gov.au` }));
    expect(await judge(given({ data: { train: mail(data.train), eval: mail(data.eval) } }))).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/^the features: the column mail holds e-mail addresses/) }],
    });
  });
  test('artifacts that never expire or that everybody sees fail, with their line', async () => {
    const files = { '.gitlab-ci.yml': 'train:\n  script: make\n  artifacts:\n    paths: [data/]\n    access: all\n' };
    expect(await judge(given({ files }))).toMatchObject({
      outcome: 'fail',
      findings: [
        { message: expect.stringContaining('shown to everybody'), place: { path: '.gitlab-ci.yml', line: 3 } },
        { message: expect.stringContaining('do not expire') },
      ],
    });
  });
  test.each<[string, Given, object]>([
    [
      'too few rows',
      given({ data: { ...data, train: data.train.slice(0, 50) } }),
      { outcome: 'skipped', reason: expect.stringContaining('more than 50 are needed') },
    ],
    [
      'ids that are in other ids',
      given({ data: { ...data, train: named(data.train, (i) => ({ id: i })) } }),
      { outcome: 'skipped', reason: expect.stringContaining('no id of 50 erased rows') },
    ],
    ['no ids', given({ manifest: { columns: { id: 'person', label: 'y' } } }), { outcome: 'skipped' }],
  ])('%s', async (_, world, expected) => {
    expect(await judge(world).catch((error: unknown) => ({ outcome: 'skipped', reason: String(error) }))).toMatchObject(expected);
  });
});
