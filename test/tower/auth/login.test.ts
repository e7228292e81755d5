/** People log in at a real provider: the whole flow, its cookies, its ends, and what a forger would try. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createApp } from '../../../src/tower/app.ts';
import { grantsOf, openLogin } from '../../../src/tower/auth/login.ts';
import type { OpenDatabase } from '../../../src/tower/store/database.ts';
import { openStore } from '../../../src/tower/store/open.ts';
import { ensureOperatorToken } from '../../../src/tower/store/tokens.ts';
import { writeReport } from '../../../src/tower/store/write-report.ts';
import {
  type FakeBrowser,
  type IdentityProvider,
  logIn,
  openBrowser,
  startIdentityProvider,
} from '../../support/identity-provider.ts';
import { localWriter, sampleReport, submissionOf } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-login-'));
let store: OpenDatabase;
let provider: IdentityProvider;
let url: string;
let publicUrl: string;
const servers: { close(): void }[] = [];
let token: string;
const errors: unknown[] = [];

async function start(isPublic: boolean): Promise<string> {
  let fetch: (request: Request) => Response | Promise<Response> = () => new Response('starting', { status: 503 });
  const port = await new Promise<number>((resolve) => {
    servers.push(serve({ fetch: (request) => fetch(request), hostname: '127.0.0.1', port: 0 }, (info) => resolve(info.port)));
  });
  const address = `http://127.0.0.1:${port}`;
  const { issuer, clientId, clientSecret } = provider;
  const roles = [{ group: 'platform', role: 'admin', namespace: '', model: '' } as const];
  fetch = createApp({
    db: store.db,
    version: '0.1.0',
    verifyIdToken: null,
    defaultBranches: ['main'],
    isLocal: true,
    login: openLogin({ issuer, clientId, clientSecret, publicUrl: address, isPublic, roles }),
    onError: (error) => errors.push(error),
  }).fetch;
  return address;
}

beforeAll(async () => {
  provider = await startIdentityProvider({
    ada: { name: 'ada', groups: ['platform'] },
    bob: { name: 'bob <b>', maintains: ['risk'] },
    eve: { name: 'eve', groups: ['treasury/desk'] },
  });
  store = await openStore({ folder });
  token = (await ensureOperatorToken(store.db, false)) ?? '';
  for (const project of ['risk/lodgement', 'treasury/desk/rates'])
    await writeReport(
      store.db,
      submissionOf(sampleReport({ name: project.replaceAll('/', '-'), title: project }), {
        writer: { ...localWriter, projectId: project, projectPath: project },
      }),
    );
  url = await start(false);
  publicUrl = await start(true);
  await provider.start(`${url}/login/callback`);
});
afterAll(async () => {
  for (const server of servers) server.close();
  provider?.close();
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
  expect(errors).toEqual([]);
});

let browser: FakeBrowser;
beforeEach(() => {
  browser = openBrowser();
});
const session = () => browser.cookies.get('tower-session');
const csrfOf = (html: string): string => /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? '';

describe('a person', () => {
  it('is sent to the provider and back to the page that was asked for', async () => {
    const first = await browser.step(`${url}/explore?metric=x`);
    expect(first.status).toBe(303);
    expect(first.headers.get('location')).toBe('/login?to=%2Fexplore%3Fmetric%3Dx');
    const begun = await browser.step(`${url}/login?to=%2Frules`);
    const asked = new URL(begun.headers.get('location') ?? '');
    expect(asked.origin).toBe(provider.issuer);
    expect(Object.fromEntries(asked.searchParams)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      redirect_uri: `${url}/login/callback`,
    });
    const page = await logIn(browser, `${url}/rules`, 'ada');
    expect(page).toMatchObject({ status: 200, url: `${url}/rules` });
    expect(page.html).toContain('<span>ada</span>');
    expect(page.html).toContain('Log out');
  });

  it('sees what the groups allow: everything, or a namespace', async () => {
    const ada = await logIn(browser, `${url}/`, 'ada');
    expect(ada.html).toMatch(/risk\/lodgement[\s\S]*treasury\/desk\/rates|treasury\/desk\/rates[\s\S]*risk\/lodgement/);
    for (const path of ['/audit', '/tokens', '/alerts']) expect((await browser.go(`${url}${path}`)).status, path).toBe(200);
    browser = openBrowser();
    const eve = await logIn(browser, `${url}/`, 'eve');
    expect(eve.html).toContain('treasury/desk/rates');
    expect(eve.html).not.toContain('risk/lodgement');
    for (const path of ['/audit', '/tokens', '/metrics']) expect((await browser.go(`${url}${path}`)).status, path).toBe(403);
    const explored = await browser.go(`${url}/explore?metric=tower.score.passing&by=project&last=99w`);
    expect(explored.html).toContain('treasury/desk/rates');
    expect(explored.html).not.toContain('risk/lodgement');
    browser = openBrowser();
    expect((await logIn(browser, `${url}/`, 'bob')).html).toContain('<span>bob &lt;b&gt;</span>');
  });

  it('gets a new cookie at login, whatever was planted before', async () => {
    browser.cookies.set('tower-session', 'planted');
    await logIn(browser, `${url}/`, 'ada');
    const before = session();
    expect(before).toMatch(/^[\w-]{43}$/);
    await logIn(browser, `${url}/login`, 'ada');
    expect(session()).toMatch(/^[\w-]{43}$/);
    expect(session()).not.toBe(before);
    // The one before has ended.
    browser.cookies.set('tower-session', before ?? '');
    expect((await browser.step(`${url}/`)).status).toBe(303);
  });

  it('holds a cookie that no script reads, no other site sends and no copy of the database holds', async () => {
    const begun = await browser.step(`${url}/login`);
    const login = begun.headers.getSetCookie().find((line) => line.startsWith('tower-login='));
    expect(login).toMatch(/HttpOnly/);
    await logIn(browser, `${url}/`, 'ada');
    const { rows } = await sql`select * from session`.execute(store.db);
    expect(JSON.stringify(rows)).not.toContain(session());
    expect(JSON.stringify(rows)).toContain(
      createHash('sha256')
        .update(session() ?? '')
        .digest('hex'),
    );
    // On https the cookies are bound to this host and to https.
    const { issuer, clientId, clientSecret } = provider;
    const login2 = openLogin({
      issuer,
      clientId,
      clientSecret,
      publicUrl: 'https://tower.example.com',
      isPublic: false,
      roles: [],
    });
    const app = createApp({
      db: store.db,
      version: '1',
      verifyIdToken: null,
      defaultBranches: [],
      isLocal: false,
      login: login2,
      onError: () => {},
    });
    const [secure] = (
      await app.request('https://tower.example.com/login', { headers: { host: 'tower.example.com' } })
    ).headers.getSetCookie();
    expect(secure).toMatch(/^__Host-tower-login=[\w.-]+; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  });

  it('is logged out by a post of the own page alone', async () => {
    const { html } = await logIn(browser, `${url}/`, 'ada');
    const cookie = session();
    const other = { origin: 'https://evil.example' };
    expect((await browser.step(`${url}/logout`, { csrf: csrfOf(html) }, other)).status).toBe(403);
    expect((await browser.step(`${url}/logout`, { csrf: 'x'.repeat(43) })).status).toBe(403);
    expect((await browser.step(`${url}/logout`, {})).status).toBe(403);
    expect((await browser.step(`${url}/logout`)).headers.get('location')).toBe('/');
    expect((await browser.go(`${url}/rules`)).status).toBe(200);
    expect(await browser.go(`${url}/logout`, { csrf: csrfOf(html) })).toMatchObject({
      status: 200,
      url: `${url}/logout`,
      html: expect.stringContaining('You are logged out'),
    });
    expect(session()).toBeUndefined();
    browser.cookies.set('tower-session', cookie ?? '');
    expect((await browser.step(`${url}/`)).status).toBe(303);
  });

  it.each([
    ['is idle for long', sql`seen_at = now() - interval '3 hours'`],
    ['has been here for half a day', sql`created_at = now() - interval '13 hours'`],
  ])('has to log in again when it %s', async (_, change) => {
    await logIn(browser, `${url}/`, 'ada');
    expect((await browser.step(`${url}/rules`)).status).toBe(200);
    await sql`update session set ${change}`.execute(store.db);
    expect((await browser.step(`${url}/rules`)).status).toBe(303);
  });

  it('stands in the audit', async () => {
    await logIn(browser, `${url}/`, 'eve');
    const headers = { authorization: `Bearer ${token}` };
    const { items } = (await (await fetch(`${url}/v1/audit?action=person.login`, { headers })).json()) as { items: object[] };
    expect(items[0]).toMatchObject({
      actor: 'person eve',
      subject: 'eve',
      detail: { grants: [{ role: 'read', namespace: 'treasury/desk' }] },
    });
  });
});

describe('a forger', () => {
  /** The address of the callback that a login ends with, not yet called. */
  async function answerOf(own: FakeBrowser, account: string): Promise<string> {
    let page = await own.step(`${url}/login`);
    for (let hops = 0; hops < 15; hops++) {
      const next = page.headers.get('location');
      const form = page.html.includes('prompt" value="login"')
        ? { prompt: 'login', login: account, password: 'x' }
        : { prompt: 'consent' };
      if (next === null) page = await own.step(page.url, form);
      else if (next.startsWith(`${url}/login/callback`)) return next;
      else page = await own.step(new URL(next, page.url).href);
    }
    throw new Error('The provider did not answer');
  }

  it('cannot log a victim in as someone else: the answer belongs to the browser that began', async () => {
    const stolen = await answerOf(openBrowser(), 'eve');
    expect((await browser.step(stolen)).status).toBe(401);
    // Also when the victim has begun a login of its own.
    await browser.step(`${url}/login`);
    expect((await browser.step(stolen)).status).toBe(401);
    expect(session()).toBeUndefined();
  });

  it('cannot use an answer twice, nor with another state, nor without its code', async () => {
    const answer = await answerOf(browser, 'ada');
    const login = browser.cookies.get('tower-login') ?? '';
    expect((await browser.step(answer)).status).toBe(303);
    browser.cookies.set('tower-login', login);
    expect((await browser.step(answer)).status).toBe(401);
    for (const change of ['state', 'code', 'iss']) {
      const own = openBrowser();
      const forged = new URL(await answerOf(own, 'ada'));
      forged.searchParams.set(change, 'forged');
      expect((await own.step(forged.href)).status, change).toBe(401);
      expect(own.cookies.get('tower-session')).toBeUndefined();
    }
    expect((await browser.step(`${url}/login/callback`)).status).toBe(401);
    expect((await browser.step(`${url}/login/callback?error=access_denied`)).status).toBe(401);
  });
});

