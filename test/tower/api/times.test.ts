/** Times that no calendar has: told as such, and never an error of the database. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTower, type Tower } from '../../../src/tower/server.ts';
import { isDay, isTime } from '../../../src/tower/store/times.ts';
import { answerOf } from '../answer.ts';
import { type SampleOptions, sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-times-'));
let tower: Tower;
const serverErrors: unknown[] = [];
beforeAll(async () => {
  tower = await startTower({ folder, port: 0, version: '0.1.0', onError: (error) => serverErrors.push(error) });
  expect((await post('/v1/reports', sampleReport())).status).toBe(201);
});
afterAll(async () => {
  await tower?.close();
  rmSync(folder, { recursive: true, force: true });
  expect(serverErrors).toEqual([]);
});

const headers = () => ({ authorization: `Bearer ${tower.token}`, 'content-type': 'application/json' });
const post = (path: string, body: object) =>
  answerOf(fetch(`${tower.url}${path}`, { method: 'POST', headers: headers(), body: JSON.stringify(body) }));
const postMetrics = (times: { readonly at?: string; readonly own?: string }) => {
  const metric = { name: 'model.drift.psi', value: 1, ...(times.own && { at: times.own }) };
  return post('/v1/metrics', { model: sampleReport().model.name, ...(times.at && { at: times.at }), metrics: [metric] });
};

const impossible = [
  '2026-02-30T10:00:00Z',
  '2025-02-29T10:00:00Z',
  '2026-04-31T10:00:00+02:00',
  '2026-03-01T10:00:00+17:00',
  '2026-03-01T10:00:00-16:00',
];

it.each(impossible)('%s is told with the place where it stands', async (at) => {
  expect(await post('/v1/reports', sampleReport({ at, jobId: at }))).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/at' }] },
  });
  expect(await postMetrics({ at })).toMatchObject({ status: 422, body: { errors: [{ pointer: '/at' }] } });
  expect(await postMetrics({ own: at })).toMatchObject({ status: 422, body: { errors: [{ pointer: '/metrics/0/at' }] } });
});

it.each(['2024-02-29T10:00:00Z', '2026-03-01T10:00:00+15:59', '2026-03-01T10:00:00-12:00'])('%s is taken', async (at) => {
  expect((await post('/v1/reports', sampleReport({ at, jobId: at }))).status).toBe(201);
  expect((await postMetrics({ at })).status).toBe(201);
});

it('a waiver until a day that is none is kept in its own words, and the report with it', async () => {
  const waiver = (check: string, expires: string) => ({ check, reason: 'r', owner: '@risk', expires, isExpired: false });
  const waivers: SampleOptions['waivers'] = [
    waiver('data-1', '2026-02-30'),
    waiver('data-2', '0000-01-01'),
    waiver('data-3', '2030-02-28'),
  ];
  expect((await post('/v1/reports', sampleReport({ waivers, jobId: 'w', at: '2026-03-05T00:00:00Z' }))).status).toBe(201);
  const { items } = (await answerOf(fetch(`${tower.url}/v1/waivers`))).body;
  expect(items).toMatchObject([
    { check: 'data-3', expires: '2030-02-28', state: 'valid' },
    { check: 'data-1', expires: '2026-02-30', state: 'valid' },
    { check: 'data-2', expires: '0000-01-01', state: 'valid' },
  ]);
});

it('days and times are those of the calendar', () => {
  expect(['2026-12-31', '2024-02-29', '0001-01-01'].filter((day) => !isDay(day))).toEqual([]);
  expect(['2026-13-01', '2026-00-10', '2026-06-31', '2026-1-1', '', 'someday'].filter(isDay)).toEqual([]);
  expect(['2026-03-01T24:01:00Z', '2026-03-01T10:00:00', '2026-03-01T10:00:00+02:60', 'x'].filter(isTime)).toEqual([]);
});
