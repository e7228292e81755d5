/** Start-up of the bundled command against bare node: --version at most 1.6 x, check of an empty repo at most 4 x. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run, show, time } from './timing.ts';

export async function bench(): Promise<void> {
  const main = resolve('dist/main.js');
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-bench-'));
  try {
    run('git', ['init', '-q', folder]);
    const bare = time(() => run('node', ['-e', '0']));
    show('node -e 0', bare);
    show(
      'flightcheck --version',
      time(() => run('node', [main, '--version'])),
      bare,
    );
    show(
      'flightcheck check, empty repo',
      time(() => run('node', [main, 'check', folder, '--json'])),
      bare,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
