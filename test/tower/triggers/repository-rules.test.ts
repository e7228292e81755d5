/** Rules that travel in flightcheck.yml: whose word counts, what they may look at and do, and how a set takes the place of another. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTower, type Tower } from '../../../src/tower/server.ts';
import { whyNotAllowed } from '../../../src/tower/triggers/leave.ts';
import { audience, type Claims, type Issuer, startIssuer } from '../../support/gitlab-issuer.ts';
import { answerOf } from '../answer.ts';
import { type SampleOptions, sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-repository-rules-'));
let tower: Tower;
let gitlab: Issuer;
const errors: unknown[] = [];
beforeAll(async () => {
  gitlab = await startIssuer();
  tower = await startTower({
    folder,
    port: 0,
    version: '0.1.0',
    workerPause: 20,
    gitlabIssuers: [gitlab.url],
    audience,
    actions: {
      gitlab: null,
      airflows: new Map(),
      webhooks: new Map(),
      send: () => Promise.reject(new Error('nothing is sent')),
      repositories: [{ namespace: 'risk', actions: ['issue', 'airflow:prod:retrain', 'pipelinesPerDay:5'] }],
    },
    onError: (error) => errors.push(error),
  });
});
afterAll(async () => {
  await tower?.close();
  gitlab?.close();
  rmSync(folder, { recursive: true, force: true });
  expect(errors).toEqual([]);
});

const call = (method: string, path: string, body?: unknown, token = tower.token) =>
  answerOf(
    fetch(tower.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  );
const drift = {
  name: 'drift',
  metric: 'model.drift.psi',
  when: { of: 'value', is: 'above', limit: 0.2 },
  actions: [{ do: 'issue' }],
};
const silence = { name: 'silence', metric: 'model.drift.psi', when: { absentHours: 24 } };

let jobs = 1000;
/** The report of a job, by default of the protected default branch. */
async function report(rules: unknown, changes: Claims = {}, options: SampleOptions = {}) {
  const job = String(jobs++);
  const token = await gitlab.token({ job_id: job, ...changes });
  const made = sampleReport({ jobId: job, at: new Date().toISOString(), ...options });
  const source = { ...made.source, ref: changes.ref ?? 'main' };
  return call('POST', '/v1/reports', { ...made, source, ...(rules !== undefined && { rules }) }, token);
}
const rules = async () => (await call('GET', '/v1/rules')).body.items as { id: string; name: string; model: string | null }[];

it('are taken from a job of the protected default branch alone', async () => {
  for (const changes of [
    { ref_protected: 'false' },
    { ref: 'other' },
    { pipeline_source: 'merge_request_event' },
    { job_project_id: '43' },
  ])
    expect((await report([drift], changes)).body, JSON.stringify(changes)).toMatchObject({ record: 'preview', rules: null });
  const { body } = await call('POST', '/v1/reports', { ...sampleReport({ at: new Date().toISOString() }), rules: [drift] });
  expect(body).toMatchObject({ record: 'authoritative', rules: null });
  expect(await rules()).toEqual([]);
  const taken = await report([drift, silence]);
  expect(taken.body).toMatchObject({ record: 'authoritative', rules: { kept: 2, refused: [] } });
  const { id } = taken.body.model;
  expect(await rules()).toMatchObject([
    {
      name: 'drift',
      model: id,
      enabled: true,
      severity: 'warning',
      createdBy: expect.stringMatching(/^repository of late-lodgement-risk, job \d+$/),
    },
    { name: 'silence', model: id },
  ]);
});

it('look at their own model, and raise alerts there', async () => {
  const other = await report([], { project_id: '99', job_project_id: '99', project_path: 'risk/other' }, { name: 'other' });
  expect(other.body.rules).toEqual({ kept: 0, refused: [], warnings: [] });
  const metrics = [{ name: 'model.drift.psi', value: 0.9 }];
  const at = new Date(Date.now() + 1000).toISOString();
  expect((await call('POST', '/v1/metrics', { model: 'other', at, metrics })).status).toBe(201);
  const token = await gitlab.token();
  expect((await call('POST', '/v1/metrics', { model: 'late-lodgement-risk', at, metrics }, token)).status).toBe(201);
  let alerts: unknown[] = [];
  for (let look = 0; look < 200 && alerts.length === 0; look++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    alerts = (await call('GET', '/v1/alerts')).body.items;
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect((await call('GET', '/v1/alerts')).body.items).toMatchObject([
    { model: { name: 'late-lodgement-risk' }, rule: { name: 'drift' } },
  ]);
  const [{ id } = { id: '' }] = await rules();
  expect((await call('GET', `/v1/rules/${id}/backtest`)).body).toMatchObject({ series: 1 });
  const page = await (await fetch(`${tower.url}/rules/${id}`)).text();
  expect(page).toContain('From the repository of');
  expect(await (await fetch(`${tower.url}/rules`)).text()).toContain('from the repository of late-lodgement-risk');
});

it('are changed in the repository alone', async () => {
  const [{ id } = { id: '' }] = await rules();
  for (const [method, body] of [
    ['PATCH', { enabled: false }],
    ['DELETE', undefined],
  ] as const)
    expect(await call(method, `/v1/rules/${id}`, body)).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('stands in flightcheck.yml') },
    });
  // An admin may have one of the same name.
  expect((await call('POST', '/v1/rules', { ...drift, actions: [] })).status).toBe(201);
});

