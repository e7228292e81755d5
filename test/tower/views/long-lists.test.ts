/** Lists that are long: how many there are, a page at a time, and what they can be narrowed to. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApp } from '../../../src/tower/app.ts';
import type { OpenDatabase } from '../../../src/tower/store/database.ts';
import { openStore } from '../../../src/tower/store/open.ts';
import { createRule } from '../../../src/tower/store/rules.ts';
import { createToken, ensureOperatorToken } from '../../../src/tower/store/tokens.ts';
import { modelsNamed, writeMetrics } from '../../../src/tower/store/write-metrics.ts';
import { writeReport } from '../../../src/tower/store/write-report.ts';
import { evaluateNext } from '../../../src/tower/triggers/evaluate.ts';
import { answerOf } from '../answer.ts';
import { localWriter, sampleReport, submissionOf } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-long-lists-'));
let store: OpenDatabase;
let admin: string;
let app: ReturnType<typeof createApp>;
const errors: unknown[] = [];

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

async function addModel(name: string, owner: string, drifting: number): Promise<void> {
  const waivers = Array.from({ length: drifting }, (_, i) => ({
    check: `layout-${i}`,
    reason: 'moved next quarter',
    owner,
    expires: inDays(owner === '@risk' ? 90 : 5),
    isExpired: false,
  }));
  await writeReport(store.db, submissionOf(sampleReport({ name, owner, jobId: name, waivers })));
  const [found] = await modelsNamed(store.db, { name, scope: null });
  if (!found) throw new Error('The model is not there');
  await writeMetrics(store.db, {
    modelId: found.id,
    projectId: found.projectId,
    writtenBy: localWriter.name,
    refClass: 'authoritative',
    environment: '',
    at: new Date().toISOString(),
    measurements: Array.from({ length: drifting }, (_, i) => ({
      ...{ name: 'model.age', unit: 'd', value: 400, labels: { part: `part-${i}` } },
    })),
    sha256: 'a'.repeat(64),
    idempotencyKey: null,
  });
}

beforeAll(async () => {
  store = await openStore({ folder });
  admin = (await ensureOperatorToken(store.db, false)) ?? '';
  const onError = (error: unknown) => errors.push(error);
  app = createApp({ db: store.db, version: '1', verifyIdToken: null, defaultBranches: ['main'], isLocal: false, onError });
  await createRule(store.db, {
    name: 'old models',
    definition: {
      metric: 'model.age',
      where: {},
      when: { of: 'value', is: 'above', limit: 100 },
      severity: 'info',
      cooldownHours: 24,
      actions: [],
      pipelinesPerDay: 2,
    },
    isEnabled: true,
    createdBy: 'test',
    judgesFrom: new Date(0),
  });
  await addModel('lateness', '@risk', 70);
  await addModel('calls', '@service', 40);
  while (await evaluateNext(store.db));
  for (let i = 0; i < 104; i++)
    await createToken(store.db, {
      ...{ name: `monitor ${String(i).padStart(3, '0')}`, role: 'write', namespace: '' },
      ...{ model: i === 50 ? 'calls' : 'lateness', days: 1, createdBy: 'test' },
    });
});
afterAll(async () => {
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
  expect(errors).toEqual([]);
});

const ask = (path: string) =>
  answerOf(
    app.request(`http://tower.example.com${path}`, { headers: { host: 'tower.example.com', authorization: `Bearer ${admin}` } }),
  );
const rowsOf = (html: string): number => (html.match(/<tr>/g) ?? []).length - 1;
const nextOf = (html: string): string =>
  (/<a href="([^"]+)" rel="next"/.exec(html)?.[1] ?? 'no next page').replaceAll('&amp;', '&');
/** Words and numbers of the chips, and where each leads. */
const chipsOf = (html: string): Record<string, string> =>
  Object.fromEntries(
    [...html.matchAll(/<a href="([^"]+)"[^>]*>([^<]+) <span class="number">([^<]+)</g)].map(([, href, text, n]) => [
      `${text} ${n}`,
      (href ?? '').replaceAll('&amp;', '&'),
    ]),
  );

it('alerts: all are counted, a page shows fifty, and a click narrows them to a rule, a severity or an owner', async () => {
  const first = (await ask('/alerts')).body;
  expect(first).toContain('110 alerts are open');
  expect(rowsOf(first)).toBe(50);
  const last = (await ask(nextOf((await ask(nextOf(first))).body))).body;
  expect(rowsOf(last)).toBe(10);
  expect(nextOf(last)).toBe('no next page');

  const chips = chipsOf(first);
  expect(chips).toMatchObject({
    'open 110': '/alerts',
    'closed 0': '/alerts?state=closed',
    'old models 110': expect.stringContaining('rule='),
    'info 110': '/alerts?severity=info',
    '@risk 70': '/alerts?owner=%40risk',
    '@service 40': '/alerts?owner=%40service',
  });
  const service = (await ask(chips['@service 40'] ?? '')).body;
  expect(service).toContain('40 alerts are open');
  expect(rowsOf(service)).toBe(40);
  expect(chipsOf(service)['@service 40']).toBe('/alerts');
  expect(first).toContain('400 d');
});

it('alerts: the API is narrowed in the same way, and refuses the cursor of another question', async () => {
  const { items, next } = (await ask('/v1/alerts?owner=@risk&severity=info&limit=60')).body;
  expect(items).toHaveLength(60);
  const rest = (await ask(`/v1/alerts?owner=@risk&severity=info&limit=60&cursor=${next}`)).body.items;
  expect(rest).toHaveLength(10);
  expect(new Set([...items, ...rest].map(({ model }) => model.owner))).toEqual(new Set(['@risk']));
  expect((await ask(`/v1/alerts?owner=@service&limit=60&cursor=${next}`)).status).toBe(400);
  expect((await ask('/v1/alerts?severity=critical')).body.items).toEqual([]);
  expect((await ask(`/v1/alerts?rule=${items[0].rule.id}&limit=200`)).body.items).toHaveLength(110);
});

it('waivers: all are counted, a page shows a hundred, and a click narrows them to a state', async () => {
  const first = (await ask('/waivers')).body;
  expect(first).toContain('110 waivers in force, of which 40 end within 30 days');
  expect(rowsOf(first)).toBe(100);
  expect(rowsOf((await ask(nextOf(first))).body)).toBe(10);
  const expiring = (await ask(chipsOf(first)['expiring 40'] ?? '')).body;
  expect(rowsOf(expiring)).toBe(40);
  expect(nextOf(expiring)).toBe('no next page');
});

it('tokens: all are counted, a page shows a hundred, and one is found by its name or model', async () => {
  const first = (await ask('/tokens')).body;
  expect(first).toContain('105 tokens in use');
  expect(rowsOf(first)).toBe(100);
  expect(rowsOf((await ask(nextOf(first))).body)).toBe(5);
  expect(rowsOf((await ask('/tokens?q=CALLS')).body)).toBe(1);
  expect((await ask('/tokens?q=monitor')).body).toContain('104 tokens in use');
  expect((await ask('/tokens?q=%25')).body).toContain('0 tokens in use');
});
