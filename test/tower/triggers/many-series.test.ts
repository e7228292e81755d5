/** Many series judged at once: what one by one would come to, on both databases, with several servers and failures amid. */
import { sql } from 'kysely';
import { beforeEach, expect, it } from 'vitest';
import { createRule } from '../../../src/tower/store/rules.ts';
import { modelsNamed, writeMetrics } from '../../../src/tower/store/write-metrics.ts';
import { writeReport } from '../../../src/tower/store/write-report.ts';
import { backtest } from '../../../src/tower/triggers/backtest.ts';
import { evaluateNext, evaluateSilence } from '../../../src/tower/triggers/evaluate.ts';
import type { RuleDefinition } from '../../../src/tower/triggers/rule.ts';
import { sampleReport, submissionOf } from '../sample.ts';
import { emptyStore, onBothDatabases } from '../store/databases.ts';

const start = Date.UTC(2026, 5, 1);
const at = (hour: number): Date => new Date(start + hour * 3_600_000);
const usual: RuleDefinition = {
  metric: 'model.drift.psi',
  where: {},
  when: { of: 'value', is: 'above', limit: 0.2, closesAt: 0.1 },
  severity: 'critical',
  cooldownHours: 0,
  actions: [],
  pipelinesPerDay: 2,
};

onBothDatabases((store) => {
  const models = new Map<string, { modelId: number; projectId: number }>();
  const addModel = async (name: string, tier: string) => {
    const at0 = at(0).toISOString();
    const { modelId } = await writeReport(store().db, submissionOf(sampleReport({ name, tier, jobId: name, at: at0 })));
    const [found] = await modelsNamed(store().db, { name, scope: null });
    models.set(name, { modelId, projectId: found?.projectId ?? 0 });
  };
  const ownerOf = (name: string) => models.get(name) ?? { modelId: 0, projectId: 0 };
  /** The same value at the same hours for features of a model. */
  const post = (
    model: string,
    features: readonly string[],
    values: readonly (readonly [hour: number, value: (feature: number) => number])[],
    environment = '',
  ) =>
    writeMetrics(store().db, {
      ...ownerOf(model),
      ...{ writtenBy: 'token write', refClass: 'authoritative', environment, at: at(0).toISOString(), sha256: '' },
      idempotencyKey: null,
      measurements: values.flatMap(([hour, value]) =>
        features.map((feature, i) => ({
          ...{ name: 'model.drift.psi', unit: '1', labels: { feature }, value: value(i), at: at(hour).toISOString() },
        })),
      ),
    });
  const make = (definition: Partial<RuleDefinition>, name: string, more: { modelId?: number; namespace?: string } = {}) =>
    createRule(store().db, {
      ...{ name, definition: { ...usual, ...definition }, isEnabled: true, createdBy: 'token write', judgesFrom: at(0), ...more },
    });
  const judgeAll = async (): Promise<void> => {
    while (await evaluateNext(store().db));
  };
  const featuresOf = (count: number) => Array.from({ length: count }, (_, i) => `f${i}`);
  interface Raised {
    rule: string;
    series: number;
    openedAt: Date;
    closedAt: Date | null;
  }
  const raised = async () =>
    (
      await sql<Raised>`select rule.name as rule, series_id as series, opened_at as "openedAt", closed_at as "closedAt"
        from alert join rule on rule.id = alert.rule_id order by 1, 2, 3`.execute(store().db)
    ).rows;
  /** What each rule would have raised, series by series. */
  const replayed = async (rules: Readonly<Record<string, RuleDefinition>>) => {
    const found: Raised[] = [];
    for (const [rule, definition] of Object.entries(rules)) {
      const past = await backtest(store().db, definition, { scope: null, days: 100, now: at(500).getTime() });
      for (const { series, openedAt, closedAt } of past.alerts)
        found.push({
          ...{ rule, series: series.seriesId, openedAt: new Date(openedAt) },
          closedAt: closedAt === null ? null : new Date(closedAt),
        });
    }
    return found.sort(
      (a, b) => a.rule.localeCompare(b.rule) || a.series - b.series || a.openedAt.getTime() - b.openedAt.getTime(),
    );
  };

  beforeEach(async () => {
    await emptyStore(store().db);
    for (const [name, tier] of [
      ['late', 'critical'],
      ['early', 'standard'],
    ] as const)
      await addModel(name, tier);
  });

  it('raises what one by one would, whoever judges while values come', async () => {
    const rules = {
      change: { ...usual, when: { of: 'change', is: 'above', limit: 2 } },
      cooled: { ...usual, cooldownHours: 7 },
      value: { ...usual, when: { of: 'value', is: 'above', limit: 0.2, closesAt: 0.1, times: 2 } },
    } as const satisfies Record<string, RuleDefinition>;
    for (const [name, definition] of Object.entries(rules)) await make(definition, name);
    // Waves of another length for each series.
    const wave = (hour: number) => (i: number) => 0.05 + 0.3 * Math.sin((hour * (3 + (i % 17))) / 10 + i) ** 2;
    let isOver = false;
    const server = async () => {
      while (!isOver) await evaluateNext(store().db);
    };
    const servers = [server(), server(), server()];
    for (let hour = 1; hour <= 24; hour += 2)
      for (const model of models.keys())
        await post(model, featuresOf(130), [
          [hour, wave(hour)],
          [hour + 1, wave(hour + 1)],
        ]);
    isOver = true;
    await Promise.all(servers);
    await judgeAll();
    const found = await raised();
    expect(found.length).toBeGreaterThan(500);
    expect(found).toEqual(await replayed(rules));
  });

  it('looks at what the back-test looks at', async () => {
    const wheres: readonly RuleDefinition['where'][] = [
      { tier: ['critical'] },
      { model: ['early', 'late'], 'label:feature': ['f1', 'f2'] },
      { feature: ['f3', ''] },
      { environment: [''] },
      { environment: ['production'], tier: ['standard', ''] },
      { owner: [''] },
      { 'label:model': ['late'] },
      { nothing: ['such', ''] },
    ];
    const rules = Object.fromEntries(wheres.map((where, i) => [`rule ${i}`, { ...usual, where }]));
    for (const [name, definition] of Object.entries(rules)) await make(definition, name);
    for (const model of models.keys()) {
      await post(model, ['', 'f1', 'f2', 'f3'], [[1, () => 1]]);
      await post(model, ['f1'], [[1, () => 1]], 'production');
    }
    await judgeAll();
    const found = await raised();
    expect([...new Set(found.map(({ rule }) => rule))]).toEqual([0, 1, 2, 3, 4, 7].map((i) => `rule ${i}`));
    expect(found).toEqual(await replayed(rules));
  });

  it('tells of the past of all series, or of how many of them', async () => {
    const last = at(24 * 80).getTime();
    for (const model of models.keys())
      await post(model, featuresOf(130), [
        [-24 * 20, () => 0.1],
        [1, (i) => (i === 7 ? 1 : 0.1)],
        [24 * 40, (i) => (i === 8 ? -1 : 0.1)],
      ]);
    const past = (when: RuleDefinition['when'], more: { days?: number; longestMs?: number } = {}) =>
      backtest(store().db, { ...usual, when }, { scope: null, days: 90, now: last, ...more });
    const counts = async (...given: Parameters<typeof past>) => {
      const { alerts, seriesCount, isCut } = await past(...given);
      return [alerts.length, seriesCount, isCut];
    };
    const above = { of: 'value', is: 'above', limit: 0.2 } as const;
    expect(await counts(above)).toEqual([2, 260, false]);
    expect(await counts(above, { days: 60 })).toEqual([0, 260, false]);
    expect(await counts({ of: 'value', is: 'below', limit: 0 })).toEqual([2, 260, false]);
    expect(await counts({ absentHours: 24 * 50 })).toEqual([0, 260, false]);
    expect((await past(above)).unit).toBe('1');
    // Of those that never came near the limit no value has to be read.
    const [first] = (await past(above)).alerts.map(({ series }) => series.seriesId).sort((a, b) => a - b);
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from series join metric on metric.id = metric_id
      where metric.name = 'model.drift.psi' and series.id < ${first}::bigint`.execute(store().db);
    expect(await counts(above, { longestMs: 0 })).toEqual([0, rows[0]?.n, true]);
    expect(await counts({ absentHours: 24 * 50 }, { longestMs: 0 })).toEqual([0, 0, true]);
    // Weeks are not kept for as long as points.
    await sql`delete from rollup_week where week < '2026-06-20'`.execute(store().db);
    expect(await counts(above)).toEqual([2, 260, false]);
  });

  it('loses nothing and doubles nothing when it fails amid what it writes', async () => {
    await make({ actions: [{ do: 'issue' }] }, 'drift');
    await post('late', featuresOf(30), [
      [1, () => 0],
      [2, () => 1],
    ]);
    await sql
      .raw(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'disk full'; end $$;`)
      .execute(store().db);
    await sql
      .raw('create trigger refuse before insert on delivery for each statement execute function refuse()')
      .execute(store().db);
    try {
      for (const _ of [1, 2]) await expect(evaluateNext(store().db)).rejects.toThrow('disk full');
    } finally {
      await sql.raw('drop trigger refuse on delivery').execute(store().db);
      await sql.raw('drop function refuse()').execute(store().db);
    }
    expect(await raised()).toEqual([]);
    expect(await evaluateNext(store().db)).toMatchObject({ series: 30 });
    expect(await raised()).toHaveLength(30);
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from delivery where state = 'waiting'`.execute(
      store().db,
    );
    expect(rows).toEqual([{ n: 30 }]);
  });

  it('starts no more than the budget, whoever judges', async () => {
    const actions = [{ do: 'pipeline', ref: 'main' }] as const;
    for (const [name, { modelId }] of models) await make({ actions, pipelinesPerDay: 3 }, `of ${name}`, { modelId });
    await make({ actions, pipelinesPerDay: 5 }, 'of an admin');
    for (const model of models.keys()) await post(model, featuresOf(150), [[1, () => 1]]);
    const servers = Array.from({ length: 4 }, async () => {
      let last = 0;
      for (;;) {
        const judged = await evaluateNext(store().db, last);
        if (!judged) return;
        last = judged.last;
      }
    });
    await Promise.all(servers);
    await judgeAll();
    const { rows } = await sql<{ rule: string; model: string; alerts: number; started: number }>`
      select rule.name as rule, model.name as model, count(*)::int as alerts, count(*) filter (where delivery.state = 'waiting')::int as started
      from alert join rule on rule.id = alert.rule_id join model on model.id = alert.model_id join delivery on delivery.alert_id = alert.id
      group by 1, 2 order by 1, 2`.execute(store().db);
    expect(rows.map(({ alerts }) => alerts)).toEqual([150, 150, 150, 150]);
    const startedBy = (which: (row: (typeof rows)[number]) => boolean) =>
      rows.filter(which).reduce((sum, { started }) => sum + started, 0);
    // Rules of a repository share what they may for all models of the project; an admin's counts for each model.
    expect(startedBy(({ rule }) => rule !== 'of an admin')).toBeLessThanOrEqual(3);
    for (const model of models.keys())
      expect(
        startedBy((row) => row.model === model),
        model,
      ).toBe(5);
  });

  it('opens an alert for each of many series that fall silent, and closes what speaks again', async () => {
    await make({ when: { absentHours: 10 } }, 'silence');
    await make({ when: { absentHours: 2000 } }, 'patience');
    for (const model of models.keys()) await post(model, featuresOf(130), [[1, () => 0]]);
    await judgeAll();
    await Promise.all([evaluateSilence(store().db, at(12)), evaluateSilence(store().db, at(12))]);
    const silent = await raised();
    expect(silent).toHaveLength(260);
    expect(silent.every(({ rule, openedAt, closedAt }) => rule === 'silence' && +openedAt === +at(11) && closedAt === null)).toBe(
      true,
    );
    await post('late', featuresOf(130), [[14, () => 0]]);
    await judgeAll();
    expect((await raised()).filter(({ closedAt }) => closedAt !== null)).toHaveLength(130);
  });
});
