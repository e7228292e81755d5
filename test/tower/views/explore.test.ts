/** The page Explore and what models measured, as their readers get them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTower, type Tower } from '../../../src/tower/server.ts';
import { changeWords } from '../../../src/tower/views/explore-bars.tsx';
import { scaleOf } from '../../../src/tower/views/time-chart.tsx';
import { sampleReport } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-explore-'));
const nasty = `<script>alert(1)</script>"'&`;
let tower: Tower;
beforeAll(async () => {
  tower = await startTower({ folder, port: 0, version: '0.1.0' });
});
afterAll(async () => {
  await tower?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function post(path: string, body: unknown): Promise<void> {
  const response = await fetch(`${tower.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tower.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(201);
}

const page = async (path: string): Promise<{ status: number; url: string; html: string }> => {
  const response = await fetch(`${tower.url}${path}`);
  return { status: response.status, url: response.url.slice(tower.url.length), html: await response.text() };
};

/** Text of the cells of the table of numbers, row by row. */
const numbers = (html: string): string[][] =>
  [...(/<table class="numbers flow">(.*?)<\/table>/s.exec(html)?.[1] ?? '').matchAll(/<tr>(.*?)<\/tr>/gs)].map((row) =>
    [...(row[1] ?? '').matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map((cell) => (cell[1] ?? '').replaceAll(/<[^>]+>/g, '')),
  );
const daysAgo = (n: number): string => new Date(Date.now() - n * 86_400_000).toISOString();

it('says how the first number comes here', async () => {
  const { html } = await page('/explore');
  expect(html).toContain('No metric has come yet');
  expect(html).toContain(`curl -X POST ${tower.url}/v1/metrics`);
});

it('lists the metrics, and draws one together, by group, and against the time before', async () => {
  for (const [name, owner] of [
    ['lateness', '@a'],
    ['calls', nasty],
  ] as const) {
    await post('/v1/reports', sampleReport({ name, owner, jobId: name, at: daysAgo(1) }));
    await post('/v1/metrics', {
      model: name,
      metrics: [3, 2, 1, 12, 11].map((n) => ({
        name: 'model.drift.psi',
        value: (name === 'calls' ? 0.25 : 0.1) - (n > 10 ? 0.05 : 0),
        unit: '1',
        at: daysAgo(n),
        labels: { feature: nasty },
      })),
    });
  }
  const catalogue = await page('/explore');
  expect(numbers(catalogue.html)).toContainEqual(['model.drift.psi', 'Drift of features (PSI)', '2', '2']);
  expect(catalogue.html).toContain('href="/explore?metric=model.drift.psi"');

  const grouped = await page('/explore?metric=model.drift.psi&by=owner&last=7d&compare=previous&agg=max');
  const [head, first, second] = numbers(grouped.html);
  expect(head).toEqual(['owner', 'greatest', 'before', 'change', 'values', 'newest']);
  expect(first).toEqual([
    nasty.replace('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replace('"', '&quot;').replace("'", '&#39;'),
    '0.25',
    '0.2',
    '+25 %',
    '3',
    expect.stringContaining('0.25'),
  ]);
  expect(second?.slice(0, 4)).toEqual(['@a', '0.1', '0.05', '+100 %']);
  expect(grouped.html.match(/<polyline/g)).toHaveLength(4);
  expect(grouped.html).not.toMatch(/<script>|onerror/);
});

it('leads from a group to what lies in it, and back', async () => {
  const { html } = await page('/explore?metric=model.drift.psi&by=owner&last=30d');
  expect(html).toContain('href="/explore?metric=model.drift.psi&amp;where=owner%3A%40a&amp;last=30d"');
  const narrowed = await page('/explore?metric=model.drift.psi&where=owner%3A%40a&last=30d');
  expect(numbers(narrowed.html)[1]?.slice(0, 2)).toEqual(['all together', '0.08']);
  expect(narrowed.html).toMatch(/href="\/explore\?metric=model\.drift\.psi&amp;last=30d" title="Take this filter away"/);
});

it('draws small multiples on one scale, and bars where there are no buckets', async () => {
  const small = await page('/explore?metric=model.drift.psi&by=model&look=small');
  expect(small.html.match(/role="img"/g)).toHaveLength(2);
  const bars = await page('/explore?metric=model.drift.psi&by=model&bucket=none');
  expect(bars.html.match(/class="hbar"/g)).toHaveLength(2);
  expect(bars.html).toContain('width="100%" height="18"');
});

it('marks what is not over where a sum or a count would seem to fall, and says it to programs', async () => {
  await post('/v1/metrics', {
    model: 'calls',
    metrics: [0, 7, 14, 21].map((n) => ({ name: 'model.requests', value: n === 0 ? 10 : 70, at: daysAgo(n) })),
  });
  const question = 'metric=model.requests&bucket=week&last=28d';
  const week = new Date(Date.now() - ((new Date().getUTCDay() + 6) % 7) * 86_400_000).toISOString().slice(0, 10);
  const { html } = await page(`/explore?${question}&agg=sum`);
  expect(numbers(html)[1]?.at(-1)).toBe(`10 so far (${week})`);
  expect(html).toContain(`all together, ${week}: 10 so far</title>`);
  expect(html.match(/<circle class="line-1 is-partial"/g)).toHaveLength(1);
  // The line to it is one of its own.
  expect(html.match(/<polyline class="line-1 *"/g)).toHaveLength(1);
  expect(html.match(/<polyline class="line-1 is-partial"/g)).toHaveLength(1);
  expect(html).toContain('A week that is not over is hollow');
  // A mean or a maximum of a part is none the less one.
  const mean = await page(`/explore?${question}&agg=avg`);
  expect(mean.html).not.toMatch(/is-partial|so far|not over/);
  const { partial } = (await (await fetch(`${tower.url}/v1/query?${question}&agg=sum`)).json()) as { partial: string[] };
  expect(partial).toEqual([`${week}T00:00:00.000Z`]);
});

it('gives the question to other programs, and they get the same answer', async () => {
  const { html } = await page('/explore?metric=model.drift.psi&by=model&bucket=none&agg=max');
  const address = /<a href="([^"]+)">JSON<\/a>/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '';
  const answer = (await (await fetch(`${tower.url}${address}`)).json()) as { groups: { value: number }[] };
  expect(answer.groups.map((group) => group.value)).toEqual([0.25, 0.1]);
  expect(html).toContain(`curl -H &#39;Accept: text/csv&#39; &#39;${tower.url}/v1/query?`);
});

