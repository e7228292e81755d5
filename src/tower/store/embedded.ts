/** The embedded database: PGlite in a worker thread, in a folder of its own, under our lock. */
import { accessSync, constants, existsSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient, type PostgresQueryResult } from 'kysely';
import { EnvironmentError } from '../../kernel/failure.ts';
import type { Database, OpenDatabase } from './database.ts';
import { takeLock } from './lock.ts';
import type { Reply, Request } from './pglite-worker.ts';

interface Pending {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

/** In the bundle the worker is an entry point beside the chunks; from source it is TypeScript, which tsx loads. */
function startWorker(folder: string): Worker {
  const options = { workerData: { folder } };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./pglite-worker.js', import.meta.url), options);
  const tsx = new URL('dist/esm/api/index.mjs', pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'))).href;
  const source = JSON.stringify(new URL('./pglite-worker.ts', import.meta.url).href);
  return new Worker(`import(${JSON.stringify(tsx)}).then((tsx) => tsx.tsImport(${source}, ${source}))`, {
    ...options,
    eval: true,
  });
}

/** Calls by number. When the thread ends, every open call is answered with an error. */
function connect(worker: Worker): {
  opened: Promise<Reply>;
  call(sql: string | null, parameters: readonly unknown[]): Promise<Reply>;
} {
  const pending = new Map<number, Pending>();
  let ended: Error | null = null;
  let next = 1;
  const end = (error: Error) => {
    ended ??= error;
    for (const { reject } of pending.values()) reject(ended);
    pending.clear();
  };
  worker.on('message', (reply: Reply) => {
    const waiting = pending.get(reply.id);
    pending.delete(reply.id);
    if (reply.error) waiting?.reject(Object.assign(new Error(reply.error.message), reply.error));
    else waiting?.resolve(reply);
  });
  worker.on('error', end);
  worker.on('exit', () => end(new Error('The embedded database has stopped')));
  const expect = (id: number) => new Promise<Reply>((resolve, reject) => pending.set(id, { resolve, reject }));
  const opened = expect(0);
  return {
    opened,
    call(sql, parameters) {
      if (ended) return Promise.reject(ended);
      const id = next++;
      const answer = expect(id);
      worker.postMessage({ id, sql, parameters } satisfies Request);
      return answer;
    },
  };
}

/** PGlite has one connection: transactions take turns. */
function singlePool(call: ReturnType<typeof connect>['call']): PostgresPool {
  let turn: Promise<void> = Promise.resolve();
  return {
    async connect() {
      const before = turn;
      let release = () => {};
      turn = new Promise((resolve) => {
        release = resolve;
      });
      await before;
      const query = async (sql: string, parameters: readonly unknown[]) => {
        const { rows = [], rowCount = 0 } = await call(sql, parameters);
        const command = (/^(?:\/\*.*?\*\/)?\s*(insert|update|delete|merge)\b/i.exec(sql)?.[1] ?? 'select').toUpperCase();
        return { command, rowCount, rows } as PostgresQueryResult<unknown>;
      };
      return { query: query as PostgresPoolClient['query'], release };
    },
    async end() {},
  };
}

/** As `mkdir -p`, a level at a time: Node's own recursion never ends under /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}

/** Makes the folder (for this user alone) and returns its real path. */
function prepareFolder(folder: string): string {
  try {
    makeFolder(folder);
    const real = realpathSync(folder);
    if (!statSync(real).isDirectory()) throw new Error('it is a file');
    accessSync(real, constants.R_OK | constants.W_OK | constants.X_OK);
    return real;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EnvironmentError('TOWER_DATA_FOLDER', `The data folder ${folder} cannot be used: ${reason}`, {
      hint: 'Choose a folder that this user may write to with --data DIR.',
      cause: error,
    });
  }
}

/**
 * Opens (or makes) the embedded database under `folder`.
 * @throws EnvironmentError when the folder cannot be written to, is in use by another server, or cannot be opened.
 */
export async function openEmbedded(folder: string): Promise<OpenDatabase> {
  const location = prepareFolder(folder);
  const release = takeLock(location);
  const worker = startWorker(join(location, 'pglite'));
  const { opened, call } = connect(worker);
  try {
    await opened;
  } catch (error) {
    await worker.terminate();
    release();
    if (/Cannot find package/.test(String(error)))
      throw new EnvironmentError('TOWER_NOT_EMBEDDED', 'This copy of Flightcheck comes without the embedded database', {
        hint: 'Give --database-url, or run Control Tower from a full installation.',
        cause: error,
      });
    throw new EnvironmentError('TOWER_DATABASE', `The embedded database in ${location} did not open: ${String(error)}`, {
      hint: 'Restore the folder from a copy, or choose another --data. Nothing was changed.',
      cause: error,
    });
  }
  const db: Database = new Kysely({ dialect: new PostgresDialect({ pool: singlePool(call) }) });
  return {
    db,
    engine: 'PGlite',
    location,
    durability: 'survives the end of the process at any moment, not a power cut; one server at a time',
    async close() {
      await db.destroy();
      await call(null, []).catch(() => {});
      await worker.terminate();
      release();
    },
  };
}
