/** Sealing, late points and retention, on both databases. */
import { sql } from 'kysely';
import { beforeEach, expect, it } from 'vitest';
import type { OpenDatabase } from '../../../src/tower/store/database.ts';
import { ensurePartitions } from '../../../src/tower/store/migrations/migrate.ts';
import { TooOld } from '../../../src/tower/store/points/append.ts';
import { readSeries } from '../../../src/tower/store/points/read-series.ts';
import { removeOld } from '../../../src/tower/store/points/retain.ts';
import { rollUp } from '../../../src/tower/store/points/rollups.ts';
import { sealMonths } from '../../../src/tower/store/points/seal.ts';
import { readMeasured } from '../../../src/tower/store/read-measured.ts';
import { aggregates, type Slice, slice } from '../../../src/tower/store/slice/slice.ts';
import { writeMetrics } from '../../../src/tower/store/write-metrics.ts';
import { writeReport } from '../../../src/tower/store/write-report.ts';
import { sampleReport, submissionOf } from '../sample.ts';
import { emptyStore, onBothDatabases } from './databases.ts';

const hour = 3_600_000;
const start = Date.UTC(2025, 0, 20);
const now = new Date('2026-03-20T00:00:00Z');
const afterDays = { afterDays: 7 };

onBothDatabases((opened) => {
  let store: OpenDatabase;
  let modelId = 0;
  beforeEach(async () => {
    store = opened();
    await emptyStore(store.db);
    ({ modelId } = await writeReport(store.db, submissionOf(sampleReport({ at: '2026-03-19T10:00:00Z' }))));
  });

  const post = (values: readonly (readonly [at: string, value: number, slice?: string])[]) =>
    writeMetrics(store.db, {
      modelId,
      projectId: 1,
      writtenBy: 'test',
      refClass: 'authoritative',
      environment: 'production',
      at: now.toISOString(),
      measurements: values.map(([at, value, part = 'all']) => ({ name: 'model.load', unit: '1', labels: { part }, at, value })),
      sha256: '',
      idempotencyKey: null,
    });
  const history = (n = 1500): [string, number, string][] =>
    Array.from({ length: n }, (_, i) => [new Date(start + i * hour).toISOString(), Math.sin(i) * 100, i % 3 === 0 ? 'a' : 'b']);
  const count = async (table: string): Promise<number> =>
    (await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(store.db)).rows[0]?.n ?? -1;
  const rollups = async () => {
    await rollUp(store.db);
    const { rows } =
      await sql`select 'day' as kind, day::text as start, series_id, n, round(sum::numeric, 6) as sum, min, max, last
        from rollup_day union all
      select 'week', week::text, series_id, n, round(sum::numeric, 6), min, max, last from rollup_week order by 1, 2, 3`.execute(
        store.db,
      );
    return rows;
  };
  const everything: Slice = {
    scope: null,
    metric: 'model.load',
    unit: '1',
    refClass: 'authoritative',
    by: ['part'],
    where: {},
    from: new Date('2025-01-01T00:00:00Z'),
    to: now,
    aggregate: 'p95',
    bucket: 'day',
    order: 'name',
    limit: 10,
  };
  /** What people see, by every way of reading. */
  const seen = async () => ({
    slices: await Promise.all(
      aggregates.flatMap((aggregate) =>
        (['none', 'week'] as const).map((bucket) => slice(store.db, { ...everything, aggregate, bucket })),
      ),
    ),
    part: await slice(store.db, { ...everything, from: new Date(start + 100.5 * hour), to: new Date(start + 900.25 * hour) }),
    series: await readSeries(store.db, {
      model: 'late-lodgement-risk',
      metric: 'model.load',
      labels: {},
      project: null,
      limit: 300,
    }),
    measured: await readMeasured(store.db, modelId, new Date(start + 200 * hour)),
  });

  it('reads the same before and after sealing, in a fraction of the rows', async () => {
    await post(history());
    await post([
      ['2025-02-03T04:05:06.789012Z', 7, 'fine'],
      ['2025-02-28T23:59:59.999999Z', 8, 'fine'],
      ['2025-02-01T00:00:00Z', 9, 'fine'],
    ]);
    const before = await seen();
    const rolled = await rollups();
    const points = await count('point');
    expect(await sealMonths(store.db, now, afterDays)).toBe(1503);
    expect(await count('point')).toBe(points - 1503);
    expect(await count('chunk')).toBe(2 * 3 + 1);
    expect(await seen()).toEqual(before);
    expect(await rollups()).toEqual(rolled);
    expect(await sealMonths(store.db, now, afterDays)).toBe(0);
  });

  it('seals a month when it ended long enough ago, not before', async () => {
    await post([['2026-02-28T23:00:00Z', 1]]);
    expect(await sealMonths(store.db, new Date('2026-03-07T23:59:59Z'), afterDays)).toBe(0);
    expect(await sealMonths(store.db, new Date('2026-03-08T00:00:00Z'), afterDays)).toBe(1);
  });

  it('adds nothing when points of a sealed month are sent again, and takes those that come late', async () => {
    await post(history());
    await sealMonths(store.db, now, afterDays);
    const rolled = await rollups();
    expect(await post(history())).toBe(0);
    expect(await rollups()).toEqual(rolled);
    const late: [string, number, string][] = [
      [new Date(start + 0.5 * hour).toISOString(), 1000, 'a'],
      ['2025-02-03T04:05:06.000001Z', -1000, 'a'],
      ['2024-05-05T00:00:00Z', 5, 'new'],
    ];
    expect(await post([...late, ...history(10)])).toBe(3);
    expect(await post(late)).toBe(0);
    const before = await seen();
    const withLate = await rollups();
    expect(await sealMonths(store.db, now, afterDays)).toBe(3);
    expect(await seen()).toEqual(before);
    expect(await post([...history(), ...late])).toBe(0);
    expect(await rollups()).toEqual(withLate);
  });

  it('loses and doubles nothing when two servers seal and clients post late points meanwhile', async () => {
    await ensurePartitions(store.db, new Date('2025-02-01T00:00:00Z'));
    const all = history(1200);
    await post(all.filter((_, i) => i % 2 === 0));
    const parts = Array.from({ length: 12 }, (_, i) => all.slice(i * 100, (i + 1) * 100));
    const added: number[] = [];
    await Promise.all([
      (async () => {
        for (let i = 0; i < 4; i++) await sealMonths(store.db, now, afterDays);
      })(),
      sealMonths(store.db, now, afterDays),
      ...parts.flatMap((part) => [post(part).then((n) => added.push(n)), post(part).then((n) => added.push(n))]),
    ]);
    expect(added.reduce((a, b) => a + b)).toBe(600);
    await sealMonths(store.db, now, afterDays);
    const { rows: partitions } =
      await sql`select to_regclass('point_2025_01') as old, to_regclass('point_2025_03') as empty`.execute(store.db);
    expect(partitions).toEqual([{ old: null, empty: null }]);
    const { rows } = await sql<{ n: number }>`select sum(n)::bigint as n from chunk`.execute(store.db);
    expect(rows[0]?.n).toBe(1200);
    await rollUp(store.db);
    const rolled = await sql<{ n: number }>`select sum(n)::bigint as n from rollup_day join metric on metric.id = metric_id
      where name = 'model.load'`.execute(store.db);
    expect(rolled.rows[0]?.n).toBe(1200);
  });

  it('keeps what it is told to keep, and takes no points that are older', async () => {
    await post(history());
    await sealMonths(store.db, now, afterDays);
    await post([['2025-01-25T00:30:00Z', 1]]);
    await sql`insert into metric_post (model_id, sha256, ref_class, environment, written_by, points, received_at) values
      (${modelId}, 'old', 'authoritative', '', 'test', 1, '2025-01-31T23:00:00Z'),
      (${modelId}, 'kept', 'authoritative', '', 'test', 1, '2025-02-01T00:00:00Z')`.execute(store.db);
    await removeOld(store.db, now, { pointMonths: 14, dayMonths: 1200 });
    expect(await count('metric_post')).toBe(4);
    await removeOld(store.db, now, { pointMonths: 13, dayMonths: 13 });
    // Keeping more from now on brings nothing back.
    await removeOld(store.db, now, { pointMonths: 24 });
    const receipts = await sql`select sha256 from metric_post where sha256 <> '' order by 1`.execute(store.db);
    expect(receipts.rows).toEqual([{ sha256: 'kept' }]);
    const { rows } = await sql`select distinct month from chunk order by 1`.execute(store.db);
    expect(rows).toEqual([{ month: '2025-02-01' }, { month: '2025-03-01' }]);
    const left = await sql<{ n: number }>`select count(*) as n from point where ts < '2025-02-01Z'`.execute(store.db);
    expect(left.rows[0]?.n).toBe(0);
    await expect(post([['2025-01-31T23:59:00Z', 1], ...history().slice(-2)])).rejects.toThrow(TooOld);
    expect(await post(history().slice(-400))).toBe(0);
    const days = await sql`select min(day) as first from rollup_day`.execute(store.db);
    expect(days.rows).toEqual([{ first: '2025-02-01' }]);
    const weeks = await sql`select min(week) as first from rollup_week`.execute(store.db);
    expect(weeks.rows).toEqual([{ first: '2025-01-20' }]);
    const old = await writeReport(store.db, submissionOf(sampleReport({ jobId: '5', at: '2024-12-01T00:00:00Z', metrics: [] })));
    expect(old).toMatchObject({ isReplay: false, points: 0 });
  });
});
