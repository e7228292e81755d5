/** The HTTP API over a real server and a real embedded database. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTower, type Tower } from '../../../src/tower/server.ts';
import { type Answer, answerOf } from '../answer.ts';
import { sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-api-'));
let tower: Tower;
const serverErrors: unknown[] = [];
beforeAll(async () => {
  tower = await startTower({
    folder,
    port: 0,
    version: '0.1.0',
    requestSeconds: 1,
    onError: (error) => serverErrors.push(error),
  });
});
afterAll(async () => {
  await tower?.close();
  rmSync(folder, { recursive: true, force: true });
  // Nothing that the tests below send may be an error of ours.
  expect(serverErrors).toEqual([]);
});

const ask = (path: string, init: RequestInit = {}): Promise<Answer> => answerOf(fetch(`${tower.url}${path}`, init));

const post = (body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Answer> =>
  ask('/v1/reports', {
    method: 'POST',
    body: typeof body === 'string' ? body : new Uint8Array(body),
    headers: { authorization: `Bearer ${tower.token}`, 'content-type': 'application/json', ...headers },
  });
const postReport = (options: Parameters<typeof sampleReport>[0], headers?: Record<string, string>) =>
  post(JSON.stringify(sampleReport(options)), headers);

/** A report with one place changed. */
function changed(change: (report: ReturnType<typeof JSON.parse>) => void): string {
  const report = JSON.parse(JSON.stringify(sampleReport()));
  change(report);
  return JSON.stringify(report);
}

