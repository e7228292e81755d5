import { sql } from 'kysely';
import { beforeEach, expect, it } from 'vitest';
import { rollUp } from '../../../src/tower/store/points/rollups.ts';
import { readMeasured } from '../../../src/tower/store/read-measured.ts';
import { slice } from '../../../src/tower/store/slice/slice.ts';
import { modelsNamed, writeMetrics } from '../../../src/tower/store/write-metrics.ts';
import { writeReport } from '../../../src/tower/store/write-report.ts';
import { sampleReport, submissionOf } from '../sample.ts';
import { emptyStore, onBothDatabases } from './databases.ts';

const day = 86_400_000;
/** A Monday, midnight. */
const monday = Date.parse('2026-03-02T00:00:00Z');

onBothDatabases((store) => {
  let ids = { modelId: 0, projectId: 0 };
  const post = (values: readonly (readonly [at: number, value: number, series?: string])[]) =>
    writeMetrics(store().db, {
      ...ids,
      ...{ writtenBy: 'token operator', refClass: 'authoritative', environment: '', at: new Date(monday).toISOString() },
      measurements: values.map(([at, value, series = 'a']) => ({
        ...{ name: 'model.load', unit: '', labels: { series }, value, at: new Date(at).toISOString() },
      })),
      ...{ sha256: 'a'.repeat(64), idempotencyKey: null },
    });
  const waiting = async (): Promise<number> =>
    (await sql<{ n: number }>`select count(*) as n from pending_rollup`.execute(store().db)).rows[0]?.n ?? -1;
  const sums = async (bucket: 'day' | 'week') =>
    (
      await slice(store().db, {
        ...{ scope: null, metric: 'model.load', unit: '', refClass: 'authoritative', by: [], where: {}, aggregate: 'sum' },
        ...{ from: new Date(monday), to: new Date(monday + 14 * day), bucket, order: 'name', limit: 10 },
      })
    ).groups.flatMap(({ points }) => points.map(({ value }) => value));

  beforeEach(async () => {
    const { db } = store();
    await emptyStore(db);
    await writeReport(db, submissionOf(sampleReport()));
    const [model] = await modelsNamed(db, { name: 'late-lodgement-risk', scope: null });
    ids = { modelId: model?.id ?? 0, projectId: model?.projectId ?? 0 };
    await rollUp(db);
  });

  it('lets posts wait until somebody reads, who sees all that was acknowledged', async () => {
    await post([[monday, 1]]);
    await post([
      [monday + 1000, 2],
      [monday + day, 4],
      [monday + 8 * day, 8],
    ]);
    expect(await post([[monday, 100]])).toBe(0);
    expect(await waiting()).toBe(2);
    expect(await sums('day')).toEqual([3, 4, 8]);
    expect(await waiting()).toBe(0);
    await post([[monday + 2 * day, 16]]);
    expect(await sums('week')).toEqual([23, 8]);
    await post([[monday + day + 5, 32]]);
    const measured = await readMeasured(store().db, ids.modelId, new Date(monday));
    expect(measured.find(({ metric }) => metric === 'model.load')).toMatchObject({
      value: 8,
      at: new Date(monday + 8 * day),
      recent: [{ value: 1 }, { value: 2 }, { value: 4 }, { value: 32 }, { value: 16 }, { value: 8 }],
    });
  });

  it('keeps the newest value of a day to its last bit, whichever post brought it', async () => {
    await post([[monday + 60_000, 0.1 + 0.2]]);
    await post([
      [monday + 30_000, 5],
      [monday, -5],
    ]);
    await rollUp(store().db);
    const { rows } = await sql`select n, min, max, last, last_ts from rollup_day join metric on metric.id = metric_id
      where name = 'model.load'`.execute(store().db);
    expect(rows).toEqual([{ n: 3, min: -5, max: 5, last: 0.1 + 0.2, last_ts: new Date(monday + 60_000) }]);
  });

  it('adds each post up once when several servers do it while clients post', async () => {
    const posts = Array.from({ length: 40 }, (_, i) =>
      Array.from({ length: 5 }, (_, k) => [monday + (i % 10) * day + i * 1000 + k, 1, `s${k}`] as const),
    );
    await Promise.all([...posts.map(post), ...Array.from({ length: 8 }, () => rollUp(store().db))]);
    await Promise.all([rollUp(store().db), rollUp(store().db)]);
    expect(await waiting()).toBe(0);
    const { rows } = await sql`select (select sum(rollup_day.n) from rollup_day join metric on metric.id = metric_id
        where name = 'model.load')::int as days,
      (select sum(rollup_week.n) from rollup_week join metric on metric.id = metric_id where name = 'model.load')::int as weeks,
      (select count(*) from latest join metric on metric.id = metric_id where name = 'model.load')::int as latest`.execute(
      store().db,
    );
    expect(rows).toEqual([{ days: 200, weeks: 200, latest: 5 }]);
  });
});
