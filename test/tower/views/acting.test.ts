/** What people who are logged in change on the pages: forms that work without a script, for their session and role alone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTower, type Tower } from '../../../src/tower/server.ts';
import {
  type FakeBrowser,
  type IdentityProvider,
  logIn,
  openBrowser,
  startIdentityProvider,
} from '../../support/identity-provider.ts';
import { answerOf } from '../answer.ts';
import { sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-acting-'));
let tower: Tower;
let provider: IdentityProvider;
const errors: unknown[] = [];

const api = (method: string, path: string, body?: unknown, token = tower.token) =>
  answerOf(
    fetch(tower.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  );

async function until<T>(read: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 200; i++) {
    const found = await read();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('It did not come');
}

let alertId = '';
beforeAll(async () => {
  provider = await startIdentityProvider({
    ada: { name: 'ada', groups: ['platform'] },
    ann: { name: 'ann', groups: ['leads'] },
    bob: { name: 'bob', maintains: ['risk'] },
    eve: { name: 'eve', groups: ['risk'] },
    tom: { name: 'tom', maintains: ['treasury'] },
    mallory: { name: 'ada', groups: ['platform'] },
  });
  const { issuer, clientId, clientSecret } = provider;
  tower = await startTower({
    folder,
    port: 0,
    version: '0.1.0',
    workerPause: 20,
    login: {
      issuer,
      clientId,
      clientSecret,
      isPublic: false,
      roles: [
        { group: 'platform', role: 'admin', namespace: '', model: '' },
        { group: 'leads', role: 'admin', namespace: 'risk', model: '' },
      ],
    },
    onError: (error) => errors.push(error),
  });
  await provider.start(`${tower.url}/login/callback`);
  const made = sampleReport({ name: 'lodgement' });
  expect((await api('POST', '/v1/reports', { ...made, source: { ...made.source, project: 'risk/lodgement' } })).status).toBe(201);
  const when = { of: 'value', is: 'above', limit: 0.2 };
  await api('POST', '/v1/rules', { name: 'drift', metric: 'model.drift.psi', when, enabled: true });
  const metrics = [{ name: 'model.drift.psi', value: 0.5, labels: { feature: 'age' } }];
  await api('POST', '/v1/metrics', { model: 'lodgement', at: new Date(Date.now() + 1000).toISOString(), metrics });
  alertId = await until(async () => (await api('GET', '/v1/alerts')).body.items[0]?.id);
});
afterAll(async () => {
  await tower?.close();
  provider?.close();
  rmSync(folder, { recursive: true, force: true });
  expect(errors).toEqual([]);
});

let browser: FakeBrowser;
beforeEach(() => {
  browser = openBrowser();
});
const csrfOf = (html: string): string => /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? '';
const acts = async (action: string) => (await api('GET', `/v1/audit?action=${action}`)).body.items;

describe('an alert', () => {
  const path = () => `${tower.url}/alerts/${alertId}`;

  it('is acknowledged by whoever may write for its model, with a reason', async () => {
    const { html } = await logIn(browser, path(), 'bob');
    expect(html).toContain('Nobody yet.');
    const csrf = csrfOf(html);
    const empty = await browser.step(`${path()}/acknowledge`, { csrf, why: '  ' });
    expect(empty.status).toBe(422);
    expect(empty.html).toMatch(/aria-invalid="true"[\s\S]*<p class="error" id="why-error">is needed/);
    const long = `<b>${'x'.repeat(600)}`;
    const tooLong = await browser.step(`${path()}/acknowledge`, { csrf, why: long });
    expect(tooLong.html).toContain(long.replaceAll('<', '&lt;').replaceAll('>', '&gt;'));
    const sent = await browser.step(`${path()}/acknowledge`, { csrf, why: 'new <customers>, expected' });
    expect(sent).toMatchObject({ status: 303 });
    expect((await browser.go(path())).html).toMatch(/<strong>person bob<\/strong>[^<]*: new &lt;customers&gt;, expected/);
    expect((await browser.go(`${tower.url}/alerts`)).html).toContain('acknowledged by');
    expect((await api('GET', `/v1/alerts/${alertId}`)).body.acknowledged).toMatchObject({
      by: 'person bob',
      why: 'new <customers>, expected',
    });
    expect(await acts('alert.acknowledged')).toMatchObject([
      { actor: 'person bob', subject: 'drift: lodgement', detail: { sub: 'bob', why: 'new <customers>, expected' } },
    ]);
  });

  it('is not by those who only read it, do not see it, forge the form or come from elsewhere', async () => {
    const eve = await logIn(browser, path(), 'eve');
    expect(eve.html).not.toContain('<textarea');
    expect((await browser.step(`${path()}/acknowledge`, { csrf: csrfOf(eve.html), why: 'x' })).status).toBe(404);
    browser = openBrowser();
    const tom = await logIn(browser, `${tower.url}/alerts`, 'tom');
    expect(tom.html).not.toContain('lodgement');
    expect((await browser.go(path())).status).toBe(404);
    expect((await browser.step(`${path()}/acknowledge`, { csrf: csrfOf(tom.html), why: 'x' })).status).toBe(404);
    browser = openBrowser();
    const bob = await logIn(browser, path(), 'bob');
    expect((await browser.step(`${path()}/acknowledge`, { csrf: 'x'.repeat(43), why: 'x' })).status).toBe(403);
    const origin = 'https://evil.example';
    expect((await browser.step(`${path()}/acknowledge`, { csrf: csrfOf(bob.html), why: 'x' }, { origin })).status).toBe(403);
    expect((await openBrowser().step(`${path()}/acknowledge`, { why: 'x' })).status).toBe(401);
    expect(await acts('alert.acknowledged')).toHaveLength(1);
  });

  it('is not by a form with a NUL or of more than a form holds', async () => {
    const { html } = await logIn(browser, path(), 'bob');
    const csrf = csrfOf(html);
    const refused = await browser.step(`${path()}/acknowledge`, { csrf, why: 'x\0y' });
    expect(refused).toMatchObject({ status: 400 });
    expect(refused.html).toContain('The field why holds a NUL.');
    expect((await browser.step(`${path()}/acknowledge`, { csrf, why: 'x'.repeat(20_000) })).status).toBe(413);
    // In pieces, so that nothing says before how much comes.
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const inPieces = (...pieces: readonly string[]) =>
      fetch(`${path()}/acknowledge`, {
        method: 'POST',
        redirect: 'manual',
        headers: { cookie, origin: tower.url, 'content-type': 'application/x-www-form-urlencoded' },
        body: new ReadableStream({
          start(controller) {
            for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
            controller.close();
          },
        }),
        duplex: 'half',
      } as RequestInit);
    expect((await inPieces(`csrf=${csrf}&why=`, 'x'.repeat(10_000), 'x'.repeat(10_000))).status).toBe(413);
    expect((await inPieces(`csrf=${csrf}`, '&why=%20')).status).toBe(422);
    expect(await acts('alert.acknowledged')).toHaveLength(1);
  });

  it('is acknowledged through the API by a token that may write for its model', async () => {
    const make = async (name: string, role: string, namespace: string) =>
      (await api('POST', '/v1/tokens', { name, role, namespace })).body.token;
    const acknowledge = (token: string, why?: string) => api('POST', `/v1/alerts/${alertId}/acknowledge`, { why }, token);
    expect((await acknowledge(await make('reader', 'read', 'risk'), 'x')).status).toBe(404);
    expect((await acknowledge(await make('other', 'write', 'treasury'), 'x')).status).toBe(404);
    const writer = await make('writer', 'write', 'risk');
    expect(await acknowledge(writer)).toMatchObject({
      status: 422,
      body: { type: 'urn:flightcheck:problem:invalid-acknowledgement' },
    });
    expect(await acknowledge(writer, 'retrained')).toMatchObject({
      status: 200,
      body: { acknowledged: { by: 'token writer', why: 'retrained' } },
    });
  });
});

describe('a rule', () => {
  const rule = {
    name: 'drift of age',
    metric: 'model.drift.psi',
    where: 'feature:age\nlabel:tier:a:b\nfeature:income',
    of: 'value',
    is: 'above',
    limit: '0.3',
    closesAt: '0.1',
    severity: 'critical',
    cooldownHours: '12',
    pipelinesPerDay: '1',
    ref: 'main',
    variables: 'MODE=retrain\nFLAGS=--a=b',
    webhooks: 'ops',
    issue: 'on',
    enabled: 'on',
  };

  it('is made by an admin once what it would have raised was shown', async () => {
    const { html } = await logIn(browser, `${tower.url}/rules/new?metric=model.drift.psi`, 'ada');
    expect(html).toContain('value="model.drift.psi"');
    const csrf = csrfOf(html);
    const send = (fields: Readonly<Record<string, string>>) => browser.step(`${tower.url}/rules/new`, { csrf, ...fields });
    const wrong = await send({ ...rule, limit: 'o.3', where: 'tier', closesAt: '', variables: 'lower=1' });
    expect(wrong.status).toBe(422);
    for (const [field, word] of [
      ['limit', 'is not a number'],
      ['where', 'is not written as name:value'],
    ])
      expect(wrong.html).toMatch(new RegExp(`id="${field}-error">[^<]*${word}`));
    expect(wrong.html).toContain('value="o.3"');
    const side = await send({ ...rule, closesAt: '0.9' });
    expect(side.html).toMatch(/id="closesAt-error">lies on the wrong side/);
    expect((await send({ ...rule, variables: 'lower=1' })).html).toMatch(/id="variables-error">/);
    expect((await send({ ...rule, times: '0' })).html).toMatch(/id="times-error">/);
    // Not seen yet: nothing is kept.
    const early = await send({ ...rule, where: 'feature:age', act: 'keep' });
    expect(early.html).toContain('What it would have raised in 90 days');
    expect(early.html).toMatch(/1 alert of[\s\S]*1 model/);
    const lacks = ['this server has no access to GitLab; name it', 'this server knows no webhook ops; name it'];
    for (const lack of lacks) expect(early.html).toContain(lack);
    const tried = /name="tried" value="(\w+)"/.exec(early.html)?.[1] ?? '';
    // Another than the one that was tried.
    expect((await send({ ...rule, where: 'feature:age', limit: '0.4', act: 'keep', tried })).status).toBe(200);
    const second = await send({ ...rule, act: 'try' });
    const digest = /name="tried" value="(\w+)"/.exec(second.html)?.[1] ?? '';
    expect((await api('GET', '/v1/rules')).body.items).toHaveLength(1);
    const kept = await send({ ...rule, act: 'keep', tried: digest });
    expect(kept).toMatchObject({ status: 303 });
    const made = (await api('GET', `/v1${kept.headers.get('location')}`)).body;
    expect(made).toMatchObject({
      name: 'drift of age',
      where: { feature: ['age', 'income'], 'label:tier': ['a:b'] },
      when: { of: 'value', is: 'above', limit: 0.3, closesAt: 0.1 },
      severity: 'critical',
      cooldownHours: 12,
      pipelinesPerDay: 1,
      actions: [
        { do: 'pipeline', ref: 'main', variables: { MODE: 'retrain', FLAGS: '--a=b' } },
        { do: 'issue' },
        { do: 'webhook', to: 'ops' },
      ],
      enabled: true,
      createdBy: 'person ada',
      warnings: [
        { pointer: '/actions/0', detail: expect.stringContaining(lacks[0] ?? '') },
        { pointer: '/actions/1' },
        { pointer: '/actions/2', detail: expect.stringContaining(lacks[1] ?? '') },
      ],
    });
    const itsPage = (await browser.go(tower.url + (kept.headers.get('location') ?? ''))).html;
    for (const lack of lacks) expect(itsPage.split(lack)).toHaveLength(2);
    expect((await send({ ...rule, act: 'keep', tried: digest })).html).toMatch(/id="name-error">another rule has this name/);
  });

  it('is changed by a new one in its place, switched and taken away', async () => {
    const { html } = await logIn(browser, `${tower.url}/rules`, 'ada');
    const csrf = csrfOf(html);
    const old = (await api('GET', '/v1/rules')).body.items.find(({ name }: { name: string }) => name === 'drift of age');
    const edit = `${tower.url}/rules/${old.id}/edit`;
    const shown = await browser.go(edit);
    for (const text of ['value="0.3"', 'FLAGS=--a=b', 'feature:income', 'label:tier:a:b', '<option value="critical" selected'])
      expect(shown.html).toContain(text);
    const changed = { ...rule, limit: '0.35', csrf };
    const tried = /name="tried" value="(\w+)"/.exec((await browser.step(edit, { ...changed, act: 'try' })).html)?.[1] ?? '';
    const kept = await browser.step(edit, { ...changed, act: 'keep', tried });
    const path = kept.headers.get('location') ?? '';
    expect(path).not.toBe(`/rules/${old.id}`);
    expect((await api('GET', `/v1/rules/${old.id}`)).status).toBe(404);
    expect((await api('GET', `/v1${path}`)).body).toMatchObject({ name: 'drift of age', when: { limit: 0.35 } });
    expect((await browser.step(`${tower.url}${path}/switch`, { csrf })).status).toBe(303);
    expect((await api('GET', `/v1${path}`)).body.enabled).toBe(false);
    await browser.step(`${tower.url}${path}/switch`, { csrf, enabled: 'on' });
    expect((await api('GET', `/v1${path}`)).body.enabled).toBe(true);
    expect((await browser.step(`${tower.url}${path}/delete`, { csrf })).headers.get('location')).toBe('/rules');
    expect((await api('GET', `/v1${path}`)).status).toBe(404);
    const ada = { actor: 'person ada', detail: { sub: 'ada' } };
    expect(await acts('rule.retired')).toMatchObject([ada, ada]);
    expect(await acts('rule.disabled')).toMatchObject([ada]);
    expect((await acts('rule.created')).filter(({ actor }: { actor: string }) => actor === 'person ada')).toMatchObject([
      ada,
      ada,
    ]);
  });

  it('that another admin changed, switched or took away meanwhile is told of, and what was typed stays', async () => {
    const made = { name: 'ours', namespace: 'risk', metric: 'model.drift.psi', when: { of: 'value', is: 'above', limit: 0.3 } };
    const first = (await api('POST', '/v1/rules', { ...made, enabled: true })).body.id;
    const [ada, ann] = [openBrowser(), openBrowser()];
    const form = { ...made, of: 'value', is: 'above', severity: 'info', cooldownHours: '1', pipelinesPerDay: '1', enabled: 'on' };
    const fieldIn = (html: string, name: string) => new RegExp(`name="${name}" value="(\\w+)"`).exec(html)?.[1] ?? '';
    /** Who fills in the form as it is shown, and sends it to where it says. */
    const open = async (browser: FakeBrowser, page: string, who: string) => {
      let { html } = await logIn(browser, tower.url + page, who);
      return async (act: 'try' | 'keep', limit: string, name = 'ours') => {
        const [csrf, state, tried] = [csrfOf(html), fieldIn(html, 'state'), fieldIn(html, 'tried')];
        const to = /method="post" action="(\/rules\/[^"]*)" novalidate/.exec(html)?.[1];
        const { when: _, ...fields } = form;
        const answer = await browser.step(`${tower.url}${to}`, { ...fields, name, limit, csrf, state, tried, act });
        if (answer.status !== 303) html = answer.html;
        return answer;
      };
    };
    const edit = (id: string) => `/rules/${id}/edit`;
    const idIn = (headers: Headers) => headers.get('location')?.split('/').at(-1) ?? '';
    const named = async (name: string) =>
      (await api('GET', '/v1/rules')).body.items.filter((rule: { name: string }) => rule.name === name);

    const [ofAda, ofAnn] = [await open(ada, edit(first), 'ada'), await open(ann, edit(first), 'ann')];
    await ofAnn('try', '0.4');
    await ofAda('try', '0.6', 'ours too');
    const hers = await ofAnn('keep', '0.4');
    expect(hers.status).toBe(303);
    const told = await ofAda('keep', '0.6', 'ours too');
    expect(told.status).toBe(409);
    expect(told.html).toMatch(/person ann changed this rule at [^<]* UTC, after you had opened it/);
    expect(told.html).toMatch(/What is there now[\s\S]*ours<\/a>, on:[\s\S]*above 0.4/);
    expect(told.html).toMatch(/id="limit"[^>]*value="0.6"/);
    expect(await named('ours')).toMatchObject([{ when: { limit: 0.4 } }]);
    expect(await named('ours too')).toEqual([]);
    expect((await ofAda('try', '0.6', 'ours too')).html).toContain('What it would have raised');
    const his = await ofAda('keep', '0.6', 'ours too');
    expect(his.status).toBe(303);
    expect(await named('ours')).toEqual([]);
    expect(await named('ours too')).toMatchObject([{ id: idIn(his.headers), when: { limit: 0.6 } }]);

    // Switched off: kept unseen, it would be on again.
    const switched = await open(ann, edit(idIn(his.headers)), 'ann');
    await switched('try', '0.7');
    await api('PATCH', `/v1/rules/${idIn(his.headers)}`, { enabled: false });
    const off = await switched('keep', '0.7');
    expect(off.status).toBe(409);
    expect(off.html).toContain('This rule was switched off, after you had opened it');

    // Taken away: what was typed may be kept as a new one.
    await api('DELETE', `/v1/rules/${idIn(his.headers)}`);
    const gone = await switched('try', '0.7');
    expect(gone.status).toBe(409);
    expect(gone.html).toContain('This rule was taken away, after you had opened it');
    expect(gone.html).toMatch(/id="limit"[^>]*value="0.7"/);
    await switched('try', '0.7');
    const anew = await switched('keep', '0.7');
    expect(anew.status).toBe(303);

    // At the same moment one is kept and one is told.
    const both = [await open(ada, edit(idIn(anew.headers)), 'ada'), await open(ann, edit(idIn(anew.headers)), 'ann')];
    for (const [i, send] of both.entries()) await send('try', `0.${i + 1}`, `ours ${i}`);
    const answers = await Promise.all(both.map((send, i) => send('keep', `0.${i + 1}`, `ours ${i}`)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([303, 409]);
    for (const { id } of [...(await named('ours 0')), ...(await named('ours 1'))]) await api('DELETE', `/v1/rules/${id}`);
  });

  it('of a namespace is made, changed, switched and taken away by its admin, who changes no other', async () => {
    const page = `${tower.url}/rules/new?metric=model.drift.psi`;
    const { html } = await logIn(browser, page, 'ann');
    expect(html).toMatch(/name="namespace" value="risk"|value="risk" name="namespace"|id="namespace"[^>]*value="risk"/);
    const csrf = csrfOf(html);
    const own = {
      ...rule,
      csrf,
      name: 'drift in risk',
      namespace: 'risk',
      where: '',
      ref: '',
      variables: '',
      webhooks: '',
      issue: '',
    };
    const send = (path: string, fields: Readonly<Record<string, string>>) =>
      browser.step(tower.url + path, { ...own, ...fields });
    for (const namespace of ['', 'treasury'])
      expect((await send('/rules/new', { namespace, act: 'try' })).html).toMatch(
        /id="namespace-error">This needs the role admin for/,
      );
    // The operator of this server lets such rules do nothing.
    expect((await send('/rules/new', { ref: 'main', act: 'try' })).html).toMatch(/id="ref-error">the operator does not let/);
    const digestOf = (text: string) => /name="tried" value="(\w+)"/.exec(text)?.[1] ?? '';
    const tried = await send('/rules/new', { act: 'try' });
    expect(tried.html).toMatch(/1 alert of[\s\S]*1 model/);
    // What was tried for one namespace is not kept for another.
    expect((await send('/rules/new', { namespace: 'treasury', act: 'keep', tried: digestOf(tried.html) })).status).toBe(422);
    const path = (await send('/rules/new', { act: 'keep', tried: digestOf(tried.html) })).headers.get('location') ?? '';
    expect((await api('GET', `/v1${path}`)).body).toMatchObject({ namespace: 'risk', createdBy: 'person ann' });
    const shown = await browser.go(tower.url + path);
    expect(shown.html).toContain('Take it away');
    expect(shown.html).toContain('risk</code> and below');
    const again = digestOf((await send(`${path}/edit`, { limit: '0.4', act: 'try' })).html);
    const changed = (await send(`${path}/edit`, { limit: '0.4', act: 'keep', tried: again })).headers.get('location') ?? '';
    expect((await api('GET', `/v1${changed}`)).body).toMatchObject({ namespace: 'risk', when: { limit: 0.4 } });
    expect((await send(`${changed}/switch`, { enabled: '' })).status).toBe(303);
    expect((await api('GET', `/v1${changed}`)).body.enabled).toBe(false);
    const other = (
      await api('POST', '/v1/rules', { name: 'of treasury', namespace: 'treasury', metric: 'x', when: { absentHours: 1 } })
    ).body.id;
    const all = (await api('GET', '/v1/rules')).body.items.find(({ namespace }: { namespace: string }) => namespace === '').id;
    expect((await browser.go(`${tower.url}/rules/${all}`)).html).not.toContain('Take it away');
    for (const act of ['edit', 'switch', 'delete']) {
      expect((await send(`/rules/${other}/${act}`, {})).status, act).toBe(404);
      expect((await send(`/rules/${all}/${act}`, {})).status, act).toBe(403);
    }
    expect((await browser.go(`${tower.url}/rules/${other}/edit`)).status).toBe(404);
    expect((await send(`${changed}/delete`, {})).status).toBe(303);
    expect((await send(`${changed}/delete`, {})).status).toBe(404);
    expect(await acts('rule.retired')).toContainEqual(
      expect.objectContaining({ actor: 'person ann', subject: 'drift in risk', detail: { namespace: 'risk', sub: 'ann' } }),
    );
    expect((await send('/tokens/1/revoke', {})).status).toBe(403);
    expect((await api('DELETE', `/v1/rules/${other}`)).status).toBe(204);
  });

  it('that the form would change is changed through the API alone', async () => {
    const actions = [{ do: 'pipeline', ref: 'main', variables: { NOTE: 'one\nFORCE=1' } }];
    const when = { of: 'value', is: 'above', limit: 0.2 };
    const { body } = await api('POST', '/v1/rules', { name: 'noted', metric: 'model.drift.psi', when, actions });
    const { html } = await logIn(browser, `${tower.url}/rules/${body.id}`, 'ada');
    expect(html).toContain('Take it away');
    expect(html).not.toContain(`/rules/${body.id}/edit`);
    const edit = await browser.go(`${tower.url}/rules/${body.id}/edit`);
    expect(edit).toMatchObject({ status: 404 });
    expect(edit.html).toContain('This rule says more than the form can show');
    expect((await api('DELETE', `/v1/rules/${body.id}`)).status).toBe(204);
  });

  it('is not made with a NUL', async () => {
    const { html } = await logIn(browser, `${tower.url}/rules/new`, 'ada');
    const sent = await browser.step(`${tower.url}/rules/new`, { ...rule, csrf: csrfOf(html), metric: 'x\0' });
    expect(sent).toMatchObject({ status: 400 });
    expect(sent.html).toContain('The field metric holds a NUL.');
  });

  it('is not made or changed by anybody else', async () => {
    const { html } = await logIn(browser, `${tower.url}/rules`, 'bob');
    expect(html).not.toContain('href="/rules/new"');
    const [{ id }] = (await api('GET', '/v1/rules')).body.items;
    expect((await browser.go(`${tower.url}/rules/new`)).status).toBe(403);
    for (const path of ['/rules/new', `/rules/${id}/edit`, `/rules/${id}/switch`, `/rules/${id}/delete`, '/tokens/1/revoke']) {
      const sent = await browser.step(tower.url + path, { ...rule, csrf: csrfOf(html), act: 'keep' });
      expect(sent, path).toMatchObject({ status: 403 });
      expect(sent.html).toContain('<h1>Not allowed</h1>');
    }
    expect((await api('GET', '/v1/rules')).body.items).toHaveLength(1);
  });
});

