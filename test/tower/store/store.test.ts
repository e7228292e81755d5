/** One set of tests, two databases. */
import { sql } from 'kysely';
import { beforeEach, expect, it } from 'vitest';
import { listAudit } from '../../../src/tower/store/audit.ts';
import type { OpenDatabase } from '../../../src/tower/store/database.ts';
import { fleetFacets, fleetGroups, fleetTotals } from '../../../src/tower/store/fleet.ts';
import { KeyReused } from '../../../src/tower/store/idempotency.ts';
import { listModels, recentScores } from '../../../src/tower/store/list-models.ts';
import { ensurePartitions, migrate } from '../../../src/tower/store/migrations/migrate.ts';
import { rollUp } from '../../../src/tower/store/points/rollups.ts';
import { modelHistory, readModel, readReport } from '../../../src/tower/store/read-model.ts';
import {
  createToken,
  ensureOperatorToken,
  findToken,
  listTokens,
  revokeToken,
  setOperatorToken,
  TokenIsPast,
} from '../../../src/tower/store/tokens.ts';
import { writeReport } from '../../../src/tower/store/write-report.ts';
import { localWriter, sampleReport, submissionOf } from '../sample.ts';
import { emptyStore, onBothDatabases } from './databases.ts';

const everything = { labels: [] };
const firstPage = { sort: 'name', isDescending: false, limit: 50 } as const;

