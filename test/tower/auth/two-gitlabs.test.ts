/** Two GitLabs that are both trusted have projects of one path: what names a path of the first opens nothing of the second. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApp } from '../../../src/tower/app.ts';
import { idTokenVerifier } from '../../../src/tower/auth/gitlab.ts';
import { grantsOf } from '../../../src/tower/auth/login.ts';
import { listAudit } from '../../../src/tower/store/audit.ts';
import type { OpenDatabase } from '../../../src/tower/store/database.ts';
import { openStore } from '../../../src/tower/store/open.ts';
import { findSession, openSession } from '../../../src/tower/store/sessions.ts';
import { settlePaths } from '../../../src/tower/store/settle-paths.ts';
import { createToken } from '../../../src/tower/store/tokens.ts';
import { audience, type Issuer, startIssuer } from '../../support/gitlab-issuer.ts';
import { answerOf } from '../answer.ts';
import { sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-two-'));
const path = 'risk/late-lodgement';
let store: OpenDatabase;
let first: Issuer;
let second: Issuer;
let app: ReturnType<typeof createApp>;
let pathOfSecond: string;
beforeAll(async () => {
  [store, first, second] = await Promise.all([openStore({ folder }), startIssuer(), startIssuer()]);
  pathOfSecond = `${new URL(second.url).host}:${path}`;
  app = createApp({
    db: store.db,
    version: '1',
    verifyIdToken: idTokenVerifier([first.url, second.url], audience),
    defaultBranches: ['main'],
    isLocal: false,
    onError: (error) => {
      throw error;
    },
  });
  for (const gitlab of [first, second])
    expect(await send(await gitlab.token(), '/v1/reports', sampleReport({ jobId: '1001' }))).toMatchObject({ status: 201 });
});
afterAll(async () => {
  await store?.close();
  for (const gitlab of [first, second]) gitlab?.close();
  rmSync(folder, { recursive: true, force: true });
});

const send = (token: string, to: string, body: object) =>
  answerOf(
    app.request(`http://tower.example.com${to}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  );
const get = (token: string, from: string) =>
  answerOf(app.request(`http://tower.example.com${from}`, { headers: { authorization: `Bearer ${token}` } }));
async function tokenFor(namespace: string): Promise<string> {
  const made = {
    name: `for ${namespace.replaceAll(/[:/]/g, ' ')}`,
    role: 'write',
    namespace,
    model: '',
    days: 1,
    createdBy: 'test',
  } as const;
  return (await createToken(store.db, made)).token;
}
const metrics = { model: 'late-lodgement-risk', environment: 'production', metrics: [{ name: 'model.load', value: 1 }] };
const projectsOf = async (token: string) =>
  (await get(token, '/v1/models')).body.items.map(({ project }: { project: string }) => project);

it('a grant of a namespace holds for the first GitLab, one that names the second for that', async () => {
  const [ofFirst, ofSecond] = [await tokenFor('risk'), await tokenFor(pathOfSecond.split('/')[0] ?? '')];
  expect(await projectsOf(ofFirst)).toEqual([path]);
  expect(await projectsOf(ofSecond)).toEqual([pathOfSecond]);
  for (const [token, id] of [
    [ofFirst, '1'],
    [ofSecond, '2'],
  ] as const)
    expect(await send(token, '/v1/metrics', metrics)).toMatchObject({ body: { model: { id } } });
  expect((await send(ofFirst, '/v1/metrics', { ...metrics, project: pathOfSecond })).status).toBe(422);
});

it('a job names its project as its own GitLab does', async () => {
  const token = await second.token({ job_id: '1002' });
  for (const project of [path, pathOfSecond, undefined])
    expect(await send(token, '/v1/metrics', { ...metrics, project })).toMatchObject({ body: { model: { id: '2' } } });
  expect((await send(token, '/v1/metrics', { ...metrics, project: 'late-lodgement' })).status).toBe(422);
});

it('groups of a login are those of the GitLab where it was made', () => {
  const claims = { groups: ['risk'], 'https://gitlab.org/claims/groups/owner': ['lab/a'] };
  const roles = [{ group: 'risk', role: 'admin', namespace: '', model: '' }] as const;
  expect(grantsOf(claims, roles, 'b.example.com:')).toEqual([
    { role: 'read', namespace: 'b.example.com:risk', model: '' },
    { role: 'write', namespace: 'b.example.com:lab/a', model: '' },
    { role: 'admin', namespace: '', model: '' },
  ]);
});

const paths = async () =>
  (await sql<{ path: string }>`select path from project order by id`.execute(store.db)).rows.map((row) => row.path);

it('what was stored before is settled when a server starts', async () => {
  const settled = await paths();
  await sql`update project set path = ${path}`.execute(store.db);
  await settlePaths(store.db, [first.url, second.url]);
  expect(await paths()).toEqual(settled);
  // A server that trusts none knows no first one.
  await settlePaths(store.db, []);
  expect(await paths()).toEqual(settled);
});

const firsts = async () =>
  (await listAudit(store.db, { action: 'gitlab.first', limit: 10 })).map(({ subject, detail }) => ({ subject, detail }));

it('no grant goes to another GitLab because that is named first, unless the operator says so', async () => {
  const token = await tokenFor(path);
  const person = { subject: '7', name: 'ada', grants: [{ role: 'read', namespace: 'risk', model: '' }] } as const;
  const cookie = await openSession(store.db, person, undefined);
  const before = await paths();
  for (const order of [[second.url, first.url], [second.url]])
    for (const accepted of [undefined, first.url])
      await expect(settlePaths(store.db, order, accepted)).rejects.toMatchObject({
        code: 'TOWER_FIRST_GITLAB',
        message: expect.stringContaining(`was ${first.url} and is now ${second.url}`),
      });
  expect(await paths()).toEqual(before);
  expect(await projectsOf(token)).toEqual([path]);
  expect((await get(token, '/v1/models')).body.items).toMatchObject([{ id: '1' }]);
  expect(await findSession(store.db, cookie)).not.toBeNull();

  await settlePaths(store.db, [second.url, first.url], second.url);
  expect(await paths()).toEqual([`${new URL(first.url).host}:${path}`, path]);
  expect(await findSession(store.db, cookie)).toBeNull();
  // The flag may stay; it says nothing about the next change.
  await settlePaths(store.db, [second.url, first.url], second.url);
  await expect(settlePaths(store.db, [first.url, second.url], second.url)).rejects.toMatchObject({ code: 'TOWER_FIRST_GITLAB' });
  const home = { subject: second.url, detail: { before: [first.url] } };
  expect(await firsts()).toEqual([home, { subject: first.url, detail: {} }]);
});

it('the first one is known by its paths where it was not recorded, and without a project once it is', async () => {
  const fresh = await openStore({ folder: join(folder, 'fresh') });
  try {
    await sql`insert into project (issuer, external_id, path) values (${first.url}, '1', 'risk/late')`.execute(fresh.db);
    await expect(settlePaths(fresh.db, [second.url, first.url])).rejects.toMatchObject({ code: 'TOWER_FIRST_GITLAB' });
    await settlePaths(fresh.db, [first.url, second.url]);
    await sql`delete from project`.execute(fresh.db);
    await expect(settlePaths(fresh.db, [second.url, first.url])).rejects.toMatchObject({ code: 'TOWER_FIRST_GITLAB' });
  } finally {
    await fresh.close();
  }
});
