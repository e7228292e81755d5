/** versitygw, an S3 server over a folder that knows conditional writes: https://github.com/versity/versitygw. No package carries it but Go's. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const source = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';

/** The program, on the PATH or under `.tools/`; null when there is none. */
export function versitygwProgram(root: string): string | null {
  for (const program of ['versitygw', join(root, '.tools/versitygw/versitygw')]) {
    try {
      execFileSync(program, ['--version'], { stdio: 'ignore' });
      return program;
    } catch {}
  }
  return null;
}

/** Compiles it under `.tools/`; returns what went wrong, null when nothing did. */
export function installVersitygw(root: string): string | null {
  try {
    const folder = join(root, '.tools/versitygw');
    mkdirSync(folder, { recursive: true });
    const env = { ...process.env, GOBIN: folder, GOFLAGS: '-trimpath' };
    execFileSync('go', ['install', source], { env, stdio: ['ignore', 'ignore', 'pipe'], timeout: 600_000 });
    return versitygwProgram(root) === null ? 'it does not run here' : null;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing) return 'it is compiled with Go, which is not here';
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  }
}
