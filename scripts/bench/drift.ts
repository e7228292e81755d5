/**
 * Drift and data checks of two Parquet files (training and serving rows, 50 columns) against one pass of DuckDB that only
 * summarises the same columns. Promise: at most 3 times as long, under 2 GB resident.
 * Rows of both files together: FLIGHTCHECK_BENCH_ROWS, default 2,000,000; the promise is made for 10,000,000.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate, measure, middle } from './tables.ts';

const runs = 3;

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
