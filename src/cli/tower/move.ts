/** `flightcheck tower export` and `import`: a copy of all that Control Tower knows, and back. */
import { createReadStream, createWriteStream, existsSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { EnvironmentError, UsageError } from '../../kernel/failure.ts';
import { exportStore } from '../../tower/store/dump.ts';
import { connectStore } from '../../tower/store/open.ts';
import { importStore } from '../../tower/store/restore.ts';
import type { Context, Invocation } from '../command.ts';
import { existingStore, storeLocation } from './store.ts';

function fileOf({ cwd }: Context, { args }: Invocation): string {
  const [file] = args;
  if (file === undefined) throw new UsageError('TOWER_FILE', 'No file is named', { hint: 'flightcheck tower export backup.gz' });
  return resolve(cwd, file);
}

const interrupted = (what: string) =>
  new EnvironmentError('INTERRUPTED', `Interrupted: ${what}`, { hint: 'Run it again; the database is as it was.' });

export async function exportTower(context: Context, invocation: Invocation): Promise<number> {
  const file = fileOf(context, invocation);
  const location = existingStore(context, invocation);
  if (existsSync(file) && invocation.options.replace !== true)
    throw new UsageError('TOWER_EXPORT', `The file ${file} is there already`, { hint: 'Name another, or add --replace.' });
  if (!existsSync(dirname(file)))
    throw new EnvironmentError('TOWER_EXPORT', `There is no folder ${dirname(file)}`, { hint: 'Make it, or name another file.' });
  const partial = `${file}.partial`;
  const store = await connectStore(location);
  try {
    const rows = await context.log.step(`Exporting ${store.location}`, async (update) => {
      const zip = createGzip();
      const written = pipeline(zip, createWriteStream(partial, { mode: 0o600, flush: true }), { signal: context.signal });
      // Its failure is told where it is awaited.
      written.catch(() => {});
      const write = async (text: string): Promise<void> => {
        context.signal.throwIfAborted();
        if (zip.errored) throw zip.errored;
        if (!zip.write(text)) await Promise.race([new Promise((next) => zip.once('drain', next)), written]);
      };
      const n = await exportStore(store.db, write, (done) => update(`Exporting ${store.location}: ${done} rows`));
      zip.end();
      await written;
      return n;
    });
    renameSync(partial, file);
    context.print(context.isJson ? `${JSON.stringify({ file, rows })}\n` : `${rows} rows of ${store.location} are in ${file}\n`);
    return 0;
  } catch (error) {
    rmSync(partial, { force: true });
    if (context.signal.aborted) throw interrupted('no file was written');
    const { code } = error as NodeJS.ErrnoException;
    if (code && ['ENOSPC', 'EACCES', 'EROFS', 'EDQUOT', 'EISDIR'].includes(code))
      throw new EnvironmentError('TOWER_EXPORT', `The file ${file} cannot be written: ${code}`, {
        hint: code === 'ENOSPC' ? 'The disk is full; name a file on another.' : 'Name a place that this user may write to.',
        cause: error,
      });
    throw error;
  } finally {
    await store.close();
  }
}

/** Lines of a gzip file; what is no gzip is told as that. */
async function* linesOf(file: string, signal: AbortSignal): AsyncGenerator<string> {
  const unzip = createGunzip();
  const read = pipeline(createReadStream(file), unzip);
  read.catch(() => {});
  try {
    for await (const line of createInterface({ input: unzip, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (signal.aborted) throw interrupted('nothing was imported');
      yield line;
    }
    await read;
  } catch (error) {
    if (error instanceof EnvironmentError) throw error;
    throw new EnvironmentError('TOWER_IMPORT', `The export ${file} cannot be read: ${String(error)}. Nothing was imported.`, {
      hint: 'It was cut off or changed on its way. Take another copy, or export again.',
      cause: error,
    });
  }
}

export async function importTower(context: Context, invocation: Invocation): Promise<number> {
  const file = fileOf(context, invocation);
  if (!existsSync(file)) throw new UsageError('TOWER_IMPORT', `There is no file ${file}`, { hint: 'Name an export.' });
  const store = await connectStore(storeLocation(context, invocation));
  try {
    const rows = await context.log.step(`Importing ${file}`, (update) =>
      importStore(store.db, linesOf(file, context.signal), (done) => update(`Importing ${file}: ${done} rows`)),
    );
    context.print(
      context.isJson ? `${JSON.stringify({ location: store.location, rows })}\n` : `${rows} rows are in ${store.location}\n`,
    );
    return 0;
  } finally {
    await store.close();
  }
}
