/** Layers pass through memory in pieces, whatever their size. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { openRegistry, type RegistryOptions } from '../../src/adapters/registry/registry.ts';
import { temporaryFolder } from '../helpers/repo.ts';

const megabyte = 2 ** 20;
const size = 64 * megabyte;
const layer = Buffer.alloc(size, 'flightcheck');
const digest = `sha256:${createHash('sha256').update(layer).digest('hex')}`;

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A registry that answers so, and a client of it. */
async function registryThat(answer: Answer, options: Partial<RegistryOptions> = {}) {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const name = { registry: `127.0.0.1:${(server.address() as AddressInfo).port}`, repository: 'team/risk' };
  const signal = new AbortController().signal;
  return { name, client: openRegistry({ credentials: null, signal, pauseSeconds: 0.01, ...options }) };
}

const path = (): string => join(temporaryFolder(), 'layer');
function layerFile(): string {
  const file = path();
  writeFileSync(file, layer);
  return file;
}

/** Buffers that are still held, in megabytes. */
function held(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().arrayBuffers / megabyte;
}

/** Takes an upload; `end` is called when all of it came and before that is told. */
const takes =
  (end: (received: number, request: IncomingMessage) => void): Answer =>
  async (request, response) => {
    if (request.method === 'POST') return response.writeHead(202, { location: '/v2/team/risk/blobs/uploads/1' }).end();
    let received = 0;
    for await (const piece of request) received += (piece as Buffer).byteLength;
    end(received, request);
    return response.writeHead(201).end();
  };

test('a layer that is sent is not kept while it is', async () => {
  const before = held();
  const seen: object[] = [];
  const { client, name } = await registryThat(
    takes((received, { headers, url }) => {
      seen.push({ received, length: headers['content-length'], isHeld: held() - before > 16, url });
    }),
  );
  await client.putBlob(name, { path: layerFile(), digest, size });
  const url = expect.stringContaining(encodeURIComponent(digest));
  expect(seen).toEqual([{ received: size, length: String(size), isHeld: false, url }]);
});

test('one that is received lies on the disk before its end has come', async () => {
  const file = path();
  const { client, name } = await registryThat(async (_, response) => {
    response.writeHead(200, { 'content-length': size }).write(layer.subarray(0, -1));
    while ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < size - megabyte) await sleep(10);
    response.end(layer.subarray(-1));
  });
  expect(await client.fetchBlob(name, { digest, size }, file)).toEqual({ path: file, digest, size });
  expect(readFileSync(file).equals(layer)).toBe(true);
});

test('a connection that is cut on the way, there or back: it is sent again from its beginning', async () => {
  let tries = 0;
  const file = path();
  const { client, name } = await registryThat((request, response) => {
    tries++;
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-length': size }).write(layer.subarray(0, megabyte));
      return tries < 3 ? setTimeout(() => response.destroy(), 20) : response.end(layer.subarray(megabyte));
    }
    if (request.method === 'PUT' && tries < 8) return request.once('data', () => response.destroy());
    return takes((received) => expect(received).toBe(size))(request, response);
  });
  await client.fetchBlob(name, { digest, size }, file);
  expect(tries).toBe(3);
  expect(readFileSync(file).equals(layer)).toBe(true);
  await client.putBlob(name, { path: file, digest, size });
  // Three times: where to, and the bytes.
  expect(tries).toBe(9);
});

test.each<[string, Buffer, object]>([
  ['other bytes', Buffer.from('other'), {}],
  ['fewer than the manifest says', layer.subarray(1), { size }],
])('%s are refused', async (_, sent, more) => {
  const { client, name } = await registryThat((_request, response) => response.end(sent));
  await expect(client.fetchBlob(name, { digest, ...more }, path())).rejects.toMatchObject({ code: 'REGISTRY_ALTERED' });
});

test('more than the manifest says are not written down', async () => {
  let isClosed = false;
  const file = path();
  const { client, name } = await registryThat(async (_, response) => {
    response.on('close', () => {
      isClosed = true;
    });
    while (!isClosed) {
      response.write(layer.subarray(0, megabyte));
      await sleep(1);
    }
  });
  await expect(client.fetchBlob(name, { digest, size: megabyte }, file)).rejects.toMatchObject({ code: 'REGISTRY_ALTERED' });
  expect(statSync(file).size).toBeLessThanOrEqual(megabyte);
});

test('a transfer may take longer than a silence may, and a silence within it ends it', async () => {
  const small = Buffer.from('a layer that comes in pieces');
  const named = { digest: `sha256:${createHash('sha256').update(small).digest('hex')}` };
  let isStuck = false;
  const { client, name } = await registryThat(
    async (_, response) => {
      for (const byte of isStuck ? small.subarray(0, 1) : small) {
        response.write(Buffer.from([byte]));
        await sleep(50);
      }
      if (!isStuck) response.end();
    },
    { timeoutSeconds: 0.6 },
  );
  await expect(client.fetchBlob(name, named, path())).resolves.toMatchObject({ size: small.byteLength });
  isStuck = true;
  await expect(client.fetchBlob(name, named, path())).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    message: expect.stringContaining('gave no answer within 0.6 s'),
  });
});

test('a manifest and a configuration whose connection is cut are asked for again', async () => {
  let tries = 0;
  const small = Buffer.from('{"schemaVersion": 2}');
  const named = `sha256:${createHash('sha256').update(small).digest('hex')}`;
  const { client, name } = await registryThat((_, response) => {
    response.writeHead(200, { 'content-length': small.byteLength }).write(small.subarray(0, 5));
    if (++tries % 3 === 0) response.end(small.subarray(5));
    else setTimeout(() => response.destroy(), 20);
  });
  expect(await client.manifest(name, named)).toMatchObject({ digest: named, bytes: small });
  expect(await client.blob(name, named)).toEqual(small);
  expect(tries).toBe(6);
});

test('a configuration that is no configuration is not read to its end', async () => {
  let sent = 0;
  const { client, name } = await registryThat(async (_, response) => {
    while (!response.destroyed) {
      if (!response.write(layer.subarray(0, megabyte)))
        await Promise.race([sleep(50), new Promise((r) => response.once('drain', r))]);
      sent += 1;
    }
  });
  await expect(client.blob(name, digest)).rejects.toMatchObject({ code: 'REGISTRY_ALTERED' });
  expect(sent).toBeLessThan(64);
});
