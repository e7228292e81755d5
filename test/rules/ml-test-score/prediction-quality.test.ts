import { describe, expect, test } from 'vitest';
import { measuresOf, qualityShift } from '../../../rules/ml-test-score/lib/quality-shift.ts';
import type { Rows } from '../../../rules/ml-test-score/lib/served.ts';
import monitor7 from '../../../rules/ml-test-score/monitoring/monitor-7-prediction-quality.ts';
import { metricOf } from '../../../src/stats/metrics/index.ts';
import { randomOf } from '../../../src/stats/random.ts';
import { good, peopleOf } from '../../support/models.ts';
import { type Given, type Row, runProbe, type TextRow } from '../../support/probes.ts';

const day = (i: number, of: number, first: number, days: number): string =>
  new Date(Date.UTC(2024, 0, 1) + (first + (days * i) / of) * 86_400_000).toISOString().slice(0, 19);
const timed = (rows: readonly Row[], first: number, days: number): readonly Row[] =>
  rows.map((row, i) => ({ ...row, at: day(i, rows.length, first, days) }));

const train = timed(peopleOf({ seed: 1, rows: 2500 }), 0, 60);
const evaluation = timed(peopleOf({ seed: 2, rows: 2400 }), 60, 30);
const people = timed(peopleOf({ seed: 3, rows: 2400 }), 90, 30);
const text = (rows: readonly Row[]): readonly TextRow[] =>
  rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value ?? '')])));
const fitted = good.train(text(train), 1, 0);
/** What the model answered; `change` meddles with people before they are served, `answer` with the answers. */
const log = (
  change: (row: Row, i: number) => Row = (row) => row,
  answer: (score: number, row: Row) => number | null = (score) => score,
): readonly Row[] => {
  const served = people.map(change);
  const scores = good.predict(fitted, text(served));
  return served.map(({ y: _, ...row }, i) => ({ ...row, model_version: '2.0', score: answer(Number(scores[i]?.score), row) }));
};
const outcomes: readonly Row[] = people.map((row, i) => ({
  id: row.id ?? '',
  at: day(i, people.length, 100, 30),
  y: row.y ?? 0,
}));
const manifest = { columns: { label: 'y', time: 'at', slices: ['state'], features: ['amount', 'bend', 'state'] } };
const probe = async (serving: readonly Row[], more: Partial<Given> = {}) =>
  (
    await runProbe(monitor7, {
      data: { train, eval: evaluation, serving, outcomes, ...more.data },
      model: good,
      manifest,
      ...more,
    })
  ).verdict;
const messages = (verdict: Awaited<ReturnType<typeof probe>>): string =>
  verdict.outcome === 'fail' ? verdict.findings.map((finding) => finding.message).join('\n') : verdict.outcome;

