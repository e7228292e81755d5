/** Metrics in, slices out, over a real server and a real embedded database. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTower, type Tower } from '../../../src/tower/server.ts';
import { type Answer, answerOf } from '../answer.ts';
import { sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-metrics-'));
let tower: Tower;
const serverErrors: unknown[] = [];
beforeAll(async () => {
  tower = await startTower({ folder, port: 0, version: '0.1.0', onError: (error) => serverErrors.push(error) });
  for (const [name, owner, project] of [
    ['lateness', '@a', 'risk/lateness'],
    ['calls', '=cmd|calc', 'service/calls'],
    ['twin', '@a', 'risk/twin'],
    ['twin', '@b', 'service/twin'],
  ] as const) {
    const report = sampleReport({ name, owner, jobId: project });
    const body = JSON.stringify({ ...report, source: { ...report.source, project } });
    expect(await send('/v1/reports', body)).toMatchObject({ status: 201 });
  }
});
afterAll(async () => {
  await tower?.close();
  rmSync(folder, { recursive: true, force: true });
  expect(serverErrors).toEqual([]);
});

const ask = (path: string, init: RequestInit = {}): Promise<Answer> => answerOf(fetch(`${tower.url}${path}`, init));

const send = (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(path, {
    method: 'POST',
    body,
    headers: { authorization: `Bearer ${tower.token}`, 'content-type': 'application/json', ...headers },
  });
const post = (body: unknown, headers?: Record<string, string>) => send('/v1/metrics', JSON.stringify(body), headers);
const psi = (value: number, day: string, feature = 'age') => ({
  name: 'model.drift.psi',
  value,
  unit: '1',
  at: `2026-03-${day}T06:00:00Z`,
  labels: { feature },
});

describe('POST /v1/metrics', () => {
  it('stores values and says how many were new; sent again it adds nothing', async () => {
    const body = {
      model: 'lateness',
      environment: 'production',
      metrics: [psi(0.1, '02'), psi(0.2, '03'), psi(0.4, '03', 'income')],
    };
    expect(await post(body)).toMatchObject({ status: 201, body: { record: 'authoritative', received: 3, added: 3, known: 0 } });
    expect(await post(body)).toMatchObject({ status: 200, body: { received: 3, added: 0, known: 3 } });
    const zipped = gzipSync(JSON.stringify({ ...body, metrics: [...body.metrics, psi(0.3, '04')] }));
    expect(await send('/v1/metrics', new Uint8Array(zipped), { 'content-encoding': 'gzip' })).toMatchObject({
      status: 201,
      body: { added: 1 },
    });
  });

  it('adds a body without times once for each Idempotency-Key', async () => {
    const body = { model: 'lateness', metrics: [{ name: 'task.cpu.seconds', value: 3 }] };
    expect(await post(body, { 'idempotency-key': 'once' })).toMatchObject({ body: { added: 1 } });
    expect(await post(body, { 'idempotency-key': 'once' })).toMatchObject({ status: 200, body: { added: 0 } });
    expect(await post({ ...body, model: 'lateness', environment: 'x' }, { 'idempotency-key': 'once' })).toMatchObject({
      status: 422,
      body: { type: 'urn:flightcheck:problem:key-reused' },
    });
  });

  it.each<readonly [string, number, string, unknown]>([
    ['a model that no report made known', 422, '/model', { model: 'nobody', metrics: [psi(1, '02')] }],
    ['a name that two projects use', 422, '/project', { model: 'twin', metrics: [psi(1, '02')] }],
    ['a project without the model', 422, '/project', { model: 'calls', project: 'risk/lateness', metrics: [psi(1, '02')] }],
    ['no metric', 422, '/metrics', { model: 'calls', metrics: [] }],
    ['a name that is none', 422, '/metrics/0/name', { model: 'calls', metrics: [{ name: 'Drift PSI', value: 1 }] }],
    ['a name of ours', 422, '/metrics/0/name', { model: 'calls', metrics: [{ name: 'tower.score', value: 1 }] }],
    ['a value too large', 422, '/metrics/0/value', { model: 'calls', metrics: [{ name: 'a', value: 1e308 }] }],
    ['text for a value', 422, '/metrics/0/value', { model: 'calls', metrics: [{ name: 'a', value: '1' }] }],
    ['null for a value', 422, '/metrics/0/value', { model: 'calls', metrics: [{ name: 'a', value: null }] }],
    [
      'a time to come',
      422,
      '/metrics/1/at',
      { model: 'calls', metrics: [psi(1, '02'), { name: 'a', value: 1, at: '2999-01-01T00:00:00Z' }] },
    ],
    ['a time that is none', 422, '/at', { model: 'calls', at: 'yesterday', metrics: [psi(1, '02')] }],
    [
      '100,000 labels',
      422,
      '/metrics/0/labels',
      {
        model: 'calls',
        metrics: [{ name: 'a', value: 1, labels: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`l${i}`, 'x'])) }],
      },
    ],
    ['10,001 metrics', 422, '/metrics', { model: 'calls', metrics: Array.from({ length: 10_001 }, () => psi(1, '02')) }],
  ])('refuses %s', async (_, status, pointer, body) => {
    const answer = await post(body);
    expect(answer).toMatchObject({ status, body: { errors: [{ pointer, detail: expect.any(String) }] } });
    expect(answer.text.length).toBeLessThan(5000);
  });

  it('points at a value that JSON does not have, and stores nothing of its body', async () => {
    const body = JSON.stringify({ model: 'calls', metrics: [psi(0.5, '02'), psi(7, '03')] }).replace(':7,', ':NaN,');
    expect(await send('/v1/metrics', body)).toMatchObject({
      status: 422,
      body: { type: 'urn:flightcheck:problem:invalid-metrics', errors: [{ pointer: '/metrics/1/value' }] },
    });
    expect((await ask('/v1/query?metric=model.drift.psi&where=model:calls&from=2026-03-01')).body.groups).toEqual([]);
  });

  it.each([
    ['no token', 401, { authorization: '' }],
    ['another type', 415, { 'content-type': 'text/plain' }],
  ])('refuses %s', async (_, status, headers) => {
    expect(await post({}, headers)).toMatchObject({ status, body: { status } });
  });
});

describe('GET /v1/query', () => {
  const query = (text: string, init?: RequestInit) =>
    ask(`/v1/query?metric=model.drift.psi&from=2026-03-01&to=2026-03-09&${text}`, init);

  it('slices by a label of the series, in buckets, with totals', async () => {
    const { body } = await query('by=feature&bucket=day&agg=max');
    expect(body).toMatchObject({ unit: '1', aggregate: 'max', bucket: 'day', source: 'rollup_day', groupCount: 2 });
    expect(body.groups).toEqual([
      {
        labels: { feature: 'income' },
        model: null,
        value: 0.4,
        n: 1,
        points: [{ at: '2026-03-03T00:00:00.000Z', value: 0.4, n: 1 }],
        compared: null,
      },
      {
        labels: { feature: 'age' },
        model: null,
        value: 0.3,
        n: 3,
        points: [
          { at: '2026-03-02T00:00:00.000Z', value: 0.1, n: 1 },
          { at: '2026-03-03T00:00:00.000Z', value: 0.2, n: 1 },
          { at: '2026-03-04T00:00:00.000Z', value: 0.3, n: 1 },
        ],
        compared: null,
      },
    ]);
  });

  it('holds the last value of a series where none came, when asked to', async () => {
    const { body } = await query('by=feature&bucket=day&fill=last&where=feature:income');
    expect(body).toMatchObject({ fill: 'last', partial: [] });
    expect(body.groups[0].points).toEqual(
      ['03', '04', '05', '06', '07', '08'].map((day) => ({ at: `2026-03-${day}T00:00:00.000Z`, value: 0.4, n: 1 })),
    );
    const { body: hours } = await ask('/v1/query?metric=model.drift.psi&last=24h&fill=last');
    expect(hours).toMatchObject({ bucket: 'day' });
  });

  it('reaches the numbers of reports: scores, checks, what the model measured', async () => {
    const { body } = await ask('/v1/metrics');
    expect(body.items.map((item: { name: string }) => item.name)).toEqual(
      expect.arrayContaining(['model.quality.auc', 'tower.score.passing', 'tower.score.section']),
    );
    const scores = await ask('/v1/query?metric=tower.score.passing&by=owner&from=2026-02-01&to=2026-04-01&bucket=none');
    expect(
      scores.body.groups.map(({ labels, value, n }: { labels: object; value: number; n: number }) => [labels, value, n]),
    ).toEqual([
      [{ owner: '=cmd|calc' }, 1, 1],
      [{ owner: '@a' }, 1, 2],
      [{ owner: '@b' }, 1, 1],
    ]);
  });

  it('compares with the time before', async () => {
    const { body } = await ask(
      '/v1/query?metric=model.drift.psi&from=2026-03-03&to=2026-03-04&bucket=day&agg=max&compare=previous&where=feature:age',
    );
    expect(body.compared).toEqual({ from: '2026-03-02T00:00:00.000Z', to: '2026-03-03T00:00:00.000Z' });
    expect(body.groups).toMatchObject([{ value: 0.2, compared: { value: 0.1, n: 1 } }]);
  });

  it('answers as CSV by Accept or by format, with nothing that a spreadsheet runs', async () => {
    const csv = await query('by=feature&bucket=day&agg=max', { headers: { accept: 'text/csv' } });
    expect(csv.headers.get('content-type')).toContain('text/csv');
    expect(csv.text).toBe(
      'feature,from,max,n,partial\r\nincome,2026-03-03T00:00:00.000Z,0.4,1,false\r\nage,2026-03-02T00:00:00.000Z,0.1,1,false\r\n' +
        'age,2026-03-03T00:00:00.000Z,0.2,1,false\r\nage,2026-03-04T00:00:00.000Z,0.3,1,false\r\n',
    );
    const scores = await ask('/v1/query?metric=tower.score.passing&by=owner&from=2026-02-01&bucket=none&format=csv');
    expect(scores.text).toContain("\r\n'=cmd|calc,");
  });

  it('says in a table too which buckets are cut or not over', async () => {
    const span = 'metric=model.drift.psi&from=2026-03-02&to=2026-03-20&bucket=month&agg=count';
    const { text } = await ask(`/v1/query?${span}&format=csv`);
    expect(text).toMatch(/^from,count,n,partial\r\n2026-03-01T00:00:00.000Z,\d+,\d+,true\r\n$/);
  });

  it('packs its answers when asked to', async () => {
    const { headers } = await ask('/openapi.json', { headers: { 'accept-encoding': 'gzip' } });
    expect(headers.get('content-encoding')).toBe('gzip');
  });

  it.each([
    ['', 'metric'],
    ['metric=model.drift.psi&agg=mode', 'agg'],
    ['metric=model.drift.psi&from=yesterday', 'from'],
    ['metric=model.drift.psi&from=2026-03-09&to=2026-03-01', 'from'],
    ['metric=model.drift.psi&where=nocolon', 'where'],
    ['metric=model.drift.psi&last=1000000d', 'last'],
    ['metric=model.drift.psi&bucket=hour&last=365d', 'bucket'],
    ['metric=model.drift.psi&by=a&by=b&by=c', 'by'],
    ['metric=model.drift.psi&fill=last&bucket=hour&last=24h', 'fill'],
    ['metric=model.drift.psi&fill=last&bucket=none', 'fill'],
    ['metric=model.drift.psi&fill=last&bucket=day&from=2026-03-01T10:00:00Z', 'from'],
    ['metric=model.drift.psi&limit=100000', 'limit'],
  ])('refuses %s', async (text, parameter) => {
    expect(await ask(`/v1/query?${text}`)).toMatchObject({ status: 400, body: { errors: [{ parameter }] } });
  });

  it('adds a number without a unit to the series that are there, and one with another unit does not change that', async () => {
    const told = (value: number, day: string, unit?: string) =>
      post({ model: 'lateness', metrics: [{ name: 'first.unit', value, unit, at: `2026-03-${day}T06:00:00Z` }] });
    expect(await told(1, '02', 's')).toMatchObject({ status: 201 });
    expect(await told(2, '03')).toMatchObject({ status: 201 });
    expect(await ask('/v1/query?metric=first.unit&agg=sum&from=2026-03-01&to=2026-04-01&bucket=none')).toMatchObject({
      status: 200,
      body: { unit: 's' },
    });
    expect(await told(3, '02', 'ms')).toMatchObject({ status: 201 });
    expect(await told(2, '03')).toMatchObject({ status: 200, body: { known: 1 } });
    expect(await ask('/v1/query?metric=first.unit')).toMatchObject({
      status: 400,
      body: { errors: [{ parameter: 'unit', detail: expect.stringContaining('"ms", "s"') }] },
    });
  });

  it('does not take the unit of a number from what another model posted', async () => {
    const told = (model: string, value: number, unit?: string) =>
      post({ model, metrics: [{ name: 'own.unit', value, unit, at: '2026-03-02T06:00:00Z' }] });
    expect(await told('calls', 1, 'ms')).toMatchObject({ status: 201 });
    expect(await told('lateness', 2)).toMatchObject({ status: 201 });
    expect(await ask('/v1/query?metric=own.unit&agg=sum&from=2026-03-01&to=2026-04-01&bucket=none&unit=ms')).toMatchObject({
      body: { groups: [{ value: 1, n: 1 }] },
    });
  });

  it('asks for the unit where a name has several', async () => {
    await post({
      model: 'calls',
      metrics: [
        { name: 'two.units', value: 1, unit: 's' },
        { name: 'two.units', value: 1, unit: 'ms' },
      ],
    });
    expect(await ask('/v1/query?metric=two.units')).toMatchObject({
      status: 400,
      body: { errors: [{ parameter: 'unit', detail: expect.stringContaining('"ms", "s"') }] },
    });
    expect(await ask('/v1/query?metric=two.units&unit=s')).toMatchObject({
      status: 200,
      body: { unit: 's', groups: [{ n: 1 }] },
    });
    expect(await ask('/v1/query?metric=no.such')).toMatchObject({ status: 404 });
  });
});

it('tells Prometheus of itself, by route and never by id', async () => {
  for (const path of ['/v1/models/1', '/v1/series?model=calls&metric=model.drift.psi', '/healthz', '/nothing/7']) await ask(path);
  const { text, headers } = await ask('/metrics');
  expect(headers.get('content-type')).toContain('version=0.0.4');
  expect(text).toContain('flightcheck_tower_database_up 1\n');
  expect(text).toMatch(/http_server_requests_total\{method="GET",route="\/v1\/models\/:id",status="200"\} \d+\n/);
  // Those too that answer before the guards, which are routes as well.
  for (const route of ['/v1/series', '/healthz'])
    expect(text).toMatch(new RegExp(`^http_server_requests_total\\{method="GET",route="${route}",status="\\d+"\\} 1$`, 'm'));
  expect(text).toMatch(/route="\/\*",status="404"\} \d+\n/);
  expect(text).toMatch(/http_server_request_duration_seconds_bucket\{method="POST",route="\/v1\/metrics",le="\+Inf"\} \d+\n/);
  const numbers = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}\\{method="POST",route="/v1/metrics"[^}]*\\} (\\d+)$`, 'gm'))].map(([, n]) =>
      Number(n),
    );
  const upTo = numbers('http_server_request_duration_seconds_bucket');
  expect(upTo).toHaveLength(9);
  expect(upTo).toEqual([...upTo].sort((a, b) => a - b));
  expect(upTo.at(-1)).toBeGreaterThan(0);
  expect(numbers('http_server_request_duration_seconds_count')).toEqual(upTo.slice(-1));
  expect(text).not.toContain('/v1/models/1');
});

it('answers as its description says', async () => {
  const { body } = await ask('/openapi.json');
  const ajv = new Ajv2020({ strict: false, formats: { 'date-time': true } });
  ajv.addSchema({ $id: 'api', ...body });
  const fits = (name: string, value: unknown) =>
    expect(ajv.validate(`api#/components/schemas/${name}`, value), JSON.stringify(ajv.errors)).toBe(true);
  const sent = { model: 'calls', metrics: [psi(1, '07')] };
  fits('Metrics', sent);
  fits('MetricsReceipt', (await post(sent)).body);
  fits('MetricList', (await ask('/v1/metrics')).body);
  for (const more of ['by=model', 'compare=year&by=owner', 'bucket=none&agg=p95&last=9999d'])
    fits('Slice', (await ask(`/v1/query?metric=model.drift.psi&${more}`)).body);
  fits('Problem', (await post({})).body);
});
