/** A real PostgreSQL for tests: its own cluster in a temporary folder, stopped and removed afterwards. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestPostgres {
  /** Connection string of an empty database of that name, made when it is asked for. */
  database(name: string): string;
  /** Ends the server as a crash would, and starts it again on the same port. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

const debian = '/usr/lib/postgresql';

/** Folder of the server's programs, newest first; null when PostgreSQL is not installed. */
function programs(): string | null {
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(debian, version, 'bin')).find((folder) => existsSync(join(folder, 'initdb'))) ?? null;
}

/** Why there is no PostgreSQL to test on, or null. */
export const postgresIsMissing: string | null = programs()
  ? null
  : 'PostgreSQL is not installed (Debian: apt-get install postgresql)';

/** PostgreSQL refuses to run as root: then it runs as the user that Debian makes for it. */
function account(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address && typeof address === 'object' ? address.port : 0));
    });
  });

async function untilReady(server: ChildProcess, bin: string, port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended with ${server.exitCode} at start`);
    if (spawnSync(join(bin, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(port)]).status === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('PostgreSQL did not become ready');
}

/** Starts a server on a loopback port, with more arguments where given. Ask `postgresIsMissing` first. */
export async function startPostgres(settings: readonly string[] = []): Promise<TestPostgres> {
  const bin = programs();
  if (!bin) throw new Error(postgresIsMissing ?? 'no PostgreSQL');
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-postgres-'));
  const user = account();
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid ?? user.uid);
  const data = join(folder, 'data');
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'tester', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'], {
    ...user,
    cwd: folder,
    stdio: 'ignore',
  });
  const port = await freePort();
  const start = () => {
    const server = spawn(join(bin, 'postgres'), ['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', folder, ...settings], {
      ...user,
      cwd: folder,
      stdio: 'ignore',
    });
    return { server, ended: new Promise<void>((resolve) => server.once('exit', () => resolve())) };
  };
  let running = start();
  await untilReady(running.server, bin, port);
  return {
    database(name) {
      execFileSync(join(bin, 'createdb'), ['-h', '127.0.0.1', '-p', String(port), '-U', 'tester', name]);
      return `postgresql://tester@127.0.0.1:${port}/${name}`;
    },
    async crash() {
      running.server.kill('SIGQUIT');
      await running.ended;
      running = start();
      await untilReady(running.server, bin, port);
    },
    async stop() {
      // At once: nothing is kept, and writing forty databases to the disk first took minutes on a busy machine.
      running.server.kill('SIGQUIT');
      await running.ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
