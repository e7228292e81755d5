/** The embedded database and its lock when processes die. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EnvironmentError } from '../../../src/kernel/failure.ts';
import { takeLock } from '../../../src/tower/store/lock.ts';
import { openStore } from '../../../src/tower/store/open.ts';
import { rollUp } from '../../../src/tower/store/points/rollups.ts';

const here = dirname(fileURLToPath(import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flightcheck-kill-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a script of this folder; its lines are what it says on stdout. */
const start = (script: string, ...args: readonly string[]): ChildProcess & { readonly stdout: Readable } =>
  spawn(process.execPath, ['--import', tsx, join(here, script), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });

/** Lets the writer have `count` reports acknowledged, kills it at once, and returns the last one. */
async function writeAndKill(firstJob: number, count: number): Promise<number> {
  const child = start('writer.ts', folder, String(firstJob));
  let last = -1;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  for await (const line of createInterface(child.stdout)) {
    if (line === 'open') continue;
    last = Number(line);
    if (last === firstJob + count - 1) child.kill('SIGKILL');
  }
  await ended;
  return last;
}

describe('kill -9 while reports are written', () => {
  it('loses nothing that was acknowledged and doubles nothing', async () => {
    const acknowledged = new Set<number>();
    let next = 0;
    for (const count of [3, 7, 12]) {
      const last = await writeAndKill(next, count);
      for (let job = next; job <= last; job++) acknowledged.add(job);
      // One more may have been committed without being acknowledged: the client would send it again.
      next = last + 1;
    }
    const store = await openStore({ folder });
    try {
      const { rows } = await sql<{ job: string; checks: number; points: number }>`
        select job_id as job, (select count(*) from check_result where report_id = report.id) as checks,
          (select count(*) from point where report_id = report.id) as points from report`.execute(store.db);
      const found = rows.map((row) => Number(row.job));
      expect(new Set(found).size).toBe(found.length);
      expect([...acknowledged].filter((job) => !found.includes(job))).toEqual([]);
      expect(rows.filter((row) => row.checks !== 32 || row.points !== 8)).toEqual([]);
      await rollUp(store.db);
      const { rows: totals } = await sql<{ points: number; rolled: number }>`
        select (select count(*) from point) as points, (select sum(n) from rollup_day)::bigint as rolled`.execute(store.db);
      expect(totals[0]?.rolled).toBe(totals[0]?.points);
    } finally {
      await store.close();
    }
  });
});

describe('the lock', () => {
  const refusal = (): EnvironmentError => {
    try {
      takeLock(folder)();
    } catch (error) {
      if (error instanceof EnvironmentError) return error;
      throw error;
    }
    throw new Error('the lock was given');
  };
  const lockFile = (content: object) =>
    writeFileSync(
      join(folder, 'tower.lock.5'),
      JSON.stringify({ pid: 1, host: hostname(), boot: '', namespace: '', startTicks: '1', isReleased: false, ...content }),
    );

  it('is refused while its owner lives, by any name of the folder, and given after its release', () => {
    const release = takeLock(folder);
    expect(refusal().message).toContain(`process ${process.pid} is using it`);
    expect(refusal().exitCode).toBe(3);
    release();
    takeLock(folder)();
    expect(readdirSync(folder)).toEqual(['tower.lock.2']);
  });

  it('refuses a second server, also through a symlink', async () => {
    const child = start('holder.ts', folder);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    for await (const line of createInterface(child.stdout)) if (line === 'held') break;
    symlinkSync(folder, `${folder}-alias`);
    try {
      await expect(openStore({ folder: `${folder}-alias` })).rejects.toThrow(`process ${child.pid} is using it`);
    } finally {
      rmSync(`${folder}-alias`);
      child.kill('SIGKILL');
      await ended;
    }
    takeLock(folder)();
  });

  it('is taken over from a dead process, and from an earlier process with the same pid', async () => {
    const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
    await new Promise((resolve) => child.once('exit', resolve));
    const release = takeLock(folder);
    release();
    const [mine] = readdirSync(folder);
    const me = JSON.parse(readFileSync(join(folder, mine ?? ''), 'utf8'));
    lockFile({ ...me, pid: child.pid ?? 0, isReleased: false });
    takeLock(folder)();
    lockFile({ ...me, startTicks: '1', isReleased: false });
    takeLock(folder)();
    expect(readdirSync(folder)).toEqual(['tower.lock.7']);
  });

  it('is never taken in doubt: another host, another container, an unreadable file', () => {
    lockFile({ host: 'elsewhere' });
    expect(refusal().message).toContain('host elsewhere');
    writeFileSync(join(folder, 'tower.lock.6'), '');
    expect(refusal()).toMatchObject({
      message: expect.stringContaining('cannot be read'),
      hint: expect.stringContaining('tower.lock.6'),
    });
  });
});