it('keeps empty fields of the form out of the address', async () => {
  expect((await page('/explore?metric=model.drift.psi&by=owner&by=&where=&last=30d')).url).toBe(
    '/explore?metric=model.drift.psi&by=owner&last=30d',
  );
});

it('keeps the form where a question cannot be answered, and shows what there is', async () => {
  const unknown = await page('/explore?metric=no.such&by=owner');
  expect(unknown.status).toBe(404);
  expect(unknown.html).toContain('No model that you may see has this metric.');
  expect(unknown.html).toContain('<option value="owner" selected="">owner</option>');
  expect(numbers(unknown.html)).toContainEqual(['model.drift.psi', 'Drift of features (PSI)', '2', '2']);
  const tooFine = await page('/explore?metric=model.drift.psi&bucket=hour&last=52w');
  expect(tooFine.status).toBe(400);
  expect(tooFine.html).toContain('would make more than 2000 buckets; take day or longer');
  expect(tooFine.html).toContain('<option value="hour" selected="">an hour</option>');
});

it.each(['/explore?agg=mode', '/explore?metric=model.drift.psi&where=x', '/explore?look=pie'])(
  'answers %s with an error page',
  async (path) => {
    const { status, html } = await page(path);
    expect([400, 404]).toContain(status);
    expect(html).toContain('Back to the fleet');
  },
);

it('shows on the page of a model what it measures and since when it has moved', async () => {
  const { items } = (await (await fetch(`${tower.url}/v1/models?q=calls`)).json()) as { items: { url: string }[] };
  const { html } = await page(items[0]?.url ?? '');
  expect(html).toContain(`over 0.2 since ${daysAgo(3).slice(0, 10)}`);
  expect(html).toContain('href="/explore?metric=model.drift.psi&amp;by=feature&amp;where=model%3Acalls"');
  expect(html).not.toContain('<script>');
});

