/** The made-up organisation, written for real. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { resultsOf } from '../../../src/kernel/report.ts';
import { randomOf } from '../../../src/stats/random.ts';
import { daysOf } from '../../../src/tower/demo/life.ts';
import { demoModels } from '../../../src/tower/demo/organisation.ts';
import { hurdlesOf, reportOn } from '../../../src/tower/demo/reports.ts';
import { seedDemo } from '../../../src/tower/demo/seed.ts';
import type { OpenDatabase } from '../../../src/tower/store/database.ts';
import { fleetTotals } from '../../../src/tower/store/fleet.ts';
import { openStore } from '../../../src/tower/store/open.ts';
import { listMetrics } from '../../../src/tower/store/slice/metrics.ts';
import { slice } from '../../../src/tower/store/slice/slice.ts';
import { writeReport } from '../../../src/tower/store/write-report.ts';
import { sampleReport, submissionOf } from '../sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-demo-data-'));
let store: OpenDatabase;
beforeAll(async () => {
  store = await openStore({ folder });
});
afterAll(async () => {
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
});

const sections = ['data', 'model', 'infra', 'monitor'].map((id) => ({
  id,
  title: id,
  tests: Array.from({ length: 7 }, (_, i) => ({
    id: `${id}-${i + 1}`,
    title: 'A test',
    why: 'Because.',
    fix: 'Do it.',
    severity: 'major' as const,
    weight: 1,
  })),
}));
const options = {
  models: 6,
  days: 40,
  until: new Date('2026-06-30T12:00:00Z'),
  version: '0.1.0',
  suites: [{ id: 'ml-test-score', title: 'ML Test Score', method: 'ml-test-score' as const, sections }],
  chanceOf: randomOf,
};

it('fills the store once, however often it is run', async () => {
  const seeded = await seedDemo(store.db, options);
  expect(seeded.models).toBe(6);
  expect(seeded.reports).toBeGreaterThanOrEqual(6);
  expect(seeded.points).toBeGreaterThan(6 * 40 * 8);
  expect(await seedDemo(store.db, options)).toEqual({ ...seeded, points: 0 });
  expect(await fleetTotals(store.db, { labels: [] })).toMatchObject({ models: 6, scored: 6 });
  expect((await listMetrics(store.db, null)).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['model.drift.psi', 'task.cpu', 'tower.score.passing']),
  );
  const { groups } = await slice(store.db, {
    scope: null,
    metric: 'model.drift.psi',
    unit: '1',
    refClass: 'authoritative',
    by: ['business_unit'],
    where: {},
    from: new Date('2026-05-01T00:00:00Z'),
    to: new Date('2026-07-01T00:00:00Z'),
    aggregate: 'max',
    bucket: 'week',
    order: 'name',
    limit: 20,
  });
  expect(groups.map(({ key }) => key[0])).toEqual(['insurance', 'lending', 'operations', 'payments', 'service']);
});

it('makes the same organisation of the same seed, in which some models drift and are trained again', () => {
  const models = demoModels(randomOf(1), 200, 180);
  expect(models).toEqual(demoModels(randomOf(1), 200, 180));
  expect(models).not.toEqual(demoModels(randomOf(2), 200, 180));
  expect(new Set(models.map(({ project }) => project)).size).toBe(200);
  const drifting = models.filter(({ fate }) => fate === 'drifting').map((model) => daysOf(model, 180));
  expect(drifting.length).toBeGreaterThan(15);
  for (const life of drifting) expect(Math.max(...life.map(({ shift }) => shift))).toBeGreaterThan(0.3);
  expect(drifting.some((life) => (life.at(-1)?.version ?? 0) > 1)).toBe(true);
});

it('has waivers that are in force, end soon and have ended, of tests that fail', () => {
  const days = 180;
  const [today, at] = [options.until.toISOString().slice(0, 10), options.until.getTime()];
  const reports = demoModels(randomOf(1), 200, days).map((model, index) => {
    const day = daysOf(model, days).at(-1);
    if (!day) throw new Error('a life without days');
    return reportOn(model, options.suites, hurdlesOf(options.suites, randomOf(index + 1)), { day, days, at, version: '0.1.0' });
  });
  const waivers = reports.flatMap((report) => report.waivers ?? []);
  expect(waivers.length).toBeGreaterThan(30);
  const ended = waivers.filter(({ expires }) => expires < today);
  expect(ended.length).toBeGreaterThan(2);
  expect(ended.every(({ isExpired }) => isExpired)).toBe(true);
  const soon = new Date(at + 30 * 86_400_000).toISOString().slice(0, 10);
  expect(waivers.filter(({ expires }) => expires >= today && expires < soon).length).toBeGreaterThan(2);
  const waived = reports.flatMap((report) => [...resultsOf(report)]).filter(({ result }) => result.waived);
  expect(waived.length).toBeGreaterThan(10);
  expect(reports.some(({ gate }) => gate?.reasons.some((reason) => /expired on/.test(reason)))).toBe(true);
});

it('refuses to stand beside real projects', async () => {
  await writeReport(store.db, submissionOf(sampleReport()));
  await expect(seedDemo(store.db, options)).rejects.toThrow(/1 real project$/);
});
