/**
 * Drift and data checks of two Parquet files (training and serving rows, 50 columns) against one pass of DuckDB that only
 * summarises the same columns. Promise: at most 3 times as long, under 2 GB resident.
 * Rows of both files together: FLIGHTCHECK_BENCH_ROWS, default 2,000,000; the promise is made for 10,000,000.
 * FLIGHTCHECK_BENCH_RUNS: how often, in turn; default 3.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate, measure, middle } from './tables.ts';

const runs = Number(process.env.FLIGHTCHECK_BENCH_RUNS ?? 3);

export async function bench(): Promise<void> {
  const rows = Number(process.env.FLIGHTCHECK_BENCH_ROWS ?? 2_000_000);
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-bench-'));
  try {
    await generate(folder, rows);
    const found = Array.from({ length: runs }, () => ({ ours: measure('ours', folder), summary: measure('summary', folder) }));
    const of = (side: 'ours' | 'summary') => ({
      seconds: middle(found.map((run) => run[side].seconds)),
      cpu: middle(found.map((run) => run[side].cpu)),
      megabytes: Math.max(...found.map((run) => run[side].megabytes)),
      said: found[0]?.[side].said,
    });
    for (const [name, { seconds, cpu, megabytes, said }] of Object.entries({
      'drift and data checks': of('ours'),
      'one summary': of('summary'),
    }))
      console.log(
        `${name.padEnd(24)} ${seconds.toFixed(1)} s, ${cpu.toFixed(1)} s of processors  ${megabytes.toFixed(0)} MB  ${said}`,
      );
    const ratio = (of: 'seconds' | 'cpu') => middle(found.map((run) => run.ours[of] / run.summary[of])).toFixed(2);
    console.log(
      `ratio ${ratio('seconds')} in time, ${ratio('cpu')} in work of processors (${rows.toLocaleString('en')} rows x 50, ${runs} runs in turn)`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
