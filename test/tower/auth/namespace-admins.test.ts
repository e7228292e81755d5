/** Admins of one namespace make and change rules and dashboards of it, and reach nothing of anybody else's. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gitLabActions } from '../../../src/adapters/tower-actions.ts';
import { noTargets } from '../../../src/kernel/tower-actions.ts';
import { createApp } from '../../../src/tower/app.ts';
import { listAlerts } from '../../../src/tower/store/alerts.ts';
import type { OpenDatabase } from '../../../src/tower/store/database.ts';
import { openStore } from '../../../src/tower/store/open.ts';
import { ensureOperatorToken } from '../../../src/tower/store/tokens.ts';
import { deliverNext } from '../../../src/tower/triggers/deliver.ts';
import { evaluateNext, evaluateSilence } from '../../../src/tower/triggers/evaluate.ts';
import { type FakeGitLab, startFakeGitLab } from '../../support/fake-gitlab.ts';
import { answerOf } from '../answer.ts';
import { sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-namespaces-'));
/** Of the operator's file: emptied and filled by tests. */
const repositories = [{ namespace: 'risk', actions: ['webhook:ops'] }];
const sent: string[] = [];
let store: OpenDatabase;
let gitlab: FakeGitLab;
let app: ReturnType<typeof createApp>;
const tokens: Record<string, string> = {};
const ids: Record<string, string> = {};

