/**
 * Control Tower with client, server and database on one machine. Promises: durable ingest, rollups included, as a share of a raw
 * keyed COPY of the same run; times of queries; bytes of a sealed point. `FLIGHTCHECK_BENCH_POINTS` says how many points are
 * sealed and asked for (1,000,000 unless told); with it, only that is measured.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { type Database, inTransaction } from '../../src/tower/store/database.ts';
import { ensurePartitions, migrate } from '../../src/tower/store/migrate.ts';
import { openStore } from '../../src/tower/store/open.ts';
import { readSeries } from '../../src/tower/store/read-series.ts';
import { sealMonths } from '../../src/tower/store/seal.ts';
import { type Slice, slice } from '../../src/tower/store/slice.ts';
import { postgresIsMissing, startPostgres } from '../../test/support/postgres.ts';
import { introduceModel, startLoad, startTowerProcess } from '../../test/support/towers.ts';

const seconds = 10;
const shapes = [
  { clients: 16, perPost: 20 },
  { clients: 8, perPost: 1000 },
] as const;

/** Rows a second of psql's COPY into a table with the key of `point`. */
function rawCopy(url: string): number {
  const rows = 1_000_000;
  const psql = (command: string, input?: string) =>
    execFileSync('psql', [url, '-qc', command], { input, maxBuffer: 1 << 30, encoding: 'utf8' });
  psql('create table raw (series_id bigint, ts timestamptz, value float8, run_id bigint, primary key (series_id, ts))');
  const text = psql(
    `copy (select i % 5000, '2026-01-01Z'::timestamptz + (i / 5000) * interval '1 minute', random(), i from generate_series(0, ${rows - 1}) as i) to stdout`,
  );
  const started = performance.now();
  psql('copy raw from stdin', text);
  const rate = (rows * 1000) / (performance.now() - started);
  psql('drop table raw');
  return rate;
}

