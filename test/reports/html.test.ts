import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Report, type Result, resultsOf } from '../../src/kernel/report.ts';
import { renderHtml } from '../../src/reports/html.tsx';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { goldenReport, withResult } from './golden.ts';

const html = renderHtml(goldenReport, { towerUrl: 'https://tower.example.com/models/1' });

it('the page is as before', () => expect(html).toMatchFileSnapshot('../golden/report.html'));

it('escapes everything, holds no script and asks nobody for anything', () => {
  expect(html).not.toMatch(/<script|<img|onerror=["']|<link|@import|url\(/i);
  expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(html).toContain('default-src &#39;none&#39;');
});

it('links only to web addresses', () => {
  const report = withResult({ reference: 'javascript:alert(1)' });
  expect(renderHtml({ ...report, run: { ...report.run, jobUrl: 'data:text/html,x' } })).not.toMatch(/href="(?!#|https?:)/);
});

it('stays about 150 kB with thousands of rows and findings, and says what it left out', () => {
  const items = Array.from({ length: 1000 }, (_, i) => ({ slice: `group ${i}`, auc: 0.6, lower: 0.5, upper: 0.7 }));
  const findings = Array.from({ length: 10_000 }, (_, i) => ({ message: 'm'.repeat(300), place: { path: `f${i}.py` } }));
  const large: Report = {
    ...goldenReport,
    suites: goldenReport.suites.map((suite) => ({
      ...suite,
      sections: suite.sections.map((section) => ({
        ...section,
        results: section.results.map((result) => ({
          ...result,
          evidence: { explanation: 'x'.repeat(3000), items },
          ...(result.outcome === 'fail' && { findings }),
        })),
      })),
    })),
  };
  const page = renderHtml(large);
  expect(page.length).toBeLessThan(150_000);
  expect(page).toMatch(/more rows( and \d+ more columns?)? in the JSON report/);
  expect(page).toMatch(/[\d,]+ more files in the JSON report/);
});

describe('evidence tables', () => {
  const rubricWith = (items: NonNullable<NonNullable<Result['evidence']>['items']>): string => {
    const [, rubric] = goldenReport.suites;
    const section = rubric?.sections[0];
    const [result] = section?.results ?? [];
    if (!rubric || !section || !result) throw new Error('the golden report has a rubric');
    const only = { ...result, evidence: { explanation: 'x', items } };
    return renderHtml({ ...goldenReport, suites: [{ ...rubric, sections: [{ ...section, results: [only] }] }] });
  };

  it.each([
    ['lower', 'upper'],
    ['at_least', 'at_most'],
    ['gain_at_least', 'gain_at_most'],
  ])('draw the value between %s and %s', (lower, upper) => {
    const rows = [0.1, 0.5].map((value) => ({ name: 'a', value, [lower]: value - 0.05, [upper]: value + 0.05 }));
    expect(rubricWith(rows).match(/<circle class="dot"/g)).toHaveLength(2);
    expect(rubricWith(rows.map((row) => ({ ...row, value: 9 })))).not.toContain('class="dot"');
  });

  it('line up the numbers of a column, lose none, and leave out what is empty', () => {
    const page = rubricWith([
      { p: 0.5, tiny: 0.2, empty: null },
      { p: 0.25, tiny: 0.00001, empty: '' },
    ]);
    expect(page).toMatch(/>0\.50<.*>0\.25</s);
    expect(page).toContain('>1.00e-5<');
    expect(page).not.toContain('>empty<');
  });
});

it('renders reports with nothing in them', () => {
  expect(renderHtml({ ...goldenReport, suites: [], metrics: [] })).toContain('How it was run');
});

describe.skipIf(chromiumPath === undefined)('in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-html-'));
  const file = join(folder, 'report.html');
  let browser: Browser;
  beforeAll(async () => {
    writeFileSync(file, html);
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  async function open(width: number, colorScheme: 'light' | 'dark', hash = '') {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('dialog', () => complaints.push('dialog'));
    await page.goto(pathToFileURL(file).href + hash);
    return { page, requests, complaints };
  }

  it.each(['light', 'dark'] as const)('axe-core finds nothing, %s', async (colorScheme) => {
    // The page forbids scripts; the examiner is one.
    const context = await browser.newContext({ bypassCSP: true, colorScheme });
    const page = await context.newPage();
    await page.goto(pathToFileURL(file).href);
    await page.evaluate(axe.source);
    const found = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string }[] }[] };
    expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    await context.close();
  });

  it('fits every width in light and dark, with its styles let through and no request', async () => {
    const { page, requests, complaints } = await open(1280, 'light');
    for (const width of [1280, 820, 390])
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme });
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
        const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
        expect(ground).toBe(colorScheme === 'light' ? 'rgb(244, 246, 248)' : 'rgb(14, 18, 23)');
      }
    expect(await page.locator('.card-tests .test:visible').count()).toBe(28);
    expect(requests).toHaveLength(1);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('unfolds a test that is linked to', async () => {
    const { page } = await open(1280, 'light', '#infra-1');
    expect(await page.locator('#infra-1').isVisible()).toBe(true);
    expect(await page.locator('#data-1').isVisible()).toBe(false);
    await page.close();
  });

  it('changes its colours by keyboard, without script', async () => {
    const { page } = await open(1280, 'light');
    await page.locator('#theme-auto').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(14, 18, 23)');
    await page.close();
  });

  it('reaches every test of the score card by its name', async () => {
    const { page } = await open(1280, 'light');
    const names = await page.locator('.card-tests a').allTextContents();
    const tests = [...resultsOf(goldenReport)].filter(({ suite }) => suite.method === 'ml-test-score');
    for (const [i, { result }] of tests.entries()) {
      expect(names[i]).toContain(result.check);
      expect(names[i]).toMatch(/(passed|failed|by hand|not applicable|skipped|error), (0|0\.5|1) of 1 point/);
    }
    await page.close();
  });
});
