/**
 * Drift and data checks of two Parquet files (training and serving rows, 50 columns) against one pass of DuckDB that only
 * summarises the same columns, each in a process of its own. Promise: at most 3 times as long, under 2 GB resident.
 * Rows of both files together: FLIGHTCHECK_BENCH_ROWS, default 2,000,000; the promise is made for 10,000,000.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { openTables } from '../../src/adapters/tables/open-tables.ts';
import { manifestFile } from '../../src/kernel/manifest.ts';
import { quoteText } from '../../src/kernel/sql.ts';
import { drift } from '../../src/stats/drift.ts';
import { inferSchema } from '../../src/stats/schema/infer.ts';
import { profile } from '../../src/stats/schema/profile.ts';
import { violations } from '../../src/stats/schema/violations.ts';

const numbers = 30;
const integers = 10;
const categories = 10;
const runs = 3;

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

async function generate(folder: string, rows: number): Promise<void> {
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
    if (!train || !serving) throw new Error(`${manifestFile} names no tables`);
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

interface Measured {
  readonly seconds: number;
  readonly megabytes: number;
  readonly said: string;
}

function measure(work: string, folder: string): Measured {
  const script = fileURLToPath(import.meta.url);
  const done = spawnSync(process.execPath, ['--import', 'tsx', script, work, folder], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${work} ended with ${done.status}: ${done.stderr}`);
  return JSON.parse(done.stdout.trim().split('\n').at(-1) ?? '') as Measured;
}

const middle = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

export async function bench(): Promise<void> {
  const rows = Number(process.env.FLIGHTCHECK_BENCH_ROWS ?? 2_000_000);
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-bench-'));
  try {
    await generate(folder, rows);
    const found = Array.from({ length: runs }, () => ({ ours: measure('ours', folder), summary: measure('summary', folder) }));
    const of = (side: 'ours' | 'summary') => ({
      seconds: middle(found.map((run) => run[side].seconds)),
      megabytes: Math.max(...found.map((run) => run[side].megabytes)),
      said: found[0]?.[side].said,
    });
    for (const [name, { seconds, megabytes, said }] of Object.entries({
      'drift and data checks': of('ours'),
      'one summary': of('summary'),
    }))
      console.log(`${name.padEnd(24)} ${seconds.toFixed(1)} s  ${megabytes.toFixed(0)} MB  ${said}`);
    console.log(
      `ratio ${middle(found.map((run) => run.ours.seconds / run.summary.seconds)).toFixed(2)} (${rows.toLocaleString('en')} rows x 50, ${runs} runs in turn)`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [, script = '', work, folder] = process.argv;
if (script === fileURLToPath(import.meta.url) && folder !== undefined) {
  const started = performance.now();
  const said = await (work === 'ours' ? ours(folder) : summary(folder));
  const seconds = (performance.now() - started) / 1000;
  console.log(JSON.stringify({ seconds, megabytes: process.resourceUsage().maxRSS / 1024, said }));
}
