/** Percentiles are those of `percentile_cont`, wherever the points lie, on both databases. */
import { sql } from 'kysely';
import { beforeEach, expect, it } from 'vitest';
import { HttpProblem } from '../../../src/tower/api/problem.ts';
import type { SliceQuery } from '../../../src/tower/api/slice-query.ts';
import { sliceAnswerer } from '../../../src/tower/api/slices.ts';
import { type Database, longestMs, TooSlow } from '../../../src/tower/store/database.ts';
import { sealMonths } from '../../../src/tower/store/points/seal.ts';
import { type Bucket, buckets, stretchOf } from '../../../src/tower/store/slice/buckets.ts';
import { type PercentileLimits, percentilesOf } from '../../../src/tower/store/slice/percentiles.ts';
import { type Slice, type SliceGroup, slice } from '../../../src/tower/store/slice/slice.ts';
import { modelsNamed, writeMetrics } from '../../../src/tower/store/write-metrics.ts';
import { writeReport } from '../../../src/tower/store/write-report.ts';
import { localWriter, sampleReport, submissionOf } from '../sample.ts';
import { emptyStore, onBothDatabases } from './databases.ts';

interface Posted {
  readonly model: string;
  readonly series: string;
  readonly at: string;
  readonly value: number;
}

const fractions = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;
const hour = 3_600_000;
const now = new Date('2026-03-20T00:00:00Z');
const roomy: PercentileLimits = { mostHeld: 1e6, mostAtOnce: 1e6, longestMs };

const whole: Slice = {
  scope: null,
  metric: 'task.latency.seconds',
  unit: 's',
  refClass: 'authoritative',
  by: ['s'],
  where: {},
  from: new Date('2025-01-01T00:00:00Z'),
  to: now,
  aggregate: 'p95',
  bucket: 'week',
  order: 'name',
  limit: 1000,
};

/** Whole and odd, negative, many of them equal. */
const oddValue = (i: number): number => (i % 3 === 0 ? (i * 7919) % 11 : Math.sin(i) * 10 ** (i % 5));

/** 40 series of three models, dense and sparse, over a year: months that will be packed and one that will not. */
function history(): Posted[] {
  const start = Date.UTC(2025, 0, 20, 5);
  const series = Array.from({ length: 40 }, (_, s) => ({ model: 'abc'[s % 3] ?? 'a', name: `s${String(s).padStart(2, '0')}` }));
  return series
    .flatMap(({ model, name }, s) =>
      Array.from({ length: s === 0 ? 900 : s % 4 === 1 ? 1 : 20 }, (_, i) => ({
        model,
        series: name,
        // Some between two milliseconds.
        at: new Date(start + (i * (s === 0 ? 11 : 421) + s * 200) * hour).toISOString().replace('Z', s % 5 === 0 ? '123Z' : 'Z'),
        value: oddValue(i + s * 37),
      })),
    )
    .filter(({ at }) => at < now.toISOString());
}

/** Of the posted values alone, by the database's own function. */
async function expected(db: Database, posted: readonly Posted[], wanted: Slice, keyOf: (one: Posted) => string | null) {
  const { aggregate, bucket, from, to } = wanted;
  const start = bucket === 'none' ? sql`null::timestamp` : sql`date_trunc(${sql.lit(bucket)}, at at time zone 'UTC')`;
  const { rows } = await sql<{ key: string | null; at: Date | null; isTotal: number; value: number; n: number }>`
    select key, bucket at time zone 'UTC' as at, grouping(bucket) as "isTotal", count(*) as n,
      percentile_cont(${sql.lit(fractions[aggregate as keyof typeof fractions])}) within group (order by value) as value
    from (select key, value, ${start} as bucket from unnest(${posted.map(keyOf)}::text[], ${posted.map(({ at }) => at)}::timestamptz[],
      ${posted.map(({ value }) => value)}::float8[]) as posted(key, at, value)
      where at >= ${from}::timestamptz and at < ${to}::timestamptz) as given
    group by grouping sets ((key, bucket), (key)) order by key, 3 desc, 2`.execute(db);
  return rows
    .filter(({ isTotal }) => isTotal === 1)
    .map(({ key, value, n }) => ({
      ...{ key: wanted.by.length > 0 ? [key] : [], value, n },
      points: rows
        .filter((row) => row.key === key && row.isTotal === 0 && row.at !== null)
        .map((row) => ({ at: row.at, value: row.value, n: row.n })),
    }));
}

const shown = (groups: readonly SliceGroup[]) => groups.map(({ modelId: _, ...group }) => group);

