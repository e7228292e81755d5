/** Where the credentials of a registry go: never in clear, but on this machine. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { openBuildah } from '../../src/adapters/image/buildah.ts';
import { openRegistry } from '../../src/adapters/registry/registry.ts';
import { makeRepo, temporaryFolder } from '../helpers/repo.ts';

const signal = new AbortController().signal;
interface Sent {
  readonly url: string;
  readonly authorization: string | null;
}

/** Answers that stand in for the network, and what was sent to it. */
function network(answer: (url: URL, method: string, authorization: string | null) => Response): Sent[] {
  const sent: Sent[] = [];
  vi.stubGlobal('fetch', async (input: string | URL, init: RequestInit = {}) => {
    const authorization = new Headers(init.headers).get('authorization');
    sent.push({ url: String(input), authorization });
    return answer(new URL(input), init.method ?? 'GET', authorization);
  });
  return sent;
}
afterEach(() => void vi.unstubAllGlobals());

const ask = (realm: string): Response =>
  new Response(null, { status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}",service="registry"` } });
const open = (registry: string) =>
  openRegistry({ credentials: { registry, username: 'ci', password: 'secret' }, signal, pauseSeconds: 0 });
const bytes = Buffer.from('x');

describe('the bytes of an upload', () => {
  const pushTo = (registry: string, location: string): { readonly sent: Sent[]; readonly pushed: Promise<void> } => {
    const sent = network((_, method, authorization) => {
      if (authorization === null) return new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic' } });
      return method === 'POST' ? new Response(null, { status: 202, headers: { location } }) : new Response(null, { status: 201 });
    });
    return { sent, pushed: open(registry).putBlob({ registry, repository: 'a/b' }, bytes) };
  };

  test.each([
    ['registry.example.com', 'http://registry.example.com/v2/a/b/blobs/uploads/1?state=x', 'https://registry.example.com'],
    ['registry.example.com:5000', 'http://registry.example.com:5000/v2/a/b/blobs/uploads/1', 'https://registry.example.com:5000'],
    ['registry.example.com', 'http://u:p@registry.example.com//evil.example.com/1', 'https://registry.example.com//evil'],
    ['registry.example.com', '/v2/a/b/blobs/uploads/1', 'https://registry.example.com/v2/a/b/blobs/uploads/1?digest='],
    ['127.0.0.1:5000', 'https://127.0.0.1:5000/v2/a/b/blobs/uploads/1', 'http://127.0.0.1:5000/v2'],
  ])('of %s, told %s, go to %s', async (registry, location, place) => {
    const { sent, pushed } = pushTo(registry, location);
    await pushed;
    const origin = place.split('/').slice(0, 3).join('/');
    expect(sent.map(({ url }) => new URL(url).origin)).toEqual(sent.map(() => origin));
    expect(sent.at(-1)).toEqual({
      url: expect.stringContaining(place),
      authorization: expect.stringMatching(/^Basic /),
    });
  });

  test('go nowhere else', async () => {
    const { sent, pushed } = pushTo('registry.example.com', 'https://evil.example.com/1');
    await expect(pushed).rejects.toMatchObject({ code: 'REGISTRY_FAILED', message: expect.stringContaining('evil.example.com') });
    expect(sent.filter(({ url }) => url.includes('evil'))).toEqual([]);
  });
});

describe('a server of tokens', () => {
  const asked = async (registry: string, realm: string): Promise<Sent[]> => {
    const sent = network(({ pathname }, _, authorization) => {
      if (pathname === '/jwt') return Response.json({ token: 't' });
      return authorization === null ? ask(realm) : new Response(null, { status: 200 });
    });
    await open(registry)
      .hasBlob({ registry, repository: 'a/b' }, 'sha256:0')
      .catch(() => false);
    return sent.filter(({ url }) => url.includes('/jwt'));
  };

  test.each([
    ['registry.example.com', 'https://gitlab.example.com/jwt', 1],
    ['registry.example.com', 'http://registry.example.com/jwt', 0],
    ['registry.example.com:5000', 'http://registry.example.com:8080/jwt', 0],
    ['registry.example.com', 'http://gitlab.example.com/jwt', 0],
    ['127.0.0.1:5000', 'http://127.0.0.1:8080/jwt', 1],
    ['[::1]:5000', 'http://[::1]:8080/jwt', 1],
    ['127.0.0.1:5000', 'http://gitlab.example.com/jwt', 0],
  ])('of %s at %s is shown the password %i times', async (registry, realm, times) => {
    expect(await asked(registry, realm)).toHaveLength(times);
  });
});

test.each([
  ['[::1]:5000', 'false'],
  ['localhost:5000', 'false'],
  ['registry.example.com', 'true'],
])('buildah checks the certificate of %s: %s', async (registry, verifies) => {
  const [bin, root] = [temporaryFolder(), makeRepo({ 'src/a.py': '1\n' })];
  const script = `#!/bin/sh
echo "$@"
while [ $# -gt 0 ]; do case "$1" in --iidfile|--digestfile) echo sha256:0 > "$2";; esac; shift; done
`;
  writeFileSync(join(bin, 'buildah'), script, { mode: 0o755 });
  const lines: string[] = [];
  const builder = await openBuildah({
    ...{ credentials: null, signal, onLine: (line: string) => void lines.push(line) },
    env: { PATH: `${bin}:${process.env.PATH}` },
  });
  onTestFinished(() => builder.close());
  const image = await builder.build({
    ...{ context: root, files: ['src/a.py'], dockerfile: `FROM ${registry}/a\n`, base: null, code: '/app', entrypoint: [] },
    ...{ buildArgs: {}, secrets: {}, labels: {}, platform: 'linux/amd64', timestamp: 1 },
  });
  await builder.push(image, { registry, repository: 'a/b', tag: '1', digest: null });
  expect(lines.map((line) => /--tls-verify=\w+/.exec(line)?.[0])).toEqual([
    `--tls-verify=${verifies}`,
    `--tls-verify=${verifies}`,
  ]);
});
