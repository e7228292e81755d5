/** Saved dashboards: kept through the API, shown on a page whose panels stand or fall one by one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTower, type Tower } from '../../../src/tower/server.ts';
import { answerOf } from '../answer.ts';
import { sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-dashboards-'));
let tower: Tower;
beforeAll(async () => {
  tower = await startTower({ folder, port: 0, version: '0.1.0' });
  expect((await send('POST', '/v1/reports', sampleReport())).status).toBe(201);
});
afterAll(async () => {
  await tower?.close();
  rmSync(folder, { recursive: true, force: true });
});

const send = (method: string, path: string, body?: unknown, token = tower.token) =>
  answerOf(
    fetch(tower.url + path, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  );

const scores = { title: 'Scores <by> section', question: 'metric=tower.score.section&by=section&from=2026-02-01' };

it('is saved, shown with an answer in each panel, changed and deleted', async () => {
  const made = await send('POST', '/v1/dashboards', { name: 'Readiness', panels: [scores] });
  expect(made.status).toBe(201);
  expect(made.headers.get('location')).toMatch(/^\/v1\/dashboards\/\d+$/);
  const { id } = made.body;
  expect((await send('GET', '/v1/dashboards')).body.items).toEqual([made.body]);
  expect((await send('GET', '/dashboards')).text).toContain(`<a href="/dashboards/${id}">Readiness</a>`);

  const page = (await send('GET', `/dashboards/${id}`)).text;
  expect(page).toContain('Scores &lt;by&gt; section');
  expect(page).toContain('href="/explore?metric=tower.score.section&amp;by=section&amp;from=2026-02-01"');
  expect(page).toMatch(/<svg[^>]*class="chart/);

  const gone = { title: 'A metric of old', question: 'metric=model.gone&by=model' };
  const put = await send('PUT', `/v1/dashboards/${id}`, { name: 'Readiness and more', panels: [gone, scores] });
  expect(put).toMatchObject({ status: 200 });
  const changed = (await send('GET', `/dashboards/${id}`)).text;
  expect(changed).toContain('No model has this metric.');
  expect(changed).toMatch(/<svg[^>]*class="chart/);

  expect((await send('DELETE', `/v1/dashboards/${id}`)).status).toBe(204);
  expect((await send('DELETE', `/v1/dashboards/${id}`)).status).toBe(404);
  expect((await send('GET', `/dashboards/${id}`)).status).toBe(404);
});

it.each([
  ['no metric', { name: 'x', panels: [{ title: 'a', question: 'by=model' }] }, '/panels/0/question', /metric is needed/],
  [
    'an unknown word',
    { name: 'x', panels: [scores, { title: 'a', question: 'metric=a&colour=red' }] },
    '/panels/1/question',
    /colour/,
  ],
  [
    'a time that is none',
    { name: 'x', panels: [{ title: 'a', question: 'metric=a&from=tomorrow' }] },
    '/panels/0/question',
    /from/,
  ],
  ['a NUL', { name: 'x', panels: [{ title: 'a', question: 'metric=a&by=b%00' }] }, '/panels/0/question', /NUL/],
  ['a fragment', { name: 'x', panels: [{ title: 'a', question: 'metric=a&last=9d#&by=model' }] }, '/panels/0/question', /last/],
  ['no panel', { name: 'x', panels: [] }, '/panels', /fewer than 1/],
  ['no name', { name: '  ', panels: [scores] }, '/name', /pattern/],
])('refuses %s and points at it', async (_, body, pointer, detail) => {
  const { status, body: problem } = await send('POST', '/v1/dashboards', body);
  expect(status).toBe(422);
  expect(problem.errors[0]).toMatchObject({ pointer, detail: expect.stringMatching(detail) });
});

it('keeps names apart, and writers without the token out', async () => {
  expect((await send('POST', '/v1/dashboards', { name: 'Twice', panels: [scores] })).status).toBe(201);
  const again = await send('POST', '/v1/dashboards', { name: 'Twice', panels: [scores] });
  expect(again.status).toBe(422);
  expect(again.body.errors[0].detail).toBe('another dashboard has this name');
  expect((await send('POST', '/v1/dashboards', { name: 'Mine', panels: [scores] }, '')).status).toBe(401);
});
