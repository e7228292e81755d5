/** Webhooks against a real listener, and the network that they may not reach. */
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isInnerAddress, sendWebhook } from '../../src/adapters/tower-actions.ts';
import { readActions } from '../../src/cli/tower/actions.ts';
import { signedHeaders } from '../../src/tower/triggers/deliver.ts';

const seen: { headers: Record<string, unknown>; body: string; path: string }[] = [];
let status = 204;
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  seen.push({ headers: request.headers, body: Buffer.concat(chunks).toString(), path: request.url ?? '' });
  response.writeHead(status, { location: '/elsewhere' }).end();
});
let base = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const secret = Buffer.from('a secret');
const target = (url: string, mayBePrivate = true) => ({ url, secret, mayBePrivate });

it('sends what was signed', async () => {
  const body = '{"id":"ä"}';
  await sendWebhook(target(`${base}/hook`), signedHeaders('id-1', 1_700_000_000, body, secret), body);
  const got = seen.at(-1);
  expect(got).toMatchObject({
    body,
    path: '/hook',
    headers: { 'webhook-id': 'id-1', 'webhook-timestamp': '1700000000', 'content-type': expect.stringContaining('cloudevents') },
  });
  expect(got?.headers['webhook-signature']).toBe(
    `v1,${createHmac('sha256', secret).update(`id-1.1700000000.${got?.body}`).digest('base64')}`,
  );
});

it('takes 2xx alone for an answer, follows no redirect, and knows 410 for the end', async () => {
  const before = seen.length;
  for (const [code, isFinal] of [
    [302, false],
    [500, false],
    [410, true],
  ] as const) {
    status = code;
    await expect(sendWebhook(target(base), {}, '{}')).rejects.toMatchObject({ message: `it answered ${code}`, isFinal });
  }
  expect(seen).toHaveLength(before + 3);
});

describe('the inner network', () => {
  it.each([
    'http://127.0.0.1:9/x',
    'http://localhost/',
    'http://[::1]/',
    'http://169.254.169.254/latest/meta-data',
    'http://10.0.0.1/',
    'http://0x7f.1/',
    'http://2130706433/',
    'http://[::ffff:127.0.0.1]/',
    'http://0.0.0.0/',
  ])('is not reached through %s', async (url) => {
    await expect(sendWebhook(target(url, false), {}, '{}')).rejects.toMatchObject({
      isFinal: true,
      message: expect.stringContaining('inner network'),
    });
  });
  it('is not reached through a name that leads there', async () => {
    await expect(sendWebhook(target(`http://${hostname()}:1/`, false), {}, '{}')).rejects.toThrow(
      /inner network|cannot be reached/,
    );
  });
  it.each([
    ['172.16.0.1', true],
    ['172.32.0.1', false],
    ['100.64.0.1', true],
    ['fd00::1', true],
    ['fe80::1', true],
    ['::', true],
    ['::127.0.0.1', true],
    ['::ffff:a9fe:a9fe', true],
    ['64:ff9b::7f00:1', true],
    ['2002:7f00:1::', true],
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', true],
    ['fec0::1', true],
    ['2606:4700::1111', false],
    ['8.8.8.8', false],
  ])('holds %s: %s', (address, isInner) => {
    expect(isInnerAddress(address)).toBe(isInner);
  });
});

describe('the file of --actions', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-actions-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const read = (content: string, env: Record<string, string> = {}) => {
    writeFileSync(`${folder}/actions.json`, content);
    return readActions(`${folder}/actions.json`, env);
  };
  it('names variables that hold the secrets', () => {
    const actions = read(
      '{"webhooks": {"ops": {"url": "https://ops.example.com/x", "secret": "OPS"}}, "gitlab": {"url": "https://gitlab.example.com/", "token": "TOKEN"}}',
      { OPS: 'whsec_YWJj', TOKEN: 'glpat-x' },
    );
    expect(actions.gitlab?.issuer).toBe('https://gitlab.example.com');
    expect(Buffer.from(actions.webhooks.get('ops')?.secret ?? []).toString()).toBe('abc');
    expect(actions.webhooks.get('ops')?.mayBePrivate).toBe(false);
  });
  it.each([
    ['half', /cannot be read/],
    ['[]', /the file is not an object/],
    ['{"webhook": {}}', /unknown field webhook; known are webhooks, gitlab, airflow, repositories/],
    [
      '{"webhooks": {"ops": {"url": "file:///etc/passwd", "secret": "OPS"}}}',
      /webhooks\.ops\.url is not an http or https address/,
    ],
    [
      '{"webhooks": {"ops": {"url": "https://a.example", "secret": "OPS"}}}',
      /the variable OPS, which webhooks\.ops\.secret names, is not set/,
    ],
    ['{"gitlab": {"url": "https://a.example", "token": "glpat-secret"}}', /gitlab\.token does not name a variable/],
    ['{"repositories": {"risk": ["pipelinesPerDay:1000"]}}', /repositories\.risk is not a list of .*pipelinesPerDay:N/],
    ['{"repositories": {"risk": ["everything"]}}', /repositories\.risk is not a list of pipeline, issue/],
    ['{"airflow": {"prod": {"url": "https://a.example"}}}', /airflow\.prod needs username and password, or token alone/],
    ['{"airflow": {"prod": {"url": "https://a.example", "token": "T", "username": "x"}}}', /or token alone/],
    ['{"airflow": {"prod": {"url": "https://a.example", "token": "T"}}}', /the variable T, which airflow\.prod\.token names/],
    ['{"airflow": {"prod": {"url": "https://a.example", "version": "3"}}}', /airflow\.prod\.version is not 2 or 3/],
  ])('says what is wrong with %s', (content, message) => {
    expect(() => read(content)).toThrow(message);
  });
});