describe('a stranger', () => {
  it('leaves nothing behind, however many logins it begins', async () => {
    const { rows: tables } = await sql<{ name: string }>`
      select tablename as name from pg_tables where schemaname = 'public'`.execute(store.db);
    const all = async (): Promise<number> => {
      const counts = tables.map(({ name }) => sql`(select count(*) from ${sql.table(name)})`);
      const { rows } = await sql<{ n: number }>`select ${sql.join(counts, sql` + `)} as n`.execute(store.db);
      return rows[0]?.n ?? -1;
    };
    const before = await all();
    for (let i = 0; i < 20; i++) expect((await openBrowser().step(`${url}/login`)).status).toBe(303);
    expect(await all()).toBe(before);
  });
});

describe('without a login', () => {
  it('machines send tokens, and a wrong one is told so', async () => {
    expect((await fetch(`${url}/v1/models`)).status).toBe(401);
    expect((await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
    expect((await fetch(`${url}/v1/series?model=x&metric=y`)).status).toBe(401);
    expect((await fetch(`${url}/openapi.json`)).status).toBe(401);
  });

  it('a server that is open to readers shows what concerns all, and nothing of the operator', async () => {
    const fleet = await browser.go(`${publicUrl}/`);
    expect(fleet.html).toContain('risk/lodgement');
    expect(fleet.html).toContain('href="/login?to=%2F"');
    const question = '/explore?metric=tower.score.passing&by=owner';
    expect((await browser.go(publicUrl + question)).html).toContain(`href="/login?to=${encodeURIComponent(question)}"`);
    expect((await browser.go(`${publicUrl}/rules/new`)).html).toContain(' or <a href="/login?to=%2Frules%2Fnew">log in</a>');
    for (const path of ['/explore', '/alerts', '/rules', '/v1/models'])
      expect((await fetch(`${publicUrl}${path}`)).status, path).toBe(200);
    for (const path of ['/tokens', '/audit', '/v1/audit', '/v1/tokens'])
      expect((await fetch(`${publicUrl}${path}`)).status, path).toBe(403);
  });
});

it('gives members their namespace to read, maintainers to write, and the rest by name alone', () => {
  const claims = {
    groups: ['risk', 'platform', 7, ''],
    'https://gitlab.org/claims/groups/maintainer': ['risk'],
    'https://gitlab.org/claims/groups/developer': ['lab'],
  };
  expect(grantsOf(claims, [{ group: 'platform', role: 'admin', namespace: '', model: '' }], '')).toEqual([
    { role: 'write', namespace: 'risk', model: '' },
    { role: 'read', namespace: 'platform', model: '' },
    { role: 'read', namespace: 'lab', model: '' },
    { role: 'admin', namespace: '', model: '' },
  ]);
  expect(grantsOf({ groups: 'platform' }, [{ group: 'platform', role: 'admin', namespace: '', model: '' }], '')).toEqual([]);
});
