/** Tokens of machines: what each may do and where, when they end, and the record of who made them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RawBuilder, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../../src/tower/app.ts';
import { listAudit, recordAct } from '../../../src/tower/store/audit.ts';
import { chainVerifier } from '../../../src/tower/store/audit-chain.ts';
import type { OpenDatabase } from '../../../src/tower/store/database.ts';
import { openStore } from '../../../src/tower/store/open.ts';
import { createToken, ensureOperatorToken, findToken, listTokens, revokeToken } from '../../../src/tower/store/tokens.ts';
import { answerOf } from '../answer.ts';
import { type SampleOptions, sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-tokens-'));
let store: OpenDatabase;
let admin: string;
let app: ReturnType<typeof createApp>;
/** As `app`, for whom three writes at once are too many. */
let patient: ReturnType<typeof createApp>;
const errors: unknown[] = [];
const onError = (error: unknown) => errors.push(error);
beforeAll(async () => {
  store = await openStore({ folder });
  admin = (await ensureOperatorToken(store.db, false)) ?? '';
  // As behind a public address: nothing is read without a token.
  const options = {
    ...{ db: store.db, version: '0.1.0', verifyIdToken: null, defaultBranches: ['main'] },
    ...{ isLocal: false, onError },
  };
  app = createApp(options);
  patient = createApp({ ...options, rate: { burst: 2, perSecond: 0.1 } });
});
afterAll(async () => {
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
  expect(errors).toEqual([]);
});

