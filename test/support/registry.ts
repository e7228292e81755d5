/** A real container registry on loopback, and an image in it that is small enough to stand on. */
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../src/adapters/serve/sockets.ts';
import { type TokenServer, tokenNames } from './token-server.ts';

const isThere = (program: string, flag: string): boolean => spawnSync(program, [flag], { stdio: 'ignore' }).status === 0;

/** Why no image can be built and pushed here, or null. */
export const imagesAreMissing: string | null =
  isThere('buildah', '--version') &&
  isThere('docker-registry', '--version') &&
  isThere('busybox', '--help') &&
  isThere('openssl', 'version')
    ? null
    : 'buildah, docker-registry, busybox or openssl is not installed';

export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Pushes an image of busybox alone; returns it by digest. */
  base(): Promise<string>;
  close(): Promise<void>;
}

/** busybox with some of its commands and the libraries that it and `program` need, as the root of a file system. */
export function makeRootFolder(parent: string, program?: string, more: readonly string[] = []): string {
  const folder = join(parent, 'root');
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  for (const file of [busybox, ...(program === undefined ? [] : [program])]) {
    const { stdout } = spawnSync('ldd', [file], { encoding: 'utf8' });
    for (const library of stdout.match(/\/[^\s:]+/g) ?? []) {
      mkdirSync(dirname(join(folder, library)), { recursive: true });
      cpSync(library, join(folder, library), { dereference: true });
    }
  }
  for (const name of ['bin', 'tmp', 'etc', 'app', 'proc', 'sys', 'dev']) mkdirSync(join(folder, name), { recursive: true });
  chmodSync(join(folder, 'tmp'), 0o1777);
  cpSync(busybox, join(folder, 'bin/busybox'), { dereference: true });
  for (const name of ['sh', 'cat', 'echo', 'ls', 'true', ...more]) symlinkSync('busybox', join(folder, 'bin', name));
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nmodel:x:10001:10001::/app:/bin/sh\n');
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nmodel:x:10001:\n');
  return folder;
}

export const account = { username: 'builder', password: 'correct horse' } as const;
const bcrypt = '$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e';

/** Who may use the registry: everybody, who knows a password, or who has a token of `server`. */
export type RegistryAuth = 'none' | 'basic' | Pick<TokenServer, 'realm' | 'certificate'>;

const authOf = (auth: RegistryAuth, folder: string): string => {
  if (auth === 'none') return '';
  if (auth === 'basic') {
    const file = join(folder, 'htpasswd');
    writeFileSync(file, `${account.username}:${bcrypt}\n`);
    return `auth: {htpasswd: {realm: test, path: ${file}}}\n`;
  }
  const issuer = `service: ${tokenNames.service}, issuer: ${tokenNames.issuer}`;
  return `auth: {token: {realm: "${auth.realm}", ${issuer}, rootcertbundle: ${auth.certificate}}}\n`;
};

export async function startRegistry(auth: RegistryAuth = 'none'): Promise<TestRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-registry-'));
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(folder, 'config.yml');
  const storage = `storage: {filesystem: {rootdirectory: ${join(folder, 'data')}}, delete: {enabled: true}}`;
  writeFileSync(config, `version: 0.1\nlog: {level: error}\n${storage}\nhttp: {addr: "${host}"}\n${authOf(auth, folder)}`);
  const server = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  for (let tries = 0; tries < 200; tries++) {
    const status = (await fetch(`http://${host}/v2/`).catch(() => null))?.status;
    if (status === 200 || status === 401) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    host,
    async base() {
      const work = mkdtempSync(join(folder, 'base-'));
      const root = makeRootFolder(work);
      writeFileSync(join(work, 'Dockerfile'), 'FROM scratch\nCOPY root /\n');
      const store = ['--root', join(work, 'store'), '--runroot', join(work, 'run'), '--storage-driver', 'vfs'];
      // The registry may ask a token server of this very process.
      const buildah = (...args: string[]) => promisify(execFile)('buildah', [...store, ...args], { cwd: work });
      await buildah('bud', '--isolation', 'chroot', '--quiet', '--tag', 'base', '.');
      const tag = `docker://${host}/base/busybox:1`;
      const credentials = auth === 'none' ? [] : ['--creds', `${account.username}:${account.password}`];
      await buildah('push', '--quiet', '--tls-verify=false', ...credentials, '--digestfile', join(work, 'digest'), 'base', tag);
      rmSync(root, { recursive: true });
      return `${host}/base/busybox@${execFileSync('cat', [join(work, 'digest')], { encoding: 'utf8' }).trim()}`;
    },
    async close() {
      server.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
