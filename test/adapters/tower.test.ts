import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { postReport, type TowerOptions } from '../../src/adapters/tower.ts';
import { sendJson, serve, stored, type TestServer } from '../support/http-server.ts';

const token = 'header.payload-that-is-secret.signature';
const body = JSON.stringify({ schema: 1, text: 'ä'.repeat(100) });
let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function post(answer: Parameters<typeof serve>[0], more: Partial<TowerOptions> = {}) {
  server = await serve(answer);
  const delivery = await postReport(body, { url: server.url, token, timeoutSeconds: 10, pauseSeconds: 0.01, ...more });
  expect(JSON.stringify(delivery)).not.toContain(token);
  return { delivery, received: server.received };
}
const always =
  (status: number, answer: unknown = {}, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    sendJson(response, status, answer, headers);

describe('a report that is taken', () => {
  it('goes gzipped, with the token and a key made of its content', async () => {
    const { delivery, received } = await post(always(201, stored));
    expect(delivery).toEqual({ state: 'delivered', isReplay: false, pageUrl: `${server?.url}/models/3` });
    expect(received[0]).toMatchObject({
      method: 'POST',
      url: '/v1/reports',
      body,
      headers: {
        authorization: `Bearer ${token}`,
        'content-encoding': 'gzip',
        'content-type': 'application/json',
        'idempotency-key': createHash('sha256').update(body).digest('hex'),
      },
    });
  });

  it('may have been taken before', async () => {
    expect((await post(always(200, { ...stored, replayed: true }))).delivery).toMatchObject({
      state: 'delivered',
      isReplay: true,
    });
  });

  it('may go to a Control Tower under a path', async () => {
    server = await serve(always(201, stored));
    const delivery = await postReport(body, { url: `${server.url}/tower`, token, timeoutSeconds: 10 });
    expect(server.received[0]?.url).toBe('/tower/v1/reports');
    expect(delivery).toMatchObject({ pageUrl: `${server.url}/tower/models/3` });
  });

  it('never leads to an address that the answer makes up', async () => {
    for (const url of ['https://evil.example/', 'javascript:alert(1)', '//evil.example/x', 7]) {
      const { delivery } = await post(always(201, { ...stored, model: { url } }));
      expect(JSON.stringify(delivery)).not.toMatch(/evil|javascript/);
      await server?.close();
    }
  });
});

describe('an answer that is final', () => {
  it.each([
    [400, false, 'same version'],
    [401, false, 'aud of the id_token'],
    [403, false, 'may not write'],
    [404, false, 'check tower-url'],
    [413, true, 'larger than it takes'],
    [422, true, 'not valid'],
    [418, false, 'refuses'],
  ])('%d is explained and not tried again', async (status, isFinal, words) => {
    const { delivery, received } = await post(always(status, { detail: 'at /suites/0\u001b[31m\n::error' }));
    expect(delivery).toMatchObject({ state: 'refused', isFinal });
    expect(delivery.state === 'refused' && delivery.reason).toContain(words);
    expect(delivery.state === 'refused' && delivery.reason).toContain('at /suites/0');
    expect(JSON.stringify(delivery)).not.toMatch(/\\u001b|\\n/);
    expect(received).toHaveLength(1);
  });

  it('401 is explained by the kind of token that was sent', async () => {
    const machine = await post(always(401), { token: 'fct_0123456789abcdefghij' });
    const reason = machine.delivery.state === 'refused' ? machine.delivery.reason : '';
    expect(reason).toContain('flightcheck tower token create');
    expect(reason).not.toMatch(/aud|id_token|job/);
  });

  it('a redirect is not followed: the token stays here', async () => {
    const elsewhere = await serve(always(201, stored));
    const { delivery } = await post(always(307, {}, { location: `${elsewhere.url}/v1/reports` }));
    expect(delivery).toMatchObject({ state: 'refused', isFinal: false });
    expect(elsewhere.received).toHaveLength(0);
    await elsewhere.close();
  });

  it('success of something that is not Control Tower is no delivery', async () => {
    const { delivery } = await post((response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Log in</h1>'),
    );
    expect(delivery).toEqual({ state: 'unreachable', reason: 'what answers there is not Control Tower' });
  });

  it('a token that is none is not sent', async () => {
    const { delivery, received } = await post(always(201, stored), { token: 'a\nb: c' });
    expect(delivery).toMatchObject({ state: 'refused' });
    expect(received).toHaveLength(0);
  });
});

describe('a Control Tower that is in trouble', () => {
  it.each([429, 500, 502, 503])('answers %d: tried again until it works', async (status) => {
    const { delivery, received } = await post((response, before) =>
      before < 2 ? sendJson(response, status, {}) : sendJson(response, 201, stored),
    );
    expect(delivery.state).toBe('delivered');
    expect(received.map((one) => one.headers['idempotency-key'])).toEqual(Array(3).fill(received[0]?.headers['idempotency-key']));
  });

  it('drops the connection: tried again', async () => {
    const { delivery } = await post((response, before) => (before < 1 ? response.destroy() : sendJson(response, 201, stored)));
    expect(delivery.state).toBe('delivered');
  });

  it('stays down: given up with the reason', async () => {
    const { delivery, received } = await post(always(503));
    expect(delivery).toEqual({ state: 'unreachable', reason: 'it answers 503' });
    expect(received.length).toBeGreaterThan(2);
  });

  it('asks for a pause: it is kept', async () => {
    const times: number[] = [];
    const { delivery } = await post((response, before) => {
      times.push(Date.now());
      if (before === 0) sendJson(response, 429, {}, { 'retry-after': '1' });
      else sendJson(response, 201, stored);
    });
    expect(delivery.state).toBe('delivered');
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it('asks for a pause longer than there is time: given up at once', async () => {
    const { delivery, received } = await post(always(503, {}, { 'retry-after': '3600' }));
    expect(delivery.state).toBe('unreachable');
    expect(received).toHaveLength(1);
  });

  it('never answers: the time that was allowed is all it costs', async () => {
    const { delivery, received } = await post(() => undefined, { timeoutSeconds: 0.4 });
    expect(delivery).toEqual({ state: 'unreachable', reason: 'it does not answer in time' });
    expect(received.length).toBeGreaterThan(0);
  });

  it('answers slowly, byte by byte: the same', async () => {
    const timers: NodeJS.Timeout[] = [];
    const { delivery } = await post(
      (response) => {
        response.writeHead(201, { 'content-type': 'application/json' });
        timers.push(setInterval(() => response.write(' '), 20));
      },
      { timeoutSeconds: 0.4 },
    );
    for (const timer of timers) clearInterval(timer);
    expect(delivery).toEqual({ state: 'unreachable', reason: 'it does not answer in time' });
  });

  it('answers without end: only the beginning is read', async () => {
    let written = 0;
    const { delivery } = await post((response) => {
      response.writeHead(201, { 'content-type': 'application/json' });
      const pump = (): void => {
        while (!response.destroyed && written < 2e9) {
          written += 65_536;
          if (!response.write('x'.repeat(65_536))) break;
        }
      };
      response.on('drain', pump);
      pump();
    });
    expect(delivery).toEqual({ state: 'unreachable', reason: 'what answers there is not Control Tower' });
    expect(written).toBeLessThan(100e6);
  });

  it('is not there', async () => {
    const gone = await serve(() => undefined);
    await gone.close();
    const delivery = await postReport(body, { url: gone.url, token, timeoutSeconds: 0.3, pauseSeconds: 0.01 });
    expect(delivery).toEqual({ state: 'unreachable', reason: 'it cannot be reached (ECONNREFUSED)' });
  });

  it('has a port that is kept for another protocol', async () => {
    const delivery = await postReport(body, { url: 'http://127.0.0.1:6667', token, timeoutSeconds: 0.3, pauseSeconds: 0.01 });
    expect(delivery).toMatchObject({ state: 'unreachable', reason: expect.stringContaining('choose another') });
  });

  it('is waited for no longer than the run', async () => {
    const controller = new AbortController();
    const { delivery } = await post(() => controller.abort(), { signal: controller.signal, timeoutSeconds: 60 });
    expect(delivery.state).toBe('unreachable');
  });
});
