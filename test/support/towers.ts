/** Control Tower as processes of its own, clients that post to them, and a count of what was kept. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import type { Database } from '../../src/tower/store/database.ts';
import { rollUp } from '../../src/tower/store/points/rollups.ts';
import { sampleReport } from '../tower/sample.ts';
import { PlainClient } from './plain-client.ts';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface TowerProcess {
  readonly url: string;
  readonly token: string;
  /** As `kill -9`. */
  kill(): Promise<void>;
}

/** @param where `--data` or `--database-url` with its value; and `--port`, `--token-file`. */
export async function startTowerProcess(where: readonly string[]): Promise<TowerProcess> {
  const child: ChildProcess = spawn(process.execPath, [main, 'tower', 'serve', '--json', ...where], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, CI: undefined, DATABASE_URL: undefined },
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let errors = '';
  child.stderr?.on('data', (data) => {
    errors = (errors + data).slice(-2000);
  });
  if (child.stdout)
    for await (const line of createInterface(child.stdout)) {
      const { url, token } = JSON.parse(line) as { url: string; token: string | null };
      return {
        url,
        token: token ?? readFileSync(where[where.indexOf('--token-file') + 1] ?? '', 'utf8').trim(),
        async kill() {
          child.kill('SIGKILL');
          await ended;
        },
      };
    }
  throw new Error(`Control Tower did not start: ${errors}`);
}

export interface Target {
  url: string;
  token: string;
}

export interface Load {
  /** Keys of the posts that were acknowledged. */
  readonly acknowledged: Set<string>;
  /** Metrics of all acknowledged posts. */
  readonly metrics: () => number;
  /** Statuses other than 200 and 201, and how often. */
  readonly refusals: Map<number, number>;
  stop(): Promise<void>;
}

interface LoadOptions {
  readonly clients: number;
  readonly perPost: number;
}

/** Of this month, as the points of a monitor are: those of months past take the longer way of late points. */
const now = new Date();
const start = Math.max(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1), now.getTime() - 86_400_000);

/** Clients that post one after the other; what is not acknowledged is sent again, to whichever server answers. */
export function startLoad(targets: readonly Target[], { clients, perPost }: LoadOptions): Load {
  const acknowledged = new Set<string>();
  const refusals = new Map<number, number>();
  let isStopped = false;
  // Written once: the client must not take the time of what it measures.
  const templates = Array.from({ length: clients }, (_, client) =>
    JSON.stringify({
      model: 'late-lodgement-risk',
      at: 'AT',
      metrics: Array.from({ length: perPost }, (_, i) => ({
        name: 'load.value',
        value: 'TURN',
        labels: { client: String(client), i: String(i) },
      })),
    }),
  );
  const body = (client: number, turn: number): string =>
    (templates[client] ?? '').replace('AT', new Date(start + turn * 1000).toISOString()).replaceAll('"TURN"', String(turn));
  const run = async (client: number): Promise<void> => {
    const clientsOf = new Map<string, PlainClient>();
    const clientOf = (url: string): PlainClient => {
      const known = clientsOf.get(url) ?? new PlainClient(url);
      clientsOf.set(url, known);
      return known;
    };
    let [turn, tries] = [0, 0];
    while (!isStopped) {
      const target = targets[(client + tries) % targets.length];
      if (!target) return;
      try {
        const { url, token } = target;
        const status = await clientOf(url).post({ path: '/v1/metrics', token, body: body(client, turn) });
        if (status === 200 || status === 201) {
          acknowledged.add(`${client}:${turn}`);
          turn += 1;
          continue;
        }
        refusals.set(status, (refusals.get(status) ?? 0) + 1);
      } catch {
        // No answer: it may have been stored or not.
      }
      tries += 1;
      await sleep(50);
    }
    for (const one of clientsOf.values()) one.close();
  };
  const running = Promise.all(Array.from({ length: clients }, (_, client) => run(client)));
  return {
    acknowledged,
    refusals,
    metrics: () => acknowledged.size * perPost,
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

export async function introduceModel({ url, token }: Target): Promise<void> {
  const { status } = await fetch(`${url}/v1/reports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(sampleReport()),
  });
  if (status !== 200 && status !== 201) throw new Error(`The first report was answered ${status}`);
}

interface Kept {
  /** Acknowledged posts of which a metric is missing. */
  readonly lost: readonly string[];
  /** Values in the rollups beyond the points: counted twice. */
  readonly doubled: number;
  readonly points: number;
}

/** What the database holds of a load. */
export async function keptOf(db: Database, acknowledged: ReadonlySet<string>, perPost: number): Promise<Kept> {
  const { rows } = await sql<{ client: string; turn: number; n: number }>`
    select series.labels ->> 'client' as client, value::int as turn, count(*)::int as n
    from point join series on series.id = point.series_id join metric on metric.id = series.metric_id
    where metric.name = 'load.value' group by 1, 2`.execute(db);
  const whole = new Set(rows.filter(({ n }) => n === perPost).map(({ client, turn }) => `${client}:${turn}`));
  const points = rows.reduce((sum, { n }) => sum + n, 0);
  await rollUp(db);
  const { rows: rolled } = await sql<{ day: number; week: number }>`
    select coalesce((select sum(n) from rollup_day join metric on metric.id = metric_id where name = 'load.value'), 0)::int as day,
      coalesce((select sum(n) from rollup_week join metric on metric.id = metric_id where name = 'load.value'), 0)::int as week`.execute(
    db,
  );
  const torn = rows.filter(({ n }) => n !== perPost).map(({ client, turn }) => `${client}:${turn} in part`);
  return {
    lost: [...[...acknowledged].filter((key) => !whole.has(key)), ...torn],
    doubled: Math.max(Math.abs((rolled[0]?.day ?? 0) - points), Math.abs((rolled[0]?.week ?? 0) - points)),
    points,
  };
}