describe('POST /v1/reports', () => {
  it('stores a report and says what it did; a replay says so', async () => {
    const first = await postReport({});
    expect(first).toMatchObject({
      status: 201,
      body: { record: 'authoritative', replayed: false, score: 1, paperScore: 1, structureScore: 0.75, points: 8 },
    });
    expect(first.headers.get('location')).toBe(first.body.model.url);
    expect(await postReport({})).toMatchObject({ status: 200, body: { id: first.body.id, replayed: true, points: 0 } });
  });

  it('takes gzip', async () => {
    const report = JSON.stringify(sampleReport({ jobId: 'gzip' }));
    expect(await post(gzipSync(report), { 'content-encoding': 'gzip' })).toMatchObject({ status: 201 });
    expect(await post(report)).toMatchObject({ status: 200, body: { replayed: true } });
  });

  it('believes no total: scores come from the results', async () => {
    const answer = await post(
      changed((report) => {
        report.run.jobId = 'liar';
        for (const suite of report.suites) {
          suite.score = 7;
          suite.paperScore = 7;
          for (const section of suite.sections) {
            section.score = 7;
            for (const result of section.results)
              Object.assign(result, { paperPoints: 1, passingPoints: 1, execution: 'automatic' });
          }
        }
      }),
    );
    expect(answer.body).toMatchObject({ score: 1, paperScore: 1, structureScore: 0.75 });
  });

  it('lets no report raise its minimum by leaving a section out', async () => {
    const answer = await post(changed((report) => report.suites[1].sections.pop()));
    expect(answer.body).toMatchObject({ score: 0 });
  });

  it('honours the Idempotency-Key', async () => {
    expect(await postReport({ jobId: 'k1' }, { 'idempotency-key': 'abc' })).toMatchObject({ status: 201 });
    expect(await postReport({ jobId: 'k1' }, { 'idempotency-key': 'abc' })).toMatchObject({
      status: 200,
      body: { replayed: true },
    });
    expect(await postReport({ jobId: 'k2' }, { 'idempotency-key': 'abc' })).toMatchObject({
      status: 422,
      body: { type: 'urn:flightcheck:problem:key-reused' },
    });
  });

  it('stores reports of merge requests as previews', async () => {
    expect(await postReport({ jobId: 'mr', trigger: 'merge_request_event' })).toMatchObject({
      body: { record: 'preview', previewBecause: 'it belongs to a merge request' },
    });
  });

  it.each([
    ['no token', { authorization: '' }],
    ['a wrong token', { authorization: 'Bearer fct_wrong' }],
    ['another scheme', { authorization: 'Basic eDp5' }],
    ['a JWT where no GitLab is trusted', { authorization: 'Bearer e30.e30.e30' }],
  ])('refuses %s', async (_, headers) => {
    const answer = await post('{}', headers);
    expect(answer).toMatchObject({ status: 401, type: 'application/problem+json', body: { status: 401 } });
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
  });

  it.each<readonly [string, number, string, Record<string, string>]>([
    ['an empty body', 400, '', {}],
    ['half a document', 400, '{"schema": 1', {}],
    ['another type', 415, '{}', { 'content-type': 'text/plain' }],
    ['an unknown encoding', 415, '{}', { 'content-encoding': 'br' }],
    ['what is not gzip', 400, 'no', { 'content-encoding': 'gzip' }],
    ['an empty key', 400, '{}', { 'idempotency-key': 'x'.repeat(300) }],
    ['ten thousand brackets', 400, '['.repeat(10_000), {}],
    ['a list', 422, '[]', {}],
  ])('refuses %s with %i', async (_, status, body, headers) => {
    const answer = await post(body, headers);
    expect(answer).toMatchObject({
      status,
      type: 'application/problem+json',
      body: { status, title: expect.any(String), detail: expect.any(String) },
    });
    expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.ts:|at \w+ \(/);
  });

  it('refuses a body that is too large, also one that unpacks to it', async () => {
    expect(await post(new Uint8Array(17 * 1024 * 1024))).toMatchObject({ status: 413, type: 'application/problem+json' });
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(250_000);
    expect(await post(bomb, { 'content-encoding': 'gzip' })).toMatchObject({ status: 413 });
  });

  it.each<readonly [string, string, string]>([
    ['NaN', JSON.stringify(sampleReport()).replace('0.81', 'NaN'), '/metrics/0/value'],
    ['-Infinity', JSON.stringify(sampleReport()).replace('0.81', '-Infinity'), '/metrics/0/value'],
    ['1e999', JSON.stringify(sampleReport()).replace('0.81', '1e999'), '/metrics/0/value'],
    ['a number too large to add up', JSON.stringify(sampleReport()).replace('0.81', '1e308'), '/metrics/0/value'],
    [
      'a weight too large',
      changed((r) => (r.suites[0].sections[0].results[0].weight = 1e300)),
      '/suites/0/sections/0/results/0/weight',
    ],
    ['NUL', changed((r) => (r.model.owner = 'a\u0000b')), '/model/owner'],
    ['half a surrogate pair', changed((r) => (r.model.labels = { x: '\ud800' })), '/model/labels/x'],
    ['an unknown property', changed((r) => (r.model.secret = 1)), '/model'],
    ['__proto__', JSON.stringify(sampleReport()).replace('"schema":1', '"schema":1,"__proto__":{"a":1}'), ''],
    ['another schema version', changed((r) => (r.schema = 2)), '/schema'],
    ['a time that is none', changed((r) => (r.at = '2026-13-45T99:00:00Z')), '/at'],
    ['a time to come', changed((r) => (r.at = new Date(Date.now() + 7_200_000).toISOString())), '/at'],
    ['a name too long to index', changed((r) => (r.model.name = 'x'.repeat(3000))), '/model/name'],
    [
      'a test counted twice',
      changed((r) => (r.suites[1].sections[0].results[1].check = 'data-1')),
      '/suites/1/sections/0/results/1/check',
    ],
    [
      'an eighth test',
      changed((r) => (r.suites[1].sections[0].results[1].check = 'data-8')),
      '/suites/1/sections/0/results/1/check',
    ],
    ['a fifth section', changed((r) => (r.suites[1].sections[0].id = 'extra')), '/suites/1/sections/0/id'],
    ['a suite twice', changed((r) => r.suites.push(r.suites[0])), '/suites/2/id'],
    ['a metric of ours', changed((r) => (r.metrics[0].name = 'tower.score.passing')), '/metrics/0/name'],
  ])('points at %s', async (_, body, pointer) => {
    const answer = await post(body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0]).toEqual({ pointer, detail: expect.any(String) });
  });

  it('ends a body that never comes', async () => {
    const { port, hostname } = new URL(tower.url);
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          `POST /v1/reports HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tower.token}\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"a`,
        ),
      );
      socket.on('data', (data) => {
        text += data.toString();
      });
      socket.on('close', () => resolve(text));
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1.1 4\d\d /);
  });
});

