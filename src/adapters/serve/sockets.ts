/** Ports of this machine: a free one, and at which addresses one is listened on. */
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const listening = '0A';

/** Loopback as the kernel writes addresses: 127.x.x.x, ::1, and 127.x.x.x inside IPv6. */
const isLoopback = (address: string): boolean =>
  /^[0-9A-F]{6}7F$/.test(address) ||
  address === '00000000000000000000000001000000' ||
  /^0{16}FFFF0000[0-9A-F]{6}7F$/.test(address);

/** Whether a port is listened on at an address other than loopback; null where the system does not say. */
export async function isOpenToOthers(port: number): Promise<boolean | null> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'latin1').catch(() => null)));
  if (tables.every((table) => table === null)) return null;
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const addresses = tables.flatMap((table) =>
    (table ?? '')
      .split('\n')
      .slice(1)
      .map((row) => row.trim().split(/\s+/))
      .filter(([, local = '', , state]) => state === listening && local.endsWith(`:${wanted}`))
      .map(([, local = '']) => local.slice(0, local.indexOf(':'))),
  );
  return addresses.some((address) => !isLoopback(address));
}
