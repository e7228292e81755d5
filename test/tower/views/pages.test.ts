/** The pages as their readers get them: whole documents, and what a filter or a page number does. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTower, type Tower } from '../../../src/tower/server.ts';
import { type SampleOptions, sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-pages-'));
let tower: Tower;
beforeAll(async () => {
  tower = await startTower({ folder, port: 0, version: '0.1.0', publicUrl: 'https://Tower.example.com:443/' });
});
afterAll(async () => {
  await tower?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function post(options: SampleOptions, runner = 'report'): Promise<string> {
  const response = await fetch(`${tower.url}/v1/reports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tower.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...sampleReport(options), runner }),
  });
  expect(response.status).toBe(201);
  return response.headers.get('location') ?? '';
}

const page = async (path: string): Promise<{ status: number; url: string; html: string }> => {
  const response = await fetch(`${tower.url}${path}`);
  return { status: response.status, url: response.url.slice(tower.url.length), html: await response.text() };
};

/** One element a line, times and digests of assets masked. */
const readable = (html: string): string =>
  html
    .replaceAll(/(\/assets\/\w+)-[0-9a-f]{12}/g, '$1-HASH')
    .replaceAll(/\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}\.\d{3}Z| \d{2}:\d{2})?/g, 'TIME')
    .replaceAll('><', '>\n<');

