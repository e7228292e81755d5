/** The forms of Control Tower in a real browser, for an admin who logged in: usable without JavaScript, at three widths, light and dark. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTower, type Tower } from '../../src/tower/server.ts';
import { type IdentityProvider, startIdentityProvider } from '../support/identity-provider.ts';
import { sampleReport } from '../tower/sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-acting-'));
let tower: Tower;
let provider: IdentityProvider;
let browser: Browser;
let cookies: Awaited<ReturnType<Awaited<ReturnType<Browser['newContext']>>['cookies']>>;

const post = (path: string, body: unknown) =>
  fetch(tower.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${tower.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext(options);
  if (cookies) await context.addCookies(cookies);
  return context.newPage();
}

/** By the provider's own pages. */
async function logIn(): Promise<void> {
  const page = await openPage();
  await page.goto(`${tower.url}/login`);
  await page.locator('input[name=login]').fill('ada');
  await page.locator('input[name=password]').fill('any');
  await page.locator('button[type=submit]').click();
  await page.locator('button[type=submit]').click();
  await page.waitForURL(`${tower.url}/`);
  cookies = await page.context().cookies(tower.url);
  await page.context().close();
}

beforeAll(async () => {
  provider = await startIdentityProvider({ ada: { name: 'ada', groups: ['platform'] } });
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
      roles: [{ group: 'platform', role: 'admin', namespace: '', model: '' }],
    },
  });
  await provider.start(`${tower.url}/login/callback`);
  await post('/v1/reports', sampleReport({ name: 'late-lodgement-risk' }));
  await post('/v1/tokens', { name: 'nightly-monitor', role: 'write', namespace: 'risk' });
  const when = { of: 'value', is: 'above', limit: 0.2, closesAt: 0.1 };
  const actions = [{ do: 'issue' }];
  await post('/v1/rules', { name: 'drift of features', metric: 'model.drift.psi', when, actions, enabled: true });
  const metrics = [{ name: 'model.drift.psi', value: 0.5, labels: { feature: 'income before tax, net of everything' } }];
  await post('/v1/metrics', { model: 'late-lodgement-risk', at: new Date(Date.now() + 1000).toISOString(), metrics });
  const question = 'metric=model.drift.psi&by=model&where=feature:income before tax, net of everything&last=30d';
  await post('/v1/dashboards', { name: 'Drift', panels: [{ title: 'Features of the models of all branches', question }] });
  // The version that was made for the alert, for what its page says came of it.
  let alert: string | undefined;
  while (!alert) {
    const found = await fetch(`${tower.url}/v1/alerts`, { headers: { authorization: `Bearer ${tower.token}` } });
    alert = ((await found.json()) as { items: { uid: string }[] }).items[0]?.uid;
  }
  await post('/v1/reports', sampleReport({ name: 'late-lodgement-risk', jobId: '2', at: new Date().toISOString(), alert }));
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  await logIn();
});
afterAll(async () => {
  await browser?.close();
  await tower?.close();
  provider?.close();
  rmSync(folder, { recursive: true, force: true });
});

it('a session that ends, by its owner or by time, ends in words and begins again from any form', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const refusals: string[] = [];
  page.on('console', (message) => message.text().includes('Content Security Policy') && refusals.push(message.text()));
  await context.addCookies(cookies);
  await page.goto(`${tower.url}/explore`);
  await context.clearCookies({ name: 'tower-session' });
  // The provider, which still knows this browser, asks nothing.
  await page.locator('select[name=metric]').selectOption('model.drift.psi');
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.waitForURL(/\/explore\?metric=model\.drift\.psi/);
  await page.goto(`${tower.url}/audit`);
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'You are logged out' }).waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Audit' }).waitFor();
  expect(refusals).toEqual([]);
  await context.close();
});