async function ask(who: string, method: string, path: string, body?: unknown) {
  const response = await app.request(`http://tower.example.com${path}`, {
    method,
    headers: { host: 'tower.example.com', authorization: `Bearer ${tokens[who]}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return answerOf(response);
}
const ruleOf = (more: object = {}) => ({
  name: 'drift',
  metric: 'model.drift.psi',
  when: { of: 'value', is: 'above', limit: 0.2 },
  ...more,
});
const panels = [{ title: 'Drift', question: 'metric=model.drift.psi&by=model' }];
let minutes = 0;
const post = (model: string, value: number) => {
  minutes += 1;
  const at = new Date(Date.now() + minutes * 1000).toISOString();
  return ask('operator', 'POST', '/v1/metrics', { model, at, metrics: [{ name: 'model.drift.psi', value }] });
};
const work = async (): Promise<void> => {
  while (await evaluateNext(store.db));
  await evaluateSilence(store.db, new Date());
  const actions = {
    ...{ gitlab: gitLabActions(gitlab), airflows: new Map(), repositories },
    webhooks: new Map([['ops', { url: 'http://127.0.0.1:1', secret: Buffer.from('x'), mayBePrivate: true }]]),
    send: async (_: unknown, __: unknown, body: string) => void sent.push(body),
  };
  const onError = (error: unknown) => expect(error).toBe(null);
  while (await deliverNext(store.db, { actions, url: 'https://tower.example.com', onError }));
};
const alertsOf = async (rule: string) =>
  (await listAlerts(store.db, { scope: null, limit: 50 })).filter(({ ruleId }) => String(ruleId) === rule);

beforeAll(async () => {
  gitlab = await startFakeGitLab(['risk/late-lodgement', 'treasury/moved']);
  store = await openStore({ folder });
  tokens.operator = (await ensureOperatorToken(store.db, false)) ?? '';
  const onError = (error: unknown) => expect(error).toBe(null);
  app = createApp({
    ...{ db: store.db, version: '0.1.0', verifyIdToken: null, defaultBranches: ['main'], isLocal: false, onError },
    actions: { ...noTargets, repositories },
  });
  for (const [name, project] of [
    ['lodgement', 'risk/late-lodgement'],
    ['rates', 'treasury/rates'],
    ['appetite', 'risk-appetite/limits'],
  ] as const) {
    const made = sampleReport({ name, jobId: name });
    const { body } = await ask('operator', 'POST', '/v1/reports', { ...made, source: { ...made.source, project } });
    ids[name] = body.model.id;
    await post(name, 0.1);
  }
  for (const [name, grant] of Object.entries({
    ann: { role: 'admin', namespace: 'risk' },
    tom: { role: 'admin', namespace: 'treasury' },
    sub: { role: 'admin', namespace: 'risk/late-lodgement' },
    writer: { role: 'write', namespace: 'risk' },
    viewer: { role: 'read', namespace: 'risk' },
    'admin of a model': { role: 'admin', namespace: 'risk', model: 'lodgement' },
    'admin of a model anywhere': { role: 'admin', model: 'lodgement' },
  }))
    tokens[name] = (await ask('operator', 'POST', '/v1/tokens', { name, ...grant })).body.token;
  for (const [name, body] of Object.entries({
    treasury: ruleOf({ name: 'secret treasury', namespace: 'treasury' }),
    everywhere: ruleOf({ name: 'everywhere' }),
  }))
    ids[name] = (await ask('operator', 'POST', '/v1/rules', body)).body.id;
  ids.board = (await ask('operator', 'POST', '/v1/dashboards', { name: 'board', namespace: 'treasury', panels })).body.id;
  ids.shared = (
    await ask('operator', 'POST', '/v1/dashboards', { name: 'all', namespace: 'risk', shared: true, panels })
  ).body.id;
});
afterAll(async () => {
  await store?.close();
  await gitlab?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('an admin of a namespace', () => {
  it('makes, tries, switches and takes away a rule, which looks at the namespace alone', async () => {
    const made = await ask('ann', 'POST', '/v1/rules', ruleOf({ actions: [{ do: 'webhook', to: 'ops' }] }));
    expect(made).toMatchObject({ status: 201, body: { namespace: 'risk', model: null, enabled: false } });
    const { id } = made.body;
    for (const model of ['lodgement', 'rates', 'appetite']) await post(model, 0.5);
    expect((await ask('ann', 'GET', `/v1/rules/${id}/backtest`)).body).toMatchObject({
      series: 1,
      alerts: [{ model: { name: 'lodgement' } }],
    });
    expect((await ask('operator', 'GET', `/v1/rules/${id}/backtest`)).body).toMatchObject({ series: 1 });
    expect(await ask('ann', 'PATCH', `/v1/rules/${id}`, { enabled: true })).toMatchObject({
      status: 200,
      body: { enabled: true },
    });
    for (const model of ['lodgement', 'rates', 'appetite']) await post(model, 0.6);
    await work();
    expect((await alertsOf(id)).map(({ model }) => model)).toEqual(['lodgement']);
    expect(sent.map((body) => JSON.parse(body).data.model.name)).toEqual(['lodgement']);
    expect((await ask('ann', 'DELETE', `/v1/rules/${id}`)).status).toBe(204);
    const { items } = (await ask('operator', 'GET', '/v1/audit')).body;
    for (const action of ['rule.created', 'rule.enabled', 'rule.retired'])
      expect(items).toContainEqual(
        expect.objectContaining({ action, actor: 'token ann', detail: expect.objectContaining({ namespace: 'risk' }) }),
      );
  });

  it.each(['', 'treasury', 'risk-appetite', 'risk/../treasury', 'Risk', 'gitlab.b.example.com:risk'])(
    'makes none for %j, nor a dashboard',
    async (namespace) => {
      expect(await ask('ann', 'POST', '/v1/rules', ruleOf({ namespace }))).toMatchObject({ status: 403 });
      expect(await ask('ann', 'POST', '/v1/dashboards', { name: 'x', namespace, panels })).toMatchObject({ status: 403 });
    },
  );

  it('selects nothing outside, whatever the rule says', async () => {
    const outside = { project: ['risk/late-lodgement', 'treasury/rates'] };
    expect(await ask('ann', 'POST', '/v1/rules', ruleOf({ where: outside }))).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/where/project', detail: 'treasury/rates does not lie in risk' }] },
    });
    const { id } = (
      await ask('ann', 'POST', '/v1/rules', ruleOf({ name: 'all', where: { model: ['rates', 'lodgement'] }, enabled: true }))
    ).body;
    await post('rates', 0.7);
    await work();
    expect(await alertsOf(id)).toEqual([]);
    expect((await ask('ann', 'GET', `/v1/rules/${id}/backtest`)).body.series).toBe(1);
    await ask('ann', 'DELETE', `/v1/rules/${id}`);
  });

  it('lets it do what the operator lets rules of the whole namespace do, as often and as loud', async () => {
    const refusal = async (more: object, who = 'ann') => (await ask(who, 'POST', '/v1/rules', ruleOf(more))).body.errors?.[0];
    expect(
      await refusal({
        actions: [
          { do: 'webhook', to: 'ops' },
          { do: 'pipeline', ref: 'main' },
        ],
      }),
    ).toMatchObject({
      pointer: '/actions/1',
      detail: expect.stringContaining('the operator does not let'),
    });
    expect(await refusal({ cooldownHours: 0 })).toMatchObject({ pointer: '/cooldownHours' });
    expect(await refusal({ actions: [{ do: 'webhook', to: 'ops' }] }, 'tom')).toMatchObject({ pointer: '/actions/0' });
    // What one project may do is not for its whole namespace.
    repositories.push({ namespace: 'treasury/rates', actions: ['issue'] });
    expect(await refusal({ actions: [{ do: 'issue' }] }, 'tom')).toMatchObject({ pointer: '/actions/0' });
    repositories.pop();
    const { body } = await ask('ann', 'POST', '/v1/rules', ruleOf({ name: 'much', pipelinesPerDay: 90, retrainsInARow: 90 }));
    expect(body).toMatchObject({ pipelinesPerDay: 2, retrainsInARow: 2 });
    await ask('ann', 'DELETE', `/v1/rules/${body.id}`);
  });

  it('delivers nothing any more when the operator takes leave back, nor can it be switched on again', async () => {
    const { id } = (
      await ask('ann', 'POST', '/v1/rules', ruleOf({ name: 'left', actions: [{ do: 'webhook', to: 'ops' }], enabled: true }))
    ).body;
    const before = sent.length;
    const leave = repositories.splice(0);
    await post('lodgement', 0.8);
    await work();
    expect(await alertsOf(id)).toMatchObject([
      { deliveries: [{ state: 'refused', result: expect.stringContaining('does not let') }] },
    ]);
    expect(sent).toHaveLength(before);
    await ask('ann', 'PATCH', `/v1/rules/${id}`, { enabled: false });
    expect(await ask('ann', 'PATCH', `/v1/rules/${id}`, { enabled: true })).toMatchObject({ status: 422 });
    repositories.push(...leave);
    expect((await ask('ann', 'PATCH', `/v1/rules/${id}`, { enabled: true })).status).toBe(200);
    await ask('ann', 'DELETE', `/v1/rules/${id}`);
  });

  it('ends what it began for a project that moves away: the issue is closed, who was told is told of the end', async () => {
    repositories.push({ namespace: 'risk', actions: ['issue'] });
    const actions = [{ do: 'issue' }, { do: 'webhook', to: 'ops' }];
    const { id } = (await ask('ann', 'POST', '/v1/rules', ruleOf({ name: 'begun', actions, enabled: true }))).body;
    await post('lodgement', 0.9);
    await work();
    expect(gitlab.issues).toMatchObject([{ project: 'risk/late-lodgement', state: 'opened' }]);
    const before = sent.length;
    const move = (path: string) =>
      sql`update project set path = ${path} where path in ('risk/late-lodgement', 'treasury/moved')`.execute(store.db);
    await move('treasury/moved');
    await work();
    expect(gitlab.issues).toMatchObject([{ state: 'closed' }]);
    // Where the project went, and who owns it there, is nothing for those whom it has left.
    expect(sent.slice(before).map((body) => JSON.parse(body))).toMatchObject([
      { type: 'flightcheck.alert.closed', data: { model: { name: 'lodgement', project: null, owner: null } } },
    ]);
    expect(sent.at(-1)).not.toContain('treasury');
    await move('risk/late-lodgement');
    await ask('ann', 'DELETE', `/v1/rules/${id}`);
    repositories.pop();
  });

  it('loses a project that moves away: its alert ends, and nothing is judged or sent of it', async () => {
    const { id } = (
      await ask('ann', 'POST', '/v1/rules', ruleOf({ name: 'moving', actions: [{ do: 'webhook', to: 'ops' }], enabled: true }))
    ).body;
    await post('lodgement', 0.9);
    while (await evaluateNext(store.db));
    const before = sent.length;
    const move = (path: string) =>
      sql`update project set path = ${path} where path in ('risk/late-lodgement', 'treasury/moved')`.execute(store.db);
    await move('treasury/moved');
    await work();
    expect(await alertsOf(id)).toMatchObject([{ closedAt: expect.any(Date), deliveries: [{ state: 'refused' }] }]);
    await post('lodgement', 0.05);
    await post('lodgement', 0.95);
    await work();
    expect(await alertsOf(id)).toHaveLength(1);
    expect(sent).toHaveLength(before);
    expect((await ask('ann', 'GET', `/v1/rules/${id}`)).body).toMatchObject({ alerts: 0, open: 0 });
    expect((await ask('ann', 'GET', `/v1/rules/${id}/backtest`)).body).toMatchObject({ series: 0, alerts: [] });
    await move('risk/late-lodgement');
    await ask('ann', 'DELETE', `/v1/rules/${id}`);
  });

  it('keeps dashboards of the namespace, for its readers alone', async () => {
    const made = await ask('ann', 'POST', '/v1/dashboards', { name: 'board', panels });
    expect(made).toMatchObject({ status: 201, body: { namespace: 'risk', shared: false } });
    const path = `/v1/dashboards/${made.body.id}`;
    expect((await ask('viewer', 'GET', path)).status).toBe(200);
    expect((await ask('tom', 'GET', path)).status).toBe(404);
    expect((await ask('ann', 'PUT', path, { name: 'board 2', panels })).body).toMatchObject({ name: 'board 2' });
    for (const body of [
      { name: 'x', panels, shared: true },
      { name: 'x', panels, namespace: 'treasury' },
      { name: 'x', panels, namespace: '' },
    ])
      expect((await ask('ann', 'PUT', path, body)).status).toBe(403);
    expect((await ask('operator', 'GET', path)).body).toMatchObject({ name: 'board 2', namespace: 'risk', shared: false });
    expect((await ask('ann', 'DELETE', path)).status).toBe(204);
  });
});

describe('nobody else', () => {
  const verbs = (id: string | undefined, board: string | undefined): readonly (readonly [string, string, unknown?])[] => [
    ['PATCH', `/v1/rules/${id}`, { enabled: true }],
    ['DELETE', `/v1/rules/${id}`],
    ['PUT', `/v1/dashboards/${board}`, { name: 'taken', panels }],
    ['DELETE', `/v1/dashboards/${board}`],
  ];

  it('reads, tries, switches, changes or takes away what is of another namespace: it is not there', async () => {
    for (const who of ['ann', 'sub'])
      for (const [method, path, body] of [
        ...verbs(ids.treasury, ids.board),
        ['GET', `/v1/rules/${ids.treasury}`] as const,
        ['GET', `/v1/rules/${ids.treasury}/backtest`] as const,
        ['GET', `/v1/dashboards/${ids.board}`] as const,
        ['GET', `/rules/${ids.treasury}`] as const,
      ])
        expect((await ask(who, method, path, body)).status, `${who} ${method} ${path}`).toBe(404);
    for (const path of ['/v1/rules', '/rules', '/v1/dashboards'])
      expect((await ask('ann', 'GET', path)).text).not.toContain('treasury');
  });

  it('changes what is of all projects, or of a namespace above, though it may be read', async () => {
    expect((await ask('ann', 'GET', `/v1/rules/${ids.everywhere}`)).status).toBe(200);
    for (const [method, path, body] of verbs(ids.everywhere, ids.shared))
      expect((await ask('ann', method, path, body)).status, `${method} ${path}`).toBe(403);
    const { id } = (await ask('ann', 'POST', '/v1/rules', ruleOf({ name: 'of risk' }))).body;
    expect((await ask('sub', 'GET', `/v1/rules/${id}`)).body).toMatchObject({ namespace: 'risk' });
    for (const [method, path, body] of verbs(id, ids.shared))
      expect((await ask('sub', method, path, body)).status, `${method} ${path}`).toBe(403);
    expect((await ask('ann', 'DELETE', `/v1/rules/${id}`)).status).toBe(204);
  });

  it.each(['writer', 'viewer', 'admin of a model', 'admin of a model anywhere'])('makes or changes any as %s', async (who) => {
    const { id } = (await ask('ann', 'POST', '/v1/rules', ruleOf({ name: 'mine' }))).body;
    for (const [method, path, body] of [
      ...verbs(id, ids.shared),
      ['POST', '/v1/rules', ruleOf({ namespace: 'risk' })] as const,
      ['POST', '/v1/dashboards', { name: 'x', namespace: 'risk', panels }] as const,
    ])
      expect((await ask(who, method, path, body)).status, `${method} ${path}`).toBe(403);
    await ask('ann', 'DELETE', `/v1/rules/${id}`);
    for (const path of ['/v1/tokens', '/v1/audit']) expect((await ask('ann', 'GET', path)).status).toBe(403);
    expect((await ask('ann', 'POST', '/v1/tokens', { name: 'more', role: 'admin' })).status).toBe(403);
  });

  it('is told by a name what others have', async () => {
    for (const [who, status] of [
      ['ann', 201],
      ['tom', 422],
    ] as const)
      expect((await ask(who, 'POST', '/v1/rules', ruleOf({ name: 'secret treasury' }))).status).toBe(status);
    for (const [who, status] of [
      ['ann', 201],
      ['tom', 422],
    ] as const)
      expect((await ask(who, 'POST', '/v1/dashboards', { name: 'board', panels })).status).toBe(status);
  });

  it('fills the server with rules', async () => {
    await sql`insert into rule (name, definition, metric_name, is_enabled, created_by, judges_from, namespace)
      select 'r' || n, '{}', 'x', false, 'token ann', now(), 'risk/p' || n from generate_series(1, 100) as n`.execute(store.db);
    expect(await ask('ann', 'POST', '/v1/rules', ruleOf({ namespace: 'risk/another' }))).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/namespace' }] },
    });
    await sql`delete from rule where metric_name = 'x'`.execute(store.db);
  });
});