const titles = (html: string): string[] =>
  [...html.matchAll(/<td class="name"><a href="[^"]+">([^<]+)</g)].map((match) => match[1] ?? '');

describe('the pages', () => {
  it('welcome the first visitor, and say in words that nothing is there', async () => {
    const { html } = await page('/');
    expect(html).toContain('No model has reported yet');
    expect(html).toContain('FLIGHTCHECK_TOWER_TOKEN');
  });

  it('are what they were (golden)', async () => {
    await post({ at: '2026-03-01T10:00:00Z', passing: { data: 1, model: 1, infra: 1, monitor: 2 } });
    const model = await post({
      jobId: '1002',
      at: '2026-03-08T10:00:00Z',
      outcomes: { 'data-4': 'fail', 'model-3': 'error', 'infra-4': 'manual', 'monitor-7': 'not-applicable' },
      gate: { mode: 'blocking', isPassed: false, reasons: ['The ML Test Score is 1, below the 2 that the gate asks for'] },
      waivers: [
        { check: 'layout-rule-4', reason: 'Moved next quarter', owner: '@risk', expires: '2099-06-30', isExpired: false },
      ],
    });
    await post({
      name: 'call-volume',
      title: 'Call volume',
      owner: null,
      tier: 'standard',
      labels: { business_unit: 'service' },
      jobId: '2',
    });
    await expect(readable((await page('/')).html)).toMatchFileSnapshot('golden/fleet.html');
    await expect(readable((await page(model)).html)).toMatchFileSnapshot('golden/model.html');
    await expect(readable((await page('/nothing')).html)).toMatchFileSnapshot('golden/not-found.html');
  });

  it('show the address at which people reach the server, whatever name a request has', async () => {
    expect((await page('/api')).html).toContain('&#39;https://tower.example.com/v1/models&#39;');
    const explored = (await page('/explore?metric=tower.score.passing&last=1200d')).html;
    expect(explored).toContain('&#39;https://tower.example.com/v1/query?metric=');
    expect(explored).not.toContain(tower.url);
  });

  it('filter by form; empty fields leave the address', async () => {
    const filtered = await page('/?q=call&owner=&tier=&band=&gate=&label=');
    expect(filtered.url).toBe('/?q=call');
    expect(titles(filtered.html)).toEqual(['Call volume']);
    expect(titles((await page('/?tier=critical')).html)).toEqual(['Late lodgement risk']);
    expect(titles((await page('/?label=business_unit:service')).html)).toEqual(['Call volume']);
    expect(titles((await page('/?gate=failed')).html)).toEqual(['Late lodgement risk']);
    expect(titles((await page('/?gate=none')).html)).toEqual(['Call volume']);
    // What holds scores down leads to the models that it counts.
    const { html } = await page('/');
    const weakest = [...html.matchAll(/href="(\/\?weakest=(\w+)#models)">[\s\S]*?<td class="number">(\d+)</g)];
    expect(weakest.map(([, , id]) => id)).toEqual(['data', 'model', 'infra', 'monitor']);
    for (const [, href = '', id, n] of weakest) {
      expect(titles((await page(href)).html), id).toHaveLength(Number(n));
      const { items } = (await (await fetch(`${tower.url}/v1/models?weakest=${id}`)).json()) as { items: unknown[] };
      expect(items, id).toHaveLength(Number(n));
    }
    expect(new Set(weakest.map(([, , , n]) => n)).size).toBeGreaterThan(1);
    expect((await page('/?weakest=monitor&tier=critical')).html).toContain('<input type="hidden" name="weakest" value="monitor"');
    expect(titles((await page('/?band=1')).html)).toEqual(['Late lodgement risk', 'Call volume']);
    expect(titles((await page('/?band=0')).html)).toEqual([]);
    expect(titles((await page('/?sort=name&order=desc')).html)).toEqual(['Late lodgement risk', 'Call volume']);
    expect((await page('/?by=label:business_unit')).html).toContain('By business unit');
  });

  it('show a filter as something to take away, and keep it while sorting', async () => {
    const { html } = await page('/?tier=critical&sort=name');
    expect(html).toContain('<a href="/?sort=name" title="Take this filter away">');
    expect(html).toContain('href="/?tier=critical&amp;sort=name&amp;order=desc#models"');
    expect(html).toMatch(/aria-sort="ascending"/);
  });

  it('go to the last page when there are fewer', async () => {
    expect((await page('/?page=99')).url).toBe('/');
  });

  it('say that no model matches, instead of roll-ups of nothing', async () => {
    const { html } = await page('/?q=nobody');
    expect(html).toContain('No model matches this filter.');
    expect(html).not.toContain('Median ML Test Score');
    expect(html).not.toContain('0 to 0');
  });

  it('lead from the roll-ups and from page to page to the list, and from ten groups to all', async () => {
    const at = new Date().toISOString();
    for (let i = 0; i < 26; i++)
      await post({ name: `m-${i}`, owner: `@team-${i % 13}`, tier: 'experimental', jobId: `m-${i}`, at });
    const { html } = await page('/?tier=experimental&by=owner');
    expect(html).toContain('action="/#models"');
    expect(html).toContain('href="/?tier=experimental&amp;by=owner&amp;page=2#models"');
    expect(html).toContain('href="/?tier=experimental&amp;band=1&amp;by=owner#models"');
    expect(html).toContain('<a href="/waivers">');
    const all = /href="(\/explore[^"]+)">All, the lowest first/.exec(html)?.[1] ?? '';
    expect((await page(all.replaceAll('&amp;', '&'))).html).toContain('13 groups');
    expect((await page('/?tier=experimental&by=owner&gate=none')).html).not.toContain('All, the lowest first');
  });

  it.each(['/?sort=drop', '/?band=9', '/?by=secret', '/?page=0', '/?unknown=1', '/?label=novalue'])(
    'answer %s with an error page',
    async (path) => {
      const { status, html } = await page(path);
      expect(status).toBe(400);
      expect(html).toContain('Back to the fleet');
    },
  );

  it('join the rubric of one job with the structure suite of another', async () => {
    const path = await post(
      { name: 'two-jobs', jobId: 'a', structure: [], passing: { data: 4, model: 4, infra: 4, monitor: 7 } },
      'score',
    );
    await post({ name: 'two-jobs', jobId: 'b', at: '2026-03-09T00:00:00Z', structure: ['pass', 'fail'] }, 'check');
    const { html } = await page(path);
    expect(html).toContain('Project structure 50 %');
  });

  it('load nothing but their own style sheet and icon', async () => {
    const { html } = await page('/');
    const loaded = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((match) => match[1] ?? '');
    expect(loaded).toHaveLength(2);
    for (const path of loaded) expect((await fetch(`${tower.url}${path}`)).headers.get('cache-control')).toContain('immutable');
    expect(html).not.toMatch(/<script|style="|https?:\/\/(?!127)/);
  });
});

it('the page of the API holds every operation of the document, each with a line for the shell that keeps the token out', async () => {
  const { html } = await page('/api');
  const document = (await (await fetch(`${tower.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { operationId: string; security?: unknown }>>;
  };
  for (const [path, methods] of Object.entries(document.paths))
    for (const [method, { operationId, security }] of Object.entries(methods)) {
      const panel = html.slice(html.indexOf(`aria-labelledby="${operationId}"`)).split('</section>')[0] ?? '';
      expect(panel).toContain(`<code>${path}</code>`);
      expect(panel).toContain(
        `https://tower.example.com${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase())}`,
      );
      expect(panel.includes('Bearer $FLIGHTCHECK_TOWER_TOKEN'), `${method} ${path}`).toBe(security !== undefined);
    }
  expect(html).not.toContain(tower.token);
});
