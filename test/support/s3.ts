/** A real S3 server over a folder, on loopback, with one bucket; requests can be looked at and lost on their way. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { versitygwProgram } from '../../scripts/lib/versitygw.ts';
import { type BucketOptions, openBucket } from '../../src/adapters/delivery/s3.ts';

export const s3Program = versitygwProgram(resolve(import.meta.dirname, '../..'));

const credentials = { AWS_ACCESS_KEY_ID: 'deployer', AWS_SECRET_ACCESS_KEY: 'secret-of-the-deployer' };

const freePort = (): Promise<number> =>
  new Promise((done, fail) => {
    const server = createServer().once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address ? done(address.port) : fail(new Error('no port'))));
    });
  });

export interface S3Server {
  readonly url: string;
  /** Ends it and removes what it holds. */
  close(): void;
  /** Makes a bucket: its folder, and how it is opened. */
  bucket(name: string): {
    readonly folder: string;
    /** The object as the server's folder holds it; null when there is none. */
    text(key: string): string | null;
    keys(): readonly string[];
    open(more?: Partial<BucketOptions>): ReturnType<typeof openBucket>;
  };
}

/** Starts it; whoever does closes it. */
export async function startS3(): Promise<S3Server> {
  if (s3Program === null) throw new Error('versitygw is not here');
  const data = mkdtempSync(join(tmpdir(), 'flightcheck-s3-'));
  const port = await freePort();
  const server = spawn(s3Program, ['--port', `127.0.0.1:${port}`, 'posix', data], {
    stdio: 'ignore',
    env: {
      PATH: process.env.PATH,
      ROOT_ACCESS_KEY: credentials.AWS_ACCESS_KEY_ID,
      ROOT_SECRET_KEY: credentials.AWS_SECRET_ACCESS_KEY,
    },
  });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    const isUp = await fetch(url).then(
      (response) => response.status === 403,
      () => false,
    );
    if (isUp) break;
    if (tries > 300) {
      server.kill('SIGKILL');
      throw new Error('versitygw does not start');
    }
    await sleep(50);
  }
  return {
    url,
    close() {
      server.kill('SIGKILL');
      rmSync(data, { recursive: true, force: true });
    },
    bucket(name) {
      const folder = join(data, name);
      mkdirSync(folder);
      return {
        folder,
        text: (key) => (existsSync(join(folder, key)) ? readFileSync(join(folder, key), 'utf8') : null),
        keys: () =>
          readdirSync(folder, { recursive: true, withFileTypes: true })
            .flatMap((entry) => (entry.isFile() ? [entry.name] : []))
            .sort(),
        open: (more = {}) =>
          openBucket({
            ...{ bucket: name, prefix: 'dags', env: { ...credentials, AWS_ENDPOINT_URL_S3: url }, pauseSeconds: 0.01 },
            ...more,
          }),
      };
    },
  };
}