describe('monitor-7: prediction quality on served rows', () => {
  test('a model that does as well as on the evaluation rows: chunks, slices, delay', async () => {
    const verdict = await probe(log());
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { n: 2400, unit: 'auc' } });
    if (verdict.outcome !== 'pass') return;
    expect(verdict.evidence?.explanation).toContain('of model_version 2.0 have a label (100 %)');
    expect(verdict.evidence?.explanation).toContain('Labels come after 10 days (median)');
    const parts = (verdict.evidence?.items ?? []).map((item) => item.part);
    expect(parts.slice(0, 5)).toEqual(['evaluation', 'all chunks', 'state = act', 'state = nsw', 'state = vic']);
    expect(parts.filter((part) => String(part).startsWith('chunk '))).toHaveLength(12);
    expect(verdict.evidence?.items?.at(-1)).toMatchObject({ rows: 200, to: '2024-04-29T23:42', verdict: 'pass' });
  });

  test('scores that are too high by a tenth: bias and calibration are named', async () => {
    const said = messages(await probe(log(undefined, (score) => Math.min(1, score + 0.1))));
    expect(said).toMatch(/overall: prediction bias .* is 0\.0\d+ on served rows/);
    expect(said).toMatch(/overall: calibration error/);
    expect(said).not.toMatch(/auc/);
  });
  test('answers that belong to other people in the last fifth: the chunks and their times', async () => {
    let previous = 0.5;
    const verdict = await probe(
      log(undefined, (score, row) => {
        const answered = Date.parse(`${row.at}Z`) > Date.UTC(2024, 3, 24) ? previous : score;
        previous = score;
        return answered;
      }),
    );
    expect(messages(verdict)).toMatch(/2024-04-2\dT.* to 2024-04-.*: auc is 0\.[45]\d* in 200 rows, outside/);
  });
  test('one slice whose answers are too low: it is named, others are not', async () => {
    const said = messages(await probe(log(undefined, (score, row) => (row.state === 'vic' ? score * 0.4 : score))));
    expect(said).toMatch(/state = vic: prediction bias/);
    expect(said).not.toMatch(/state = (act|nsw)/);
  });
  test('only the version that answers today is judged', async () => {
    const serving = log((row, i) => (i < 1200 ? { ...row, amount: 0 } : row)).map((row, i) =>
      i < 1200 ? { ...row, model_version: '1.0' } : row,
    );
    const verdict = await probe(serving);
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { n: 1200 } });
    if (verdict.outcome === 'pass') expect(verdict.evidence?.explanation).toContain('(left out: 1.0: 1,200 rows)');
  });
  test('regression: bias in the unit of the label', async () => {
    const asValue = (rows: readonly Row[]) => rows.map((row) => ({ ...row, y: 50 * Number(row.y) }));
    const model = {
      train: good.train,
      predict: (_: unknown, rows: readonly TextRow[]) =>
        good.predict(fitted, rows).map((row) => ({ ...row, score: 50 * Number(row.score) })),
    };
    const data = { train: asValue(train), eval: asValue(evaluation), outcomes: asValue(outcomes) };
    const regression = { task: 'regression', ...manifest };
    const fine = log(undefined, (score) => 50 * score);
    expect(await probe(fine, { model, data: { ...data, serving: fine }, manifest: regression })).toMatchObject({
      outcome: 'pass',
      evidence: { unit: expect.any(String) },
    });
    const high = log(undefined, (score) => 50 * score + 6);
    expect(messages(await probe(high, { model, data: { ...data, serving: high }, manifest: regression }))).toMatch(
      /overall: prediction bias .* is [567]/,
    );
  });
  test('multiclass: the metric of logged predictions', async () => {
    const named = (rows: readonly Row[]) => rows.map((row) => ({ ...row, y: row.y === 1 ? 'late' : 'punctual' }));
    const say = (score: unknown) => (Number(score) >= 0.5 ? 'late' : 'punctual');
    const model = {
      train: () => 0,
      predict: (_: unknown, rows: readonly TextRow[]) =>
        good.predict(fitted, rows).map((row) => ({ id: row.id ?? '', prediction: say(row.score) })),
    };
    const data = { train: named(train), eval: named(evaluation), outcomes: named(outcomes) };
    const fine = log().map(({ score, ...row }) => ({ ...row, prediction: say(score) }));
    const multiclass = { task: 'multiclass', ...manifest };
    expect(await probe(fine, { model, data: { ...data, serving: fine }, manifest: multiclass })).toMatchObject({
      outcome: 'pass',
      evidence: { unit: '1' },
    });
    const poor = fine.map((row) => ({ ...row, prediction: 'late' }));
    expect(messages(await probe(poor, { model, data: { ...data, serving: poor }, manifest: multiclass }))).toMatch(
      /overall: accuracy/,
    );
  });
});

