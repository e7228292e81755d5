import { describe, expect, test } from 'vitest';
import monitor3 from '../../../rules/ml-test-score/monitoring/monitor-3-skew.ts';
import { manifestOf } from '../../support/manifest.ts';
import { type Given, type Row, runProbe, type TextRow } from '../../support/probes.ts';

/** What people send, and the features that training computes from it. */
const requests: readonly Row[] = Array.from({ length: 1200 }, (_, i) => ({
  id: `q${i}`,
  cents: i % 97 === 0 ? null : 12345 + 331 * i,
  sent: `2024-03-${String(1 + (i % 28)).padStart(2, '0')}T08:15:00`,
  office: ['north', 'south', '0800'][i % 3] ?? '',
}));
const compute = (row: TextRow | Row): Row => ({
  id: String(row.id),
  amount: row.cents === '' || row.cents === null ? null : Math.log(Number(row.cents)),
  day: String(row.sent).slice(0, 10),
  office: String(row.office),
  is_south: row.office === 'south' ? 1 : 0,
});
const features = (rows: readonly TextRow[]) => rows.map(compute);
const log = (change: (row: Row, i: number) => Row = (row) => row): readonly Row[] =>
  requests.map((row, i) => change({ ...compute(row), model_version: '2', score: 0.5 }, i));
const probe = (more: Partial<Given> & { serving?: readonly Row[] } = {}) =>
  runProbe(monitor3, { data: { requests, serving: more.serving ?? log(), ...more.data }, features, ...more }).then(
    ({ verdict }) => verdict,
  );

describe('monitor-3: training and serving compute the same values', () => {
  test('logged values that are computed again: all agree, with an interval and every feature named', async () => {
    const verdict = await probe();
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { value: 0, threshold: 0.001, n: 1200 } });
    if (verdict.outcome !== 'pass') return;
    expect(verdict.evidence?.interval?.upper).toBeGreaterThan(0.001);
    expect(verdict.evidence?.items?.map((item) => item.feature)).toEqual(['amount', 'day', 'office', 'is_south']);
  });

  test('what is written otherwise and means the same is the same: 1.0 and 1, NaN and nothing, a time of day, the last bits', async () => {
    const serving = log((row) => ({
      ...row,
      amount: row.amount === null ? 'NaN' : Number(row.amount) * (1 + 5e-7),
      day: `${row.day} 00:00:00`,
      is_south: `${row.is_south}.0`,
    }));
    expect(await probe({ serving })).toMatchObject({ outcome: 'pass', evidence: { value: 0 } });
  });

  const half = (change: (row: Row) => Row) => log((row, i) => (i % 2 === 0 ? { ...row, ...change(row) } : row));
  test.each([
    ['another unit', 'amount', half((row) => ({ amount: row.amount === null ? null : Number(row.amount) * 100 }))],
    ['rounding', 'amount', half((row) => ({ amount: row.amount === null ? null : Number(Number(row.amount).toFixed(2)) }))],
    ['0 in place of nothing', 'amount', log((row) => ({ ...row, amount: row.amount ?? 0 }))],
    ['a zone taken for another', 'day', half((row) => ({ day: `${String(row.day).slice(0, 8)}29` }))],
    ['another spelling', 'office', half((row) => ({ office: String(row.office).toUpperCase() }))],
    ['a code without its zero', 'office', log((row) => ({ ...row, office: row.office === '0800' ? '800' : String(row.office) }))],
    ['the wrong way round', 'is_south', half((row) => ({ is_south: 1 - Number(row.is_south) }))],
  ])('%s is found in %s alone, with ids and both values', async (_what, name, serving) => {
    const verdict = await probe({ serving });
    expect(verdict.outcome).toBe('fail');
    if (verdict.outcome !== 'fail') return;
    expect(verdict.findings).toHaveLength(1);
    expect(verdict.findings[0]?.message).toMatch(
      new RegExp(`^${name} differs in .* of 1,200 rows .*: q\\d+: logged .*, computed again`),
    );
    const items = verdict.evidence?.items ?? [];
    expect(items.filter((item) => Number(item.differing) > 0)).toHaveLength(1);
    expect(items.find((item) => item.feature === name)?.example_id).toMatch(/^q\d+$/);
  });

  test('one row in 1,200 is within the 0.1 %; two are not', async () => {
    const wrong = (rows: number) => log((row, i) => (i < rows ? { ...row, office: 'west' } : row));
    expect((await probe({ serving: wrong(1) })).outcome).toBe('pass');
    expect((await probe({ serving: wrong(2) })).outcome).toBe('fail');
  });

  test('an older version that computed otherwise is left out and said', async () => {
    const old = log((row, i) => (i < 500 ? { ...row, model_version: '1', is_south: 7 } : row));
    const verdict = await probe({ serving: old });
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { n: 700 } });
    if (verdict.outcome === 'pass') expect(verdict.evidence?.explanation).toContain('model_version 2 (left out: 1: 500 rows)');
  });

  test('ids that are missing or stand twice are left out and said', async () => {
    const serving = [
      ...log().slice(0, 900),
      ...log().slice(0, 100),
      ...log()
        .slice(0, 50)
        .map((row, i) => ({ ...row, id: `x${i}` })),
    ];
    const verdict = await probe({ serving });
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { n: 800 } });
    if (verdict.outcome === 'pass') expect(verdict.evidence?.explanation).toContain('250 logged rows were left out');
  });
});

