/** Metrics without reports, and slices of them, on both databases. */
import { sql } from 'kysely';
import { beforeEach, expect, it } from 'vitest';
import { randomOf } from '../../../src/stats/random.ts';
import { KeyReused } from '../../../src/tower/store/idempotency.ts';
import { schema1 } from '../../../src/tower/store/migrations/schema-1.ts';
import { schema2 } from '../../../src/tower/store/migrations/schema-2.ts';
import { rollUp } from '../../../src/tower/store/points/rollups.ts';
import { stretchOf } from '../../../src/tower/store/slice/buckets.ts';
import { labelNames, listMetrics } from '../../../src/tower/store/slice/metrics.ts';
import { heldDays, type Slice, slice } from '../../../src/tower/store/slice/slice.ts';
import { modelsNamed, writeMetrics } from '../../../src/tower/store/write-metrics.ts';
import { writeReport } from '../../../src/tower/store/write-report.ts';
import { localWriter, sampleReport, submissionOf } from '../sample.ts';
import { emptyStore, onBothDatabases } from './databases.ts';

const dayMs = 86_400_000;
const metric = 'task.latency.seconds';
const at = (day: number, hour = 0): string => new Date(Date.UTC(2026, 2, day, hour)).toISOString();

interface Value {
  readonly value: number;
  readonly at: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly unit?: string;
}

const whole: Slice = {
  scope: null,
  metric,
  unit: 's',
  refClass: 'authoritative',
  by: [],
  where: {},
  from: new Date('2026-03-02T00:00:00Z'),
  to: new Date('2026-03-16T00:00:00Z'),
  aggregate: 'avg',
  bucket: 'none',
  order: 'high',
  limit: 50,
};

