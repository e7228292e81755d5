/** Behind a company's proxy: nothing of a GitLab job's network is reached directly. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { makeRepo } from '../helpers/repo.ts';
import { sendJson, serve, stored, type TestServer } from '../support/http-server.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const manifest = 'version: 1\nmodel: { name: m, owner: "@team" }\n';

let servers: TestServer[] = [];
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
});
async function answering(): Promise<TestServer> {
  const server = await serve((response) => sendJson(response, 201, stored));
  servers.push(server);
  return server;
}

async function run(argv: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...argv], {
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk));
  const [code] = (await once(child, 'close')) as [number];
  return { code, said: Buffer.concat(said).toString('utf8') };
}

const postsOf = ({ received }: TestServer): number => received.filter(({ method }) => method === 'POST').length;

/** A report to send, and the variables of the job that sends it. */
async function job(towerUrl: string) {
  const root = makeRepo({ 'flightcheck.yml': manifest, '.gitignore': '.flightcheck/\n' });
  await run(['check', root], {});
  return { argv: ['report', root, '--tower-url', towerUrl], env: { FLIGHTCHECK_TOWER_TOKEN: 'secret-token' } };
}

test('a report goes to Control Tower through HTTP_PROXY, with its name and password, which nobody is shown', async () => {
  const proxy = await answering();
  const { argv, env } = await job('http://tower.example.com/control');
  const { code, said } = await run(argv, { ...env, HTTP_PROXY: proxy.url.replace('//', '//user:pass-word@') });
  const authorization = `Basic ${Buffer.from('user:pass-word').toString('base64')}`;
  expect(proxy.received.map(({ method, url, headers }) => [method, url, headers['proxy-authorization']])).toEqual([
    ['GET', 'http://tower.example.com/control/v1/standing?model=m', authorization],
    ['POST', 'http://tower.example.com/control/v1/reports', authorization],
  ]);
  expect({ code, said }).toEqual({ code: 0, said: expect.not.stringMatching(/pass-word|secret-token/) });
});

test('NO_PROXY and services of this machine are reached directly', async () => {
  const [proxy, tower] = [await answering(), await answering()];
  const { argv, env } = await job(tower.url);
  await run(argv, { ...env, http_proxy: proxy.url });
  const other = ['report', argv[1] ?? '', '--tower-url', 'http://tower.example.com', '--tower-timeout', '1'];
  const { said } = await run(other, { ...env, http_proxy: proxy.url, NO_PROXY: '.example.com' });
  expect(said).toMatch(/does not answer in time|cannot be reached/);
  expect([proxy.received.length, postsOf(tower)]).toEqual([0, 1]);
});

test('a proxy that is no address is named and not used', async () => {
  const tower = await answering();
  const { argv, env } = await job(tower.url);
  const { code, said } = await run(argv, { ...env, HTTPS_PROXY: 'proxy:3128', HTTP_PROXY: 'socks5://user:pass-word@proxy:1080' });
  expect(said).toContain('warning: HTTPS_PROXY is not an address');
  expect(said).toContain('warning: HTTP_PROXY is not an address');
  expect(said).not.toContain('pass-word');
  expect([code, postsOf(tower)]).toEqual([0, 1]);
});
