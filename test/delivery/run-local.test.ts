import { describe, expect, test } from 'vitest';
import { quantityBytes } from '../../src/delivery/dag/quantity.ts';
import { resolveDag } from '../../src/delivery/dag/resolve.ts';
import { type DagRunOptions, runDag, type TaskRun, type Try } from '../../src/delivery/dag/run.ts';
import { fillTemplates } from '../../src/delivery/dag/template.ts';
import { becomes, type TaskState } from '../../src/delivery/dag/trigger.ts';
import { manifestOf } from '../support/manifest.ts';

const specOf = (tasks: object, dag: object = {}) =>
  resolveDag(
    manifestOf({ dag, tasks, environments: { local: { executor: 'local' } } }),
    { environment: 'local', image: null, commit: 'c'.repeat(40), version: '1' },
    () => undefined,
  );
const ended = (exitCode: number): Try => ({ exitCode, words: `ended with exit code ${exitCode}`, tail: [`said ${exitCode}`] });

/** Runs with tasks that end as told, try by try; returns the runs and what happened, in order. */
async function ran(tasks: Record<string, object>, exits: Record<string, readonly number[]>, more: Partial<DagRunOptions> = {}) {
  const events: string[] = [];
  const tries = new Map<string, number>();
  const runs = await runDag({
    spec: more.spec ?? specOf(Object.fromEntries(Object.entries(tasks).map(([id, task]) => [id, { command: 'x', ...task }]))),
    concurrency: 4,
    maxRetryDelaySeconds: null,
    signal: new AbortController().signal,
    async execute({ id }) {
      events.push(`+${id}`);
      const nth = tries.get(id) ?? 0;
      tries.set(id, nth + 1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      events.push(`-${id}`);
      return ended(exits[id]?.[nth] ?? 0);
    },
    sleep: async (seconds) => void events.push(`wait ${seconds}`),
    onNews: () => undefined,
    ...more,
  });
  return { events, states: Object.fromEntries(runs.map(({ id, state }) => [id, state])), runs };
}

describe('the tasks of a DAG run here', () => {
  test('in the order of their dependencies, side by side where they may', async () => {
    const diamond = { a: {}, b: { dependsOn: 'a' }, c: { dependsOn: 'a' }, d: { dependsOn: ['b', 'c'] } };
    const { events, states } = await ran(diamond, {});
    expect(states).toEqual({ a: 'success', b: 'success', c: 'success', d: 'success' });
    expect(events.slice(0, 4)).toEqual(['+a', '-a', '+b', '+c']);
    expect(events.slice(-2)).toEqual(['+d', '-d']);
    expect((await ran(diamond, {}, { concurrency: 1 })).events.join(' ')).toBe('+a -a +b -b +c -c +d -d');
  });

  test('again after the declared wait, doubled where it says so, and never more often than declared', async () => {
    const steady = await ran({ a: { retries: 2, retryDelay: '30s' } }, { a: [1, 1, 1, 0] });
    expect(steady.states.a).toBe('failed');
    expect(steady.runs[0]).toMatchObject({ tries: 3, why: 'ended with exit code 1', tail: ['said 1'] });
    expect(steady.events.filter((event) => event.startsWith('wait'))).toEqual(['wait 30', 'wait 30']);
    const doubled = await ran({ a: { retries: 3, retryDelay: '30s', backoff: true } }, { a: [1, 1, 1, 0] });
    expect(doubled.states.a).toBe('success');
    expect(doubled.events.filter((event) => event.startsWith('wait'))).toEqual(['wait 30', 'wait 60', 'wait 120']);
    const short = await ran({ a: { retries: 1, retryDelay: '1h' } }, { a: [1, 0] }, { maxRetryDelaySeconds: 1 });
    expect(short.events).toContain('wait 1');
  });

  test('what skips itself skips what needs it, what fails keeps it from running, and cleaning up happens all the same', async () => {
    const { states, events } = await ran(
      {
        drift: { skipOnExit: 99 },
        retrain: { dependsOn: 'drift' },
        other: {},
        after: { dependsOn: 'other' },
        tell: { dependsOn: ['retrain', 'after'], when: 'all_done' },
      },
      { drift: [99], other: [2] },
    );
    expect(states).toEqual({ drift: 'skipped', retrain: 'skipped', other: 'failed', after: 'upstream_failed', tell: 'success' });
    expect(events).not.toContain('+retrain');
  });

  test('until the time of the DAG is over, or somebody interrupts', async () => {
    const hang = (signal: AbortSignal): Promise<Try> =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve({ ...ended(1), exitCode: null })));
    const options = { execute: (_task: unknown, signal: AbortSignal) => hang(signal) };
    const chain = specOf({ a: { command: 'x', retries: 5 }, b: { command: 'x', dependsOn: 'a' } }, { timeout: '1s' });
    const over = await ran({}, {}, { ...options, spec: chain });
    expect(over.runs.map(({ state, why }) => `${state}: ${why}`)).toEqual(Array(2).fill('failed: the time of the DAG was over'));
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    const stopped = await ran(
      {},
      {},
      { ...options, spec: specOf({ a: { command: 'x' }, b: { command: 'x', dependsOn: 'a' } }), signal: stop.signal },
    );
    expect(stopped.states).toEqual({ a: 'interrupted', b: 'interrupted' });
  });

  test('a DAG that may take longer than a timer can hold is not over at once', async () => {
    const { states } = await ran({}, {}, { spec: specOf({ a: { command: 'x' } }, { timeout: '40d' }) });
    expect(states).toEqual({ a: 'success' });
  });
});