async function ask(method: string, path: string, token: string | null, body?: unknown, server = app) {
  return answerOf(
    server.request(`http://tower.example.com${path}`, {
      method,
      headers: {
        host: 'tower.example.com',
        ...(token && { authorization: `Bearer ${token}` }),
        'content-type': 'application/json',
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  );
}
const make = async (wanted: object): Promise<string> =>
  (await ask('POST', '/v1/tokens', admin, { days: 30, ...wanted })).body.token;
const report = (project: string, options: SampleOptions = {}) => {
  const made = sampleReport(options);
  return { ...made, source: { ...made.source, project } };
};

describe('a token', () => {
  let models: Record<'lodgement' | 'rates' | 'riskier', string>;
  beforeAll(async () => {
    const send = async (project: string, name: string) =>
      (await ask('POST', '/v1/reports', admin, report(project, { name, jobId: name }))).body.model.id;
    models = {
      lodgement: await send('risk/late-lodgement', 'lodgement'),
      rates: await send('treasury/rates', 'rates'),
      riskier: await send('riskier/model', 'riskier'),
    };
  });

  it('is shown once, with a prefix that finds it, and never again', async () => {
    const made = await ask('POST', '/v1/tokens', admin, { name: 'shown', role: 'read' });
    expect(made).toMatchObject({
      status: 201,
      body: { role: 'read', createdBy: 'token operator', token: expect.stringMatching(/^fct_/) },
    });
    const { token, prefix } = made.body;
    expect(token.startsWith(prefix)).toBe(true);
    expect(Date.parse(made.body.expiresAt) - Date.now()).toBeGreaterThan(364 * 86_400_000);
    const everything = JSON.stringify([
      (await ask('GET', '/v1/tokens', admin)).body,
      (await ask('GET', '/tokens', admin)).body,
      (await ask('GET', '/v1/audit', admin)).body,
      (await sql`select * from token`.execute(store.db)).rows,
    ]);
    expect(everything).toContain(prefix);
    expect(everything).not.toContain(token);
  });

  it('of one namespace writes there and nowhere else', async () => {
    const token = await make({ name: 'risk writer', role: 'write', namespace: 'risk' });
    expect(
      (await ask('POST', '/v1/reports', token, report('risk/late-lodgement', { name: 'lodgement', jobId: 'w1' }))).status,
    ).toBe(201);
    for (const project of ['treasury/rates', 'riskier/model', 'Risk/x', 'risk/../treasury/rates', ''])
      expect(await ask('POST', '/v1/reports', token, report(project, { name: 'x', jobId: 'w2' })), project).toMatchObject({
        status: 403,
      });
    const metrics = [{ name: 'model.drift.psi', value: 1 }];
    expect((await ask('POST', '/v1/metrics', token, { model: 'lodgement', metrics })).status).toBe(201);
    expect((await ask('POST', '/v1/metrics', token, { model: 'rates', metrics })).status).toBe(422);
    expect((await ask('POST', '/v1/rules', token, { name: 'r', metric: 'm', when: { absentHours: 1 } })).status).toBe(403);
    expect((await ask('POST', '/v1/tokens', token, { name: 'more', role: 'admin' })).status).toBe(403);
  });

  it('of one model writes for it alone', async () => {
    const token = await make({ name: 'one model', role: 'write', namespace: 'risk', model: 'lodgement' });
    expect(
      (await ask('POST', '/v1/reports', token, report('risk/late-lodgement', { name: 'lodgement', jobId: 'm1' }))).status,
    ).toBe(201);
    expect((await ask('POST', '/v1/reports', token, report('risk/late-lodgement', { name: 'other', jobId: 'm2' }))).status).toBe(
      403,
    );
  });

  it('that reads one namespace sees its models and no sign of others', async () => {
    const token = await make({ name: 'risk reader', role: 'read', namespace: 'risk' });
    const names = (await ask('GET', '/v1/models', token)).body.items.map(({ name }: { name: string }) => name);
    expect(names).toEqual(['lodgement']);
    const fleet = await ask('GET', '/', token);
    expect(fleet.body).toContain('risk/late-lodgement');
    expect(fleet.body).not.toMatch(/treasury|riskier/);
    for (const path of ['', '/history'])
      expect((await ask('GET', `/v1/models/${models.lodgement}${path}`, token)).status).toBe(200);
    expect((await ask('GET', `/models/${models.lodgement}`, token)).status).toBe(200);
    for (const id of [models.rates, models.riskier])
      for (const path of [`/v1/models/${id}`, `/v1/models/${id}/history`, `/models/${id}`])
        expect((await ask('GET', path, token)).status, path).toBe(404);
    expect((await ask('GET', '/v1/standing?model=rates', token)).status).toBe(404);
    expect((await ask('GET', '/v1/series?model=rates&metric=model.quality.auc', token)).body.items).toEqual([]);
    expect((await ask('GET', '/v1/series?model=lodgement&metric=model.quality.auc', token)).body.items).toHaveLength(1);
    for (const path of ['/metrics', '/tokens', '/audit', '/v1/tokens', '/v1/audit'])
      expect((await ask('GET', path, token)).status, path).toBe(403);
    expect((await ask('POST', '/v1/reports', token, report('risk/late-lodgement'))).status).toBe(403);
  });

  it('of the role read for all sees all, and changes nothing', async () => {
    const token = await make({ name: 'reader', role: 'read' });
    for (const path of ['/', '/explore', '/v1/models', '/alerts', '/rules'])
      expect((await ask('GET', path, token)).status, path).toBe(200);
    for (const path of ['/tokens', '/audit']) expect((await ask('GET', path, token)).status, path).toBe(403);
    expect((await ask('POST', '/v1/reports', token, report('risk/late-lodgement'))).status).toBe(403);
  });

  it('ends when it expires and when it is revoked', async () => {
    const made = await ask('POST', '/v1/tokens', admin, { name: 'short', role: 'read' });
    await sql`update token set expires_at = now() + interval '2 seconds' where name = 'short'`.execute(store.db);
    expect((await ask('GET', '/v1/models', made.body.token)).status).toBe(200);
    await sleep(1500);
    expect((await ask('GET', '/v1/models', made.body.token)).status).toBe(200);
    // Asked for a moment ago, it ends all the same.
    await sleep(600);
    expect((await ask('GET', '/v1/models', made.body.token)).status).toBe(401);
    const other = await ask('POST', '/v1/tokens', admin, { name: 'gone', role: 'read' });
    expect((await ask('GET', '/v1/models', other.body.token)).status).toBe(200);
    expect((await ask('DELETE', `/v1/tokens/${other.body.id}`, admin)).status).toBe(204);
    expect((await ask('GET', '/v1/models', other.body.token)).status).toBe(401);
    expect((await ask('DELETE', `/v1/tokens/${other.body.id}`, admin)).status).toBe(404);
    // Its name is free again.
    expect((await ask('POST', '/v1/tokens', admin, { name: 'gone', role: 'read' })).status).toBe(201);
  });

  it.each<readonly [string, object, string]>([
    ['a taken name', { name: 'reader', role: 'read' }, '/name'],
    ['a name of control characters', { name: 'a\u0007', role: 'read' }, '/name'],
    ['no role', { name: 'n' }, ''],
    ['another role', { name: 'n', role: 'root' }, '/role'],
    ['a namespace that is a pattern', { name: 'n', role: 'read', namespace: '/risk/' }, '/namespace'],
    ['a lifetime of none', { name: 'n', role: 'read', days: 0 }, '/days'],
  ])('is not made with %s', async (_, body, pointer) => {
    expect(await ask('POST', '/v1/tokens', admin, body)).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
  });

  it.each(['POST', 'DELETE'])(
    'that sends too many %s is told when to go on; others and reading go on meanwhile',
    async (method) => {
      const [own, other] = await Promise.all(['own', 'other'].map((name) => make({ name: `${method} ${name}`, role: 'write' })));
      const write = (token = '') => ask(method, '/v1/dashboards/1', token, {}, patient);
      for (let i = 0; i < 2; i++) expect((await write(own)).status).not.toBe(429);
      const { status, headers } = await write(own);
      expect({ status, after: Number(headers.get('retry-after')) }).toEqual({ status: 429, after: 10 });
      expect((await write(other)).status).not.toBe(429);
      expect((await ask('GET', '/v1/models', own ?? '', undefined, patient)).status).toBe(200);
    },
  );

  it('is known by all of it, not by its prefix, and says when it was last used', async () => {
    const { token, row } = await createToken(store.db, {
      name: 'used',
      role: 'read',
      namespace: '',
      model: '',
      days: null,
      createdBy: 'test',
    });
    for (const wrong of [token.slice(0, -1), `${token}A`, token.slice(0, 12), `${token.slice(0, 12)}${'A'.repeat(24)}`, ''])
      expect(await findToken(store.db, wrong)).toBeNull();
    const lastUse = async () => (await listTokens(store.db)).find(({ id }) => id === row.id)?.lastUsedAt ?? null;
    expect(await lastUse()).toBeNull();
    expect(await findToken(store.db, token)).toMatchObject({ name: 'used', role: 'read' });
    expect((await lastUse())?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    await revokeToken(store.db, row.id, 'test');
    expect(await findToken(store.db, token)).toBeNull();
  });
});

describe('the audit', () => {
  /** To a server that has not looked before. */
  const brokenSeal = async () => (await chainVerifier(store.db).whole()).broken;

  it('names who did what, a page at a time', async () => {
    await ask('POST', '/v1/rules', admin, { name: 'watched', metric: 'model.drift.psi', when: { absentHours: 1 } });
    const first = (await ask('GET', '/v1/audit?limit=2', admin)).body;
    expect(first.items[0]).toMatchObject({ actor: 'token operator', action: 'rule.created', subject: 'watched' });
    const second = (await ask('GET', `/v1/audit?limit=2&cursor=${first.next}`, admin)).body;
    expect(second.items.map(({ id }: { id: string }) => Number(id))).toEqual([
      Number(first.items[1].id) - 1,
      Number(first.items[1].id) - 2,
    ]);
    const revoked = (await ask('GET', '/v1/audit?action=token.revoked', admin)).body.items;
    expect(revoked.map(({ subject }: { subject: string }) => subject)).toContain('gone');
    const page = (await ask('GET', '/audit', admin)).body;
    expect(page).toContain('every seal fits');
    // In words: neither JSON nor what says nothing.
    expect(page).toMatch(/<small>[^<]*role write, namespace \w/);
    expect(page).not.toMatch(/<small>[^<]*(\{|\[|&quot;)/);
    expect((await ask('GET', '/v1/audit?cursor=AAAA', admin)).status).toBe(400);
  });

  it('shows that the newest entries were taken away to whoever kept their seal elsewhere', async () => {
    await recordAct(store.db, { actor: 'test', action: 'test.done', subject: 'the newest' });
    const seal = (await ask('GET', '/v1/audit?limit=1', admin)).body.items[0].hash;
    await recordAct(store.db, { actor: 'test', action: 'test.done', subject: 'after it' });
    const isIntact = async (kept: string) => (await ask('GET', `/v1/audit?limit=1&seal=${kept}`, admin)).body.isIntact;
    expect(await isIntact(seal)).toBe(true);
    expect(await isIntact('0'.repeat(64))).toBe(false);
    expect((await ask('GET', '/v1/audit?seal=x', admin)).status).toBe(400);
    await sql`alter table audit disable trigger audit_append_only`.execute(store.db);
    await sql`delete from audit where subject in ('the newest', 'after it')`.execute(store.db);
    await sql`alter table audit enable trigger audit_append_only`.execute(store.db);
    expect(await isIntact(seal)).toBe(false);
    // The chain of what is left fits: a server that never saw them does not know without the seal, one that did does.
    expect(await brokenSeal()).toBeNull();
    const [gone] = (await ask('GET', '/v1/audit?verify=whole', admin)).body.items;
    expect((await ask('GET', '/v1/audit', admin)).body).toMatchObject({
      isIntact: false,
      verified: { broken: String(Number(gone.id) + 2), entries: expect.any(Number) },
    });
  });

  it('is only added to, and shows when somebody forces a change', async () => {
    await recordAct(store.db, { actor: 'test', action: 'test.done', subject: 'last' });
    await expect(sql`update audit set actor = 'nobody'`.execute(store.db)).rejects.toThrow('only added to');
    await expect(sql`delete from audit`.execute(store.db)).rejects.toThrow('only added to');
    expect(await brokenSeal()).toBeNull();
    const [after, entry] = await listAudit(store.db, { limit: 2 });
    await sql`alter table audit disable trigger audit_append_only`.execute(store.db);
    await sql`update audit set actor = 'nobody' where id = ${entry?.id}`.execute(store.db);
    expect(await brokenSeal()).toBe(entry?.id);
    expect((await ask('GET', '/v1/audit', admin)).body.isIntact).toBe(false);
    expect((await ask('GET', '/audit', admin)).body).toContain('was changed in the database');
    await sql`update audit set actor = ${entry?.actor} where id = ${entry?.id}`.execute(store.db);
    expect(await brokenSeal()).toBeNull();
    await sql`delete from audit where id = ${entry?.id}`.execute(store.db);
    expect(await brokenSeal()).toBe(after?.id);
    await sql`alter table audit enable trigger audit_append_only`.execute(store.db);
  });
});

describe('a chain of which the most was verified before', () => {
  const act = (subject: string) => recordAct(store.db, { actor: 'test', action: 'test.done', subject });
  const change = async (statement: RawBuilder<unknown>) => {
    await sql`alter table audit disable trigger audit_append_only`.execute(store.db);
    await statement.execute(store.db);
    await sql`alter table audit enable trigger audit_append_only`.execute(store.db);
  };
  beforeAll(() => change(sql`delete from audit`));

  it('is looked at where it went on, and whole when that is asked for', async () => {
    for (const subject of ['first', 'second', 'third']) await act(subject);
    const chain = chainVerifier(store.db);
    expect(await chain.look()).toMatchObject({ broken: null, entries: 3 });
    await act('fourth');
    const look = await chain.look();
    expect(look).toMatchObject({ broken: null, entries: 4 });
    expect(look.wholeAt < look.verifiedAt).toBe(true);

    await change(sql`update audit set actor = 'nobody' where subject = 'second'`);
    const [fourth, third, second] = await listAudit(store.db, { limit: 10 });
    expect([fourth?.isSealed, third?.isSealed, second?.isSealed]).toEqual([true, true, false]);
    expect((await chain.whole()).broken).toBe(second?.id);
    // What is broken is not forgotten by the next look, nor what was repaired taken for broken.
    expect((await chain.look()).broken).toBe(second?.id);
    await change(sql`update audit set actor = 'test' where subject = 'second'`);
    expect(await chain.look()).toMatchObject({ broken: null, entries: 4 });
  });

  it('is found changed at once where the change is among what is shown', async () => {
    const { body } = await ask('GET', '/v1/audit', admin);
    expect(body).toMatchObject({ isIntact: false });
    const chain = chainVerifier(store.db);
    const page = createApp({
      db: store.db,
      chain,
      version: '1',
      verifyIdToken: null,
      defaultBranches: [],
      isLocal: true,
      onError,
    });
    const audit = async () => (await page.request('http://localhost/audit', { headers: { host: 'localhost' } })).text();
    expect(await audit()).toContain('every seal fits');
    await change(sql`update audit set subject = 'the 3rd' where subject = 'third'`);
    const html = await audit();
    expect(html).toContain('was changed in the database');
    expect(html).not.toContain('every seal fits');
    expect(html.match(/does not fit/g)).toHaveLength(2);
    await change(sql`update audit set subject = 'third' where subject = 'the 3rd'`);
    expect(await audit()).toContain('every seal fits');
  });

  it('shows when all seals from one entry on were made anew', async () => {
    const chain = chainVerifier(store.db);
    expect((await chain.look()).broken).toBeNull();
    await change(sql`delete from audit where subject in ('third', 'fourth')`);
    await act('forged');
    await act('another');
    expect(await chainVerifier(store.db).look()).toMatchObject({ broken: null });
    expect((await chain.look()).broken).not.toBeNull();
    expect((await chain.whole()).broken).not.toBeNull();
  });
});
