/** From values to alerts to deliveries, on both databases, against a GitLab that fails as networks do. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { gitLabActions } from '../../../src/adapters/tower-actions.ts';
import { ActionFault, type TowerActions } from '../../../src/kernel/tower-actions.ts';
import { listAlerts } from '../../../src/tower/store/alerts.ts';
import { chainOf } from '../../../src/tower/store/chain.ts';
import { createRule, enableRule, listRules, RuleNameTaken, replaceRule, retireRule } from '../../../src/tower/store/rules.ts';
import type { Scope } from '../../../src/tower/store/scope.ts';
import { modelsNamed, writeMetrics } from '../../../src/tower/store/write-metrics.ts';
import { writeReport } from '../../../src/tower/store/write-report.ts';
import { backtest } from '../../../src/tower/triggers/backtest.ts';
import { deliverNext, pauseAfter } from '../../../src/tower/triggers/deliver.ts';
import { evaluateNext, evaluateSilence } from '../../../src/tower/triggers/evaluate.ts';
import type { RuleDefinition } from '../../../src/tower/triggers/rule.ts';
import { type FakeGitLab, startFakeGitLab } from '../../support/fake-gitlab.ts';
import { sampleReport, submissionOf } from '../sample.ts';
import { emptyStore, onBothDatabases } from '../store/databases.ts';

let gitlab: FakeGitLab;
beforeAll(async () => {
  gitlab = await startFakeGitLab(['risk/late-lodgement']);
});
afterAll(() => gitlab?.close());

const start = Date.UTC(2026, 5, 1);
const at = (hour: number): Date => new Date(start + hour * 3_600_000);
const drift: RuleDefinition = {
  metric: 'model.drift.psi',
  where: { tier: ['critical'] },
  when: { of: 'value', is: 'above', limit: 0.2, closesAt: 0.1, times: 2 },
  severity: 'critical',
  cooldownHours: 24,
  actions: [],
  pipelinesPerDay: 2,
};

onBothDatabases((store) => {
  let model = { modelId: 0, projectId: 0 };
  const sent: { event: string; id: string | undefined }[] = [];
  let faults: ActionFault[] = [];
  const runs = new Map<string, object>();
  let runFaults: ActionFault[] = [];
  const errors: unknown[] = [];
  const actions = (): TowerActions => ({
    gitlab: gitLabActions(gitlab),
    airflows: new Map([
      [
        'prod',
        {
          async startRun(dag: string, run: string, conf: object) {
            runs.set(run, { dag, conf });
            const fault = runFaults.shift();
            if (fault) throw fault;
            return `https://airflow.example.com/${dag}`;
          },
        },
      ],
    ]),
    webhooks: new Map([['ops', { url: 'http://127.0.0.1:1', secret: Buffer.from('x'), mayBePrivate: true }]]),
    async send(_, headers, body) {
      const fault = faults.shift();
      if (fault) throw fault;
      sent.push({ event: JSON.parse(body).type, id: headers['webhook-id'] });
    },
  });
  const addModel = async (name: string, tier = 'critical') => {
    const { modelId } = await writeReport(
      store().db,
      submissionOf(sampleReport({ name, tier, jobId: name, at: at(0).toISOString() })),
    );
    const [found] = await modelsNamed(store().db, { name, scope: null });
    return { modelId, projectId: found?.projectId ?? 0 };
  };
  const post = (
    values: readonly (readonly [hour: number, value: number])[],
    more: Partial<Parameters<typeof writeMetrics>[1]> = {},
  ) =>
    writeMetrics(store().db, {
      ...model,
      writtenBy: 'token operator',
      refClass: 'authoritative',
      environment: '',
      at: at(0).toISOString(),
      measurements: values.map(([hour, value]) => ({
        name: 'model.drift.psi',
        unit: '1',
        labels: { feature: 'age' },
        value,
        at: at(hour).toISOString(),
      })),
      sha256: '',
      idempotencyKey: null,
      ...more,
    });
  const make = (definition: Partial<RuleDefinition>, name = 'drift') =>
    createRule(store().db, {
      name,
      definition: { ...drift, ...definition },
      isEnabled: true,
      createdBy: 'token operator',
      judgesFrom: at(0),
    });
  const judgeAll = async (): Promise<number> => {
    let n = 0;
    for (;;) {
      const judged = await evaluateNext(store().db);
      if (!judged) return n;
      n += judged.series;
    }
  };
  const deliverAll = async (): Promise<void> => {
    await sql`update delivery set next_at = now() where state = 'waiting'`.execute(store().db);
    while (
      await deliverNext(store().db, {
        actions: actions(),
        url: 'https://tower.example.com',
        onError: (error) => errors.push(error),
      })
    );
  };
  const alerts = () => listAlerts(store().db, { scope: null, limit: 50 });

  beforeEach(async () => {
    await emptyStore(store().db);
    sent.length = 0;
    faults = [];
    model = await addModel('late');
  });

  it('opens one alert for an episode and closes it, whether values come one by one or all at once', async () => {
    await make({});
    for (const [hour, value] of [
      [1, 0.3],
      [2, 0.4],
      [3, 0.5],
    ] as const) {
      await post([[hour, value]]);
      expect(await judgeAll()).toBe(1);
    }
    expect(await alerts()).toMatchObject([
      {
        rule: 'drift',
        model: 'late',
        value: 0.4,
        openedAt: at(2),
        closedAt: null,
        severity: 'critical',
        labels: { feature: 'age' },
      },
    ]);
    await post([
      [4, 0.15],
      [5, 0.05],
      [6, 0.9],
      [7, 0.9],
    ]);
    await judgeAll();
    expect(await alerts()).toMatchObject([{ closedAt: at(5) }]);
    expect(await judgeAll()).toBe(0);
  });

  it('judges neither previews, nor values sent again, nor models that it does not look at', async () => {
    await make({ when: { of: 'value', is: 'above', limit: 0.2, times: 1 } });
    await post([[1, 9]], { refClass: 'preview' });
    await post([[1, 9]], await addModel('other', 'standard'));
    await judgeAll();
    expect(await alerts()).toEqual([]);
    await post([[2, 9]]);
    await judgeAll();
    await post([[2, 9]]);
    expect(await judgeAll()).toBe(0);
    expect(await alerts()).toHaveLength(1);
  });

  it('lets several servers judge side by side without a double', async () => {
    await make({ when: { of: 'value', is: 'above', limit: 0.2, times: 1 } });
    await writeMetrics(store().db, {
      ...model,
      writtenBy: '',
      refClass: 'authoritative',
      environment: '',
      at: at(1).toISOString(),
      measurements: Array.from({ length: 30 }, (_, i) => ({
        name: 'model.drift.psi',
        unit: '1',
        labels: { feature: `f${i}` },
        value: 1,
      })),
      sha256: '',
      idempotencyKey: null,
    });
    const judged = await Promise.all([judgeAll(), judgeAll(), judgeAll(), judgeAll()]);
    expect(judged.reduce((sum, n) => sum + n)).toBe(30);
    expect(await alerts()).toHaveLength(30);
  });

  it('starts one pipeline with the id of the alert, also when an answer was lost', async () => {
    await make({ actions: [{ do: 'pipeline', ref: 'main', variables: { RETRAIN: 'yes' } }] });
    const before = gitlab.pipelines.length;
    await post([
      [1, 1],
      [2, 1],
    ]);
    await judgeAll();
    gitlab.fail('before');
    gitlab.fail('after');
    await deliverAll();
    expect((await alerts())[0]?.deliveries).toMatchObject([
      { state: 'waiting', attempts: 1, result: expect.stringContaining('502') },
    ]);
    await deliverAll();
    expect(gitlab.pipelines).toHaveLength(before + 1);
    await deliverAll();
    await deliverAll();
    expect(gitlab.pipelines).toHaveLength(before + 1);
    const [alert] = await alerts();
    expect(gitlab.pipelines.at(-1)).toMatchObject({ ref: 'main', project: 'risk/late-lodgement' });
    expect(gitlab.pipelines.at(-1)?.variables).toEqual(
      expect.arrayContaining([
        { key: 'FLIGHTCHECK_ALERT_ID', value: alert?.uid, variable_type: 'env_var' },
        { key: 'RETRAIN', value: 'yes', variable_type: 'env_var' },
      ]),
    );
    expect(alert?.deliveries).toEqual([
      {
        event: 'opened',
        action: 0,
        state: 'done',
        attempts: 3,
        result: `${gitlab.url}/risk/late-lodgement/-/pipelines/${gitlab.pipelines.at(-1)?.id}`,
      },
    ]);
  });

  it('starts one run of a DAG with the id of the alert, also when an answer was lost, and counts it as a pipeline', async () => {
    await make({
      actions: [
        { do: 'airflow', at: 'prod', dag: 'retrain' },
        { do: 'airflow', at: 'other', dag: 'x' },
      ],
      pipelinesPerDay: 2,
    });
    await make({ actions: [{ do: 'pipeline', ref: 'main' }] }, 'another');
    await post([
      [1, 0.3],
      [2, 0.4],
      [3, 0.05],
    ]);
    runs.clear();
    runFaults = [new ActionFault('it did not answer')];
    await judgeAll();
    for (const _ of [1, 2]) await deliverAll();
    const [second, first] = await alerts();
    const raised = [first, second].find((alert) => alert?.rule === 'drift');
    expect([...runs]).toEqual([
      [
        raised?.uid,
        {
          dag: 'retrain',
          conf: expect.objectContaining({ model: 'late', flightcheck_alert: raised?.uid, rule: 'drift', value: 0.4 }),
        },
      ],
    ]);
    // It closes nothing at Airflow.
    expect(raised?.deliveries).toMatchObject([
      { event: 'opened', state: 'done', attempts: 2, result: 'https://airflow.example.com/retrain' },
      { event: 'opened', state: 'waiting', result: 'this server knows no Airflow other; name it in the file of --actions' },
    ]);
    const other = [first, second].find((alert) => alert?.rule === 'another');
    expect(other?.deliveries).toMatchObject([{ state: 'refused', result: expect.stringContaining('used up') }]);
  });

  it("tells of the operator's servers those alone who read everything", async () => {
    await make({ actions: [{ do: 'airflow', at: 'prod', dag: 'retrain' }] });
    await post([
      [1, 0.3],
      [2, 0.4],
    ]);
    await judgeAll();
    runFaults = [new ActionFault('Airflow prod gave no usable answer', false, 'http://airflow.inner:8080 answered 500: no room')];
    await deliverAll();
    const results = async (scope: Scope) =>
      (await listAlerts(store().db, { scope, limit: 9 })).flatMap(({ deliveries }) => deliveries.map(({ result }) => result));
    expect(await results(null)).toEqual(['Airflow prod gave no usable answer\nhttp://airflow.inner:8080 answered 500: no room']);
    expect(await results({ grants: [{ namespace: 'risk', model: '' }] })).toEqual(['Airflow prod gave no usable answer']);
  });

  it('starts no retraining whose like has not helped, until somebody changes the model', async () => {
    await make({
      actions: [
        { do: 'pipeline', ref: 'main' },
        { do: 'webhook', to: 'ops' },
      ],
      pipelinesPerDay: 9,
      cooldownHours: 0,
      retrainsInARow: 2,
    });
    const other = await addModel('other');
    /** Drifts, is retrained for `alert` at `commit`, and is well again for a while. */
    const drift = async (hour: number) => {
      await post([
        [hour, 0.3],
        [hour + 1, 0.4],
      ]);
      await judgeAll();
      await deliverAll();
      const newest = (await alerts()).find(({ closedAt }) => closedAt === null);
      if (!newest) throw new Error('No alert has opened');
      return newest;
    };
    const remake = async (hour: number, commit: string, alert?: string, name = 'late') => {
      const report = sampleReport({
        name,
        tier: 'critical',
        jobId: `${name}-${hour}`,
        commit,
        at: at(hour).toISOString(),
        ...(alert && { alert }),
      });
      await writeReport(store().db, submissionOf(report));
      await post([[hour + 1, 0.01]]);
      await judgeAll();
    };
    const started = gitlab.pipelines.length;
    const first = await drift(1);
    // What another model claims of this alert is nothing.
    await remake(3, 'f'.repeat(40), first.uid, 'other');
    await remake(3, 'b'.repeat(40), first.uid);
    const second = await drift(10);
    await remake(12, 'b'.repeat(40), second.uid);
    const third = await drift(20);
    expect(gitlab.pipelines).toHaveLength(started + 2);
    expect(third.deliveries).toMatchObject([
      { state: 'refused', result: expect.stringMatching(/made for an alert of this rule, as 2 in a row were, and did not help/) },
      { state: 'done', result: 'sent to ops' },
    ]);
    expect(await chainOf(store().db, second.id)).toMatchObject({
      before: { id: first.id, openedAt: first.openedAt },
      made: [{ commit: 'b'.repeat(40), reports: 1, isRecord: true, score: 1 }],
      after: [{ id: third.id }],
      now: { value: 0.4 },
    });
    expect(await chainOf(store().db, first.id)).toMatchObject({
      before: null,
      made: [{ commit: 'b'.repeat(40) }],
      after: [{ id: second.id }],
    });
    const { rows } = await sql`select 1 from report where model_id = ${other.modelId} and alert_id is not null`.execute(
      store().db,
    );
    expect(rows).toEqual([]);
    // Somebody has changed the model: what comes now is a trouble of its own.
    await remake(22, 'c'.repeat(40));
    const fourth = await drift(30);
    expect(fourth.deliveries[0]).toMatchObject({ state: 'done' });
    expect(gitlab.pipelines).toHaveLength(started + 3);
    expect(await chainOf(store().db, fourth.id)).toMatchObject({ before: null, made: [] });
    // A version that held for long has helped.
    await remake(32, 'd'.repeat(40), fourth.uid);
    const later = await drift(32 + 24 * 15);
    expect(await chainOf(store().db, later.id)).toMatchObject({ before: null });
  });

  it('counts a retraining by a DAG that trains the same code anew, as what it posts tells', async () => {
    await make({
      actions: [{ do: 'airflow', at: 'prod', dag: 'retrain' }],
      pipelinesPerDay: 9,
      cooldownHours: 0,
      retrainsInARow: 2,
    });
    const drift = async (hour: number) => {
      await post([
        [hour, 0.3],
        [hour + 1, 0.4],
      ]);
      await judgeAll();
      await deliverAll();
      const newest = (await alerts()).find(({ closedAt }) => closedAt === null);
      if (!newest) throw new Error('No alert has opened');
      return newest;
    };
    /** The DAG has trained, says so, and all is well for a while. */
    const retrain = async (hour: number, alert: string, more: Partial<Parameters<typeof writeMetrics>[1]> = {}) => {
      const measurements = [{ name: 'dag.run.success', unit: '1', labels: {}, value: 1, at: at(hour).toISOString() }];
      await post([], { alert, measurements, writtenBy: 'token airflow', environment: 'production', ...more });
      await sql`update metric_post set received_at = ${at(hour)}::timestamptz where alert_id is not null and received_at > now() - interval '1 hour'`.execute(
        store().db,
      );
      await post([[hour + 1, 0.01]]);
      await judgeAll();
    };
    const first = await drift(1);
    // What another model, or a branch that is not the record's, says of this alert counts for nothing.
    const other = await addModel('other');
    await retrain(3, first.uid, other);
    await retrain(4, first.uid, { refClass: 'preview' });
    const unhelped = await drift(6);
    expect(await chainOf(store().db, unhelped.id)).toMatchObject({ before: null });
    await retrain(8, unhelped.uid);
    // Sent again, it says nothing new.
    await retrain(8, unhelped.uid);
    const second = await drift(10);
    await retrain(12, second.uid);
    const third = await drift(20);
    expect(third.deliveries).toMatchObject([
      { state: 'refused', result: expect.stringMatching(/2 in a row were, and did not help/) },
    ]);
    expect(await chainOf(store().db, first.id)).toMatchObject({
      told: [{ writtenBy: 'token airflow', environment: 'production', points: 1, isRecord: false }],
    });
    expect(await chainOf(store().db, second.id)).toMatchObject({
      before: { id: unhelped.id },
      made: [],
      told: [{ writtenBy: 'token airflow', environment: 'production', points: 1, isRecord: true, firstAt: at(12) }],
      after: [{ id: third.id }],
      now: { value: 0.4 },
    });
    // Somebody has changed the model: what comes now is a trouble of its own.
    await writeReport(
      store().db,
      submissionOf(
        sampleReport({ name: 'late', tier: 'critical', jobId: 'new', commit: 'c'.repeat(40), at: at(22).toISOString() }),
      ),
    );
    await post([[22, 0.01]]);
    await judgeAll();
    const fourth = await drift(30);
    expect(fourth.deliveries).toMatchObject([{ state: 'done' }]);
    expect(await chainOf(store().db, fourth.id)).toMatchObject({ before: null, told: [] });
    // What has held for long has helped.
    await retrain(32, fourth.uid);
    expect(await chainOf(store().db, (await drift(32 + 24 * 15)).id)).toMatchObject({ before: null });
  });

  it('starts no more pipelines for a model in a day than the rule allows', async () => {
    await make({
      when: { of: 'value', is: 'above', limit: 0.2, times: 1 },
      cooldownHours: 0,
      actions: [{ do: 'pipeline', ref: 'main' }],
      pipelinesPerDay: 2,
    });
    const before = gitlab.pipelines.length;
    await post([1, 2, 3, 4, 5, 6, 7, 8].map((hour) => [hour, hour % 2] as const));
    await judgeAll();
    await deliverAll();
    expect(await alerts()).toHaveLength(4);
    expect(gitlab.pipelines).toHaveLength(before + 2);
    expect((await alerts())[0]?.deliveries).toMatchObject([{ state: 'refused', result: expect.stringContaining('used up') }]);
  });

  it('opens an issue whose text can do nothing, and closes it with the alert', async () => {
    model = await addModel('late @all /close `x` <img>');
    await make({ actions: [{ do: 'issue' }] });
    await post([
      [1, 1],
      [2, 1],
    ]);
    await judgeAll();
    await deliverAll();
    const issue = gitlab.issues.at(-1);
    expect(issue).toMatchObject({
      state: 'opened',
      title: expect.stringMatching(/^Alert [\da-f-]{13}: model.drift.psi of late/),
    });
    expect(issue?.title).not.toContain('@');
    expect(issue?.description).toContain('`late @all /close  x  <img>`');
    expect(issue?.description.split('\n').some((line) => line.startsWith('/'))).toBe(false);
    await post([[3, 0]]);
    await judgeAll();
    await deliverAll();
    expect(issue).toMatchObject({ state: 'closed' });
  });

  it('tries a webhook again with longer pauses until it is acknowledged, and tells of the end after the beginning', async () => {
    await make({ actions: [{ do: 'webhook', to: 'ops' }] });
    faults = [new ActionFault('it answered 500'), new ActionFault('it answered 500')];
    await post([
      [1, 1],
      [2, 1],
      [3, 0],
    ]);
    await judgeAll();
    await deliverAll();
    expect(sent).toEqual([]);
    await deliverAll();
    expect(sent).toEqual([]);
    await deliverAll();
    const [alert] = await alerts();
    expect(sent).toEqual([
      { event: 'flightcheck.alert.opened', id: `${alert?.uid}-opened` },
      { event: 'flightcheck.alert.closed', id: `${alert?.uid}-closed` },
    ]);
    expect([1, 2, 3, 20, 199].map(pauseAfter)).toEqual([5, 10, 20, 3600, 3600]);
  });

  it('says what an operator has to do when a destination is not known, and keeps what another GitLab owns to itself', async () => {
    await make({
      actions: [
        { do: 'webhook', to: 'nowhere' },
        { do: 'pipeline', ref: 'gone' },
      ],
    });
    await post([
      [1, 1],
      [2, 1],
    ]);
    await judgeAll();
    await deliverAll();
    expect((await alerts())[0]?.deliveries).toMatchObject([
      { state: 'waiting', result: 'this server knows no webhook nowhere; name it in the file of --actions' },
      { state: 'waiting', result: expect.stringContaining('does the branch exist') },
    ]);
    await sql`update project set issuer = 'https://other.example.com'`.execute(store().db);
    await deliverAll();
    expect((await alerts())[0]?.deliveries[1]).toMatchObject({
      state: 'refused',
      result: expect.stringContaining('another GitLab'),
    });
  });

  it('opens an alert when a model falls silent, and closes it when it speaks', async () => {
    await make({ when: { absentHours: 10 } });
    await post([[1, 0]]);
    await judgeAll();
    expect(await evaluateSilence(store().db, at(10))).toBe(0);
    await evaluateSilence(store().db, at(12));
    await evaluateSilence(store().db, at(13));
    expect(await alerts()).toMatchObject([{ openedAt: at(11), closedAt: null, absentHours: 10 }]);
    await post([[14, 0]]);
    await judgeAll();
    expect(await alerts()).toMatchObject([{ closedAt: at(14) }]);
  });

  it('would have raised over the past what it raised', async () => {
    const id = await make({});
    await post([1, 2, 3, 4, 5, 40, 41, 42].map((hour) => [hour, hour === 5 ? 0 : 1] as const));
    await judgeAll();
    const raised = (await alerts()).map(({ openedAt, closedAt, value }) => [
      openedAt.getTime(),
      closedAt?.getTime() ?? null,
      value,
    ]);
    const [rule] = await listRules(store().db, { scope: null, limit: 50 });
    expect(rule).toMatchObject({ id, open: 1, alerts: 2 });
    const past = await backtest(store().db, drift, { scope: null, days: 100, now: at(50).getTime() });
    expect(past.alerts.map(({ openedAt, closedAt, value }) => [openedAt, closedAt, value])).toEqual(raised);
    expect(past).toMatchObject({ seriesCount: 1, isCut: false });
  });

  it('closes what is open when a rule is switched off, judges only what comes after it is switched on, and keeps names apart', async () => {
    const id = await make({});
    await expect(make({})).rejects.toThrow(RuleNameTaken);
    await post([
      [1, 1],
      [2, 1],
    ]);
    await judgeAll();
    await enableRule(store().db, id, false);
    expect((await alerts())[0]?.closedAt).not.toBeNull();
    await post([[3, 1]]);
    expect(await judgeAll()).toBe(0);
    await retireRule(store().db, id);
    expect(await listRules(store().db, { scope: null, limit: 50 })).toEqual([]);
    expect(await alerts()).toHaveLength(1);
    await make({});
  });

  it('does nothing more for a rule that is switched off, changed or taken away', async () => {
    const pipeline = { do: 'pipeline', ref: 'main' } as const;
    const breach = [
      [1, 1],
      [2, 1],
    ] as const;
    const end = {
      off: (id: number) => enableRule(store().db, id, false),
      away: (id: number) => retireRule(store().db, id),
      changed: async (id: number) => {
        const rule = {
          name: 'changed',
          definition: { ...drift, actions: [pipeline] },
          isEnabled: true,
          createdBy: 'token operator',
        };
        await replaceRule(store().db, rule, { id, isEnabled: true });
      },
    };
    const before = gitlab.pipelines.length;
    const ids = new Map<string, number>();
    for (const name of Object.keys(end)) ids.set(name, await make({ actions: [pipeline], pipelinesPerDay: 9 }, name));
    await post(breach);
    await judgeAll();
    // GitLab is away for one of them, the others were not tried yet.
    gitlab.fail('before');
    await deliverNext(store().db, {
      actions: actions(),
      url: 'https://tower.example.com',
      onError: (error) => errors.push(error),
    });
    for (const [name, act] of Object.entries(end)) await act(ids.get(name) ?? 0);
    await deliverAll();
    expect(gitlab.pipelines).toHaveLength(before);
    for (const { rule, deliveries } of await alerts())
      expect(deliveries, rule).toMatchObject([
        { state: 'refused', result: rule === 'off' ? 'the rule was switched off' : 'the rule was changed or taken away' },
      ]);
    expect(await alerts()).toHaveLength(3);
  });

  it('keeps to it when a rule is switched off while its delivery fails', async () => {
    const id = await make({ actions: [{ do: 'webhook', to: 'ops' }] });
    await post([
      [1, 1],
      [2, 1],
    ]);
    await judgeAll();
    const failing = {
      ...actions(),
      async send() {
        await enableRule(store().db, id, false);
        throw new ActionFault('it answered 500');
      },
    };
    await deliverNext(store().db, { actions: failing, url: 'https://tower.example.com', onError: (error) => errors.push(error) });
    expect((await alerts())[0]?.deliveries[0]).toMatchObject({ event: 'opened', state: 'refused' });
  });

  it('tells those of the end who were told of an alert whose rule is switched off or taken away', async () => {
    const both = [{ do: 'issue' }, { do: 'webhook', to: 'ops' }] as const;
    const [off, away] = [await make({ actions: both }, 'off'), await make({ actions: both }, 'away')];
    await post([
      [1, 1],
      [2, 1],
    ]);
    await judgeAll();
    await deliverAll();
    const untold = await make({ actions: both }, 'untold');
    await post([
      [3, 1],
      [4, 1],
    ]);
    await judgeAll();
    await enableRule(store().db, off, false);
    await retireRule(store().db, away);
    await retireRule(store().db, untold);
    await deliverAll();
    expect(gitlab.issues.slice(-2).map(({ state }) => state)).toEqual(['closed', 'closed']);
    expect(sent.map(({ event }) => event).sort()).toEqual([
      ...Array(2).fill('flightcheck.alert.closed'),
      ...Array(2).fill('flightcheck.alert.opened'),
    ]);
    expect((await alerts()).find(({ rule }) => rule === 'untold')?.deliveries.map(({ state }) => state)).toEqual([
      'refused',
      'refused',
    ]);
  });

  it('judges what floods in piece by piece, and others in between', async () => {
    await make({ when: { of: 'value', is: 'above', limit: 0.2 }, cooldownHours: 0 });
    await make({ when: { of: 'value', is: 'above', limit: 0.2 }, cooldownHours: 0 }, 'the same');
    await post(Array.from({ length: 240 }, (_, i) => [i + 1, i % 2] as const));
    const other = await addModel('other');
    await post([[1, 1]], other);
    const raised = async () =>
      (
        await sql<{ model: number; n: number }>`select model_id as model, count(*) as n from alert group by 1 order by 1`.execute(
          store().db,
        )
      ).rows;
    const first = await evaluateNext(store().db);
    expect(first).toMatchObject({ series: 2 });
    const [flood] = await raised();
    expect(flood).toMatchObject({ model: model.modelId });
    expect(flood?.n).toBeLessThan(60);
    expect((await raised())[1]).toEqual({ model: other.modelId, n: 2 });
    // The flood goes on from where it was left, the other is done.
    expect(await evaluateNext(store().db, first?.last)).toMatchObject({ series: 1 });
    expect(await judgeAll()).toBeGreaterThan(2);
    expect(await raised()).toEqual([
      { model: model.modelId, n: 240 },
      { model: other.modelId, n: 2 },
    ]);
  });

  it('lets projects take turns in what is delivered', async () => {
    await make({ actions: [{ do: 'webhook', to: 'ops' }], when: { of: 'value', is: 'above', limit: 0.2 }, cooldownHours: 0 });
    await post(Array.from({ length: 12 }, (_, i) => [i + 1, i % 2] as const));
    await judgeAll();
    const other = await addModel('other');
    const { rows } = await sql<{ id: number }>`
      insert into project (issuer, external_id, path) values ('local', 'other', 'risk/other') returning id`.execute(store().db);
    await sql`update model set project_id = ${rows[0]?.id} where id = ${other.modelId}`.execute(store().db);
    await post([[1, 1]], other);
    await judgeAll();
    const models: string[] = [];
    const noting = {
      ...actions(),
      async send(_: unknown, __: unknown, body: string) {
        models.push(JSON.parse(body).data.model.name);
      },
    };
    let last: number | null = null;
    do
      last = await deliverNext(
        store().db,
        { actions: noting, url: 'https://tower.example.com', onError: (e) => errors.push(e) },
        last ?? 0,
      );
    while (last !== null);
    expect(models.slice(0, 2).sort()).toEqual(['late', 'other']);
    expect(models).toHaveLength(12);
  });

  it('counts for all models of a project together what rules of its repository start', async () => {
    const own = async (name: string) => {
      const { modelId, projectId } = await addModel(name);
      const definition = { ...drift, pipelinesPerDay: 2, actions: [{ do: 'airflow', at: 'prod', dag: 'retrain' }] as const };
      await createRule(store().db, {
        name: 'own',
        definition,
        isEnabled: true,
        createdBy: 'repository',
        judgesFrom: at(0),
        modelId,
      });
      await post(
        [
          [1, 1],
          [2, 1],
        ],
        { modelId, projectId },
      );
    };
    for (const name of ['a', 'b', 'c']) await own(name);
    await make({ pipelinesPerDay: 1, actions: [{ do: 'airflow', at: 'prod', dag: 'retrain' }] }, 'of an admin');
    await post([
      [1, 1],
      [2, 1],
    ]);
    await judgeAll();
    const said = (await alerts()).map(({ rule, model: name, deliveries: [first] }) => [name, rule, first?.state, first?.result]);
    const used = 'the 2 pipelines or DAG runs that rules of this repository may start in 24 hours are used up';
    expect(said.filter(([, rule]) => rule === 'own').reverse()).toEqual([
      ['a', 'own', 'waiting', null],
      ['b', 'own', 'waiting', null],
      ['c', 'own', 'refused', used],
    ]);
    // An admin's rule counts for each model, as before.
    expect(said.find(([name]) => name === 'late')).toEqual(['late', 'of an admin', 'waiting', null]);
    expect(said.find(([name, rule]) => name === 'c' && rule === 'of an admin')?.[2]).toBe('waiting');
  });

  it('lists rules by page, to whoever is confined those that concern their models', async () => {
    const other = await addModel('other');
    for (const [n, modelId] of [null, model.modelId, other.modelId, null, other.modelId, model.modelId].entries())
      await createRule(store().db, {
        name: `${n}`,
        definition: { ...drift, where: { model: n === 3 ? ['other'] : ['late', 'other'] } },
        isEnabled: true,
        createdBy: 'token operator',
        modelId,
      });
    await post([[1, 1]]);
    await post([[1, 1]], other);
    const namesIn = async (scope: Scope, limit: number) => {
      const names: string[] = [];
      let after: { name: string; id: number } | undefined;
      do {
        const page = await listRules(store().db, { scope, limit, after });
        names.push(page.map(({ name }) => name).join(' '));
        after = page.at(-1);
      } while (after);
      return names;
    };
    expect(await namesIn(null, 4)).toEqual(['0 1 2 3', '4 5', '']);
    const confined = { grants: [{ namespace: '', model: 'late' }] };
    expect(await namesIn(confined, 2)).toEqual(['0 1', '5', '']);
    const [first] = await listRules(store().db, { scope: confined, limit: 1 });
    expect(first?.definition.where).toEqual({ model: ['late'] });
  });

  it('has no error of its own in any of this', () => {
    expect(errors).toEqual([]);
  });
});
