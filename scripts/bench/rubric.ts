/**
 * The rubric on both examples, with the bundled command. Promises: the first run takes at most a tenth longer than the model's
 * own hooks (one at a time, so that nothing of ours hides behind them); a run in which nothing changed executes no hook and
 * takes under 2 s.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Report } from '../../src/kernel/report.ts';
import { show, time } from './timing.ts';

const examples = [
  { name: 'python', tool: 'python3' },
  { name: 'r', tool: 'Rscript' },
] as const;

const git = (folder: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.com', ...args], { cwd: folder });

function score(folder: string): { readonly executed: number; readonly hookSeconds: number } {
  const done = spawnSync(process.execPath, [resolve('dist/main.js'), 'score', folder, '--json', '--budget-parallel', '1'], {
    ...{ encoding: 'utf8', maxBuffer: 2 ** 28, env: { ...process.env, CI: undefined } },
  });
  if (done.status !== 0) throw new Error(`score ended with ${done.status}: ${done.stderr}`);
  const { metrics } = JSON.parse(done.stdout) as Report;
  const of = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
  return { executed: of('hooks.executed'), hookSeconds: of('hooks.seconds') };
}

export async function bench(): Promise<void> {
  const bare = time(() => execFileSync('node', ['-e', '0']));
  show('node -e 0', bare);
  for (const { name, tool } of examples) {
    if (spawnSync(tool, ['--version']).status !== 0) {
      console.log(`examples/${name}: left out, ${tool} is not on this machine`);
      continue;
    }
    const folder = mkdtempSync(join(tmpdir(), 'flightcheck-bench-'));
    try {
      cpSync(resolve('examples', name), folder, { recursive: true });
      git(folder, 'init', '--quiet', '--initial-branch=main');
      git(folder, 'add', '--all');
      git(folder, 'commit', '--quiet', '--message', 'The example');
      const started = performance.now();
      const { executed, hookSeconds } = score(folder);
      const seconds = (performance.now() - started) / 1000;
      console.log(
        `examples/${name}: first run ${seconds.toFixed(1)} s, ${executed} hooks one at a time ${hookSeconds.toFixed(1)} s, beyond them ${(100 * (seconds / hookSeconds - 1)).toFixed(1)} %`,
      );
      const again = time(() => {
        if (score(folder).executed > 0) throw new Error('a hook was executed though nothing had changed');
      }, 5);
      show(`examples/${name}: nothing changed`, again, bare);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