it('has a question on the fleet for each metric that can answer it', async () => {
  const { html } = await page('/');
  expect(html).toContain('What drifts?');
  expect(html).not.toContain('What does it take to run?');
});

it.each<readonly [readonly number[], readonly number[]]>([
  [
    [0, 7],
    [0, 2, 4, 6, 8],
  ],
  [
    [0.812, 0.834],
    [0.81, 0.815, 0.82, 0.825, 0.83, 0.835],
  ],
  [
    [-3, 4],
    [-4, -2, 0, 2, 4],
  ],
  [[], [0, 0.5, 1]],
])('has a scale of round numbers for %j', (values, ticks) => {
  expect(scaleOf(values, false).ticks).toEqual(ticks);
});

it('has a scale of some height for one value, and of finite height for any', () => {
  for (const value of [0, 5, -5, 1e-9, 1e300]) {
    const { least, most } = scaleOf([value], false);
    expect(most).toBeGreaterThan(least);
    expect(least).toBeLessThanOrEqual(value);
    expect(most).toBeGreaterThanOrEqual(value);
  }
});

it('reads all numbers of an answer in one unit, and how many values there are in none', async () => {
  for (const [name, seconds] of [
    ['lateness', 90_000],
    ['calls', 1800],
  ] as const)
    await post('/v1/metrics', {
      model: name,
      metrics: [{ name: 'task.cpu', value: seconds, unit: 's', at: daysAgo(1), labels: { task: 'train' } }],
    });
  const bars = (await page('/explore?metric=task.cpu&agg=sum&by=model&last=7d&bucket=none')).html;
  expect(numbers(bars)).toEqual([
    ['model', 'sum in h', 'values', 'page'],
    ['lateness', '25', '1', 'model'],
    ['calls', '0.5', '1', 'model'],
  ]);
  expect(bars).toContain('<td class="number">25 h</td>');
  expect(bars).toContain('<option value="task">task</option>');
  expect(bars).toContain('<option value="label:task">task (label)</option>');
  expect((await page('/explore?metric=task.cpu&agg=sum&by=model&last=7d')).html).toMatch(/text-anchor="end">\d+ h<\/text>/);
  expect(numbers((await page('/explore?metric=task.cpu&agg=count&last=7d&bucket=none')).html)[0]).toEqual([
    'Group',
    'count',
    'values',
  ]);
  for (const look of ['bars', 'lines']) {
    const alone = await page(`/explore?metric=task.cpu&agg=sum&by=model&last=7d&look=${look}&bucket=day&compare=previous`);
    expect(alone.html).toContain('Of the other time there is no value.');
    expect(numbers(alone.html)[0]).toEqual(['model', 'sum in h', 'values', 'newest', 'page']);
  }
});

it('says how many groups there are, and shows no more of them than it can', async () => {
  const metrics = Array.from({ length: 1200 }, (_, i) => ({ name: 'data.rows', value: i, labels: { table: `t${i}` } }));
  for (let from = 0; from < metrics.length; from += 400)
    await post('/v1/metrics', { model: 'calls', at: daysAgo(1), metrics: metrics.slice(from, from + 400) });
  const few = (await page('/explore?metric=data.rows&by=table&bucket=none')).html;
  expect(few).toContain('1,200 groups');
  expect(few).toMatch(/the first 20 are shown, <a href="[^"]*limit=1000">show 1,000</);
  const many = (await page('/explore?metric=data.rows&by=table&bucket=none&limit=1000')).html;
  expect(many).toContain('the first 1,000 are shown');
  expect(many).not.toContain('>show 1,000<');
});

it.each([
  [7, 7, '±0 %'],
  [0, 0, '±0 %'],
  [1, 0, 'from 0'],
  [3, 4, '−25 %'],
  [-1, -2, '+50 %'],
  [1, undefined, '–'],
] as const)('%d after %s is a change of %s', (now, before, words) => expect(changeWords(now, before)).toBe(words));