async function ingest(name: string, where: readonly string[], raw: number | null): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-bench-'));
  const tower = await startTowerProcess(['--port', '0', '--token-file', join(folder, 'token'), ...where]);
  try {
    await introduceModel(tower);
    for (const shape of shapes) {
      const load = startLoad([tower], shape);
      await sleep(1000);
      const [before, started] = [load.metrics(), performance.now()];
      await sleep(seconds * 1000);
      const rate = ((load.metrics() - before) * 1000) / (performance.now() - started);
      await load.stop();
      const share = raw === null ? '' : `, ${((100 * rate) / raw).toFixed(1)} % of raw COPY`;
      console.log(`${name}: ${shape.perPost} metrics x ${shape.clients} clients: ${Math.round(rate)} metrics/s${share}`);
    }
  } finally {
    await tower.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

const points = Number(process.env.FLIGHTCHECK_BENCH_POINTS ?? 1_000_000);
const modelCount = 500;
const perModel = 10;

/** Daily points of 500 models with ten series each, up to the end of 2025; rollups beside them. */
async function fill(db: Database): Promise<void> {
  const days = Math.ceil(points / (modelCount * perModel));
  await ensurePartitions(db, new Date('2025-12-31T00:00:00Z'), Math.ceil(days / 30) + 1);
  await inTransaction(db, async (connection) => {
    // Nobody waits for this one, and it takes minutes.
    await sql`set local statement_timeout = 0`.execute(connection);
    await sql
      .raw(`insert into project (issuer, external_id, path) values ('bench', '1', 'bench/models');
      insert into model (project_id, name, owner, tier) select 1, 'model-' || i, 'team-' || i % 20, 'standard' from generate_series(1, ${modelCount}) as i;
      insert into metric (name) select 'bench.m' || i from generate_series(1, ${perModel}) as i;
      insert into series (model_id, metric_id, ref_class, label_key)
        select model.id, metric.id, 'authoritative', 'k' from model, metric where metric.name like 'bench.%';
      insert into point (metric_id, series_id, ts, value)
        select metric_id, id, '2025-12-31T06:00:00Z'::timestamptz - d * interval '1 day', random()
        from series, generate_series(0, ${days - 1}) as d where label_key = 'k';
      insert into rollup_day select metric_id, (ts at time zone 'UTC')::date, series_id, 1, value, value, value, value, ts from point;
      insert into rollup_week select metric_id, date_trunc('week', day)::date, series_id, sum(n), sum(sum), min(min), max(max),
        max(last), max(last_ts) from rollup_day group by 1, 2, 3`)
      .execute(connection);
  });
  await vacuum(db);
}

const vacuum = (db: Database): Promise<unknown> =>
  db.connection().execute(async (connection) => {
    await sql`set statement_timeout = 0`.execute(connection);
    await sql`vacuum analyze`.execute(connection);
    await sql`reset statement_timeout`.execute(connection);
  });

async function p95(work: () => Promise<unknown>): Promise<string> {
  const times: number[] = [];
  for (let i = 0; i < 20; i++) {
    const started = performance.now();
    await work();
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  return `p50 ${(times[10] ?? 0).toFixed(1)} ms, p95 ${(times[18] ?? 0).toFixed(1)} ms`;
}

async function queries(db: Database, what: string): Promise<void> {
  const question: Slice = {
    scope: null,
    ...{ metric: 'bench.m1', unit: '', refClass: 'authoritative', by: ['owner'], where: {}, aggregate: 'avg', bucket: 'week' },
    ...{ from: new Date('2025-10-06T00:00:00Z'), to: new Date('2025-12-29T00:00:00Z'), order: 'high', limit: 50 },
  };
  const series = { metric: 'bench.m1', labels: {}, project: null, limit: 500 };
  let i = 0;
  const nextModel = () => `model-${1 + (i++ % modelCount)}`;
  console.log(`${what}: one series, newest 500: ${await p95(() => readSeries(db, { ...series, model: nextModel() }))}`);
  console.log(`${what}: a metric of all models by owner and week: ${await p95(() => slice(db, question))}`);
  console.log(`${what}: the same, percentiles from points: ${await p95(() => slice(db, { ...question, aggregate: 'p95' }))}`);
}

async function sizes(db: Database): Promise<{ points: number; chunks: number }> {
  const { rows } = await sql<{ points: number; chunks: number }>`
    select (select sum(pg_total_relation_size(inhrelid)) from pg_inherits where inhparent = 'point'::regclass)::float8 as points,
      pg_total_relation_size('chunk')::float8 as chunks`.execute(db);
  return rows[0] ?? { points: 0, chunks: 0 };
}

async function sealing(databaseUrl: string): Promise<void> {
  const store = await openStore({ databaseUrl });
  try {
    const { db } = store;
    await migrate(db);
    await fill(db);
    const before = await sizes(db);
    console.log(`PostgreSQL: ${points} points in partitions, ${(before.points / points).toFixed(1)} bytes each`);
    await queries(db, 'partitions');
    const started = performance.now();
    const moved = await sealMonths(db, new Date('2026-03-01T00:00:00Z'), { afterDays: 7 });
    const rate = Math.round((moved * 1000) / (performance.now() - started));
    await vacuum(db);
    const after = await sizes(db);
    console.log(`PostgreSQL: sealed at ${rate} points/s, ${(after.chunks / moved).toFixed(1)} bytes each`);
    await queries(db, 'chunks');
  } finally {
    await store.close();
  }
}

export async function bench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-bench-'));
  const postgres = postgresIsMissing ? null : await startPostgres(['-c', 'shared_buffers=512MB', '-c', 'max_wal_size=4GB']);
  try {
    const raw = postgres ? rawCopy(postgres.database('raw')) : null;
    if (raw !== null) console.log(`raw COPY with the key: ${Math.round(raw)} rows/s`);
    // Who asks for many points asks for the queries.
    const isAll = process.env.FLIGHTCHECK_BENCH_POINTS === undefined;
    if (postgres && isAll) await ingest('PostgreSQL', ['--database-url', postgres.database('ingest')], raw);
    if (isAll) await ingest('embedded', ['--data', join(folder, 'data')], raw);
    if (postgres) await sealing(postgres.database('sealing'));
  } finally {
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