describe('monitor-7: nothing to judge', () => {
  const serving = log();
  test.each<[string, Partial<Given>, RegExp, string | undefined]>([
    [
      'no outcomes',
      { data: { train, eval: evaluation, serving } },
      /late labels, by id\) is not known/,
      'data: { outcomes: data/outcomes.csv }',
    ],
    [
      'no log',
      { data: { train, eval: evaluation, outcomes } },
      /serving table is not known/,
      'data: { serving: data/serving.csv }',
    ],
    [
      'few labels',
      { data: { train, eval: evaluation, serving, outcomes: outcomes.slice(0, 250) } },
      /^inconclusive: 250 served rows have a label/,
      undefined,
    ],
    [
      'no scores',
      { data: { train, eval: evaluation, serving: serving.map(({ score: _, ...row }) => row), outcomes } },
      /no column score/,
      'data: { serving: serving.csv } # with a column score',
    ],
    [
      'another name of the label',
      { data: { train, eval: evaluation, serving, outcomes: outcomes.map(({ y = null, ...row }) => ({ ...row, late: y })) } },
      /data.outcomes has no column "y"/,
      'columns: { label: ... }',
    ],
    [
      'ids that stand twice',
      { data: { train, eval: evaluation, serving: serving.map((row, i) => ({ ...row, id: `r${i >> 1}` })), outcomes } },
      /^inconclusive: 0 served rows/,
      undefined,
    ],
    [
      'one class only',
      {
        data: { train, eval: evaluation, serving, outcomes: outcomes.map((row) => ({ ...row, y: 0 })) },
        manifest: { ...manifest, quality: { metric: 'auc' } },
      },
      /./,
      undefined,
    ],
  ])('%s', async (name, given, reason, line) => {
    const { verdict } = await runProbe(monitor7, { data: {}, model: good, manifest, ...given });
    if (name === 'one class only') {
      // That nobody is late any more is news: the bias says so.
      expect(verdict.outcome).toBe('fail');
      return;
    }
    expect(verdict).toMatchObject({ outcome: 'skipped', reason: expect.stringMatching(reason) });
    if (verdict.outcome === 'skipped') expect(verdict.manifestLine).toBe(line);
  });
  test('a slice with few labels, and one that is not logged, leave it open', async () => {
    const thin = (rows: readonly Row[], of = rows) => rows.filter((_, i) => of[i]?.state !== 'vic' || i % 9 === 0);
    expect(
      await probe(serving, { data: { train, eval: thin(evaluation), serving, outcomes: thin(outcomes, people) } }),
    ).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('too few labels to tell for state = vic'),
    });
    const unlogged = serving.map(({ state: _, ...row }) => row);
    expect(await probe(unlogged)).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining('no column state') });
  });
});

describe('false alarms: 200 seeds of unchanged data, at most 6 at a stated 1 %', () => {
  const draw = (seed: number, n: number): Rows => {
    const random = randomOf(seed);
    const z = Array.from({ length: n }, () => random.normal());
    const score = Float64Array.from(z, (x) => 1 / (1 + Math.exp(1 - 1.2 * x)));
    return {
      y: score.map((p) => (random.uniform() < p ? 1 : 0)),
      score,
      at: z.map(() => null),
      groups: new Map([['region', z.map((_, i) => ['east', 'north', 'south', 'west'][i % 4] ?? '')]]),
    };
  };
  test.each([
    [300, 300, 'auc'],
    [1200, 1200, 'auc'],
    [1200, 1200, 'log_loss'],
    [600, 3000, 'accuracy'],
  ] as const)('%i evaluation rows, %i served, %s', (n, m, name) => {
    const measures = measuresOf('binary', metricOf(name, 0.5), 0, 1).map((measure) => ({ ...measure, slack: 0 }));
    let alarms = 0;
    for (let seed = 0; seed < 200; seed++) {
      const shift = qualityShift(draw(2 * seed, n), draw(2 * seed + 1, m), measures);
      if (
        shift.parts.some((part) => part.verdict === 'fail') ||
        shift.chunks.some((chunk) => chunk.values.some((value) => value.isOutside))
      )
        alarms++;
    }
    expect(alarms).toBeLessThanOrEqual(6);
  });
});