it('are replaced as a set: the same goes on, another begins, one that is not named ends', async () => {
  const own = async () => (await rules()).filter(({ model }) => model !== null);
  const [first, second] = await own();
  expect((await report([drift, { ...silence, when: { absentHours: 48 } }])).body.rules).toEqual({
    ...{ kept: 2, refused: [] },
    warnings: [{ name: 'drift', reason: expect.stringContaining('no access to GitLab') }],
  });
  const [same, changed] = await own();
  expect(same?.id).toBe(first?.id);
  expect(changed).toMatchObject({ name: 'silence', when: { absentHours: 48 } });
  expect(changed?.id).not.toBe(second?.id);
  // A report that does not know them says nothing; one that is late neither.
  await report(undefined);
  await report([], {}, { at: '2026-01-01T00:00:00Z' });
  expect(await own()).toHaveLength(2);
  await report([drift]);
  expect((await own()).map(({ name }) => name)).toEqual(['drift']);
  await report([]);
  expect(await own()).toEqual([]);
  expect((await call('GET', '/v1/alerts?state=open')).body.items).toEqual([]);
  expect((await rules()).map(({ name }) => name)).toEqual(['drift']);
});

it('do what the operator allows; what is wrong with one costs neither the others nor the report', async () => {
  const answer = await report([
    drift,
    drift,
    { ...drift, name: 'pipeline', actions: [{ do: 'pipeline', ref: 'main' }] },
    { ...drift, name: 'dag', actions: [{ do: 'airflow', at: 'prod', dag: 'retrain' }] },
    { ...drift, name: 'other dag', actions: [{ do: 'airflow', at: 'prod', dag: 'payroll' }] },
    { ...drift, name: 'twice', actions: [{ do: 'issue' }, { do: 'issue' }] },
    { name: 'half', metric: 'm' },
    { ...drift, name: 'variable', actions: [{ do: 'pipeline', ref: 'main', variables: { FLIGHTCHECK_ALERT_ID: 'x' } }] },
  ]);
  expect(answer.status).toBe(201);
  expect(answer.body.rules).toMatchObject({
    kept: 2,
    refused: [
      { name: 'drift', reason: 'another rule of this model has this name' },
      { name: 'pipeline', reason: expect.stringMatching(/does not let rules of this project do pipeline/) },
      { name: 'other dag', reason: expect.stringMatching(/do airflow:prod:payroll/) },
      { name: 'twice', reason: expect.stringContaining('/actions') },
      { name: 'half', reason: expect.stringContaining('when') },
      { name: 'variable', reason: expect.stringContaining('/actions/0') },
    ],
    warnings: [
      { name: 'drift', reason: 'this server has no access to GitLab; name it in the file of --actions' },
      { name: 'dag', reason: 'this server knows no Airflow prod; name it in the file of --actions' },
    ],
  });
  const many = Array.from({ length: 22 }, (_, i) => ({ ...silence, name: `${i}` }));
  expect((await report([{ ...drift, cooldownHours: 0.5 }, ...many])).body.rules).toMatchObject({
    kept: 20,
    refused: [
      { name: 'drift', reason: expect.stringMatching(/cooldownHours is 0\.5, .*1 hour or more/) },
      { name: '20', reason: 'a model has at most 20 rules' },
      { name: '21' },
    ],
  });
  const first = (await call('GET', '/v1/rules?limit=15')).body;
  const second = (await call('GET', `/v1/rules?limit=15&cursor=${first.next}`)).body;
  expect(second).toMatchObject({ next: null });
  const names = [...first.items, ...second.items].map(({ name }) => name);
  expect(new Set(names).size).toBe(21);
  expect([first.items.length, names.length]).toEqual([15, 21]);
  const page = async (query: string) => (await fetch(`${tower.url}/rules${query}`)).text();
  expect(await page('?limit=15')).toContain(`href="/rules?cursor=${first.next}" rel="next"`);
  expect(await page(`?cursor=${first.next}`)).toContain('6 rules on this page.');
  const eager = { ...drift, name: 'eager', pipelinesPerDay: 100, retrainsInARow: 100 };
  await report([eager]);
  expect((await rules()).find(({ name }) => name === 'eager')).toMatchObject({ pipelinesPerDay: 5, retrainsInARow: 2 });
  const treasury = { project_id: '50', job_project_id: '50', project_path: 'treasury/rates', namespace_path: 'treasury' };
  expect((await report([drift], treasury, { name: 'rates' })).body.rules).toMatchObject({
    kept: 0,
    refused: [{ name: 'drift' }],
  });
});

it.each([
  ['risk/late', ['pipeline'], true],
  ['riskier/late', ['pipeline'], false],
  ['risk/late', ['issue', 'webhook:pipeline'], false],
  ['risk/../treasury', ['pipeline'], false],
])('a pipeline of %s is allowed by %j: %s', (project, actions, isAllowed) => {
  expect(whyNotAllowed({ do: 'pipeline', ref: 'main' }, project, [{ namespace: 'risk', actions }]) === null).toBe(isAllowed);
});
