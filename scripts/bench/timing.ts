/** Whole-process timings: medians over several runs, one warm-up before them. */
import { spawnSync } from 'node:child_process';

export interface Timing {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Milliseconds of `runs` calls of `work`, after one that is not counted. */
export function time(work: () => void, runs = 7): Timing {
  work();
  const each = Array.from({ length: runs }, () => {
    const started = performance.now();
    work();
    return performance.now() - started;
  }).sort((a, b) => a - b);
  return { median: each[Math.floor(each.length / 2)] ?? 0, min: each[0] ?? 0, max: each.at(-1) ?? 0 };
}

/** Runs a command to its end; throws when it fails with a code that is not expected. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; expected?: readonly number[] } = {},
): string {
  const { cwd, expected = [0] } = options;
  const done = spawnSync(command, [...args], { cwd, encoding: 'utf8', maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'pipe'] });
  if (done.error) throw done.error;
  if (!expected.includes(done.status ?? -1))
    throw new Error(`${command} ${args.join(' ')} ended with ${done.status}:\n${done.stderr}`);
  return done.stdout;
}

export const show = (name: string, timing: Timing, base?: Timing): void => {
  const ratio = base ? `  ${(timing.median / base.median).toFixed(2)} x` : '';
  const ms = (value: number) => value.toFixed(0).padStart(6);
  console.log(`${name.padEnd(44)} ${ms(timing.median)} ms (${ms(timing.min)} to ${ms(timing.max)})${ratio}`);
};