onBothDatabases((store) => {
  const model = async (name: string, owner: string, labels: Readonly<Record<string, string>> = {}) => {
    const report = sampleReport({ name, owner, labels, jobId: name, tier: name === 'a' ? 'critical' : 'standard' });
    const { modelId } = await writeReport(store().db, submissionOf(report));
    const [found] = await modelsNamed(store().db, { name, scope: null });
    return { modelId, projectId: found?.projectId ?? 0 };
  };
  const write = (
    ids: { modelId: number; projectId: number },
    values: readonly Value[],
    more: Partial<Parameters<typeof writeMetrics>[1]> = {},
  ) =>
    writeMetrics(store().db, {
      ...ids,
      writtenBy: 'token operator',
      refClass: 'authoritative',
      environment: 'production',
      at: at(1),
      measurements: values.map((value) => ({ name: metric, unit: 's', labels: {}, ...value })),
      sha256: 'a'.repeat(64),
      idempotencyKey: null,
      ...more,
    });
  const sliced = async (more: Partial<Slice>) => slice(store().db, { ...whole, ...more });
  const summed = async (table: string) => {
    await rollUp(store().db);
    return (
      await sql<{ n: number; sum: number }>`select sum(n)::bigint as n, sum(sum) as sum from ${sql.table(table)}
      join metric on metric.id = metric_id where name = ${metric}`.execute(store().db)
    ).rows[0];
  };

  beforeEach(() => emptyStore(store().db));

  it('adds a value once, whatever else comes with it, and rolls up only what was added', async () => {
    const a = await model('a', '@x');
    const first = [1, 2, 3].map((value) => ({ value, at: at(2, value) }));
    expect(await write(a, first)).toBe(3);
    expect(await write(a, first)).toBe(0);
    expect(await write(a, [...first, { value: 9, at: at(3) }, { value: 9, at: at(3) }])).toBe(1);
    expect(await write(a, [{ value: 100, at: at(2, 1) }])).toBe(0);
    expect(await summed('rollup_day')).toEqual({ n: 4, sum: 15 });
    expect(await summed('rollup_week')).toEqual({ n: 4, sum: 15 });
    const { rows } = await sql`select value from latest join metric on metric.id = metric_id where name = ${metric}`.execute(
      store().db,
    );
    expect(rows).toEqual([{ value: 9 }]);
  });

  it('adds a value once when several send it at the same time', async () => {
    const a = await model('a', '@x');
    const values = Array.from({ length: 200 }, (_, i) => ({ value: i, at: at(2 + (i % 10), i % 24), labels: { i: String(i) } }));
    const added = await Promise.all([1, 2, 3, 4].map(() => write(a, values)));
    expect(added.reduce((sum, n) => sum + n)).toBe(200);
    expect(await summed('rollup_day')).toMatchObject({ n: 200 });
    expect(await summed('rollup_week')).toMatchObject({ n: 200 });
  });

  it('adds nothing for an Idempotency-Key that was used, even of another moment, and refuses another body', async () => {
    const a = await model('a', '@x');
    expect(await write(a, [{ value: 1, at: at(2) }], { idempotencyKey: 'k' })).toBe(1);
    expect(await write(a, [{ value: 1, at: at(5) }], { idempotencyKey: 'k' })).toBe(0);
    await expect(write(a, [{ value: 1, at: at(6) }], { idempotencyKey: 'k', sha256: 'b' })).rejects.toThrow(KeyReused);
    expect(await summed('rollup_day')).toMatchObject({ n: 1 });
  });

  it('holds the last value of a series where none came, so that a mean is of all of them', async () => {
    const a = await model('a', '@x');
    const b = await model('b', '@x');
    await write(a, [{ value: 1, at: at(3) }]);
    await write(b, [
      { value: 2, at: at(2) },
      { value: 3, at: at(4) },
      { value: 5, at: at(10) },
    ]);
    const drawn = async (more: Partial<Slice>) =>
      (await sliced({ bucket: 'week', fill: 'last', ...more })).groups[0]?.points.map(({ value, n }) => [value, n]);
    expect(await drawn({ fill: 'none' })).toEqual([
      [2, 3],
      [5, 1],
    ]);
    expect(await drawn({})).toEqual([
      [2, 2],
      [3, 2],
    ]);
    expect(await drawn({ aggregate: 'count' })).toEqual([
      [2, 2],
      [2, 2],
    ]);
    expect(await drawn({ aggregate: 'p50' })).toEqual([
      [2, 2],
      [3, 2],
    ]);
    // What came before the time asked for holds too.
    const later = { from: new Date(at(16)), to: new Date(at(23)) };
    expect(await drawn({ ...later, fill: 'none' })).toBeUndefined();
    expect(await drawn(later)).toEqual([[3, 2]]);
  });

  it('holds values as a count by hand says, in buckets of any length, and none for ever or of the future', async () => {
    const random = randomOf(7);
    const now = Date.now();
    const start = Math.floor(now / dayMs) * dayMs - 150 * dayMs;
    const known: { readonly series: string; readonly at: number; readonly value: number }[] = [];
    for (const series of ['1', '2', '3', '4'])
      for (let n = random.below(4) + 1; n > 0; n--)
        known.push({ series, at: start + random.below(140) * dayMs + random.below(24) * 3_600_000, value: random.below(100) });
    const a = await model('a', '@x');
    await write(
      a,
      known.map(({ series, at, value }) => ({ value, at: new Date(at).toISOString(), labels: { series } })),
    );
    for (const bucket of ['day', 'week', 'month'] as const) {
      const from = stretchOf(bucket, start + 30 * dayMs).start;
      const expected: [at: number, sum: number, n: number][] = [];
      for (let at = from; at < now; at = stretchOf(bucket, at).end) {
        const { end } = stretchOf(bucket, at);
        const held = ['1', '2', '3', '4'].flatMap((series) => {
          const newest = known.filter((one) => one.series === series && one.at < end).sort((x, y) => y.at - x.at)[0];
          return newest && stretchOf(bucket, newest.at + heldDays * dayMs).start >= at ? [newest.value] : [];
        });
        if (held.length > 0) expected.push([at, held.reduce((sum, value) => sum + value), held.length]);
      }
      expect(expected.length).toBeGreaterThan(3);
      const to = new Date(start + 400 * dayMs);
      const { groups } = await sliced({ bucket, fill: 'last', aggregate: 'sum', from: new Date(from), to });
      expect(
        groups[0]?.points.map(({ at, value, n }) => [at.getTime(), value, n]),
        bucket,
      ).toEqual(expected);
    }
  });

  it('groups by columns and labels of models and series, and filters by them', async () => {
    const a = await model('a', '@x', { region: 'north' });
    const b = await model('b', '@y', { region: 'south' });
    await write(a, [
      { value: 1, at: at(2), labels: { task: 'train' } },
      { value: 3, at: at(3), labels: { task: 'predict' } },
    ]);
    await write(b, [{ value: 10, at: at(2) }]);
    const named = async (more: Partial<Slice>) =>
      (await sliced(more)).groups.map(({ key, value, n }) => [...key, value, n] as const);
    expect(await named({})).toEqual([[14 / 3, 3]]);
    expect(await named({ by: ['owner'] })).toEqual([
      ['@y', 10, 1],
      ['@x', 2, 2],
    ]);
    expect(await named({ by: ['region'], order: 'low' })).toEqual([
      ['north', 2, 2],
      ['south', 10, 1],
    ]);
    expect(await named({ by: ['label:task'], order: 'name' })).toEqual([
      ['predict', 3, 1],
      ['train', 1, 1],
      [null, 10, 1],
    ]);
    expect(await named({ by: ['tier', 'label:task'], order: 'name' })).toEqual([
      ['critical', 'predict', 3, 1],
      ['critical', 'train', 1, 1],
      ['standard', null, 10, 1],
    ]);
    expect(await named({ where: { region: ['north'], environment: ['production'] } })).toEqual([[2, 2]]);
    expect(await named({ where: { 'label:task': ['', 'train'] }, by: ['model'], order: 'name' })).toEqual([
      ['a', 1, 1],
      ['b', 10, 1],
    ]);
    expect(await named({ where: { region: [`north' or true --`] } })).toEqual([]);
    expect(await named({ by: [`x'); drop table model; --`] })).toEqual([[null, 14 / 3, 3]]);
    expect((await sliced({ by: ['model'], limit: 1 })).groupCount).toBe(2);
    expect((await sliced({ by: ['model'] })).groups.map((group) => group.modelId)).toEqual([b.modelId, a.modelId]);
    expect(await labelNames(store().db, metric, null)).toEqual(['region', 'task']);
    expect(await listMetrics(store().db, null)).toContainEqual({ name: metric, unit: 's', series: 3, models: 2 });
  });

  it('draws values together the same way from points and from rollups', async () => {
    const a = await model('a', '@x');
    const values = Array.from({ length: 60 }, (_, i) => ({ value: (i * 37) % 101, at: at(2 + (i % 14), i % 24) }));
    await write(
      a,
      values.map(({ value, at: time }, i) => ({ value, at: time, labels: { s: String(i % 3) } })),
    );
    for (const bucket of ['none', 'day', 'week', 'month'] as const)
      for (const aggregate of ['avg', 'min', 'max', 'sum', 'count', 'last'] as const) {
        const rolled = await sliced({ bucket, aggregate });
        expect(rolled.source).toBe(bucket === 'week' ? 'rollup_week' : 'rollup_day');
        // A moment after midnight takes no rollup, and leaves no point out.
        const exact = await sliced({ bucket, aggregate, to: new Date('2026-03-16T00:00:00.001Z') });
        expect(exact.source).toBe('point');
        expect(rolled.groups, `${bucket} ${aggregate}`).toEqual(exact.groups);
      }
    const sorted = values.map(({ value }) => value).sort((x, y) => x - y);
    const [p50] = (await sliced({ aggregate: 'p50' })).groups;
    expect(p50).toMatchObject({ value: ((sorted[29] ?? 0) + (sorted[30] ?? 0)) / 2, n: 60 });
    expect((await sliced({ aggregate: 'p95', bucket: 'day' })).groups[0]?.points).toHaveLength(14);
  });

  it('puts points into their buckets: UTC days, weeks from Monday', async () => {
    const a = await model('a', '@x');
    await write(a, [
      { value: 1, at: '2026-03-08T23:59:59.999Z' },
      { value: 5, at: '2026-03-09T00:00:00Z' },
      { value: 7, at: '2026-03-15T22:00:00-02:00' },
    ]);
    const starts = async (more: Partial<Slice>) =>
      (await sliced(more)).groups[0]?.points.map((point) => [point.at.toISOString().slice(0, 10), point.value]);
    expect(await starts({ bucket: 'week', to: new Date('2026-03-23T00:00:00Z') })).toEqual([
      ['2026-03-02', 1],
      ['2026-03-09', 5],
      ['2026-03-16', 7],
    ]);
    expect(await starts({ bucket: 'month' })).toEqual([['2026-03-01', 3]]);
  });

  it('keeps previews, other units and other environments apart', async () => {
    const a = await model('a', '@x');
    await write(a, [{ value: 1, at: at(2) }]);
    await write(a, [{ value: 2, at: at(2) }], { refClass: 'preview' });
    await write(a, [{ value: 3, at: at(2), unit: 'ms' }]);
    await write(a, [{ value: 4, at: at(2) }], { environment: 'staging' });
    expect((await sliced({ by: ['environment'], order: 'name' })).groups).toMatchObject([
      { key: ['production'], value: 1 },
      { key: ['staging'], value: 4 },
    ]);
    expect((await sliced({ refClass: 'preview' })).groups).toMatchObject([{ value: 2, n: 1 }]);
  });

  it('finds a model by name, and every project that has one of that name', async () => {
    await model('a', '@x');
    await writeReport(
      store().db,
      submissionOf(sampleReport({ name: 'a' }), { writer: { ...localWriter, projectId: '2', projectPath: 'b/c' } }),
    );
    expect(await modelsNamed(store().db, { name: 'a', scope: null })).toHaveLength(2);
    expect(await modelsNamed(store().db, { name: 'a', scope: { issuer: 'local', externalId: '2' } })).toMatchObject([
      { project: 'b/c' },
    ]);
    expect(await modelsNamed(store().db, { name: 'a', scope: null, projectPath: 'b/c' })).toHaveLength(1);
  });

  it('rolls up the weeks of what the first schema had stored', async () => {
    const { db } = store();
    await sql`create schema old`.execute(db);
    await db.transaction().execute(async (connection) => {
      await sql`set local search_path to old`.execute(connection);
      await sql.raw(schema1).execute(connection);
      await sql`insert into project (issuer, external_id, path) values ('local', '1', 'p')`.execute(connection);
      await sql`insert into model (project_id, name, tier) values (1, 'm', 'standard')`.execute(connection);
      await sql`insert into metric (name) values ('x')`.execute(connection);
      await sql`insert into series (model_id, metric_id, ref_class, label_key) values (1, 1, 'authoritative', 'k')`.execute(
        connection,
      );
      await sql`insert into rollup_day values (1, '2026-03-08', 1, 1, 5, 5, 5, 5, '2026-03-08'),
        (1, '2026-03-09', 1, 2, 3, 1, 2, 2, '2026-03-09'), (1, '2026-03-11', 1, 1, 9, 9, 9, 9, '2026-03-11')`.execute(connection);
      await sql.raw(schema2).execute(connection);
      const { rows } = await sql`select week, n, sum, min, max, last from rollup_week order by week`.execute(connection);
      expect(rows).toEqual([
        { week: '2026-03-02', n: 1, sum: 5, min: 5, max: 5, last: 5 },
        { week: '2026-03-09', n: 3, sum: 12, min: 1, max: 9, last: 9 },
      ]);
    });
    await sql`drop schema old cascade`.execute(db);
  });

  it('gives each of a thousand groups its own points', async () => {
    const ids = await model('a', '@a');
    const labels = Array.from({ length: 1500 }, (_, i) => ({ customer: String(i) }));
    for (let day = 2; day < 5; day++)
      await write(
        ids,
        labels.map((label, i) => ({ value: 10 * i + day, at: at(day, 6), labels: label })),
        { sha256: String(day) },
      );
    await rollUp(store().db);
    const { groups, groupCount } = await sliced({ by: ['customer'], bucket: 'day', limit: 1000 });
    expect([groups.length, groupCount]).toEqual([1000, 1500]);
    for (const { key, n, points } of groups) {
      const first = 10 * Number(key[0]);
      expect([n, ...points.map(({ value }) => value - first)]).toEqual([3, 2, 3, 4]);
    }
  });
});
