/** Two Parquet files of 50 columns, training and serving rows, and what is done with them, each job in a process of its own. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { openTables } from '../../src/adapters/tables/open-tables.ts';
import { quoteText } from '../../src/kernel/sql.ts';
import { drift } from '../../src/stats/drift.ts';
import { inferSchema } from '../../src/stats/schema/infer.ts';
import { profile } from '../../src/stats/schema/profile.ts';
import { violations } from '../../src/stats/schema/violations.ts';

const numbers = 30;
const integers = 10;
const categories = 10;

/** Values by a hash of row and column: the same file on every machine. */
function columnsSql(side: number): string {
  const u = (i: number) => `(hash(row * 64 + ${i}, ${side}) / 18446744073709551616.0)`;
  return [
    ...Array.from(
      { length: numbers },
      (_, i) => `CASE WHEN ${u(i)} > 0.02 THEN (${u(i)} + ${u(i + 100)} + ${u(i + 200)} - 1.5) * ${i + 1} END AS n${i}`,
    ),
    ...Array.from({ length: integers }, (_, i) => `CAST(floor(${u(300 + i)} * ${10 ** (1 + (i % 5))}) AS INTEGER) AS i${i}`),
    ...Array.from(
      { length: categories },
      (_, i) => `'value ' || CAST(floor(exp(${u(400 + i)} * ${1 + (i % 4)})) AS INTEGER) AS c${i}`,
    ),
  ].join(', ');
}

/** Writes `train.parquet` and `serving.parquet`, half of the rows each; streams, so that any number of rows fits. */
export async function generate(folder: string, rows: number): Promise<void> {
  const database = await (await DuckDBInstance.create(':memory:', { memory_limit: '2GiB' })).connect();
  await database.run(`SET temp_directory = ${quoteText(join(folder, 'spill'))}`);
  for (const [side, name] of ['train', 'serving'].entries())
    await database.run(
      `COPY (SELECT CAST(row AS VARCHAR) AS id, ${columnsSql(side)} FROM range(${Math.floor(rows / 2)}) t(row)) TO ${quoteText(join(folder, `${name}.parquet`))} (FORMAT parquet)`,
    );
  database.closeSync();
}

/** What our checks do with the two files, from opening them to the last verdict. */
async function ours(folder: string): Promise<string> {
  const manifest = { data: { train: 'train.parquet', serving: 'serving.parquet' }, columns: { id: 'id' } };
  const tables = await openTables({ root: folder, manifest: manifest as never, workFolder: join(folder, `work-${process.pid}`) });
  try {
    const [train, serving] = [await tables.open({ table: 'train' }), await tables.open({ table: 'serving' })];
    if (!train || !serving) throw new Error('no tables');
    const names = train.columns.map((column) => column.name).filter((name) => name !== 'id');
    const schema = inferSchema(await profile(tables, train, names));
    const broken = await violations(tables, serving.name, schema, names);
    const found = await drift(tables, train, serving, names);
    return `${found.length} columns, ${found.filter((column) => column.verdict === 'drifted').length} drifted, ${broken.length} violations`;
  } finally {
    await tables.close();
    rmSync(join(folder, `work-${process.pid}`), { recursive: true, force: true });
  }
}

/** Counts, approximate distinct values, minimum, maximum, mean and standard deviation of every column, in one pass each. */
async function summary(folder: string): Promise<string> {
  const database = await (await DuckDBInstance.create(':memory:', { memory_limit: '2GiB' })).connect();
  const list = [
    ...Array.from({ length: numbers }, (_, i) => `n${i}`),
    ...Array.from({ length: integers }, (_, i) => `i${i}`),
  ].flatMap((x) => [`count(${x})`, `approx_count_distinct(${x})`, `min(${x})`, `max(${x})`, `avg(${x})`, `stddev_samp(${x})`]);
  const texts = Array.from({ length: categories }, (_, i) => [`count(c${i})`, `approx_count_distinct(c${i})`]).flat();
  for (const name of ['train', 'serving'])
    await database.runAndReadAll(
      `SELECT ${[...list, ...texts].join(', ')} FROM read_parquet(${quoteText(join(folder, `${name}.parquet`))})`,
    );
  database.closeSync();
  return '50 columns summarised';
}

export interface Measured {
  /** Of the work, without the start of the process and its imports. */
  readonly seconds: number;
  /** Of all processors together: what other work on the machine disturbs least. */
  readonly cpu: number;
  readonly megabytes: number;
  readonly said: string;
}

/** Runs a command whose last line is a `Measured` as JSON; null when it fails, or takes longer than it may. */
export function measureCommand(command: string, args: readonly string[], limitSeconds = 3600): Measured | null {
  const done = spawnSync(command, [...args], {
    encoding: 'utf8',
    timeout: limitSeconds * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: 2 ** 28,
  });
  if (done.status !== 0) return null;
  return JSON.parse(done.stdout.trim().split('\n').at(-1) ?? '') as Measured;
}

export function measure(work: 'ours' | 'summary', folder: string): Measured {
  const found = measureCommand(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url), work, folder]);
  if (!found) throw new Error(`${work} over ${folder} failed`);
  return found;
}

export const middle = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const [, script = '', work, folder] = process.argv;
if (script === fileURLToPath(import.meta.url) && folder !== undefined) {
  const started = performance.now();
  const before = process.cpuUsage();
  const said = await (work === 'ours' ? ours(folder) : summary(folder));
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ seconds, cpu: (user + system) / 1e6, megabytes: process.resourceUsage().maxRSS / 1024, said }));
}
