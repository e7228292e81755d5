/** Reports, versions, gates, OpenTelemetry; every list as JSON, CSV and Parquet. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTower, type Tower } from '../../../src/tower/server.ts';
import { answerOf } from '../answer.ts';
import { sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-records-'));
let tower: Tower;
const serverErrors: unknown[] = [];

const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> => {
  const bytes = Buffer.from(JSON.stringify(body));
  return fetch(`${tower.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tower.token}`, 'content-type': 'application/json', ...headers },
    body: new Uint8Array(headers['content-encoding'] === 'gzip' ? gzipSync(bytes) : bytes),
  });
};
const get = (path: string, accept = 'application/json') => fetch(`${tower.url}${path}`, { headers: { accept } });
const json = async (path: string) => (await answerOf(get(path))).body;

beforeAll(async () => {
  tower = await startTower({
    folder: join(folder, 'data'),
    port: 0,
    version: '0.1.0',
    onError: (error) => serverErrors.push(error),
  });
  for (const [i, isPassed] of [true, false, true].entries())
    await post(
      '/v1/reports',
      sampleReport({
        jobId: String(i),
        commit: String(i).repeat(40),
        at: `2026-03-0${i + 1}T10:00:00Z`,
        owner: '=cmd|calc',
        gate: { isPassed, mode: 'blocking', reasons: [] } as never,
      }),
    );
  await post('/v1/reports', sampleReport({ name: 'other', jobId: '9', at: '2026-03-02T12:00:00Z' }));
});
afterAll(async () => {
  await tower?.close();
  rmSync(folder, { recursive: true, force: true });
  expect(serverErrors).toEqual([]);
});

describe('records', () => {
  it('lists reports of all models newest first, by page and by filter, and gives each as it was received', async () => {
    const first = await json('/v1/reports?limit=3');
    const second = await json(`/v1/reports?limit=3&cursor=${first.next}`);
    const all = [...first.items, ...second.items];
    expect(all.map(({ at }: { at: string }) => at.slice(5, 13))).toEqual(['03-03T10', '03-02T12', '03-02T10', '03-01T10']);
    expect([first.items[1].model.name, second.next]).toEqual(['other', null]);
    expect((await json(`/v1/reports?commit=${'1'.repeat(40)}`)).items).toMatchObject([{ gate: 'failed' }]);
    expect((await json('/v1/reports?model=other&record=authoritative')).items).toHaveLength(1);
    expect(await json(`/v1/reports/${all[1].id}`)).toMatchObject({ model: { name: 'other' } });
    expect((await get('/v1/reports/99')).status).toBe(404);
    expect((await get(`/v1/reports?cursor=abc`)).status).toBe(400);
  });

  it('knows the versions of a model with what was decided of each', async () => {
    const { items, next } = await json('/v1/models/1/versions?limit=2');
    expect(items.map(({ commit, gate, reports }: never) => [commit, gate, reports])).toEqual([
      ['2'.repeat(40), 'passed', 1],
      ['1'.repeat(40), 'failed', 1],
    ]);
    expect((await json(`/v1/models/1/versions?limit=2&cursor=${next}`)).items).toMatchObject([{ commit: '0'.repeat(40) }]);
  });

  it('answers what the gate said, of the newest report or of a commit, and nothing where nothing was decided', async () => {
    expect(await json('/v1/gates/late-lodgement-risk')).toMatchObject({ gate: 'passed', commit: '2'.repeat(40), score: 1 });
    expect(await json(`/v1/gates/late-lodgement-risk?commit=${'1'.repeat(40)}`)).toMatchObject({ gate: 'failed' });
    expect(await json('/v1/gates/late-lodgement-risk?commit=nothing')).toMatchObject({ gate: null, report: null });
    expect((await get('/v1/gates/nobody')).status).toBe(404);
  });
});

const lists = [
  ['/v1/models', 2],
  ['/v1/models/1/history', 3],
  ['/v1/models/1/versions', 3],
  ['/v1/reports?limit=2', 2],
  ['/v1/metrics', 5],
  ['/v1/alerts', 0],
  ['/v1/series?model=late-lodgement-risk&metric=tower.score.section', 12],
  ['/v1/query?metric=tower.score.passing&by=model&from=2026-03-01&bucket=day', 4],
] as const;

describe('forms of an answer', () => {
  it.each(lists)('%s as CSV and Parquet', async (path, rows) => {
    const csv = await get(path, 'text/html, text/csv;q=0.9, application/json;q=0.1');
    expect(csv.headers.get('content-type')).toContain('text/csv');
    expect(csv.headers.get('vary')).toContain('accept');
    const lines = (await csv.text()).split('\r\n');
    expect(lines.length - 2).toBe(rows);
    const parquet = await get(path, 'application/vnd.apache.parquet');
    expect(parquet.headers.get('content-type')).toBe('application/vnd.apache.parquet');
    const file = join(folder, 'answer.parquet');
    writeFileSync(file, new Uint8Array(await parquet.arrayBuffer()));
    const duckdb = await DuckDBInstance.create(':memory:');
    const reader = await (await duckdb.connect()).runAndReadAll(`select * from '${file}'`);
    expect(reader.getRowObjectsJson()).toHaveLength(rows);
    if (rows > 0) expect(reader.columnNames()).toEqual(lines[0]?.split(',').map((name) => name.replaceAll('"', '')));
    duckdb.closeSync();
  });

  it('keeps types in Parquet and formulas from spreadsheets, and says where the next page is', async () => {
    const csv = await get('/v1/models?limit=1', 'text/csv');
    expect(await csv.text()).toContain(",'=cmd|calc,");
    expect(csv.headers.get('link')).toMatch(/^<\/v1\/models\?limit=1&cursor=[\w-]+>; rel="next"$/);
    const file = join(folder, 'types.parquet');
    writeFileSync(file, new Uint8Array(await (await get('/v1/reports', 'application/vnd.apache.parquet')).arrayBuffer()));
    const duckdb = await DuckDBInstance.create(':memory:');
    const types = await (await duckdb.connect()).runAndReadAll(
      `select typeof("at"), typeof(score), typeof(complete) from '${file}' limit 1`,
    );
    expect(types.getRows()).toEqual([['TIMESTAMP WITH TIME ZONE', 'DOUBLE', 'BOOLEAN']]);
    const slice = await get(lists[7][0], 'application/vnd.apache.parquet');
    writeFileSync(file, new Uint8Array(await slice.arrayBuffer()));
    const partial = await (await duckdb.connect()).runAndReadAll(`select distinct typeof(partial) from '${file}'`);
    expect(partial.getRows()).toEqual([['BOOLEAN']]);
    duckdb.closeSync();
  });

  it('is packed when the client takes gzip', async () => {
    const answer = await fetch(`${tower.url}/v1/reports?limit=200`, { headers: { 'accept-encoding': 'gzip' } });
    expect(answer.headers.get('content-encoding')).toBe('gzip');
    expect(gunzipSync(gzipSync(await answer.text())).toString()).toContain('late-lodgement-risk');
  });
});

const nanos = (time: string): string => `${BigInt(Date.parse(time)) * 1_000_000n + 123_456n}`;
const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const request = (metrics: readonly object[], model = 'late-lodgement-risk') => ({
  resourceMetrics: [
    {
      resource: { attributes: [attribute('service.name', model), attribute('deployment.environment.name', 'production')] },
      scopeMetrics: [{ scope: { name: 'monitor' }, metrics }],
    },
  ],
});

describe('OpenTelemetry', () => {
  const at = nanos('2026-03-05T06:00:00Z');
  const everyKind = [
    {
      name: 'Model.Latency-p95',
      unit: 's',
      gauge: { dataPoints: [{ timeUnixNano: at, asDouble: 0.25, attributes: [attribute('part', 'a')] }] },
    },
    { name: 'model.requests', sum: { isMonotonic: true, dataPoints: [{ timeUnixNano: at, asInt: '1840' }] } },
    {
      name: 'model.size',
      histogram: {
        dataPoints: [{ timeUnixNano: at, count: '3', sum: 6, min: 1, max: 3, bucketCounts: ['3'], explicitBounds: [] }],
      },
    },
    {
      name: 'model.wait',
      summary: { dataPoints: [{ timeUnixNano: at, count: '2', sum: 1, quantileValues: [{ quantile: 0.5, value: 0.4 }] }] },
    },
  ];

  it('stores every kind of metric once', async () => {
    for (const headers of [{}, { 'content-encoding': 'gzip' }] as Record<string, string>[]) {
      const answer = await post('/otlp/v1/metrics', request(everyKind), headers);
      expect([answer.status, await answer.json()]).toEqual([200, {}]);
    }
    const series = async (metric: string) => (await json(`/v1/series?model=late-lodgement-risk&metric=${metric}`)).items;
    expect(await series('model.latency_p95')).toMatchObject([
      { unit: 's', labels: { part: 'a' }, points: [{ at: '2026-03-05T06:00:00.000Z', value: 0.25 }] },
    ]);
    expect(await series('model.requests')).toMatchObject([{ points: [{ value: 1840 }] }]);
    expect(await series('model.size.count')).toMatchObject([{ points: [{ value: 3 }] }]);
    expect(await series('model.wait')).toMatchObject([{ labels: { quantile: '0.5' }, points: [{ value: 0.4 }] }]);
  });

  it('says which points it did not store, and stores the others', async () => {
    const good = { timeUnixNano: nanos('2026-03-06T06:00:00Z'), asDouble: 1 };
    const answer = await post(
      '/otlp/v1/metrics',
      request([
        {
          name: 'model.mixed',
          gauge: { dataPoints: [good, { ...good, asDouble: 'NaN' }, { asDouble: 1 }, { ...good, flags: 1 }] },
        },
        { name: '9', gauge: { dataPoints: [good] } },
        { name: 'tower.mine', gauge: { dataPoints: [good] } },
      ]),
    );
    const { partialSuccess } = (await answer.json()) as { partialSuccess: { rejectedDataPoints: string; errorMessage: string } };
    expect(partialSuccess.rejectedDataPoints).toBe('4');
    expect(partialSuccess.errorMessage).toContain('model.mixed: the value is not a finite number');
    expect((await json('/v1/series?model=late-lodgement-risk&metric=model.mixed')).items).toMatchObject([
      { points: [{ value: 1 }] },
    ]);
    const unknown = await (await post('/otlp/v1/metrics', request(everyKind, 'nobody'))).json();
    expect(unknown).toMatchObject({ partialSuccess: { errorMessage: expect.stringContaining('there is no model nobody') } });
    expect((await post('/otlp/v1/metrics', { resourceMetrics: 1 })).status).toBe(422);
    expect((await post('/otlp/v1/metrics', {}, { 'content-type': 'application/x-protobuf' })).status).toBe(415);
    expect((await post('/otlp/v1/metrics', request([]), { authorization: 'Bearer wrong' })).status).toBe(401);
  });
});
