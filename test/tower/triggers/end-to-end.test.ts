/** The whole way over HTTP: a monitor posts, a rule fires once, one retraining starts, the new version posts, the alert closes. */
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { gitLabActions, sendWebhook } from '../../../src/adapters/tower-actions.ts';
import { startTower, type Tower } from '../../../src/tower/server.ts';
import { type FakeGitLab, startFakeGitLab } from '../../support/fake-gitlab.ts';
import { answerOf } from '../answer.ts';
import { sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-triggers-'));
const secret = Buffer.from('of the webhook');
const calls: { id: string; type: string; isSigned: boolean; alert: string }[] = [];
const listener = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  const [id, time] = [String(request.headers['webhook-id']), String(request.headers['webhook-timestamp'])];
  const signature = createHmac('sha256', secret).update(`${id}.${time}.${body}`).digest('base64');
  calls.push({
    id,
    type: JSON.parse(body).type,
    isSigned: request.headers['webhook-signature'] === `v1,${signature}`,
    alert: JSON.parse(body).data.alert,
  });
  response.writeHead(200).end();
});
let gitlab: FakeGitLab;
let tower: Tower;
const serverErrors: unknown[] = [];
beforeAll(async () => {
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  gitlab = await startFakeGitLab(['risk/late-lodgement']);
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/hook`;
  tower = await startTower({
    folder,
    port: 0,
    version: '0.1.0',
    workerPause: 20,
    actions: {
      gitlab: gitLabActions(gitlab),
      airflows: new Map(),
      webhooks: new Map([['ops', { url, secret, mayBePrivate: true }]]),
      send: sendWebhook,
    },
    onError: (error) => serverErrors.push(error),
  });
});
afterAll(async () => {
  await tower?.close();
  await gitlab?.close();
  listener.close();
  rmSync(folder, { recursive: true, force: true });
  expect(serverErrors).toEqual([]);
});

const call = (method: string, path: string, body?: unknown, token = tower.token) =>
  answerOf(
    fetch(`${tower.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  );

async function until<T>(ask: () => Promise<T | null>): Promise<T> {
  for (let attempt = 0; attempt < 400; attempt++) {
    const found = await ask();
    if (found !== null) return found;
    await sleep(50);
  }
  throw new Error('It did not happen in 20 seconds');
}

const post = (value: number, minutesAgo: number) =>
  call('POST', '/v1/metrics', {
    model: 'late-lodgement-risk',
    metrics: [
      {
        name: 'model.drift.psi',
        value,
        labels: { feature: 'income' },
        at: new Date(Date.now() - minutesAgo * 60_000).toISOString(),
      },
    ],
  });
const rule = {
  name: 'drift of critical models',
  metric: 'model.drift.psi',
  where: { tier: ['critical'] },
  when: { of: 'value', is: 'above', limit: 0.2, closesAt: 0.1, times: 2 },
  severity: 'critical',
  actions: [{ do: 'pipeline', ref: 'main' }, { do: 'webhook', to: 'ops' }, { do: 'issue' }],
};

it('goes from drifted values to one retraining and back', async () => {
  await call('POST', '/v1/reports', sampleReport({ at: new Date(Date.now() - 3_600_000).toISOString() }));
  // Values before the rule is switched on show what it would have done, and raise nothing.
  for (const [i, value] of [0.3, 0.3, 0.05].entries()) await post(value, 300 - i * 10);
  const made = await call('POST', '/v1/rules', rule);
  expect(made).toMatchObject({ status: 201, body: { enabled: false, cooldownHours: 24, pipelinesPerDay: 2 } });
  expect((await call('GET', `/v1/rules/${made.body.id}/backtest?days=1`)).body).toMatchObject({
    series: 1,
    complete: true,
    alerts: [{ value: 0.3, model: { name: 'late-lodgement-risk' } }],
  });
  expect(await call('PATCH', `/v1/rules/${made.body.id}`, { enabled: true })).toMatchObject({
    status: 200,
    body: { enabled: true },
  });
  await sleep(30);
  // The monitor of two days: what it posts is newer than the switch.
  for (const value of [0.3, 0.35, 0.4]) {
    await post(value, 0);
    await sleep(5);
  }
  const alert = await until(async () => {
    const { body } = await call('GET', '/v1/alerts?state=open');
    const [first] = body.items;
    return first?.deliveries.length === 3 && first.deliveries.every((one: { state: string }) => one.state === 'done')
      ? first
      : null;
  });
  expect(alert).toMatchObject({ value: 0.35, severity: 'critical', labels: { feature: 'income' }, rule: { name: rule.name } });
  expect(gitlab.pipelines).toHaveLength(1);
  expect(gitlab.pipelines[0]?.variables).toContainEqual({
    key: 'FLIGHTCHECK_ALERT_ID',
    value: alert.uid,
    variable_type: 'env_var',
  });
  expect(gitlab.issues).toMatchObject([{ state: 'opened' }]);
  const page = await (await fetch(`${tower.url}/alerts`)).text();
  expect(page).toContain('1 alert is open.');
  expect(page).toContain(`${gitlab.url}/risk/late-lodgement/-/pipelines/1000`);

  // The retrained version: a new commit, and values that are back.
  await call(
    'POST',
    '/v1/reports',
    sampleReport({ jobId: '2', commit: 'b'.repeat(40), at: new Date().toISOString(), alert: alert.uid }),
  );
  await post(0.02, 0);
  await until(async () => ((await call('GET', '/v1/alerts?state=closed')).body.items.length === 1 ? true : null));
  await until(async () => (gitlab.issues[0]?.state === 'closed' && calls.length === 2 ? true : null));
  expect(calls).toEqual([
    { id: `${alert.uid}-opened`, type: 'flightcheck.alert.opened', isSigned: true, alert: alert.uid },
    { id: `${alert.uid}-closed`, type: 'flightcheck.alert.closed', isSigned: true, alert: alert.uid },
  ]);
  expect(gitlab.pipelines).toHaveLength(1);
  expect(await (await fetch(`${tower.url}/alerts`)).text()).toContain('No alert is open, 1 closed.');
  // What came of it: the version, its score, the value since.
  const chain = await (await fetch(`${tower.url}/alerts/${alert.id}`)).text();
  expect(chain).toContain('What came of it');
  expect(chain).toMatch(/<code>bbbbbbbbbb<\/code> of pipeline[\s\S]*score 1/);
  expect(chain).toMatch(/The value since then: <strong>0.02<\/strong> at [^<]*, after 0.35/);
  const { body: inFull } = await call('GET', `/v1/alerts/${alert.id}`);
  expect(inFull).toMatchObject({
    uid: alert.uid,
    followed: {
      versions: [{ commit: 'b'.repeat(40), pipeline: '77', reports: 1, record: 'authoritative', score: 1, gate: null }],
      numbers: [],
      before: null,
      after: [],
      now: { value: 0.02 },
    },
  });
  expect(Date.parse(inFull.followed.now.at)).toBeGreaterThanOrEqual(Date.parse(inFull.followed.versions[0].at));
});

it.each<readonly [string, object, string]>([
  ['no condition', { when: {} }, '/when'],
  [
    'an alert that would close while the value is over the limit',
    { when: { of: 'value', is: 'above', limit: 1, closesAt: 2 } },
    '/when/closesAt',
  ],
  ['an action that there is not', { actions: [{ do: 'shell', command: 'rm' }] }, '/actions/0'],
  [
    'an address for a webhook: destinations are named by the operator',
    { actions: [{ do: 'webhook', url: 'http://169.254.169.254/' }] },
    '/actions/0',
  ],
  [
    'a variable that would pretend to be ours',
    { actions: [{ do: 'pipeline', ref: 'main', variables: { FLIGHTCHECK_ALERT_ID: '1' } }] },
    '/actions/0',
  ],
  ['a name that is taken', { name: rule.name }, '/name'],
])('refuses a rule with %s', async (_, more, pointer) => {
  const answer = await call('POST', '/v1/rules', { ...rule, name: 'another', ...more });
  expect(answer).toMatchObject({ status: 422, body: { type: 'urn:flightcheck:problem:invalid-rule' } });
  expect(answer.body.errors.map((error: { pointer: string }) => error.pointer.startsWith(pointer))).toContain(true);
});

it('lets only the write token make, switch and take away rules', async () => {
  for (const [method, path] of [
    ['POST', '/v1/rules'],
    ['PATCH', '/v1/rules/1'],
    ['DELETE', '/v1/rules/1'],
  ] as const)
    expect((await call(method, path, rule, 'fct_wrong')).status).toBe(401);
  expect(await call('PATCH', '/v1/rules/1', { enabled: true, name: 'x' })).toMatchObject({ status: 422 });
  expect(await call('GET', '/v1/rules/999')).toMatchObject({ status: 404, body: { detail: 'There is no such rule.' } });
});

it('answers as its description says, and shows rules on their pages', async () => {
  const { body } = await call('GET', '/openapi.json');
  const ajv = new Ajv2020({ strict: false, formats: { 'date-time': true } });
  ajv.addSchema({ $id: 'api', ...body });
  const fits = (name: string, value: unknown) =>
    expect(ajv.validate(`api#/components/schemas/${name}`, value), JSON.stringify(ajv.errors)).toBe(true);
  fits('Rule', rule);
  fits('RulesPage', (await call('GET', '/v1/rules')).body);
  const { body: stored } = await call('GET', '/v1/rules/1');
  fits('StoredRule', stored);
  expect(stored.warnings).toEqual([]);
  const { body: alerts } = await call('GET', '/v1/alerts');
  fits('AlertsPage', alerts);
  fits('AlertInFull', (await call('GET', `/v1/alerts/${alerts.items[0].id}`)).body);
  fits('AlertInFull', (await call('POST', `/v1/alerts/${alerts.items[0].id}/acknowledge`, { why: 'seen' })).body);
  fits('Backtest', (await call('GET', '/v1/rules/1/backtest')).body);
  const { body: nasty } = await call('POST', '/v1/rules', {
    ...rule,
    name: '<script>alert(1)</script>',
    where: { '<img>': ['<b>'] },
  });
  for (const path of ['/rules', `/rules/${nasty.id}`]) {
    const page = await (await fetch(`${tower.url}${path}`)).text();
    expect(page).toContain('&lt;script&gt;');
    expect(page).not.toMatch(/<script|<img|<b>/);
  }
  expect(await (await fetch(`${tower.url}/rules/1`)).text()).toContain('What it would have raised in 90 days');
  expect((await call('DELETE', `/v1/rules/${nasty.id}`)).status).toBe(204);
  const metrics = [{ name: 'task.cpu', unit: 's', value: 9000, labels: {} }];
  expect((await call('POST', '/v1/metrics', { model: 'late-lodgement-risk', metrics })).status).toBe(201);
  const { body: long } = await call('POST', '/v1/rules', {
    ...{ name: 'long', metric: 'task.cpu', when: { of: 'value', is: 'above', limit: 7200, closesAt: 7001 } },
  });
  for (const path of ['/rules', `/rules/${long.id}`])
    expect(await (await fetch(`${tower.url}${path}`)).text()).toContain('above 2 h, closed at 7,001 s');
  expect(await (await fetch(`${tower.url}/rules/${long.id}`)).text()).toMatch(/<td class="number"[^>]*>2.5 h</);
  expect((await call('DELETE', `/v1/rules/${long.id}`)).status).toBe(204);
  expect((await call('GET', '/v1/rules')).body.items).toHaveLength(1);
});
