import { sql } from 'kysely';
import { beforeEach, expect, it } from 'vitest';
import { pointStore } from '../../../src/tower/store/points/point-store.ts';
import { modelsNamed, writeMetrics } from '../../../src/tower/store/write-metrics.ts';
import { writeReport } from '../../../src/tower/store/write-report.ts';
import { sampleReport, submissionOf } from '../sample.ts';
import { emptyStore, onBothDatabases } from './databases.ts';

/** Of this month: such posts are written together with others. */
const start = new Date();
start.setUTCHours(0, 0, 0, 0);
const at = (second: number): string => new Date(start.getTime() + second * 1000).toISOString();

onBothDatabases((store) => {
  let ids = { modelId: 0, projectId: 0 };
  const post = (sender: string, values: readonly (readonly [second: number, value: number, series?: string])[]) =>
    writeMetrics(store().db, {
      ...ids,
      ...{ writtenBy: sender, refClass: 'authoritative', environment: '', at: at(0), idempotencyKey: null },
      sha256: sender,
      measurements: values.map(([second, value, series = 'a']) => ({
        ...{ name: 'model.load', unit: 's', labels: { series }, value, at: at(second) },
      })),
    });
  const pointsOf = async () =>
    (
      await sql<{ second: number; value: number }>`
        select extract(epoch from ts - ${start}::timestamptz)::int as second, value from point join metric on metric.id = metric_id
        where metric.name = 'model.load' order by 1, 2`.execute(store().db)
    ).rows;
  const receipts = async () =>
    (await sql`select written_by as by, points from metric_post order by written_by`.execute(store().db)).rows;

  beforeEach(async () => {
    const { db } = store();
    await emptyStore(db);
    await writeReport(db, submissionOf(sampleReport()));
    const [model] = await modelsNamed(db, { name: 'late-lodgement-risk', scope: null });
    ids = { modelId: model?.id ?? 0, projectId: model?.projectId ?? 0 };
    await post('first', [
      [0, 0],
      [0, 0, 'b'],
    ]);
  });

  it('takes labels in any order for the same series, in posts that find it, and an exchanged value for another', async () => {
    const labels = [
      { b: '2', a: '1', 10: 'x', 9: 'y' },
      { 9: 'y', 10: 'x', a: '1', b: '2' },
      { a: '1', b: '2', 9: 'y', 10: 'x' },
      { a: '2', b: '1', 9: 'y', 10: 'x' },
    ];
    for (const [i, each] of [...labels, ...labels].entries())
      await writeMetrics(store().db, {
        ...ids,
        ...{ writtenBy: 'one', refClass: 'authoritative', environment: '', at: at(i), idempotencyKey: null, sha256: `${i}` },
        measurements: [{ name: 'model.order', unit: '', labels: each, value: i }],
      });
    const { rows } = await sql<{ values: number[] }>`
      select array_agg(value order by value) as values from point join metric on metric.id = metric_id
      where metric.name = 'model.order' group by series_id order by 1`.execute(store().db);
    expect(rows.map((row) => row.values)).toEqual([
      [0, 1, 2, 4, 5, 6],
      [3, 7],
    ]);
  });

  it('answers each of many posts at once with its own count, and keeps a receipt of each that brought something', async () => {
    const added = await Promise.all([
      post('one', [[1, 1]]),
      post('two', [
        [2, 2],
        [2, 2, 'b'],
        [0, 9],
      ]),
      post('none', [[0, 7]]),
      post('three', [
        [3, 3],
        [3, 33],
        [3, 333],
      ]),
      post('new series', [[4, 4, 'c']]),
    ]);
    expect(added).toEqual([1, 2, 0, 1, 1]);
    expect(await pointsOf()).toEqual([...[0, 0, 1, 2, 2, 3, 4].map((second) => ({ second, value: second }))]);
    expect(await receipts()).toEqual([
      { by: 'first', points: 2 },
      { by: 'new series', points: 1 },
      { by: 'one', points: 1 },
      { by: 'three', points: 1 },
      { by: 'two', points: 2 },
    ]);
  });

  it('stores once what comes in several posts at once, and says so in one answer alone', async () => {
    const values = Array.from({ length: 300 }, (_, i) => [i + 1, i, i % 2 === 0 ? 'a' : 'b'] as const);
    const added = await Promise.all(Array.from({ length: 20 }, (_, i) => post(`sender ${i}`, values)));
    expect(added.reduce((sum, n) => sum + n)).toBe(300);
    expect(await pointsOf()).toHaveLength(302);
    const { rows } = await sql`select sum(points)::int as points from metric_post where written_by like 'sender%'`.execute(
      store().db,
    );
    expect(rows).toEqual([{ points: 300 }]);
  });

  it('stores once what another server has written meanwhile, though it is newer than all that was posted here', async () => {
    for (const second of [1, 2]) expect(await post('here', [[second, second]])).toBe(1);
    expect(await post('here', [[2, 2, 'b']])).toBe(1);
    await store()
      .db.transaction()
      .execute((other) =>
        pointStore.append(other, {
          ...{ modelId: ids.modelId, reportId: null, refClass: 'authoritative', environment: '', at: at(5) },
          measurements: [{ name: 'model.load', unit: 's', labels: { series: 'a' }, value: 55 }],
        }),
      );
    const added = await Promise.all([
      post('here', [
        [5, 5],
        [6, 6],
      ]),
      post('beside', [[7, 7, 'b']]),
    ]);
    expect(added).toEqual([1, 1]);
    expect((await pointsOf()).slice(-3)).toEqual([
      { second: 5, value: 55 },
      { second: 6, value: 6 },
      { second: 7, value: 7 },
    ]);
    expect(await post('here', [[6, 66]])).toBe(0);
  });

  it('keeps odd names, labels and numbers as they are, beside those of others', async () => {
    const odd = ['{1,2}', '"', '\\', 'NULL', "'; drop table point; --", '\n', '__proto__', 'a","b', '😀 \u2028'];
    const values = [1e300, -1e300, 5e-324, 0.1 + 0.2, -1 / 3, 2 ** 53, 0, 1e-310, 123456.789];
    const measurements = odd.map((text, i) => ({
      ...{ name: `odd ${text}`, unit: text, labels: Object.fromEntries([[text, text]]), value: values[i] ?? 0 },
    }));
    const send = (second: number) =>
      writeMetrics(store().db, {
        ...{ ...ids, writtenBy: 'odd', refClass: 'authoritative', environment: odd.join(), at: at(second), sha256: 'o' },
        ...{ measurements, idempotencyKey: null },
      });
    expect(await send(0)).toBe(odd.length);
    const [one, plain, other, again] = await Promise.all([send(1), post('plain', [[7, 7]]), send(2), send(1)]);
    expect([plain, other]).toEqual([1, odd.length]);
    // Of two that are the same, whichever is written first.
    expect([one, again].sort()).toEqual([0, odd.length]);
    const { rows } = await sql<{ unit: string; name: string; labels: Record<string, string>; value: number }>`
      select metric.name, unit, labels, value from point join series on series.id = point.series_id
        join metric on metric.id = point.metric_id where metric.name like 'odd %' and ts = ${at(2)}::timestamptz`.execute(
      store().db,
    );
    const byUnit = (a: { unit: string }, b: { unit: string }) => (a.unit < b.unit ? -1 : 1);
    expect([...rows].sort(byUnit)).toEqual([...measurements].sort(byUnit));
  });

  it('knows the series of one kind of record from those of another', async () => {
    const preview = { ...ids, writtenBy: 'p', refClass: 'preview', environment: '', at: at(0), sha256: 'p' } as const;
    const measurements = [{ name: 'model.load', unit: 's', labels: { series: 'a' }, value: 5 }];
    for (const environment of ['', 'production'])
      expect(await writeMetrics(store().db, { ...preview, environment, measurements, idempotencyKey: null })).toBe(1);
    expect(await writeMetrics(store().db, { ...preview, measurements, idempotencyKey: null })).toBe(0);
    expect(await pointsOf()).toHaveLength(4);
  });
});