onBothDatabases((opened) => {
  let store: OpenDatabase;
  beforeEach(async () => {
    store = opened();
    await emptyStore(store.db);
  });

  const rows = async (table: string): Promise<number> => {
    await rollUp(store.db);
    return (await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(store.db)).rows[0]?.n ?? -1;
  };
  const write = (...parameters: Parameters<typeof submissionOf>) => writeReport(store.db, submissionOf(...parameters));

  it('keeps a report with its results, points, latest values and rollups', async () => {
    const report = sampleReport();
    const written = await write(report);
    expect(written).toMatchObject({ isReplay: false, points: 8 });
    expect(await rows('check_result')).toBe(32);
    expect(await rows('latest')).toBe(8);
    expect(await rows('rollup_day')).toBe(8);
    expect((await readReport(store.db, written.reportId))?.report).toEqual(report);
    const model = await readModel(store.db, written.modelId);
    expect(model).toMatchObject({
      name: 'late-lodgement-risk',
      tier: 'critical',
      project: 'risk/late-lodgement',
      score: 1,
      paperScore: 1,
      structureScore: 0.75,
      versions: 1,
      labels: { business_unit: 'debt', region: 'au' },
      sections: { data: 3, model: 2, infra: 3, monitor: 1 },
      seenAt: new Date('2026-03-01T10:00:00Z'),
    });
  });

  it('adds nothing when a report is sent again, also by two clients at once', async () => {
    const report = sampleReport();
    const answers = await Promise.all([write(report), write(report), write(report)]);
    expect(answers.filter((answer) => !answer.isReplay)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.reportId)).size).toBe(1);
    expect(await write(report)).toMatchObject({ isReplay: true, points: 0 });
    expect(await rows('report')).toBe(1);
    expect(await rows('point')).toBe(8);
    const { rows: rolled } = await sql<{ n: number }>`select max(n) as n from rollup_day`.execute(store.db);
    expect(rolled[0]?.n).toBe(1);
  });

  it('counts a point once when another report repeats it, and rolls up what is new', async () => {
    await write(sampleReport({ metrics: [{ name: 'model.drift.psi', value: 0.1, labels: { b: '2', a: '1' } }] }));
    await write(sampleReport({ jobId: '1002', metrics: [{ name: 'model.drift.psi', value: 9, labels: { a: '1', b: '2' } }] }));
    await write(
      sampleReport({
        jobId: '1003',
        at: '2026-03-01T12:00:00Z',
        metrics: [{ name: 'model.drift.psi', value: 0.5, labels: { a: '1', b: '2' } }],
      }),
    );
    await write(
      sampleReport({
        jobId: '1004',
        at: '2026-03-01T11:00:00Z',
        metrics: [{ name: 'model.drift.psi', value: 0.3, labels: { a: '1', b: '2' } }],
      }),
    );
    await rollUp(store.db);
    const { rows: rolled } = await sql`select n, sum, min, max, last, day from rollup_day join metric on metric.id = metric_id
      where name = 'model.drift.psi'`.execute(store.db);
    expect(rolled).toEqual([{ n: 3, sum: expect.closeTo(0.9, 9), min: 0.1, max: 0.5, last: 0.5, day: '2026-03-01' }]);
    const { rows: newest } =
      await sql`select value from latest join metric on metric.id = metric_id where name = 'model.drift.psi'`.execute(store.db);
    expect(newest).toEqual([{ value: 0.5 }]);
  });

  it('keeps metadata and standing of the newest report when a late one arrives', async () => {
    const newest = await write(
      sampleReport({ at: '2026-03-02T00:00:00Z', owner: '@new', passing: { data: 4, model: 4, infra: 4, monitor: 7 } }),
    );
    await write(sampleReport({ jobId: '1', at: '2026-03-01T00:00:00Z', owner: '@old', title: 'Old title' }));
    expect(await readModel(store.db, newest.modelId)).toMatchObject({ owner: '@new', title: 'Late lodgement risk', score: 3.5 });
    expect(await modelHistory(store.db, newest.modelId, { limit: 10 })).toHaveLength(2);
  });

  it('stores a preview beside the record, never in it', async () => {
    const preview = await write(sampleReport(), { refClass: 'preview' });
    expect(await listModels(store.db, everything, firstPage)).toEqual([]);
    await write(sampleReport({ jobId: '2', passing: { data: 1, model: 1, infra: 1, monitor: 2 } }));
    await write(
      sampleReport({
        jobId: '3',
        at: '2026-04-01T00:00:00Z',
        owner: '@thief',
        passing: { data: 7, model: 7, infra: 7, monitor: 7 },
      }),
      { refClass: 'preview' },
    );
    expect(await readModel(store.db, preview.modelId)).toMatchObject({ score: 1, owner: '@debt-analytics' });
    expect((await modelHistory(store.db, preview.modelId, { limit: 10 })).map((entry) => entry.refClass)).toEqual([
      'preview',
      'authoritative',
      'preview',
    ]);
  });

  it('tells projects apart by issuer and number, and lets a project move', async () => {
    const gitlab = {
      ...localWriter,
      issuer: 'https://gitlab.example.com',
      projectId: '42',
      namespaceId: '7',
      namespacePath: 'risk',
    };
    const local = await write(sampleReport());
    const first = await write(sampleReport(), { writer: gitlab });
    const moved = await write(sampleReport({ jobId: '9' }), {
      writer: { ...gitlab, projectPath: 'treasury/lodgement', namespaceId: '8', namespacePath: 'treasury' },
    });
    const reused = await write(sampleReport(), { writer: { ...gitlab, projectId: '43' } });
    expect(moved.modelId).toBe(first.modelId);
    expect(new Set([local.modelId, first.modelId, reused.modelId]).size).toBe(3);
    expect(await readModel(store.db, moved.modelId)).toMatchObject({ project: 'treasury/lodgement' });
  });

  it('leaves nothing of a report that fails half way', async () => {
    const broken = submissionOf(sampleReport());
    const suites = broken.report.suites.map((suite) => ({ ...suite, sections: [...suite.sections, ...suite.sections] }));
    await expect(writeReport(store.db, { ...broken, report: { ...broken.report, suites } })).rejects.toThrow();
    for (const table of ['project', 'model', 'report', 'check_result', 'point', 'standing'])
      expect(await rows(table), table).toBe(0);
    expect(await write(sampleReport())).toMatchObject({ isReplay: false });
  });

  it('refuses an Idempotency-Key with another body and keeps the first', async () => {
    const first = await write(sampleReport(), { idempotencyKey: 'key-1' });
    expect(await write(sampleReport(), { idempotencyKey: 'key-1' })).toMatchObject({ reportId: first.reportId, isReplay: true });
    await expect(write(sampleReport({ jobId: '2' }), { idempotencyKey: 'key-1' })).rejects.toThrow(KeyReused);
    expect(await rows('report')).toBe(1);
    // The key is the project's: what others send under it is theirs.
    const writer = { ...localWriter, projectId: 'another' };
    expect(await write(sampleReport({ jobId: '3' }), { idempotencyKey: 'key-1', writer })).toMatchObject({ isReplay: false });
  });

  it('treats SQL in names, owners and labels as text', async () => {
    const nasty = `'; drop table model; -- " \\ $1 %_ {"a":1} \u{1F600}`;
    await write(sampleReport({ name: nasty, title: nasty, owner: nasty, tier: nasty, labels: { [nasty]: nasty } }));
    const filters = [{ owner: nasty }, { tier: nasty }, { search: nasty }, { labels: [[nasty, nasty] as const] }];
    for (const filter of filters)
      expect(await listModels(store.db, { ...everything, ...filter }, firstPage)).toMatchObject([
        { name: nasty, labels: { [nasty]: nasty } },
      ]);
    expect(await fleetGroups(store.db, everything, `label:${nasty}`, 5)).toMatchObject([{ name: nasty, models: 1 }]);
    expect(await listModels(store.db, { ...everything, search: '%' }, firstPage)).toHaveLength(1);
    expect(await listModels(store.db, { ...everything, search: 'x%x' }, firstPage)).toHaveLength(0);
  });

  it('pages through equal keys without loss or repetition, in both directions', async () => {
    for (let i = 0; i < 7; i++)
      await write(
        sampleReport({ name: `model-${i}`, jobId: String(i), passing: { data: i % 2, model: 1, infra: 1, monitor: 2 } }),
      );
    for (const sort of ['score', 'name', 'structure', 'seen'] as const)
      for (const isDescending of [true, false]) {
        const seen: number[] = [];
        for (let after: { key: string | number; id: number } | undefined; ; ) {
          const page = await listModels(store.db, everything, { sort, isDescending, limit: 3, after });
          seen.push(...page.map((row) => row.id));
          const last = page.at(-1);
          if (!last || page.length < 3) break;
          after = { key: last.key, id: last.id };
        }
        expect(seen).toHaveLength(7);
        expect(new Set(seen).size).toBe(7);
      }
  });

  it('rolls the fleet up by band, tier, owner and label', async () => {
    await write(
      sampleReport({
        name: 'a',
        passing: { data: 3, model: 3, infra: 3, monitor: 6 },
        gate: { mode: 'blocking', isPassed: true, reasons: [] },
      }),
    );
    await write(
      sampleReport({
        name: 'b',
        jobId: '2',
        owner: null,
        tier: 'standard',
        labels: {},
        passing: { data: 0, model: 3, infra: 3, monitor: 7 },
      }),
    );
    const totals = await fleetTotals(store.db, everything);
    expect(totals).toMatchObject({
      models: 2,
      scored: 2,
      median: 1.5,
      gatePassed: 1,
      gateFailed: 0,
      critical: 1,
      criticalReady: 1,
      waivers: 0,
    });
    expect(totals.weakest).toEqual({ data: 2, model: 1, infra: 1, monitor: 1 });
    expect(await fleetGroups(store.db, everything, 'tier', 5)).toEqual([
      { name: 'critical', models: 1, mean: 3, bands: [0, 0, 0, 1, 0, 0, 0] },
      { name: 'standard', models: 1, mean: 0, bands: [1, 0, 0, 0, 0, 0, 0] },
    ]);
    expect(await fleetGroups(store.db, everything, 'label:region', 5)).toMatchObject([{ name: 'au' }, { name: null }]);
    expect(await fleetFacets(store.db, null)).toEqual({
      tiers: ['critical', 'standard'],
      languages: ['python'],
      owners: ['@debt-analytics'],
      labelKeys: ['business_unit', 'region'],
    });
  });

  it('gives the last scores oldest first', async () => {
    const passes = [1, 2, 3];
    for (const n of passes)
      await write(
        sampleReport({
          jobId: String(n),
          at: `2026-03-0${n}T00:00:00Z`,
          passing: { data: n, model: n, infra: n, monitor: 2 * n },
        }),
      );
    const [model] = await listModels(store.db, everything, firstPage);
    expect(await recentScores(store.db, [model?.id ?? 0], 2)).toEqual(new Map([[model?.id, [2, 3]]]));
  });

  it('puts points of the running months into their partitions and others into the default one', async () => {
    await ensurePartitions(store.db, new Date());
    await write(sampleReport({ at: new Date().toISOString() }));
    await write(sampleReport({ jobId: '2', at: '2019-01-01T00:00:00Z' }));
    expect(await rows('point')).toBe(16);
    expect(await rows('point_default')).toBe(8);
  });

  it('migrates again without doing anything', async () => {
    await write(sampleReport());
    await migrate(store.db);
    expect(await rows('report')).toBe(1);
  });

  it('keeps write tokens as hashes and replaces them', async () => {
    const token = await ensureOperatorToken(store.db, false);
    expect(token).toMatch(/^fct_[\w-]{32}$/);
    expect(await ensureOperatorToken(store.db, false)).toBeNull();
    expect(await findToken(store.db, token ?? '')).toMatchObject({ name: 'operator', role: 'admin' });
    expect(await findToken(store.db, `${token}x`)).toBeNull();
    const { rows: stored } = await sql`select * from token`.execute(store.db);
    expect(JSON.stringify(stored)).not.toContain(token);
    const next = await ensureOperatorToken(store.db, true);
    expect(await findToken(store.db, token ?? '')).toBeNull();
    expect(await findToken(store.db, next ?? '')).toMatchObject({ name: 'operator', role: 'admin' });
    await setOperatorToken(store.db, 'given');
    expect(await findToken(store.db, next ?? '')).toBeNull();
    expect(await findToken(store.db, 'given')).toMatchObject({ name: 'operator', role: 'admin' });
  });

  it('takes an unchanged token again without a trace, and never one that was revoked, replaced or is of another name', async () => {
    const acts = async () => (await listAudit(store.db, { limit: 10 })).map(({ actor, action }) => [actor, action]);
    await setOperatorToken(store.db, 'first');
    const before = (await acts()).length;
    await setOperatorToken(store.db, 'first');
    expect(await acts()).toHaveLength(before);
    await setOperatorToken(store.db, 'second');
    expect((await acts()).slice(0, 2)).toEqual([
      ['server', 'token.created'],
      ['server', 'token.revoked'],
    ]);
    await expect(setOperatorToken(store.db, 'first')).rejects.toThrow(TokenIsPast);
    const [own] = await listTokens(store.db);
    await revokeToken(store.db, own?.id ?? 0, 'token admin');
    await expect(setOperatorToken(store.db, 'second')).rejects.toThrow(TokenIsPast);
    const { token } = await createToken(store.db, {
      name: 'nightly',
      role: 'write',
      namespace: 'risk',
      model: '',
      days: null,
      createdBy: 'token admin',
    });
    await expect(setOperatorToken(store.db, token)).rejects.toThrow(TokenIsPast);
    expect(await findToken(store.db, token)).toMatchObject({ name: 'nightly', role: 'write', namespace: 'risk' });
    expect(await findToken(store.db, 'second')).toBeNull();
  });
});