test.each<[string, (TaskState | null)[], string]>([
  ['all_success', ['success', null], 'wait'],
  ['all_success', ['success', 'skipped'], 'skipped'],
  ['all_success', ['skipped', 'failed'], 'upstream_failed'],
  ['all_failed', ['failed', 'upstream_failed'], 'run'],
  ['all_failed', ['failed', 'success'], 'skipped'],
  ['all_done', ['failed', null], 'wait'],
  ['all_done', ['failed', 'skipped'], 'run'],
  ['one_success', ['success', null], 'run'],
  ['one_success', ['failed', 'skipped'], 'upstream_failed'],
  ['one_success', ['skipped', 'skipped'], 'skipped'],
  ['one_failed', ['failed', null], 'run'],
  ['one_failed', ['success', 'skipped'], 'skipped'],
  ['one_done', ['skipped', null], 'wait'],
  ['one_done', ['success', null], 'run'],
  ['none_failed', ['skipped', 'success'], 'run'],
  ['none_failed', ['upstream_failed', null], 'upstream_failed'],
  ['none_failed_min_one_success', ['skipped', 'skipped'], 'skipped'],
  ['none_failed_min_one_success', ['skipped', 'success'], 'run'],
  ['none_skipped', ['failed', 'success'], 'run'],
  ['none_skipped', ['failed', 'skipped'], 'skipped'],
  ['all_failed', [], 'run'],
])('%s after %j: %s', (rule, before, expected) => {
  expect(becomes(rule, before)).toBe(expected);
});

test('templates: what has a meaning here is filled in, what only Airflow knows is refused, and only where asked for', () => {
  const at = new Date('2026-02-03T04:05:06Z');
  const spec = specOf({ a: { command: ['echo', '{{ ds }} {{params.days}}'], template: true } }, { params: { days: 7 } });
  const [task] = spec.tasks;
  if (!task) throw new Error('no task');
  expect(fillTemplates(task, spec, at).command).toEqual(['echo', '2026-02-03 7']);
  expect(fillTemplates({ ...task, template: false }, spec, at)).toEqual({ ...task, template: false });
  expect(() => fillTemplates({ ...task, args: ['{{ var.value.secret }}'] }, spec, at)).toThrowError(
    expect.objectContaining({ code: 'RUN_LOCAL_TEMPLATE', message: expect.stringContaining('var.value.secret') }),
  );
});

test.each([
  ['512Mi', 2 ** 29],
  ['1.5G', 1.5e9],
  ['1000', 1000],
  ['2Gi ', null],
  ['lots', null],
])('%s of memory', (text, bytes) => {
  expect(quantityBytes(text)).toBe(bytes);
});

test('every task of a commit knows where its image comes from', () => {
  const runs: readonly Pick<TaskRun, 'id'>[] = specOf({
    a: { command: 'x', env: { GIT_COMMIT: 'own' } },
    b: { command: 'x' },
  }).tasks;
  expect(runs).toMatchObject([{ env: { GIT_COMMIT: 'own' } }, { env: { GIT_COMMIT: 'c'.repeat(40) } }]);
});
