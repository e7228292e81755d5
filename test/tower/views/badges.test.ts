/** Badges of private models by a signed address: for whoever has it, until it ends or the key is replaced. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { createApp } from '../../../src/tower/app.ts';
import type { OpenDatabase } from '../../../src/tower/store/database.ts';
import { openStore } from '../../../src/tower/store/open.ts';
import { ensureOperatorToken } from '../../../src/tower/store/tokens.ts';
import { answerOf } from '../answer.ts';
import { sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-badges-'));
let store: OpenDatabase;
let admin = '';
let app: ReturnType<typeof createApp>;
const ids: Record<string, string> = {};
const readers: Record<string, string> = {};

const ask = (method: string, path: string, token: string | null, body?: unknown) =>
  answerOf(
    app.request(`http://tower.example.com${path}`, {
      method,
      headers: {
        host: 'tower.example.com',
        'content-type': 'application/json',
        ...(token && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  );

beforeAll(async () => {
  store = await openStore({ folder });
  admin = (await ensureOperatorToken(store.db, false)) ?? '';
  app = createApp({
    ...{ db: store.db, version: '0.1.0', verifyIdToken: null, defaultBranches: ['main'], isLocal: false },
    publicUrl: 'https://tower.example.com',
    onError: (error) => expect(error).toBe(null),
  });
  for (const [project, name] of [
    ['risk/late', 'late'],
    ['treasury/rates', 'rates'],
  ] as const) {
    const made = sampleReport({ name, jobId: name });
    ids[name] = (await ask('POST', '/v1/reports', admin, { ...made, source: { ...made.source, project } })).body.model.id;
  }
  for (const namespace of ['risk', 'treasury'])
    readers[namespace] = (await ask('POST', '/v1/tokens', admin, { name: namespace, role: 'read', namespace })).body.token;
});
afterAll(async () => {
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => vi.useRealTimers());

const sign = async (body: object = {}, reader = readers.risk ?? '') => ask('POST', `/v1/models/${ids.late}/badge`, reader, body);
const pathIn = (url: string): string => url.replace('https://tower.example.com', '');

it('is shown to whoever has the signed address, and nothing else is', async () => {
  expect((await ask('GET', `/badge/${ids.late}.svg`, null)).status).toBe(404);
  const { status, body } = await sign({ show: 'gate' });
  expect(status).toBe(201);
  expect(body.markdown).toBe(`[![gate](${body.url})](https://tower.example.com/models/${ids.late})`);
  const shown = await ask('GET', pathIn(body.url), null);
  expect(shown).toMatchObject({ status: 200, type: 'image/svg+xml; charset=utf-8' });
  expect(shown.text).toContain('Gate of late');
  const changes: readonly (readonly [string, string])[] = [
    [`/badge/${ids.late}`, `/badge/${ids.rates}`],
    ['show=gate', 'show=score'],
    ['show=gate&', ''],
    [/expires=\d+/.exec(body.url)?.[0] ?? '', 'expires=99999999999'],
    [/signature=./.exec(body.url)?.[0] ?? '', 'signature=_'],
    [/&signature=.*$/.exec(body.url)?.[0] ?? '', ''],
    [/signature=.*$/.exec(body.url)?.[0] ?? '', 'signature='],
  ];
  for (const [from, to] of changes) {
    const path = pathIn(body.url).replace(from, to);
    if (path !== pathIn(body.url)) expect((await ask('GET', path, null)).status, path).toBe(404);
  }
  for (const path of [`/models/${ids.late}`, `/v1/models/${ids.late}`])
    expect((await ask('GET', `${path}?${pathIn(body.url).split('?')[1]}`, null)).status, path).toBe(401);
});

it('shows marks that would turn round what it says', async () => {
  const model = sampleReport({ name: 'late\u202Eetal\u2066', labels: { public_badge: 'true' }, jobId: 'turned' });
  const made = await ask('POST', '/v1/reports', admin, { ...model, source: { ...model.source, project: 'risk/turned' } });
  for (const show of ['score', 'gate', 'structure']) {
    const { status, text } = await ask('GET', `/badge/${made.body.model.id}.svg?show=${show}`, null);
    expect(status).toBe(200);
    expect(text).not.toMatch(/\p{Bidi_Control}/u);
    expect(text).toContain('late\uFFFDetal\uFFFD');
  }
});

it('ends when it was said to', async () => {
  const { body } = await sign({ days: 2 });
  expect(Date.parse(body.expiresAt) - Date.now()).toBeLessThan(2 * 86_400_000 + 2000);
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(Date.now() + 2 * 86_400_000 - 60_000);
  expect((await ask('GET', pathIn(body.url), null)).status).toBe(200);
  vi.setSystemTime(Date.now() + 120_000);
  expect((await ask('GET', pathIn(body.url), null)).status).toBe(404);
});

it('is signed for readers of the model alone', async () => {
  expect((await sign({}, readers.treasury)).status).toBe(404);
  expect((await ask('POST', `/v1/models/${ids.late}/badge`, null, {})).status).toBe(401);
  for (const query of [{ days: 0 }, { days: 367 }, { days: 1.5 }, { show: 'everything' }, { more: 1 }])
    expect((await sign(query)).status, JSON.stringify(query)).toBe(400);
  expect((await sign({ days: 366 })).status).toBe(201);
  expect((await ask('GET', `/models/${ids.late}/badge`, readers.treasury ?? '')).status).toBe(404);
});

it('is signed by nothing that only looks, and by nobody without a trace', async () => {
  const acts = async () => (await ask('GET', '/v1/audit?action=badge.signed', admin)).body.items;
  const before = (await acts()).length;
  expect((await ask('GET', `/v1/models/${ids.late}/badge`, readers.risk ?? '')).status).toBe(404);
  const page = await ask('GET', `/models/${ids.late}/badge`, readers.risk ?? '');
  expect(page).toMatchObject({ status: 200 });
  expect(page.text).not.toContain('signature=');
  expect(await acts()).toHaveLength(before);
  const { body } = await sign({ show: 'structure', days: 30 });
  const [act, ...others] = await acts();
  expect(others).toHaveLength(before);
  expect(act).toMatchObject({ actor: 'token risk', subject: 'late' });
  expect(act.detail).toEqual({ model: String(ids.late), show: 'structure', expiresAt: body.expiresAt });
});

it('is shown no more once an admin has replaced the key', async () => {
  const { body } = await sign();
  expect((await ask('DELETE', '/v1/badges/signed', readers.risk ?? '')).status).toBe(403);
  expect((await ask('GET', pathIn(body.url), null)).status).toBe(200);
  expect((await ask('DELETE', '/v1/badges/signed', admin)).status).toBe(204);
  expect((await ask('GET', pathIn(body.url), null)).status).toBe(404);
  expect((await ask('GET', pathIn((await sign()).body.url), null)).status).toBe(200);
  expect((await ask('GET', '/v1/audit?action=badges.revoked', admin)).body.items).toMatchObject([{ actor: 'token operator' }]);
});
