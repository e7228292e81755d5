/** Control Tower in a real browser: no error, no overflow, usable without JavaScript, light and dark, three widths. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTower, type Tower } from '../../src/tower/server.ts';
import { sampleReport } from '../tower/sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-browser-'));
let tower: Tower;
let browser: Browser;
beforeAll(async () => {
  tower = await startTower({ folder, port: 0, version: '0.1.0' });
  for (const i of [1, 2, 3])
    await fetch(`${tower.url}/v1/reports`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tower.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(
        sampleReport({
          name: `model-${i}`,
          title: `Model ${i} with a rather long title of its own`,
          jobId: String(i),
          at: `2026-03-0${i}T00:00:00Z`,
        }),
      ),
    });
  await fetch(`${tower.url}/v1/metrics`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tower.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'model-1',
      metrics: [
        { name: 'model.latency.p95', value: 0.25, unit: 's' },
        { name: 'task.memory', value: 9_747_000_000, unit: 'By', labels: { task: 'features-of-all-customers' } },
      ],
    }),
  });
  await fetch(`${tower.url}/v1/dashboards`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tower.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'Board',
      panels: ['bucket=week', 'look=small', 'bucket=none&compare=year'].map((look) => ({
        title: `The score of each section, by section and by model, ${look}`,
        question: `metric=tower.score.section&by=section&by=model&from=2026-02-01&${look}`,
      })),
    }),
  });
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
});
afterAll(async () => {
  await browser?.close();
  await tower?.close();
  rmSync(folder, { recursive: true, force: true });
});

const widths = [360, 768, 1440];
const schemes = ['light', 'dark'] as const;

const pages = [
  '/',
  '/models/1',
  '/models/1/badge',
  '/nothing',
  '/explore',
  '/alerts',
  '/api',
  '/rules',
  '/tokens',
  '/audit',
  '/dashboards',
  '/dashboards/1',
  '/explore?metric=tower.score.section&by=section&by=model&from=2026-02-01',
  '/explore?metric=tower.score.passing&by=model&from=2026-02-01&look=small',
  '/explore?metric=tower.score.passing&by=model&from=2026-02-01&bucket=none&compare=year',
];

it.each(pages)('%s fits every width in both schemes, without a word on the console', async (path) => {
  for (const width of widths)
    for (const colorScheme of schemes) {
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      const said: string[] = [];
      page.on('console', (message) => said.push(message.text()));
      page.on('pageerror', (error) => said.push(error.message));
      await page.goto(tower.url + path);
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), `${path} ${width}`).toBeLessThanOrEqual(0);
      // No text runs over the cell beside its own.
      const over = `[...document.querySelectorAll('td, th')].filter((cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.textContent)`;
      expect(await page.evaluate(over), `${path} ${width}`).toEqual([]);
      expect(said.filter((text) => !text.includes('404'))).toEqual([]);
      await page.close();
    }
});

it.each(pages)('%s: axe-core finds nothing, in both schemes', async (path) => {
  for (const colorScheme of schemes) {
    // The pages forbid scripts; the examiner is one.
    const context = await browser.newContext({ bypassCSP: true, colorScheme });
    const page = await context.newPage();
    await page.goto(tower.url + path);
    await page.evaluate(axe.source);
    const found = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string }[] }[] };
    expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    await context.close();
  }
});

it('asks a question of the page Explore by its form alone, with JavaScript off', async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${tower.url}/explore`);
  await page.locator('select[name=metric]').selectOption('tower.score.section');
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.waitForURL('**/explore?*metric=tower.score.section*');
  await page.locator('select[name=by]').first().selectOption('section');
  await page.locator('select[name=last]').selectOption('52w');
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.getByRole('link', { name: 'infra' }).first().click();
  await page.waitForURL('**/explore?*where=section%3Ainfra*');
  expect(await page.locator('.chips.active a').count()).toBe(1);
  await page.goBack();
  expect(page.url()).toContain('by=section');
  await context.close();
});

it('leads from the fleet to a model by keyboard and form alone, with JavaScript off', async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(tower.url);
  await page.keyboard.press('Tab');
  expect(await page.locator('.skip-link').boundingBox()).toMatchObject({ x: expect.any(Number) });
  await page.getByLabel('Name or title').fill('model-2');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/?q=model-2#models');
  await page.getByRole('link', { name: /^Model 2/ }).click();
  await page.waitForURL('**/models/*');
  await page
    .getByRole('link', { name: /data-1/ })
    .first()
    .click();
  expect(page.url()).toContain('#data-1');
  await context.close();
});

it('prints the fleet as a table on A4, not as the cards of a telephone', async () => {
  // A4 with the margins of the style sheet, in CSS pixels.
  const page = await browser.newPage({ viewport: { width: 703, height: 1000 } });
  await page.emulateMedia({ media: 'print' });
  await page.goto(tower.url);
  expect(await page.locator('.models thead').isVisible()).toBe(true);
  expect(await page.locator('.models tbody tr').first().locator('td:visible').count()).toBe(9);
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
  // Neither a large number nor the name of a band is broken within a word.
  const broken = `[...document.querySelectorAll('.tile dd:first-of-type, .models .score small')].map((node) => {
    const inside = document.createRange();
    node.textContent = node.matches('dd') ? '10,000' : 'Exceptional';
    inside.selectNodeContents(node);
    return inside.getClientRects().length;
  })`;
  expect(new Set((await page.evaluate(broken)) as number[])).toEqual(new Set([1]));
  await page.close();
});