describe('who may come in', () => {
  const raw = (head: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const { port, hostname } = new URL(tower.url);
      let text = '';
      const socket = connect(Number(port), hostname, () => socket.write(`${head}\r\nConnection: close\r\n\r\n`));
      socket.on('data', (data) => {
        text += data.toString();
      });
      socket.on('close', () => resolve(text));
      socket.on('error', reject);
    });

  it('answers to names of this machine alone', async () => {
    expect(await raw('GET /v1/models HTTP/1.1\r\nHost: localhost:9999')).toContain('200 OK');
    expect(await raw('GET /v1/models HTTP/1.1\r\nHost: [::1]')).toContain('200 OK');
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'localhost@evil.example'])
      expect(await raw(`GET /v1/models HTTP/1.1\r\nHost: ${host}`), host).toMatch(/^HTTP\/1.1 40[03]/);
  });

  it('refuses posts that a page of another site sends', async () => {
    expect(await post('{}', { origin: 'https://evil.example' })).toMatchObject({ status: 403 });
    expect(await post('{}', { origin: 'null' })).toMatchObject({ status: 403 });
  });

  it('sends strict headers with every answer', async () => {
    for (const path of ['/', '/v1/models', '/nothing']) {
      const { headers } = await ask(path);
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('content-security-policy')).not.toContain('unsafe');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
    }
    const { headers } = await post('{}');
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });
});