describe('a dashboard', () => {
  const question = 'metric=model.drift.psi&by=model';
  const board = { name: 'Drift <of> risk', namespace: 'risk', 'title-1': 'All & sundry', 'question-1': question, act: 'save' };

  it('is made of questions of Explore, changed, shared and deleted by an admin, whom the audit names', async () => {
    const explore = await logIn(browser, `${tower.url}/explore?${question}`, 'ada');
    const link = /href="(\/dashboards\/new\?question=[^"]+)"/.exec(explore.html)?.[1] ?? '';
    const fresh = await browser.go(tower.url + link.replaceAll('&amp;', '&'));
    expect(fresh.html).toContain(`value="${question.replace('&', '&amp;')}"`);
    const csrf = csrfOf(fresh.html);
    const send = (path: string, fields: Readonly<Record<string, string>>) =>
      browser.step(tower.url + path, { csrf, ...board, ...fields });
    const wrong = await send('/dashboards/new', { name: ' ', 'title-2': 'No question', 'question-3': 'metric=x&last=soon' });
    expect(wrong.status).toBe(422);
    for (const field of ['name', 'question-2', 'title-3'])
      expect(wrong.html, field).toMatch(new RegExp(`id="${field}-error">is needed`));
    expect(wrong.html).toContain('value="All &amp; sundry"');
    // Rows that were left empty between do not shift what is said of others.
    const bad = await send('/dashboards/new', { 'title-5': 'Soon', 'question-5': `${tower.url}/explore?metric=x&last=soon` });
    expect(bad.html).toMatch(/id="question-2-error">last /);
    const more = await send('/dashboards/new', { act: 'more' });
    expect(more.html).toContain('id="question-5"');
    expect((await api('GET', '/v1/dashboards')).body.items).toEqual([]);

    const path =
      (await send('/dashboards/new', { 'question-1': `${tower.url}/explore?${question}` })).headers.get('location') ?? '';
    const made = (await api('GET', `/v1${path}`)).body;
    expect(made).toMatchObject({
      name: board.name,
      namespace: 'risk',
      shared: false,
      savedBy: 'person ada',
      panels: [{ title: 'All & sundry', question }],
    });
    expect((await send('/dashboards/new', {})).html).toMatch(/id="name-error">another dashboard has this name/);
    // One that there is takes the question too.
    expect((await browser.go(tower.url + link.replaceAll('&amp;', '&'))).html).toContain(`href="${path}/edit?question=metric`);
    expect((await browser.go(`${tower.url}${path}/edit?question=metric%3Dx`)).html).toContain('value="metric=x"');
    const changed = await send(`${path}/edit`, {
      ...{ name: 'Drift of all', namespace: '', shared: 'on', 'title-1': '', 'question-1': '' },
      ...{ 'title-2': 'Second', 'question-2': '/explore?metric=model.drift.psi&agg=max' },
    });
    expect(changed.headers.get('location')).toBe(path);
    expect((await api('GET', `/v1${path}`)).body).toMatchObject({
      name: 'Drift of all',
      namespace: '',
      shared: true,
      panels: [{ title: 'Second', question: 'metric=model.drift.psi&agg=max' }],
    });
    expect((await browser.go(tower.url + path)).html).toContain('Delete the dashboard');
    expect((await browser.step(`${tower.url}${path}/delete`, { csrf })).headers.get('location')).toBe('/dashboards');
    expect((await api('GET', `/v1${path}`)).status).toBe(404);
    const ada = { actor: 'person ada', detail: { sub: 'ada' } };
    expect(await acts('dashboard.saved')).toMatchObject([ada, ada]);
    expect(await acts('dashboard.deleted')).toMatchObject([ada]);
  });

  it('that another admin saved meanwhile is not written over unseen', async () => {
    const made = await api('POST', '/v1/dashboards', { name: 'ours', namespace: 'risk', panels: [{ title: 'One', question }] });
    const page = `${tower.url}/dashboards/${made.body.id}/edit`;
    const [ada, ann] = [openBrowser(), openBrowser()];
    const forms = await Promise.all([logIn(ada, page, 'ada'), logIn(ann, page, 'ann')]);
    const versionOf = (html: string) => /name="version" value="(\d+)"/.exec(html)?.[1] ?? '';
    const [ofAda, ofAnn] = forms.map(({ html }) => ({ ...board, csrf: csrfOf(html), version: versionOf(html) }));
    expect((await ann.step(page, { ...ofAnn, name: 'of ann', 'title-1': 'Hers <b>' })).status).toBe(303);
    const more = await ada.step(page, { ...ofAda, act: 'more' });
    expect(versionOf(more.html)).toBe(ofAda?.version);
    const told = await ada.step(page, { ...ofAda, name: 'of ada', 'title-1': 'His' });
    expect(told.status).toBe(409);
    expect(told.html).toContain('person ann saved this dashboard at ');
    expect(told.html).toMatch(/What is there now[\s\S]*of ann<\/a>, for readers of risk[\s\S]*Hers &lt;b&gt;/);
    expect(told.html).toMatch(/id="name"[^>]*value="of ada"/);
    expect(told.html).toMatch(/id="title-1"[^>]*value="His"/);
    expect((await api('GET', `/v1/dashboards/${made.body.id}`)).body.name).toBe('of ann');
    const again = await ada.step(page, { ...ofAda, name: 'of ada', 'title-1': 'His', version: versionOf(told.html) });
    expect(again.status).toBe(303);
    expect((await api('GET', `/v1/dashboards/${made.body.id}`)).body).toMatchObject({
      name: 'of ada',
      panels: [{ title: 'His' }],
    });
    await api('DELETE', `/v1/dashboards/${made.body.id}`);
  });

  it('that was deleted meanwhile leaves what was typed, which makes a new one', async () => {
    const made = await api('POST', '/v1/dashboards', { name: 'theirs', namespace: 'risk', panels: [{ title: 'One', question }] });
    const page = `${tower.url}/dashboards/${made.body.id}/edit`;
    const { html } = await logIn(browser, page, 'ada');
    const version = /name="version" value="(\d+)"/.exec(html)?.[1] ?? '';
    const typed = { ...board, csrf: csrfOf(html), version, name: 'typed for long', 'title-1': 'Mine' };
    await api('DELETE', `/v1/dashboards/${made.body.id}`);
    const told = await browser.step(page, typed);
    expect(told.status).toBe(404);
    expect(told.html).toContain('This dashboard is not there any more');
    expect(told.html).toMatch(/id="name"[^>]*value="typed for long"/);
    expect(told.html).toMatch(/id="title-1"[^>]*value="Mine"/);
    const action = /action="(\/dashboards\/[^"]*)"/.exec(told.html)?.[1] ?? '';
    expect(told.html).not.toContain('name="version"');
    const { version: _, ...again } = typed;
    const kept = (await browser.step(tower.url + action, again)).headers.get('location') ?? '';
    expect((await api('GET', `/v1${kept}`)).body).toMatchObject({ name: 'typed for long', panels: [{ title: 'Mine' }] });
    await api('DELETE', `/v1${kept}`);
  });

  it('is deleted as it was seen: not one that another admin saved meanwhile', async () => {
    const one = { name: 'seen', namespace: 'risk', panels: [{ title: 'One', question }] };
    const path = `/dashboards/${(await api('POST', '/v1/dashboards', one)).body.id}`;
    const { html } = await logIn(browser, tower.url + path, 'ada');
    const fieldsOf = (page: string) => ({
      csrf: csrfOf(page),
      version: /action="[^"]*\/delete"[\s\S]*?name="version" value="(\d+)"/.exec(page)?.[1] ?? '',
    });
    await api('PUT', `/v1${path}`, { ...one, panels: [{ title: 'Two', question }] });
    const told = await browser.step(`${tower.url}${path}/delete`, fieldsOf(html));
    expect(told.status).toBe(409);
    expect(told.html).toContain('It was not deleted.');
    expect(told.html).toMatch(/What is there now[\s\S]*Two/);
    expect((await api('GET', `/v1${path}`)).status).toBe(200);
    const again = await browser.step(`${tower.url}${path}/delete`, fieldsOf(told.html));
    expect(again.headers.get('location')).toBe('/dashboards');
    expect((await api('GET', `/v1${path}`)).status).toBe(404);
  });

  it('holds in a form as much as by API', async () => {
    const { html } = await logIn(browser, `${tower.url}/dashboards/new`, 'ada');
    const panels = Array.from({ length: 24 }, (_, i) => [
      [`title-${i + 1}`, `${i}`.padEnd(120, '=')],
      [`question-${i + 1}`, `metric=m&${'where=a:%20&'.repeat(32)}`.padEnd(3900, '&')],
    ]).flat();
    const kept = await browser.step(`${tower.url}/dashboards/new`, {
      ...{ csrf: csrfOf(html), act: 'save', name: 'all', namespace: '' },
      ...Object.fromEntries(panels),
    });
    const path = kept.headers.get('location') ?? '';
    expect((await api('GET', `/v1${path}`)).body.panels).toHaveLength(24);
    expect((await browser.go(`${tower.url}${path}/edit`)).html).not.toContain('question-25');
    await browser.step(`${tower.url}${path}/delete`, { csrf: csrfOf(html) });
  });

  it('of a namespace is its admin’s, who makes none for every reader', async () => {
    const { html } = await logIn(browser, `${tower.url}/dashboards/new`, 'ann');
    expect(html).toMatch(/id="namespace"[^>]*value="risk"/);
    expect(html).not.toContain('name="shared"');
    const csrf = csrfOf(html);
    const send = (path: string, fields: Readonly<Record<string, string>>) =>
      browser.step(tower.url + path, { csrf, ...board, ...fields });
    for (const refused of [{ namespace: '' }, { namespace: 'treasury' }, { shared: 'on' }]) {
      const answer = await send('/dashboards/new', refused);
      expect(answer.status).toBe(422);
      expect(answer.html).toMatch(/id="namespace-error">[^<]*role admin for/);
    }
    const path = (await send('/dashboards/new', {})).headers.get('location') ?? '';
    expect((await send(`${path}/edit`, { name: 'renamed' })).status).toBe(303);
    expect((await send(`${path}/edit`, { shared: 'on' })).status).toBe(422);
    const panels = [{ title: 'One', question }];
    const [all, theirs] = await Promise.all([
      api('POST', '/v1/dashboards', { name: 'all', shared: true, namespace: 'risk', panels }),
      api('POST', '/v1/dashboards', { name: 'theirs', namespace: 'treasury', panels }),
    ]);
    expect((await browser.go(`${tower.url}/dashboards/${all.body.id}`)).html).not.toContain('Delete');
    for (const act of ['edit', 'delete']) {
      expect((await send(`/dashboards/${all.body.id}/${act}`, {})).status, act).toBe(403);
      expect((await send(`/dashboards/${theirs.body.id}/${act}`, {})).status, act).toBe(404);
    }
    expect((await send(`${path}/delete`, {})).status).toBe(303);
    for (const { body } of [all, theirs]) await api('DELETE', `/v1/dashboards/${body.id}`);
  });

  it('is not made, changed or deleted by anybody else, nor by a forged form', async () => {
    const { body } = await api('POST', '/v1/dashboards', {
      name: 'board',
      namespace: 'risk',
      panels: [{ title: 'One', question }],
    });
    const path = `${tower.url}/dashboards/${body.id}`;
    const bob = await logIn(browser, path, 'bob');
    expect(bob.html).not.toMatch(/Change it|Delete/);
    expect((await browser.go(`${tower.url}/dashboards`)).html).not.toContain('href="/dashboards/new"');
    expect((await browser.go(`${tower.url}/explore?${question}`)).html).not.toContain('/dashboards/new');
    for (const page of [`${tower.url}/dashboards/new`, `${path}/edit`]) expect((await browser.go(page)).status, page).toBe(403);
    const ada = openBrowser();
    const { html } = await logIn(ada, path, 'ada');
    const origin = 'https://evil.example';
    for (const page of [`${tower.url}/dashboards/new`, `${path}/edit`, `${path}/delete`]) {
      expect((await browser.step(page, { ...board, csrf: csrfOf(bob.html) })).status, page).toBe(403);
      expect((await ada.step(page, { ...board, csrf: csrfOf(bob.html) })).status, page).toBe(403);
      expect((await ada.step(page, { ...board, csrf: csrfOf(html) }, { origin })).status, page).toBe(403);
      expect((await openBrowser().step(page, board)).status, page).toBe(401);
    }
    expect((await api('GET', '/v1/dashboards')).body.items).toMatchObject([{ name: 'board' }]);
    await api('DELETE', `/v1/dashboards/${body.id}`);
  });
});

