/**
 * Drift and data checks against Evidently and deepchecks from PyPI (`npm run setup:bench` installs them under .tools/): the
 * same two Parquet files of 50 columns, the same machine, in turn. The input grows tenfold until a peer exceeds the limit of
 * time or memory; the ratio is of the largest that it finishes. Promise: at least 10 times faster, with less memory.
 * FLIGHTCHECK_BENCH_PEER_SECONDS (default 300) and FLIGHTCHECK_BENCH_PEER_ROWS (largest input, default 20,000,000) bound it.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate, type Measured, measure, measureCommand, middle } from './tables.ts';

const smallest = 20_000;
const megabytes = 8192;
const runs = 3;
const root = fileURLToPath(new URL('../..', import.meta.url));

interface Pair {
  readonly peer: Measured;
  readonly ours: Measured;
}

const show = (name: string, rows: number, found: Measured | null): void =>
  console.log(
    `${name.padEnd(12)} ${rows.toLocaleString('en').padStart(11)} rows  ${found ? `${found.seconds.toFixed(1)} s  ${found.megabytes.toFixed(0)} MB  ${found.said}` : 'not finished within the limit'}`,
  );

export async function bench(): Promise<void> {
  const seconds = Number(process.env.FLIGHTCHECK_BENCH_PEER_SECONDS ?? 300);
  const most = Number(process.env.FLIGHTCHECK_BENCH_PEER_ROWS ?? 20_000_000);
  console.log(`limit of a peer: ${seconds} s, ${megabytes} MB`);
  for (const name of ['evidently', 'deepchecks']) {
    const python = join(root, '.tools', name, 'bin/python');
    if (!existsSync(python)) {
      console.log(`${name}: left out, npm run setup:bench installs it`);
      continue;
    }
    let last: readonly Pair[] = [];
    let rows = smallest;
    for (; rows <= most; rows *= 10) {
      const folder = mkdtempSync(join(tmpdir(), 'flightcheck-bench-'));
      try {
        await generate(folder, rows);
        const run = () =>
          measureCommand(python, [join(root, `scripts/bench/peer_${name}.py`), folder, String(megabytes)], seconds);
        const pairs: Pair[] = [];
        for (let i = 0; i < runs; i += 1) {
          const peer = run();
          if (!peer) break;
          pairs.push({ peer, ours: measure('ours', folder) });
        }
        if (pairs.length < runs) break;
        last = pairs;
        show(name, rows, pairs[0]?.peer ?? null);
        show('flightcheck', rows, pairs[0]?.ours ?? null);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
    if (rows <= most) show(name, rows, null);
    const ratio = (of: (measured: Measured) => number): string =>
      middle(last.map(({ peer, ours }) => of(peer) / of(ours))).toFixed(1);
    if (last.length > 0)
      console.log(
        `${name}: ${ratio((one) => one.seconds)} times our time, ${ratio((one) => one.megabytes)} times our memory, medians of ${runs} runs in turn`,
      );
  }
}