/** With the error of an empty form, and the alerts that a rule would have raised. */
const afterwards: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  '/rules/new': async (page) => {
    await page.getByRole('button', { name: 'Try it' }).click();
    await page.getByText('is needed').first().waitFor();
  },
  '/rules/1/edit': async (page) => {
    await page.getByRole('button', { name: 'Try it' }).click();
    await page.getByRole('button', { name: 'Keep this rule' }).waitFor();
  },
  '/alerts/1': async (page) => {
    await page.getByRole('button', { name: 'Acknowledge' }).click();
    await page.getByText('is needed').waitFor();
  },
  '/dashboards/new': async (page) => {
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('is needed').first().waitFor();
  },
  '/dashboards/1/edit': async (page) => {
    await page.getByRole('button', { name: 'More questions' }).click();
    await page.getByText('Question 5').waitFor();
  },
  '/dashboards/1': async (page) => {
    await page.locator('summary', { hasText: 'Delete it' }).click();
  },
  '/tokens': async (page) => {
    await page.locator('summary', { hasText: 'Revoke' }).first().click();
  },
};

it.each([
  ...['/alerts/1', '/rules/1', '/rules/new', '/rules/1/edit', '/tokens'],
  ...['/dashboards/1', '/dashboards/new', '/dashboards/1/edit'],
])('%s fits every width, and axe-core finds nothing, before and after it is sent', async (path) => {
  for (const [width, colorScheme] of [
    [390, 'dark'],
    [820, 'light'],
    [1280, 'light'],
  ] as const) {
    const page = await openPage({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true });
    await page.goto(tower.url + path);
    const look = async (when: string) => {
      const over = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(over, `${path} ${width} ${when}`).toBeLessThanOrEqual(0);
      await page.evaluate(axe.source);
      const found = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string }[] }[] };
      expect(
        found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
        `${path} ${when}`,
      ).toEqual([]);
    };
    await look('before');
    await afterwards[path]?.(page);
    await look('after');
    await page.context().close();
  }
});

it('a rule is tried and kept, an alert acknowledged, a question put on a dashboard, a token revoked, with JavaScript off', async () => {
  const page = await openPage({ javaScriptEnabled: false });
  await page.goto(`${tower.url}/rules`);
  await page.getByRole('link', { name: 'Make a rule' }).click();
  await page.getByLabel('Name', { exact: true }).fill('drift of income');
  await page.getByLabel('Metric').fill('model.drift.psi');
  await page.getByLabel('Limit', { exact: true }).fill('0,3');
  await page.getByRole('button', { name: 'Try it' }).click();
  expect(await page.locator('#limit-error').textContent()).toBe('is not a number');
  await page.getByLabel('Limit', { exact: true }).fill('0.3');
  await page.getByRole('button', { name: 'Try it' }).click();
  expect(await page.locator('#past + .lead').textContent()).toMatch(/^1 alert of 1 model/);
  await page.getByRole('button', { name: 'Keep this rule' }).click();
  await page.waitForURL(/\/rules\/\d+$/);
  expect(await page.locator('h1').textContent()).toBe('drift of income');

  await page.goto(`${tower.url}/alerts`);
  await page.locator('table.alerts time').first().click();
  await page.getByLabel('Acknowledge it').fill('a new product, expected');
  await page.getByRole('button', { name: 'Acknowledge' }).click();
  await page.getByText('person ada').waitFor();

  await page.goto(`${tower.url}/explore?metric=model.drift.psi&by=feature`);
  await page.getByRole('link', { name: 'Put it on a dashboard' }).click();
  await page.getByLabel('Name', { exact: true }).fill('What moved');
  await page.getByLabel('Title').first().fill('By feature');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL(/\/dashboards\/\d+$/);
  await page.getByRole('link', { name: 'By feature' }).click();
  await page.waitForURL(/\/explore\?metric=model\.drift\.psi&by=feature$/);

  await page.goto(`${tower.url}/tokens`);
  await page.locator('tr', { hasText: 'nightly-monitor' }).locator('summary').click();
  await page.getByRole('button', { name: 'Revoke nightly-monitor' }).click();
  await page.waitForURL(`${tower.url}/tokens`);
  expect(await page.getByText('nightly-monitor').count()).toBe(1);
  await page.context().close();
});