onBothDatabases((opened) => {
  const db = () => opened().db;
  beforeEach(() => emptyStore(db()));

  const writers = { a: localWriter, b: localWriter, c: { ...localWriter, projectId: '2', projectPath: 'other/place' } };
  const introduce = async () => {
    for (const [name, writer] of Object.entries(writers)) {
      const report = sampleReport({ name, jobId: name, owner: name === 'a' ? '@x' : '@y', at: '2026-03-19T10:00:00Z' });
      await writeReport(db(), submissionOf(report, { writer }));
    }
  };
  const post = async (posted: readonly Posted[], refClass: 'authoritative' | 'preview' = 'authoritative') => {
    for (const name of new Set(posted.map(({ model }) => model))) {
      const [found] = await modelsNamed(db(), { name, scope: null });
      if (!found) throw new Error(`no model ${name}`);
      await writeMetrics(db(), {
        ...{ modelId: found.id, projectId: found.projectId, writtenBy: 'test', refClass, environment: 'production' },
        ...{ at: now.toISOString(), sha256: '', idempotencyKey: null },
        measurements: posted
          .filter(({ model }) => model === name)
          .map(({ series, at, value }) => ({ name: whole.metric, unit: 's', labels: { s: series }, at, value })),
      });
    }
  };

  it('are exact in partitions, in chunks, in both at once, and with points that came late', async () => {
    await introduce();
    const posted = history();
    await post(posted);
    await post([{ model: 'a', series: 's00', at: '2025-04-04T00:00:00Z', value: 1e9 }], 'preview');
    const questions: Partial<Slice>[] = [
      ...buckets.map((bucket) => ({ bucket })),
      ...(['p50', 'p99'] as const).map((aggregate) => ({ aggregate, bucket: 'month' as const })),
      // Within a month, not at midnight, by the millisecond.
      { from: new Date('2025-02-03T05:00:00.124Z'), to: new Date('2025-02-20T17:00:00.001Z'), bucket: 'day' },
      { from: new Date('2025-03-31T23:59:59.999Z'), to: new Date('2026-03-05T05:00:00Z'), bucket: 'none' },
      { from: new Date('2026-03-10T00:00:00Z') },
      { to: new Date('2025-01-02T00:00:00Z') },
    ];
    const check = async (where: string) => {
      for (const more of questions) {
        const wanted = { ...whole, ...more };
        const { groups, groupCount, source } = await slice(db(), wanted);
        const right = await expected(db(), posted, wanted, ({ series }) => series);
        expect(shown(groups), `${where} ${JSON.stringify(more)}`).toEqual(right);
        expect([groupCount, source]).toEqual([right.length, 'point']);
      }
      const all = { ...whole, by: [] };
      expect(shown((await slice(db(), all)).groups)).toEqual(await expected(db(), posted, all, () => ''));
    };
    await check('partitions');
    expect(await sealMonths(db(), now, { afterDays: 7 })).toBeGreaterThan(900);
    await check('chunks and a partition');
    const late = [
      '2025-02-03T05:00:00.124Z',
      '2025-02-03T05:00:00.123999Z',
      '1969-12-31T23:00:00.5Z',
      '2025-05-31T23:59:59.999999Z',
    ];
    posted.push(...late.map((at, i) => ({ model: 'b', series: i === 3 ? 's99' : 's00', at, value: i * 1000 - 500 })));
    await post(posted.slice(-late.length));
    await check('with late points');
    questions.push({ from: new Date('1969-12-01T00:00:00Z'), bucket: 'hour' });
    await check('with late points from before 1970');
    await sealMonths(db(), now, { afterDays: 7 });
    await check('with late points in chunks');
  });

  it('are of what the reader may see and asks for, in the order that is asked for', async () => {
    await introduce();
    const posted = history();
    await post(posted);
    await sealMonths(db(), now, { afterDays: 7 });
    const asked = async (more: Partial<Slice>) => slice(db(), { ...whole, ...more });
    const right = (of: (one: Posted) => boolean, keyOf: (one: Posted) => string, more: Partial<Slice> = {}) =>
      expected(db(), posted.filter(of), { ...whole, ...more }, keyOf);
    const byModel = await asked({ by: ['model'] });
    expect(shown(byModel.groups)).toEqual(
      await right(
        () => true,
        ({ model }) => model,
      ),
    );
    expect(byModel.groups.map(({ modelId }) => modelId)).toEqual([expect.any(Number), expect.any(Number), expect.any(Number)]);
    const confined = { scope: { grants: [{ namespace: 'other', model: '' }] }, by: ['model'] };
    expect(shown((await asked(confined)).groups)).toEqual(
      await right(
        ({ model }) => model === 'c',
        ({ model }) => model,
      ),
    );
    const filtered = { where: { owner: ['@y'], s: ['s01', 's02', 's04'] } };
    expect(shown((await asked(filtered)).groups)).toEqual(
      await right(
        ({ series }) => ['s01', 's02', 's04'].includes(series),
        ({ series }) => series,
        filtered,
      ),
    );
    expect(await asked({ where: { owner: ['nobody'] } })).toEqual({ groups: [], groupCount: 0, source: 'point' });
    const sorted = (
      await right(
        () => true,
        ({ series }) => series,
      )
    ).sort((a, b) => b.value - a.value);
    const highest = await asked({ order: 'high', limit: 3 });
    expect(shown(highest.groups)).toEqual(sorted.slice(0, 3));
    expect(highest.groupCount).toBe(40);
    expect((await asked({ order: 'low', limit: 1 })).groups[0]?.value).toBe(sorted.at(-1)?.value);
  });

  it('are the same, computed in the database, where there are too many values to hold', async () => {
    await introduce();
    const posted = history();
    await post(posted);
    await sealMonths(db(), now, { afterDays: 7 });
    for (const more of [
      {},
      { by: ['owner'], order: 'low' as const },
      { by: [], bucket: 'none' as const },
      { by: ['model'], limit: 2 },
    ]) {
      const here = await slice(db(), { ...whole, ...more }, roomy);
      expect(here.groups.length).toBeGreaterThan(0);
      // One series has 20 points at most, another 900.
      for (const few of [{ mostHeld: 500 }, { mostAtOnce: 10 }, { mostAtOnce: 100 }])
        expect(await slice(db(), { ...whole, ...more }, { ...roomy, ...few }), JSON.stringify([more, few])).toEqual(here);
    }
    const [{ id } = { id: 0 }] = (await sql<{ id: number }>`select id from metric where name = ${whole.metric}`.execute(db()))
      .rows;
    const { rows } = await sql<{ id: string }>`select id::text from series where metric_id = ${id}`.execute(db());
    const question = { ...whole, metricId: id, fraction: 0.5, groups: [rows.map((row) => row.id)] };
    for (const few of [{ mostHeld: posted.length - 1 }, { mostAtOnce: 10 }])
      expect(await percentilesOf(db(), question, { ...roomy, ...few })).toBeNull();
    // What was held is given back.
    expect(await percentilesOf(db(), question, { ...roomy, mostHeld: posted.length })).toMatchObject({
      groups: [{ n: posted.length }],
      groupCount: 1,
    });
  });

  it('end when they take too long, or when the database refuses', async () => {
    await introduce();
    await post(history());
    await expect(slice(db(), whole, { ...roomy, longestMs: -1 })).rejects.toThrow(TooSlow);
    const question = { ...whole, metricId: 1, fraction: 0.5 };
    await expect(percentilesOf(db(), { ...question, groups: [['1', 'none'], ['2'], ['3']] })).rejects.toThrow(
      /invalid input syntax/,
    );
  });

  it('put points where date_trunc puts them', async () => {
    const times = [
      '2024-02-29T23:59:59.999Z',
      '2024-12-30T00:00:00Z',
      '2025-01-05T23:00:00Z',
      '1969-12-31T23:59:59Z',
      '0099-03-01T00:00:00Z',
    ]
      .map((at) => Date.parse(at))
      .concat(Array.from({ length: 500 }, (_, i) => (i - 100) * 86_400_000 * 37 + i * 7_654_321));
    for (const bucket of buckets.filter((one): one is Exclude<Bucket, 'none'> => one !== 'none')) {
      const { rows } = await sql<{ start: number; end: number }>`
        select (date_part('epoch', start) * 1000)::bigint as start, (date_part('epoch', start + ${`1 ${bucket}`}::interval) * 1000)::bigint as end
        from (select date_trunc(${sql.lit(bucket)}, to_timestamp(ms / 1000) at time zone 'UTC') as start, place
          from unnest(${times}::float8[]) with ordinality as given(ms, place)) as truncated order by place`.execute(db());
      expect(times.map((ms) => stretchOf(bucket, ms))).toEqual(rows);
    }
  });

  it('tell who asks for too much to ask for less, when the database gives up', async () => {
    // The embedded database has one connection, and no such limit.
    if (opened().engine === 'PGlite') return;
    await introduce();
    await post(history());
    const answerSlice = sliceAnswerer(db());
    const query: SliceQuery = {
      ...{
        metric: whole.metric,
        unit: 's',
        by: [],
        where: [],
        agg: 'p95',
        bucket: 'day',
        fill: 'none',
        compare: 'none',
        order: 'high',
        limit: 5,
      },
      ...{ last: '90d', record: 'authoritative' },
    };
    await db()
      .transaction()
      .execute(async (holder) => {
        await sql`lock table series in access exclusive mode`.execute(holder);
        const asked = answerSlice(query, null, now.getTime()).catch((error: unknown) => error);
        const cancel = () =>
          sql`select pg_cancel_backend(pid) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`.execute(holder);
        while ((await cancel()).rows.length === 0);
        const refusal = await asked;
        expect(refusal).toBeInstanceOf(HttpProblem);
        expect(refusal).toMatchObject({ kind: 'bad-request', message: expect.stringMatching(/60 seconds.*shorter time/) });
      });
  });
});