describe('reading', () => {
  it('lists, filters and pages', async () => {
    for (const i of [1, 2, 3])
      await postReport({ name: `page-${i}`, jobId: `p${i}`, owner: '@pages', labels: { team: `t${i % 2}`, 'a:b': 'c:d' } });
    const first = await ask('/v1/models?owner=%40pages&limit=2&sort=name');
    expect(first.body.items.map((model: { name: string }) => model.name)).toEqual(['page-1', 'page-2']);
    const second = await ask(`/v1/models?owner=%40pages&limit=2&sort=name&cursor=${first.body.next}`);
    expect(second.body).toMatchObject({ items: [{ name: 'page-3' }], next: null });
    const newest = await ask('/v1/models?limit=1&sort=seen&order=desc');
    expect(await ask(`/v1/models?limit=1&sort=seen&order=desc&cursor=${newest.body.next}`)).toMatchObject({
      status: 200,
      body: { items: [{}] },
    });
    expect((await ask('/v1/models?label=team:t0')).body.items).toMatchObject([{ name: 'page-2' }]);
    expect((await ask('/v1/models?label=team:t1&label=team:t0')).body.items).toEqual([]);
    const id = first.body.items[0].id;
    expect((await ask(`/v1/models/${id}`)).body).toMatchObject({ id, name: 'page-1', gate: null, band: expect.any(String) });
    expect((await ask(`/v1/models/${id}/history`)).body).toMatchObject({
      items: [{ record: 'authoritative', trigger: 'push', outcomes: { pass: 13 } }],
      next: null,
    });
  });

  it.each([
    '?limit=0',
    '?limit=1e9',
    '?limit=x',
    '?sort=drop',
    '?foo=1',
    '?owner=a&owner=b',
    '?label=nocolon',
    '?cursor=AAAA',
    '?cursor=%00',
    '?__proto__=1',
    `?sort=seen&cursor=${Buffer.from('["seen.asc","no time",1]').toString('base64url')}`,
  ])('refuses /v1/models%s', async (query) => {
    expect(await ask(`/v1/models${query}`)).toMatchObject({ status: 400, type: 'application/problem+json' });
  });

  it.each(['0', '-1', '1.5', '1e3', '99999999999999999999', '999999', '..%2f..%2fetc%2fpasswd', '%00', '1;drop', "1'"])(
    'has no model %s',
    async (id) => {
      expect(await ask(`/v1/models/${id}`)).toMatchObject({ status: 404, type: 'application/problem+json' });
      expect(await ask(`/models/${id}`)).toMatchObject({ status: 404, type: expect.stringContaining('text/html') });
    },
  );

  it('shows hostile text as text', async () => {
    const nasty = `<script>alert(1)</script><img src=x onerror=alert(1)>"'&{{7*7}}\u202e`;
    const report = changed((r) => {
      Object.assign(r.model, {
        name: 'nasty',
        title: nasty,
        owner: nasty,
        description: nasty,
        tier: nasty,
        labels: { [nasty]: nasty },
      });
      r.source.project = nasty;
      r.source.ref = nasty;
      r.run.jobUrl = 'javascript:alert(1)';
      r.suites[1].sections[0].results[0].title = nasty;
      r.suites[1].sections[0].title = nasty;
      r.suites[0].sections[0].results[0].findings = [{ message: nasty, place: { path: nasty } }];
      r.waivers = [{ check: nasty, reason: nasty, owner: nasty, expires: nasty, isExpired: false }];
      r.gate = { mode: 'blocking', isPassed: false, reasons: [nasty] };
    });
    const { body } = await post(report);
    for (const path of [
      '/',
      `/?owner=${encodeURIComponent(nasty)}`,
      `/?by=${encodeURIComponent(`label:${nasty}`)}`,
      body.model.url,
    ]) {
      const page = await ask(path);
      expect(page.status, path).toBe(200);
      expect(page.body, path).not.toMatch(/<script|<img|javascript:|onerror=alert\(1\)>"/);
      expect(page.body, path).toContain('&lt;script&gt;');
    }
  });

  it('answers health, readiness and its own description', async () => {
    expect(await ask('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await ask('/readyz')).toMatchObject({ status: 200 });
    const { body } = await ask('/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    const references = [...JSON.stringify(body).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
      (match) => match[1] ?? '',
    );
    expect(references.length).toBeGreaterThan(10);
    for (const name of references) expect(body.components.schemas, name).toHaveProperty(name);
    const ajv = new Ajv2020({ strict: false, formats: { 'date-time': true } });
    ajv.addSchema({ $id: 'api', ...body });
    const fits = (name: string, value: unknown) =>
      expect(ajv.validate(`api#/components/schemas/${name}`, value), JSON.stringify(ajv.errors)).toBe(true);
    for (const [path, item] of Object.entries<Record<string, { responses: object }>>(body.paths))
      for (const [method, { responses }] of Object.entries(item))
        if (method !== 'get') expect(responses, `${method} ${path} may be refused for a while`).toHaveProperty('429');
    fits('Report', sampleReport());
    fits('ModelsPage', (await ask('/v1/models')).body);
    fits('HistoryPage', (await ask('/v1/models/1/history')).body);
    fits('Receipt', (await postReport({})).body);
    fits('Problem', (await ask('/v1/models/0')).body);
  });

  it.each([
    ['/v1/models', 'label', ''],
    ['/v1/series', 'label', 'model=none&metric=none&'],
    ['/v1/query', 'where', 'metric=none&'],
  ])('takes in %s as %s what its description lets through, and nothing else', async (path, name, more) => {
    const { parameters } = (await ask('/openapi.json')).body.paths[path].get;
    const { items } = parameters.find((one: { name: string }) => one.name === name).schema;
    const texts = [
      'a:b',
      'a:',
      'a:b:c',
      'label:a:b',
      'label:a:',
      'labels:a',
      'a',
      '',
      ':',
      ':a',
      'label:',
      'label:a',
      'label::a',
    ];
    const taken: string[] = [];
    for (const text of texts) {
      const { status, body } = await ask(`${path}?${more}${name}=${encodeURIComponent(text)}`);
      if (status === 400)
        expect(body.errors, text).toEqual([
          { parameter: name, detail: `is ${JSON.stringify(text)}, expected NAME:VALUE, such as region:au` },
        ]);
      else taken.push(text);
    }
    expect(taken).toEqual(texts.filter((text) => new RegExp(items.pattern).test(text)));
    expect(taken).toEqual(expect.arrayContaining(['a:b', 'a:', 'label:a:b']));
    expect(taken).not.toContain('a');
  });
});
