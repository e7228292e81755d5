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

const send = (method: string, path: string, body?: unknown, token = tower.token, more: Record<string, string> = {}) =>
  answerOf(
    fetch(tower.url + path, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...more,
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

it('draws no more of a question than can be seen, says so, and stays small', async () => {
  const hours = Array.from({ length: 500 }, (_, i) => new Date(Date.UTC(2026, 1, 1) + i * 3_600_000).toISOString());
  const metrics = Array.from({ length: 60 }, (_, part) =>
    hours.map((time, i) => ({ name: 'model.load', value: Math.sin(i + part), at: time, labels: { part: `part-${part}` } })),
  ).flat();
  for (let i = 0; i < metrics.length; i += 5000)
    expect(
      (await send('POST', '/v1/metrics', { model: 'late-lodgement-risk', environment: 'e', metrics: metrics.slice(i, i + 5000) }))
        .status,
    ).toBe(201);
  const question = 'metric=model.load&by=label:part&from=2026-02-01&to=2026-02-22&bucket=hour&limit=1000';
  const pageOf = async (look: string) => {
    const made = await send('POST', '/v1/dashboards', {
      name: look,
      panels: [{ title: 'Load', question: `${question}&${look}` }],
    });
    expect(made.status).toBe(201);
    return (await send('GET', `/dashboards/${made.body.id}`)).text;
  };
  const small = await pageOf('look=small');
  expect(small.match(/<polyline/g)).toHaveLength(24);
  expect(small).toContain('The first 24 of 60; ');
  expect(small.length).toBeLessThan(110_000);
  const lines = await pageOf('look=lines');
  expect(lines.match(/<polyline/g)).toHaveLength(8);
  expect(lines).toContain('8 of 60 are drawn');
  expect(lines.length).toBeLessThan(70_000);
  const bars = await pageOf('look=bars&compare=previous');
  expect(bars.match(/class="rail"/g)).toHaveLength(50);
  expect(bars).toContain('The first 50 of 60; ');
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
  ['no panel', { name: 'x', panels: [] }, '/panels', /^is empty, expected at least 1 entry$/],
  ['no name', { name: '  ', panels: [scores] }, '/name', /^is " {2}", expected more than spaces$/],
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

it('tells whoever changes or deletes what somebody saved since it was read', async () => {
  const made = await send('POST', '/v1/dashboards', { name: 'Ours', panels: [scores] });
  const path = `/v1/dashboards/${made.body.id}`;
  // Long enough to be packed, which makes the tag weak.
  const long = { name: 'Ours', panels: Array.from({ length: 20 }, () => scores) };
  const mine = await send('PUT', path, long, tower.token, { 'if-match': made.headers.get('etag') ?? '' });
  expect(mine.status).toBe(200);
  const read = await send('GET', path);
  expect(read.headers.get('etag')).toMatch(/^W\/"\d+"$/);
  const put = (name: string, tag: string) => send('PUT', path, { ...long, name }, tower.token, { 'if-match': tag });
  const both = await Promise.all(['one', 'two'].map((name) => put(name, read.headers.get('etag') ?? '')));
  expect(both.map(({ status }) => status).toSorted()).toEqual([200, 412]);
  const late = both.find(({ status }) => status === 412);
  expect(late?.body).toMatchObject({
    type: 'urn:flightcheck:problem:changed',
    detail: expect.stringMatching(/^token operator saved .* read it again/),
  });
  const { name } = (await send('GET', path)).body;
  expect(name).toBe(both[0]?.status === 200 ? 'one' : 'two');
  for (const tag of [made.headers.get('etag') ?? '', '"0"', 'nonsense']) {
    expect((await put('three', tag)).status, tag).toBe(412);
    expect((await send('DELETE', path, undefined, tower.token, { 'if-match': tag })).status, tag).toBe(412);
  }
  expect((await send('GET', path)).body.name).toBe(name);
  expect((await put('four', '*')).status).toBe(200);
  expect((await send('PUT', path, { ...long, name: 'five' })).status).toBe(200);
  const now = (await send('GET', path)).headers.get('etag') ?? '';
  expect((await send('DELETE', path, undefined, tower.token, { 'if-match': `"0", ${now}` })).status).toBe(204);
  expect((await put('six', now)).status).toBe(404);
});