describe('a badge', () => {
  it('is signed by whoever may read its model, in a form of their own', async () => {
    const page = `${tower.url}/models/1/badge`;
    const { html } = await logIn(browser, page, 'eve');
    expect(html).not.toContain('signature=');
    const csrf = csrfOf(html);
    const wrong = await browser.step(page, { csrf, show: 'gate', days: '400' });
    expect(wrong.status).toBe(422);
    expect(wrong.html).toMatch(/id="days-error">is 400, expected at most 366/);
    expect((await browser.step(page, { csrf: 'x'.repeat(43), show: 'gate', days: '30' })).status).toBe(403);
    expect(await acts('badge.signed')).toEqual([]);
    const signed = await browser.step(page, { csrf, show: 'gate', days: '30' });
    expect(signed.status).toBe(200);
    const src = /<img src="([^"]+)"/.exec(signed.html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect(await (await fetch(tower.url + src)).text()).toContain('Gate of lodgement');
    expect(await acts('badge.signed')).toMatchObject([
      { actor: 'person eve', subject: 'lodgement', detail: { model: '1', show: 'gate', sub: 'eve' } },
    ]);
    browser = openBrowser();
    const tom = await logIn(browser, `${tower.url}/alerts`, 'tom');
    expect((await browser.step(page, { csrf: csrfOf(tom.html), show: 'gate', days: '30' })).status).toBe(404);
    expect(await acts('badge.signed')).toHaveLength(1);
  });
});

it('a token is revoked by an admin, and the audit tells people of one name apart', async () => {
  const { body } = await api('POST', '/v1/tokens', { name: 'lost', role: 'read' });
  const { html } = await logIn(browser, `${tower.url}/tokens`, 'mallory');
  expect(html).toContain('Revoke lost');
  const to = `${tower.url}/tokens/${body.id}/revoke`;
  expect((await browser.step(to, { csrf: csrfOf(html) })).headers.get('location')).toBe('/tokens');
  expect((await api('GET', '/v1/models', undefined, body.token)).status).toBe(401);
  expect((await browser.step(to, { csrf: csrfOf(html) })).status).toBe(404);
  expect(await acts('token.revoked')).toMatchObject([{ actor: 'person ada', subject: 'lost', detail: { sub: 'mallory' } }]);
});
