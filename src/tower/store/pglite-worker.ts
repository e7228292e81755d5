/**
 * The thread that holds PGlite: it computes synchronously, and a long query must not stop the server from answering.
 * Speaks requests and replies by number; an entry point of its own in the bundle.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { oid, parsers, preparedMark } from './database.ts';
import { preparing } from './pglite-prepared.ts';

export interface Request {
  readonly id: number;
  /** Null closes the database. */
  readonly sql: string | null;
  readonly parameters: readonly unknown[];
}
export interface Reply {
  readonly id: number;
  readonly rows?: readonly unknown[];
  readonly rowCount?: number;
  readonly error?: { readonly message: string; readonly code?: string; readonly detail?: string };
}

const port = parentPort;
if (!port) throw new Error('pglite-worker runs in a worker thread');
const { folder } = workerData as { readonly folder: string };

const describe = (error: unknown): NonNullable<Reply['error']> => {
  const { message, code, detail } = error as { message?: string; code?: string; detail?: string };
  return { message: message ?? String(error), ...(code && { code }), ...(detail && { detail }) };
};

// Id 0 is the answer to opening.
const opened = PGlite.create({
  dataDir: folder,
  parsers,
  // Its own takes a millisecond for a report's body.
  serializers: { [oid.bytea]: (bytes: Uint8Array) => `\\x${Buffer.from(bytes).toString('hex')}` },
});
const runPrepared = opened.then(preparing);
runPrepared.then(
  () => port.postMessage({ id: 0 } satisfies Reply),
  (error) => port.postMessage({ id: 0, error: describe(error) } satisfies Reply),
);

async function answer({ id, sql, parameters }: Request): Promise<Reply> {
  try {
    const database = await opened;
    if (sql === null) {
      await database.close();
      return { id };
    }
    // As node-postgres: without parameters a text may hold several statements.
    const result = sql.startsWith(preparedMark)
      ? await (await runPrepared)(sql, parameters)
      : parameters.length > 0
        ? await database.query(sql, [...parameters])
        : (await database.exec(sql)).at(-1);
    return { id, rows: result?.rows ?? [], rowCount: result?.affectedRows ?? 0 };
  } catch (error) {
    return { id, error: describe(error) };
  }
}

port.on('message', (request: Request) => {
  void answer(request).then((reply) => port.postMessage(reply));
});
