/** GitLab gives a path to another project once the first has left it: names follow GitLab, records stay with the number. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApp } from '../../../src/tower/app.ts';
import { idTokenVerifier } from '../../../src/tower/auth/gitlab.ts';
import type { OpenDatabase } from '../../../src/tower/store/database.ts';
import { openStore } from '../../../src/tower/store/open.ts';
import { ensureOperatorToken } from '../../../src/tower/store/tokens.ts';
import { audience, type Issuer, startIssuer } from '../../support/gitlab-issuer.ts';
import { answerOf } from '../answer.ts';
import { sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-reused-'));
let store: OpenDatabase;
let gitlab: Issuer;
let other: Issuer;
let admin: string;
let app: ReturnType<typeof createApp>;
beforeAll(async () => {
  [store, gitlab, other] = await Promise.all([openStore({ folder }), startIssuer(), startIssuer()]);
  admin = (await ensureOperatorToken(store.db, false)) ?? '';
  app = createApp({
    ...{ db: store.db, version: '1', defaultBranches: ['main'], isLocal: false },
    verifyIdToken: idTokenVerifier([gitlab.url, other.url], audience),
    onError: (error) => expect(error).toBe(null),
  });
});
afterAll(async () => {
  await store?.close();
  gitlab?.close();
  other?.close();
  rmSync(folder, { recursive: true, force: true });
});

const ask = (method: string, path: string, token: string, body?: object) =>
  answerOf(
    app.request(`http://tower.example.com${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    }),
  );
let job = 1;
/** @returns the id of the model. */
async function report(project: string, path: string, issuer = gitlab): Promise<string> {
  const jobId = String(job++);
  const token = await issuer.token({ project_id: project, job_project_id: project, project_path: path, job_id: jobId });
  const { status, body } = await ask('POST', '/v1/reports', token, sampleReport({ jobId }));
  expect(status).toBe(201);
  return body.model.id;
}
const projects = async () =>
  Object.fromEntries(
    (await ask('GET', '/v1/models', admin)).body.items.map(({ id, project }: { id: string; project: string }) => [id, project]),
  );

it('the path means the project that has it now, and the one that had it keeps its record under a name of its own', async () => {
  const path = 'risk/late';
  const before = await report('42', path);
  const elsewhere = await report('42', path, other);
  const { token } = (await ask('POST', '/v1/tokens', admin, { name: 'monitor', role: 'write', namespace: path, days: 1 })).body;
  const now = await report('99', path);
  const named = await projects();
  expect(named).toEqual({ [before]: `${path}~42`, [now]: path, [elsewhere]: expect.stringMatching(/:risk\/late$/) });

  expect((await ask('GET', `/v1/gates/late-lodgement-risk?project=${path}`, admin)).body.model).toMatchObject({ id: now });
  const metrics = { model: 'late-lodgement-risk', metrics: [{ name: 'model.load', value: 1 }] };
  expect((await ask('POST', '/v1/metrics', token, metrics)).body.model).toMatchObject({ id: now });
  expect((await ask('GET', `/v1/models/${before}`, token)).status).toBe(404);
  const reader = await ask('POST', '/v1/tokens', admin, { name: 'reader', role: 'read', namespace: 'risk', days: 1 });
  for (const id of [before, now]) expect((await ask('GET', `/v1/models/${id}`, reader.body.token)).status).toBe(200);

  // It was moved, not deleted: its next report says where it is.
  expect(await report('42', 'risk/archive/late')).toBe(before);
  expect(await projects()).toEqual({ ...named, [before]: 'risk/archive/late' });
  // And back, once the other has left.
  expect(await report('42', path)).toBe(before);
  expect(await projects()).toEqual({ ...named, [before]: path, [now]: `${path}~99` });
});

it('the model of a path is that of which GitLab speaks, also beside one that a token sent', async () => {
  const path = 'risk/tried';
  const sent = sampleReport({ name: 'tried', jobId: 'laptop' });
  const made = await ask('POST', '/v1/reports', admin, { ...sent, source: { ...sent.source, project: path } });
  expect(made.status).toBe(201);
  const metrics = { model: 'tried', metrics: [{ name: 'model.load', value: 1 }] };
  expect((await ask('POST', '/v1/metrics', admin, metrics)).body.model).toEqual(made.body.model);

  const token = await gitlab.token({ project_id: '7', job_project_id: '7', project_path: path, job_id: '7' });
  const proven = await ask('POST', '/v1/reports', token, sampleReport({ name: 'tried', jobId: '7' }));
  expect(proven.body.model).not.toEqual(made.body.model);
  // What a name meant is remembered for a second.
  await wait(1100);
  for (const body of [metrics, { ...metrics, project: path }])
    expect((await ask('POST', '/v1/metrics', admin, { ...body, at: '2026-03-05T00:00:00Z' })).body.model).toEqual(
      proven.body.model,
    );
  expect((await ask('GET', `/v1/gates/tried?project=${path}`, admin)).body.model).toMatchObject(proven.body.model);
});
