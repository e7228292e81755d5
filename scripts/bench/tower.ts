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
import { createApp } from '../../src/tower/app.ts';
import type { Database } from '../../src/tower/store/database.ts';
import { ensurePartitions, migrate } from '../../src/tower/store/migrations/migrate.ts';
import { openStore } from '../../src/tower/store/open.ts';
import { readSeries } from '../../src/tower/store/points/read-series.ts';
import { sealMonths } from '../../src/tower/store/points/seal.ts';
import { type Slice, slice } from '../../src/tower/store/slice/slice.ts';
import { postgresIsMissing, startPostgres } from '../../test/support/postgres.ts';
import { introduceModel, startLoad, startTowerProcess, type Target } from '../../test/support/towers.ts';

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

/** A token for each client: posts are counted by sender, and one sender may not post as often as sixteen. */
async function machines({ url, token }: Target, count: number): Promise<readonly Target[]> {
  const made: Target[] = [];
  for (let i = 0; i < count; i++) {
    const answer = await fetch(`${url}/v1/tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: `machine-${count}-${i}`, role: 'write' }),
    });
    if (answer.status !== 201) throw new Error(`A token was answered ${answer.status}: ${await answer.text()}`);
    made.push({ url, token: ((await answer.json()) as { token: string }).token });
  }
  return made;
}

async function ingest(name: string, where: readonly string[], raw: number | null): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-bench-'));
  const tower = await startTowerProcess(['--port', '0', '--token-file', join(folder, 'token'), ...where]);
  try {
    await introduceModel(tower);
    for (const shape of shapes) {
      const load = startLoad(await machines(tower, shape.clients), shape);
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
const perModel = 20;
const days = 500;
const modelCount = Math.max(10, Math.round(points / (perModel * days)));
const all = modelCount * perModel * days;
const lastDay = Date.parse('2025-12-31T00:00:00Z');

/** 500 days of models with twenty series each, up to the end of 2025; all that stands beside them in a running server. */
async function fill(db: Database): Promise<void> {
  await ensurePartitions(db, new Date(lastDay), Math.ceil(days / 28) + 1);
  await sql
    .raw(`insert into project (issuer, external_id, path) values ('bench', '1', 'bench/models');
    insert into model (project_id, name, owner, tier) select 1, 'model-' || i, 'team-' || i % 20, 'standard' from generate_series(1, ${modelCount}) as i;
    insert into standing (model_id, seen_at, score, scored_at, is_complete) select id, now(), random() * 4, now(), true from model;
    insert into metric (name) select 'bench.m' || i from generate_series(1, ${perModel}) as i;
    insert into series (model_id, metric_id, ref_class, label_key)
      select model.id, metric.id, 'authoritative', 'k' from model, metric where metric.name like 'bench.%'`)
    .execute(db);
  // Month after month, as they came; nobody waits for it, and it takes minutes.
  await db.connection().execute(async (connection) => {
    await sql`set statement_timeout = 0`.execute(connection);
    // References that hold by how the rows are made are not looked up a hundred million times.
    await sql`set session_replication_role = replica`.execute(connection);
    for (let from = days - 1; from >= 0; from -= 30) {
      await sql
        .raw(`insert into point (metric_id, series_id, ts, value)
          select metric_id, id, '2025-12-31T06:00:00Z'::timestamptz - d * interval '1 day', random()
          from series, generate_series(${Math.max(0, from - 29)}, ${from}) as d order by metric_id, id, d desc`)
        .execute(connection);
      if (points > 10_000_000) console.error(`${days - Math.max(0, from - 29)} of ${days} days`);
    }
    await sql
      .raw(`insert into rollup_day select metric_id, (ts at time zone 'UTC')::date, series_id, 1, value, value, value, value, ts from point;
        insert into rollup_week select metric_id, date_trunc('week', day)::date, series_id, sum(n), sum(sum), min(min), max(max),
          max(last), max(last_ts) from rollup_day group by 1, 2, 3;
        insert into latest (series_id, metric_id, ts, value) select distinct on (series_id) series_id, metric_id, ts, value from point
          where ts >= '2025-12-31Z' order by series_id, ts desc;
        reset statement_timeout;
        reset session_replication_role`)
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
    ...{ from: new Date('2025-09-29T00:00:00Z'), to: new Date('2025-12-29T00:00:00Z'), order: 'high', limit: 50 },
  };
  const app = createApp({
    ...{ db, version: 'bench', verifyIdToken: null, defaultBranches: ['main'], isLocal: true },
    onError: (error) => console.error(error),
  });
  const page = async (path: string) => {
    const answer = await app.request(`http://localhost${path}`, { headers: { host: 'localhost' } });
    if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status}`);
    await answer.text();
  };
  const series = { metric: 'bench.m1', labels: {}, project: null, limit: 500 };
  let i = 0;
  const nextModel = () => `model-${1 + (i++ % modelCount)}`;
  console.log(`${what}: one series, newest 500: ${await p95(() => readSeries(db, { ...series, model: nextModel() }))}`);
  console.log(`${what}: page of one model: ${await p95(() => page(`/models/${1 + (i++ % modelCount)}`))}`);
  console.log(`${what}: catalog, page of 50: ${await p95(() => page('/?sort=name'))}`);
  console.log(`${what}: a metric of all models by owner and week: ${await p95(() => slice(db, question))}`);
  console.log(`${what}: the same, last values held: ${await p95(() => slice(db, { ...question, fill: 'last' }))}`);
  const byModel: Slice = { ...question, by: ['model'], limit: 1000 };
  console.log(`${what}: the same by model, a thousand of them: ${await p95(() => slice(db, byModel))}`);
  console.log(
    `${what}: by owner and week, percentiles from points: ${await p95(() => slice(db, { ...question, aggregate: 'p95' }))}`,
  );
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
    console.log(
      `PostgreSQL: ${all} points of ${modelCount} models in partitions, ${(before.points / all).toFixed(1)} bytes each`,
    );
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
