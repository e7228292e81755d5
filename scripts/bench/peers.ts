/**
 * Drift and data checks against Evidently and deepchecks from PyPI (`npm run setup:bench` installs them under .tools/): the
 * same two Parquet files of 50 columns, the same machine, in turn. The input grows tenfold until a peer exceeds the limit of
 * time or memory; the ratio is of the largest that it finishes. Promise: at least 10 times faster, with less memory.
 * FLIGHTCHECK_BENCH_PEER_SECONDS (default 300) and FLIGHTCHECK_BENCH_PEER_ROWS (largest input, default 2,000,000) bound it;
 * FLIGHTCHECK_BENCH_RUNS is how often the largest is run, default 3.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate, type Measured, measure, measureCommand, middle } from './tables.ts';

const smallest = 20_000;
const megabytes = 8192;
const runs = Number(process.env.FLIGHTCHECK_BENCH_RUNS ?? 3);
const root = fileURLToPath(new URL('../..', import.meta.url));

interface Pair {
  readonly peer: Measured;
  readonly ours: Measured;
}

const show = (name: string, rows: number, found: Measured | null): void =>
  console.log(
    `${name.padEnd(12)} ${rows.toLocaleString('en').padStart(11)} rows  ${found ? `${found.seconds.toFixed(1)} s, ${found.cpu.toFixed(1)} s of processors  ${found.megabytes.toFixed(0)} MB  ${found.said}` : 'not finished within the limit'}`,
  );

export async function bench(): Promise<void> {
  const seconds = Number(process.env.FLIGHTCHECK_BENCH_PEER_SECONDS ?? 300);
  const most = Number(process.env.FLIGHTCHECK_BENCH_PEER_ROWS ?? 2_000_000);
  console.log(`limit of a peer: ${seconds} s, ${megabytes} MB`);
  for (const name of ['evidently', 'deepchecks']) {
    const python = join(root, '.tools', name, 'bin/python');
    if (!existsSync(python)) {
      console.log(`${name}: left out, npm run setup:bench installs it`);
      continue;
    }
    const found = await largest(name, python, seconds, most);
    if (found.length === 0) continue;
    const ratio = (of: 'seconds' | 'cpu' | 'megabytes'): string =>
      middle(found.map(({ peer, ours }) => peer[of] / ours[of])).toFixed(1);
    console.log(
      `${name}: ${ratio('seconds')} times our time, ${ratio('cpu')} times our work of processors, ${ratio('megabytes')} times our memory; medians of ${found.length} runs in turn`,
    );
  }
}

/** Grows the input tenfold while the peer finishes in its limits, and compares on the last that it did. */
async function largest(name: string, python: string, seconds: number, most: number): Promise<readonly Pair[]> {
  let found: readonly Pair[] = [];
  for (let rows = smallest; rows <= most; rows *= 10) {
    const folder = mkdtempSync(join(tmpdir(), 'flightcheck-bench-'));
    try {
      await generate(folder, rows);
      const pair = (): Pair | null => {
        const peer = measureCommand(python, [join(root, `scripts/bench/peer_${name}.py`), folder, String(megabytes)], seconds);
        return peer && { peer, ours: measure('ours', folder) };
      };
      const first = pair();
      show(name, rows, first?.peer ?? null);
      if (!first) return found;
      show('flightcheck', rows, first.ours);
      // Whether the next is finished too is not known yet: all but one of the runs are made where it matters.
      const isLast = rows * 10 > most || first.peer.seconds * 5 > seconds;
      found = [first, ...Array.from({ length: isLast ? runs - 1 : 0 }, pair).filter((each) => each !== null)];
      if (isLast && rows * 10 <= most) console.log(`${name.padEnd(12)} ten times as many rows would exceed the limit`);
      if (isLast) return found;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return found;
}
