/** Who reads for one namespace or one model gets explore, alerts, rules and dashboards, and no sign of anything of others. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../../src/tower/app.ts';
import type { OpenDatabase } from '../../../src/tower/store/database.ts';
import { openStore } from '../../../src/tower/store/open.ts';
import { ensureOperatorToken } from '../../../src/tower/store/tokens.ts';
import { evaluateNext } from '../../../src/tower/triggers/evaluate.ts';
import { answerOf } from '../answer.ts';
import { sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-confined-'));
let store: OpenDatabase;
let admin = '';
let app: ReturnType<typeof createApp>;

async function ask(method: string, path: string, token: string, body?: unknown, accept = '*/*') {
  const response = await app.request(`http://tower.example.com${path}`, {
    method,
    headers: { host: 'tower.example.com', authorization: `Bearer ${token}`, accept, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return answerOf(response);
}

const ids: Record<string, string> = {};
const readers: Record<string, string> = {};

/** Everything that must not be seen has "foreign" in its name. */
async function addModel(project: string, name: string, owner: string, label: string, metric: string) {
  const made = sampleReport({ name, owner, jobId: name, labels: { unit: label }, title: `The ${name}` });
  const sent = await ask('POST', '/v1/reports', admin, { ...made, source: { ...made.source, project } });
  ids[name] = sent.body.model.id;
  ids[`report of ${name}`] = sent.body.id;
  await ask('POST', '/v1/metrics', admin, {
    model: name,
    environment: label,
    at: new Date(Date.now() + 1000).toISOString(),
    metrics: [
      {
        name: 'model.drift.psi',
        unit: label === 'open' ? '1' : 'foreign-unit',
        value: 0.5,
        labels: { feature: label, [`${label}_key`]: 'x' },
      },
      { name: metric, value: 1 },
    ],
  });
}

beforeAll(async () => {
  store = await openStore({ folder });
  admin = (await ensureOperatorToken(store.db, false)) ?? '';
  const onError = (error: unknown) => expect(error).toBe(null);
  app = createApp({ db: store.db, version: '0.1.0', verifyIdToken: null, defaultBranches: ['main'], isLocal: false, onError });
  const rules = [
    { name: 'drift', metric: 'model.drift.psi', where: { model: ['lodgement', 'foreign-rates'] } },
    { name: 'foreign rule', metric: 'foreign.metric', where: {} },
  ];
  for (const rule of rules) {
    const actions = [{ do: 'pipeline', ref: 'main', variables: { TOKEN: 'foreign variable' } }];
    const made = await ask('POST', '/v1/rules', admin, {
      ...rule,
      when: { of: 'value', is: 'above', limit: 0.2 },
      actions,
      enabled: true,
    });
    ids[rule.name] = made.body.id;
  }
  await addModel('risk/late-lodgement', 'lodgement', 'risk team', 'open', 'own.metric');
  await addModel('treasury/foreign', 'foreign-rates', 'foreign team', 'foreign', 'foreign.metric');
  while (await evaluateNext(store.db));
  const panels = [{ title: 'Drift', question: 'metric=model.drift.psi&by=model&unit=1' }];
  for (const [name, more] of [
    ['foreign board', {}],
    ['board of foreign treasury', { namespace: 'treasury' }],
    ['board of risk', { namespace: 'risk' }],
    ['board of everybody', { shared: true }],
  ] as const)
    ids[name] = (await ask('POST', '/v1/dashboards', admin, { name, panels, ...more })).body.id;
  for (const [name, place] of [
    ['of a namespace', { namespace: 'risk' }],
    ['of a model', { model: 'lodgement' }],
  ] as const)
    readers[name] = (await ask('POST', '/v1/tokens', admin, { name, role: 'read', ...place })).body.token;
});
afterAll(async () => {
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
});

const paths = () => [
  '/explore',
  '/explore?metric=model.drift.psi&by=feature&by=model',
  '/explore?metric=model.drift.psi&by=unit&compare=previous&look=bars',
  '/v1/metrics',
  '/v1/query?metric=model.drift.psi&by=model&by=owner',
  '/v1/query?metric=model.drift.psi&by=environment&bucket=hour&last=2d&agg=p95',
  '/v1/query?metric=tower.score.passing&last=99w&by=project&bucket=none',
  '/v1/alerts',
  '/alerts',
  '/v1/rules',
  '/rules',
  `/v1/rules/${ids.drift}`,
  `/v1/rules/${ids.drift}/backtest`,
  `/rules/${ids.drift}`,
  '/v1/reports',
  `/v1/reports/${ids['report of lodgement']}`,
  '/v1/dashboards',
  '/dashboards',
  `/dashboards/${ids['board of everybody']}`,
  '/',
];

describe.each(['of a namespace', 'of a model'])('a reader %s', (who) => {
  const reader = () => readers[who] ?? '';

  it('gets every page and list, in every form, without a word of others', async () => {
    const everything = await Promise.all(paths().map(async (path) => (await ask('GET', path, admin)).text));
    expect(everything.filter((text) => text.includes('foreign')).length).toBeGreaterThan(12);
    for (const path of paths())
      for (const accept of path.startsWith('/v1')
        ? ['application/json', 'text/csv', 'application/vnd.apache.parquet']
        : ['*/*']) {
        const { status, text } = await ask('GET', path, reader(), undefined, accept);
        expect(status, path).toBe(200);
        expect(text, `${path} as ${accept}`).not.toContain('foreign');
        expect(text.length).toBeGreaterThan(20);
      }
  });

  it('counts what is its own', async () => {
    const drift = (await ask('GET', '/v1/query?metric=model.drift.psi&by=model&bucket=none', reader())).body;
    expect(drift).toMatchObject({ groupCount: 1, unit: '1', groups: [{ labels: { model: 'lodgement' }, n: 1 }] });
    const total = (await ask('GET', '/v1/query?metric=tower.score.passing&last=99w&agg=count&bucket=none', reader())).body;
    expect(total.groups).toMatchObject([{ value: 1 }]);
    expect(
      (await ask('GET', '/v1/query?metric=tower.score.passing&last=99w&agg=count&bucket=none', admin)).body.groups[0].value,
    ).toBe(2);
    const metrics = (await ask('GET', '/v1/metrics', reader())).body.items;
    expect(metrics).toContainEqual({ name: 'model.drift.psi', unit: '1', series: 1, models: 1 });
    expect((await ask('GET', '/v1/alerts', admin)).body.items).toHaveLength(3);
    expect((await ask('GET', '/v1/alerts', reader())).body.items).toMatchObject([{ model: { name: 'lodgement' } }]);
    expect((await ask('GET', '/v1/rules', reader())).body.items).toMatchObject([
      { name: 'drift', open: 1, alerts: 1, where: { model: ['lodgement'] }, actions: [{ do: 'pipeline', ref: 'main' }] },
    ]);
    expect((await ask('GET', `/v1/rules/${ids.drift}/backtest`, reader())).body).toMatchObject({ series: 1, alerts: [{}] });
  });

  it('is told of what belongs to others as of what there is not', async () => {
    for (const path of [
      '/v1/query?metric=foreign.metric',
      '/explore?metric=foreign.metric',
      `/v1/rules/${ids['foreign rule']}`,
      `/rules/${ids['foreign rule']}`,
      `/v1/rules/${ids['foreign rule']}/backtest`,
      `/v1/dashboards/${ids['foreign board']}`,
      `/dashboards/${ids['board of foreign treasury']}`,
      `/v1/reports/${ids['report of foreign-rates']}`,
      `/v1/reports/0${ids['report of foreign-rates']}`,
      '/v1/reports/999999999',
    ])
      expect(await ask('GET', path, reader()), path).toMatchObject({ status: 404 });
    const none = await ask('GET', '/v1/query?metric=model.drift.psi&where=model:foreign-rates', reader());
    expect(none.body).toMatchObject({ groupCount: 0, groups: [] });
    expect((await ask('GET', `/v1/alerts?model=${ids['foreign-rates']}`, reader())).body.items).toEqual([]);
    for (const path of ['/metrics', '/tokens', '/audit', '/v1/audit'])
      expect((await ask('GET', path, reader())).status, path).toBe(403);
  });
});

it('a dashboard is for its namespace, or for everybody', async () => {
  const names = async (who: string) =>
    (await ask('GET', '/v1/dashboards', readers[who] ?? admin)).body.items.map(({ name }: { name: string }) => name);
  expect(await names('of a namespace')).toEqual(['board of everybody', 'board of risk']);
  expect(await names('of a model')).toEqual(['board of everybody']);
  expect(await names('admin')).toHaveLength(4);
});
