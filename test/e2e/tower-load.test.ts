/** Servers that are killed, a database that crashes, a disk that fills, while clients post: nothing acknowledged is lost or doubled. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../src/tower/store/open.ts';
import { postgresIsMissing, startPostgres, type TestPostgres } from '../support/postgres.ts';
import {
  introduceModel,
  keptOf,
  type Load,
  startLoad,
  startTowerProcess,
  type Target,
  type TowerProcess,
} from '../support/towers.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-load-'));
const running = new Set<TowerProcess>();
afterEach(async () => {
  await Promise.all([...running].map((tower) => tower.kill()));
  running.clear();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(...where: readonly string[]): Promise<TowerProcess> {
  const tower = await startTowerProcess(['--port', '0', '--token-file', join(folder, 'token'), ...where]);
  running.add(tower);
  return tower;
}

async function kill(tower: TowerProcess): Promise<void> {
  await tower.kill();
  running.delete(tower);
}

const load = { clients: 8, perPost: 20 };

/** How often a server is killed; the figure of docs/benchmarks.md is from 50 times. */
const kills = Number(process.env.FLIGHTCHECK_KILLS ?? 3);
const killing = { timeout: 90_000 + kills * 50_000 };

/** Waits until `more` posts were acknowledged, so that a slow machine gets as much done. */
async function progress({ acknowledged }: Load, more: number): Promise<void> {
  const goal = acknowledged.size + more;
  for (const end = Date.now() + 40_000; acknowledged.size < goal && Date.now() < end; ) await sleep(20);
  expect(acknowledged.size).toBeGreaterThanOrEqual(goal);
}

async function expectAllKept(where: Parameters<typeof openStore>[0], { acknowledged }: Load): Promise<void> {
  const store = await openStore(where);
  try {
    const kept = await keptOf(store.db, acknowledged, load.perPost);
    expect([kept.lost, kept.doubled]).toEqual([[], 0]);
    expect(kept.points).toBeGreaterThanOrEqual(acknowledged.size * load.perPost);
  } finally {
    await store.close();
  }
}

/** The server dies again and again while clients post, and comes back; the clients go on where they were. */
async function killAndRestart(where: readonly string[], location: Parameters<typeof openStore>[0]): Promise<void> {
  let tower = await start(...where);
  await introduceModel(tower);
  const target: Target = { url: tower.url, token: tower.token };
  const posting = startLoad([target], load);
  for (let round = 0; round < kills; round++) {
    await progress(posting, 40);
    await kill(tower);
    tower = await start(...where);
    target.url = tower.url;
  }
  await progress(posting, 40);
  await posting.stop();
  await kill(tower);
  await expectAllKept(location, posting);
}

it('keeps what it acknowledged when the embedded server is killed again and again', killing, async () => {
  const data = join(folder, 'embedded');
  await killAndRestart(['--data', data], { folder: data });
});

describe.skipIf(postgresIsMissing)('on PostgreSQL', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());

  it('keeps what it acknowledged when the server is killed again and again', killing, async () => {
    const databaseUrl = postgres.database('killed');
    await killAndRestart(['--database-url', databaseUrl], { databaseUrl });
  });

  it('goes on with two of three replicas, and when the database crashes', { timeout: 240_000 }, async () => {
    const databaseUrl = postgres.database('replicas');
    const first = await start('--database-url', databaseUrl);
    await introduceModel(first);
    const others = await Promise.all([1, 2].map(() => start('--database-url', databaseUrl)));
    const posting = startLoad([first, ...others], load);
    await progress(posting, 60);
    await kill(first);
    await progress(posting, 60);
    await postgres.crash();
    await progress(posting, 60);
    await posting.stop();
    await expectAllKept({ databaseUrl }, posting);
    const statuses = [...posting.refusals.keys()].filter((status) => status !== 503);
    expect(statuses).toEqual([]);
  });

  const small = join(folder, 'small');
  const canMount = (): boolean => {
    mkdirSync(small, { recursive: true });
    return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', small]).status === 0;
  };

  it('says so when the disk is full, stores nothing of it, and goes on when there is room', {
    timeout: 240_000,
  }, async (context) => {
    if (!canMount()) return context.skip();
    try {
      chmodSync(folder, 0o755);
      const space = join(small, 'space');
      mkdirSync(space);
      if (process.getuid?.() === 0) execFileSync('chown', ['postgres', space]);
      const databaseUrl = postgres.database('full');
      const tower = await start('--database-url', databaseUrl);
      await introduceModel(tower);
      await kill(tower);
      const store = await openStore({ databaseUrl });
      await sql.raw(`create tablespace small location '${space}'`).execute(store.db);
      const { rows } = await sql<{ name: string }>`select relname as name from pg_class where relkind = 'r'
        and relname like 'point_2%' or relname in ('point_default', 'rollup_day', 'rollup_week', 'latest')`.execute(store.db);
      for (const { name } of rows) await sql`alter table ${sql.table(name)} set tablespace small`.execute(store.db);
      await store.close();
      const again = await start('--database-url', databaseUrl);
      // A few blocks are left: the load takes them at once.
      const { bavail, bsize } = statfsSync(small);
      writeFileSync(join(small, 'filler'), Buffer.alloc(Math.max(0, bavail * bsize - 256 * 1024)));
      const posting = startLoad([again], load);
      for (const end = Date.now() + 90_000; !posting.refusals.has(507) && Date.now() < end; ) await sleep(50);
      expect([...posting.refusals.keys()]).toEqual([507]);
      rmSync(join(small, 'filler'));
      await progress(posting, 40);
      await posting.stop();
      await expectAllKept({ databaseUrl }, posting);
    } finally {
      for (const tower of [...running]) await kill(tower);
      await postgres.stop();
      spawnSync('umount', ['-l', small]);
    }
  });
});
