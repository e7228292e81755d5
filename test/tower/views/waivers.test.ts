/** Waivers as reports name them, and badges: who sees which. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApp } from '../../../src/tower/app.ts';
import type { OpenDatabase } from '../../../src/tower/store/database.ts';
import { openStore } from '../../../src/tower/store/open.ts';
import { createToken, ensureOperatorToken } from '../../../src/tower/store/tokens.ts';
import { writeReport } from '../../../src/tower/store/write-report.ts';
import { answerOf } from '../answer.ts';
import { localWriter, type SampleOptions, sampleReport, submissionOf } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-waivers-'));
let store: OpenDatabase;
let admin: string;
let app: ReturnType<typeof createApp>;
const errors: unknown[] = [];
beforeAll(async () => {
  store = await openStore({ folder });
  admin = (await ensureOperatorToken(store.db, false)) ?? '';
  const onError = (error: unknown) => errors.push(error);
  app = createApp({ db: store.db, version: '1', verifyIdToken: null, defaultBranches: ['main'], isLocal: false, onError });
});
afterAll(async () => {
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
  expect(errors).toEqual([]);
});

async function ask(path: string, token: string | null = admin) {
  return answerOf(
    app.request(`http://tower.example.com${path}`, {
      headers: { host: 'tower.example.com', ...(token && { authorization: `Bearer ${token}` }) },
    }),
  );
}
const send = async (project: string, options: SampleOptions, refClass: 'authoritative' | 'preview' = 'authoritative') =>
  (
    await writeReport(
      store.db,
      submissionOf(sampleReport({ name: project.replaceAll('/', '-'), ...options }), {
        refClass,
        writer: { ...localWriter, projectId: project, projectPath: project, name: 'job 7' },
      }),
    )
  ).modelId;
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
const waiver = (check: string, days: number, more = {}) => ({
  check,
  reason: `until the vendor answers about ${check}`,
  owner: '@risk',
  expires: inDays(days),
  isExpired: days < 0,
  ...more,
});
const checks = (body: { items: { check: string; state: string }[] }) => body.items.map(({ check, state }) => `${check} ${state}`);

it('are those of the newest report of the record, the next to end first', async () => {
  await send('risk/a', {
    at: '2026-03-01T00:00:00Z',
    waivers: [waiver('data-1', 90), waiver('data-2', -1), waiver('data-3', 5)],
  });
  await send('treasury/b', {
    waivers: [waiver('model-1', 0, { path: 'src/<b>.py' }), waiver('model-2', 40, { expires: 'someday' })],
  });
  expect(checks((await ask('/v1/waivers')).body)).toEqual([
    'data-2 expired',
    'model-1 expiring',
    'data-3 expiring',
    'data-1 valid',
    'model-2 valid',
  ]);
  const first = (await ask('/v1/waivers?limit=2')).body;
  const second = (await ask(`/v1/waivers?limit=2&cursor=${first.next}`)).body;
  expect([...checks(first), ...checks(second)]).toHaveLength(4);
  expect(checks((await ask('/v1/waivers?state=expired')).body)).toEqual(['data-2 expired']);
  const page = await ask('/waivers');
  expect(page.body).toContain('4 waivers in force, of which 2 end within 30 days; 1 expired');
  expect(page.body).toContain('src/&lt;b&gt;.py');
});

it('go when a later report no longer names them, stay when a job says nothing of them, and none comes from a preview', async () => {
  await send('risk/a', { at: '2026-03-02T00:00:00Z', jobId: 'single' });
  await send('risk/a', { at: '2026-03-03T00:00:00Z', jobId: 'mr', waivers: [waiver('infra-1', 9)] }, 'preview');
  expect(checks((await ask('/v1/waivers')).body)).toHaveLength(5);
  await send('risk/a', { at: '2026-03-04T00:00:00Z', jobId: 'later', waivers: [waiver('data-3', 5)] });
  // Late: it was made before.
  await send('risk/a', { at: '2026-03-03T12:00:00Z', jobId: 'late', waivers: [waiver('data-7', 5)] });
  expect(checks((await ask('/v1/waivers')).body)).toEqual(['model-1 expiring', 'data-3 expiring', 'model-2 valid']);
});

it('stand in the audit once each, with who wrote the report', async () => {
  const { items } = (await ask('/v1/audit?action=waiver.given')).body;
  const given = items.map(({ subject }: { subject: string }) => subject);
  expect(given.filter((subject: string) => subject === 'risk-a: data-3')).toHaveLength(1);
  expect(items[0]).toMatchObject({ actor: 'job 7', detail: { owner: '@risk' } });
});

it('have the reason that the newest report gives, and a change of it stands in the audit', async () => {
  const kept = waiver('data-3', 5);
  const before = (await ask('/v1/waivers')).body.items.find(({ check }: { check: string }) => check === 'data-3');
  const edited = { ...kept, reason: 'the vendor has answered' };
  for (const [day, jobId] of ['05', '06'].entries())
    await send('risk/a', { at: `2026-03-0${5 + day}T00:00:00Z`, jobId: `edited ${jobId}`, waivers: [edited] });
  const { items } = (await ask('/v1/waivers')).body;
  expect(items).toContainEqual({ ...before, reason: 'the vendor has answered' });
  const changes = (await ask('/v1/audit?action=waiver.changed')).body.items;
  expect(changes).toMatchObject([
    {
      actor: 'job 7',
      subject: 'risk-a: data-3',
      detail: { owner: '@risk', expires: kept.expires, reason: 'the vendor has answered' },
    },
  ]);
});

it('are seen by those who see the model', async () => {
  const { token } = await createToken(store.db, {
    name: 'risk',
    role: 'read',
    namespace: 'risk',
    model: '',
    days: 1,
    createdBy: 'test',
  });
  expect(checks((await ask('/v1/waivers', token)).body)).toEqual(['data-3 expiring']);
  expect((await ask('/waivers', token)).body).not.toContain('treasury');
  expect((await ask('/waivers', null)).status).toBe(401);
});

it('a badge says the score to those who see the model, and to all where the model says so', async () => {
  const hidden = await send('risk/hidden', { title: '<b>' });
  const shown = await send('treasury/shown', {
    labels: { public_badge: 'true' },
    gate: { mode: 'blocking', isPassed: false, reasons: [] },
  });
  const { token } = await createToken(store.db, {
    name: 'risk 2',
    role: 'read',
    namespace: 'risk',
    model: '',
    days: 1,
    createdBy: 'test',
  });
  const badge = await ask(`/badge/${hidden}.svg`);
  expect(badge).toMatchObject({ status: 200, type: 'image/svg+xml; charset=utf-8' });
  expect(badge.body).toContain('1.0 of 7');
  expect((await ask(`/badge/${hidden}.svg?show=structure`)).body).toContain('75 %');
  expect((await ask(`/badge/${shown}.svg?show=gate`, null)).body).toContain('shut');
  expect((await ask(`/badge/${hidden}.svg`, token)).status).toBe(200);
  for (const [path, reader] of [
    [`/badge/${hidden}.svg`, null],
    ['/badge/999.svg', null],
    ['/badge/999.svg', admin],
    [`/badge/${hidden}`, admin],
    ['/badge/..%2f1.svg', admin],
  ] as const)
    expect((await ask(path, reader)).status, path).toBe(404);
  expect((await ask(`/badge/${hidden}.svg?show=x`)).status).toBe(400);
});

it('count by what is in force today, whatever they were when the report came', async () => {
  const waivers = [waiver('data-1', 5), waiver('data-2', -3, { isExpired: false })];
  const id = await send('risk/past', { at: new Date(Date.now() - 10 * 86_400_000).toISOString(), waivers });
  expect((await ask(`/v1/models/${id}`)).body).toMatchObject({ waivers: 1 });
  const { items } = (await ask('/v1/models')).body as { items: { name: string; waivers: number }[] };
  expect(items.find(({ name }) => name === 'risk-past')?.waivers).toBe(1);
  const inForce = async (path: string) => Number(/(\d+) waivers? in force/.exec((await ask(path)).body)?.[1]);
  expect(await inForce('/')).toBe(await inForce('/waivers'));
});