describe('monitor-3: nothing to compare', () => {
  test.each<[string, Partial<Given>, RegExp, string | undefined]>([
    ['no log', { data: { requests } }, /serving table is not known/, 'data: { serving: data/serving.csv }'],
    [
      'no hook',
      { data: { requests, serving: log() } },
      /how features are computed/,
      'hooks: { features: "python features.py {in} {out}" }',
    ],
    ['no raw rows', { data: { serving: log() }, features }, /computed from/, 'data: { requests: data/requests/*.csv }'],
    ['few rows', { data: { requests, serving: log().slice(0, 150) }, features }, /^inconclusive: 150 logged rows/, undefined],
    [
      'no id in the log',
      { data: { requests, serving: log().map(({ id: _, ...row }) => row) }, features },
      /data.serving has no column "id"/,
      'columns: { id: ... }',
    ],
    [
      'no id from the hook',
      { data: { requests, serving: log() }, features: (rows) => rows.map((row) => ({ n: Number(row.cents) })) },
      /has no id/,
      undefined,
    ],
    [
      'nothing logged',
      { data: { requests, serving: log().map(({ id = null }) => ({ id, score: 1 })) }, features },
      /none of the computed features/,
      'data: { requests: data/requests/*.csv }',
    ],
    [
      'one feature not logged',
      { data: { requests, serving: log().map(({ office: _, ...row }) => row) }, features },
      /^inconclusive: 1 of 4 features are not logged .*office/,
      undefined,
    ],
    [
      'a file compared with itself',
      { data: { requests, serving: requests }, features: (rows) => rows },
      /compared with itself/,
      'data: { requests: data/requests/*.csv }',
    ],
  ])('%s', async (_name, given, reason, line) => {
    const { verdict } = await runProbe(monitor3, { data: {}, ...given });
    expect(verdict).toMatchObject({ outcome: 'skipped', reason: expect.stringMatching(reason) });
    if (verdict.outcome !== 'skipped') return;
    expect(verdict.manifestLine).toBe(line);
    expect(verdict.nextStep ?? verdict.evidence?.nextStep).toBeTruthy();
  });
  test('without all three nothing is planned', () => {
    const hooks = { features: 'f {in} {out}' };
    expect(monitor3.plan?.(manifestOf({ hooks, data: { serving: 's.csv' } }), {})).toEqual([]);
    expect(monitor3.plan?.(manifestOf({ hooks, data: { serving: 's.csv', requests: 'r.csv' } }), {})).toHaveLength(1);
  });
});
