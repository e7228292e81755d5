import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openHookMachine } from '../../../src/adapters/hook-machine.ts';
import { type PlanOptions, planHooks } from '../../../src/engine/hooks/plan.ts';
import type { PlannedExecution, TrainRequest } from '../../../src/kernel/hooks.ts';
import { makeRepo } from '../../helpers/repo.ts';
import { manifestOf } from '../../support/manifest.ts';
import { storeOf } from '../../support/tables.ts';
import {
  cacheFolder,
  openHooks,
  predictRequest,
  pythonHooks,
  pythonRepo,
  quickEnvironment,
  settings,
  trainRequest,
} from './models.ts';

const seeded = (seed: number, replicate = 0): TrainRequest => ({ ...trainRequest, seed, replicate });
const always = (...requests: PlannedExecution['request'][]): PlannedExecution[] => requests.map((request) => ({ request }));

async function plan(
  checks: PlanOptions['checks'],
  more: { root?: string; cache?: string; hooks?: object; manifest?: object; isShown?: boolean } = {},
) {
  const root = more.root ?? makeRepo(pythonRepo, { git: false });
  const given = settings({ ...pythonHooks, ...more.hooks }, { ...more.manifest });
  const signal = new AbortController().signal;
  const machine = await openHookMachine({
    ...{ root, env: quickEnvironment, cacheFolder: more.cache ?? null, isProtected: false, isCacheRead: true, signal },
    exclude: ['data/*.csv'],
  });
  onTestFinished(() => machine.close());
  const { isShown = true } = more;
  const place = (key: string) => (key === 'hooks.train' ? { path: 'flightcheck.yml', line: 9 } : undefined);
  return planHooks({ manifest: manifestOf(given), place, tables: await storeOf(root, given), machine, checks, isShown });
}

describe('the plan', () => {
  test('leaves out what predicts copies of rows that only a key of several columns identifies, and runs nothing for it', async () => {
    const copies = { ...predictRequest, input: { derive: 'random', from: { table: 'eval' }, rows: 10, seed: 1 } } as const;
    const sampled = { ...predictRequest, input: { derive: 'sample', from: { table: 'eval' }, rows: 2, seed: 1 } } as const;
    const checks = [
      { id: 'monitor-5', planned: always(copies) },
      { id: 'infra-3', planned: always(sampled) },
    ];
    const keyed = await plan(checks, { manifest: { columns: { key: ['place', 'month'], label: 'late' } } });
    expect([...keyed.leaveOut]).toEqual([
      ['monitor-5', expect.stringContaining('place and month (columns.key) cannot tell apart')],
    ]);
    expect(keyed.executions.flatMap((execution) => execution.checks)).not.toContain('monitor-5');
    expect((await plan(checks)).leaveOut.size).toBe(0);
  });

  test('the check that starts first is one that surely comes to the first command, by the shortest way', async () => {
    const cache = cacheFolder();
    const checks = [
      { id: 'infra-1', planned: always(predictRequest, seeded(1, 1), seeded(2)) },
      { id: 'model-5', planned: always(predictRequest) },
      { id: 'model-3', planned: [{ request: seeded(1), sometimes: 'when it likes' }] },
    ];
    const root = makeRepo(pythonRepo, { git: false });
    expect((await plan(checks, { root, cache })).first).toBe('model-5');
    expect((await plan(checks.slice(2), { root, cache })).first).toBeNull();
    expect((await plan(checks, { hooks: { train: 'python3 train.py {no} {model}' } })).first).toBeNull();
    const planned = always(predictRequest, seeded(1, 1));
    const { hooks } = await openHooks(root, settings(pythonHooks), { planned, machine: { cacheFolder: cache } });
    await Promise.all([hooks.predict(predictRequest), hooks.train(seeded(1, 1))]);
    expect((await plan(checks, { root, cache })).first).toBe('infra-1');
    expect((await plan(checks.slice(1), { root, cache })).first).toBeNull();
  });

  test('shares executions among checks and puts trainings before what needs them', async () => {
    const planned = await plan([
      { id: 'model-5', planned: always(predictRequest) },
      { id: 'infra-1', planned: always(predictRequest, seeded(1, 1), seeded(2)) },
      { id: 'data-1', planned: [] },
    ]);
    expect(planned.executions.map(({ words, checks }) => [words, checks])).toEqual([
      ['train on train, seed 1', ['model-5', 'infra-1']],
      ['predict eval (model of train, seed 1)', ['model-5', 'infra-1']],
      ['train on train, seed 1, time 2', ['infra-1']],
      ['train on train, seed 2', ['infra-1']],
    ]);
    expect(planned.totals).toEqual({
      train: { runs: 3, cached: 0, sometimes: 0 },
      predict: { runs: 1, cached: 0, sometimes: 0 },
      features: { runs: 0, cached: 0, sometimes: 0 },
      serve: { runs: 0, cached: 0, sometimes: 0 },
    });
    expect(planned.leaveOut.size).toBe(0);
  });

  test('leaves the dearest checks out, whole and with the reason', async () => {
    const checks = [
      { id: 'data-2', planned: always(...[3, 4, 5, 6].map((seed) => seeded(seed))) },
      { id: 'infra-1', planned: always(seeded(1), seeded(1, 1), seeded(2)) },
      { id: 'model-5', planned: always(predictRequest) },
    ];
    const tight = await plan(checks, { manifest: { budget: { trains: 3 } } });
    expect([...tight.leaveOut]).toEqual([['data-2', 'over budget: it needs 4 of the 7 trainings, and budget.trains allows 3']]);
    expect(tight.totals.train.runs).toBe(3);
    expect(tight.planned).toHaveLength(4);
    expect(tight.executions.every(({ checks: ids }) => !ids.includes('data-2'))).toBe(true);
    const nothing = await plan(checks, { manifest: { budget: { trains: 0 } } });
    expect([...nothing.leaveOut.keys()].sort()).toEqual(['data-2', 'infra-1', 'model-5']);
    expect(nothing.executions).toEqual([]);
  });

  test('what happens only sometimes costs no check its place, and says when it happens', async () => {
    const sometimes = 'when a feature shows no gain';
    const planned = await plan(
      [
        { id: 'data-2', planned: [...always(predictRequest), ...[2, 3].map((seed) => ({ request: seeded(seed), sometimes }))] },
        { id: 'infra-1', planned: always(seeded(2)) },
      ],
      { manifest: { budget: { trains: 2 } } },
    );
    expect(planned.leaveOut.size).toBe(0);
    expect(planned.totals.train).toEqual({ runs: 2, cached: 0, sometimes: 1 });
    const when = Object.fromEntries(planned.executions.map((each) => [each.words, each.sometimes]));
    expect(when).toMatchObject({ 'train on train, seed 3': sometimes });
    expect(when['train on train, seed 2']).toBeUndefined();
  });

  test('knows what is cached, which then costs nothing', async () => {
    const [root, cache] = [makeRepo(pythonRepo), cacheFolder()];
    const checks = [{ id: 'model-5', planned: always(predictRequest) }];
    const opened = await openHooks(root, settings(), { machine: { cacheFolder: cache } });
    await opened.hooks.predict(predictRequest);
    const planned = await plan(checks, { root, cache, manifest: { budget: { trains: 0 } } });
    expect(planned.executions.map(({ isCached }) => isCached)).toEqual([true, true]);
    expect(planned.totals).toMatchObject({ train: { runs: 0, cached: 1 }, predict: { runs: 0, cached: 1 } });
    expect(planned.leaveOut.size).toBe(0);
    // The model itself may be gone: its predictions are all that is asked for.
    const { key } = await opened.hooks.train(trainRequest);
    rmSync(join(cache, 'v1/open', key.slice(0, 2), key), { recursive: true });
    expect((await plan(checks, { root, cache })).totals.train).toEqual({ runs: 0, cached: 1, sometimes: 0 });
    const asked = [...checks, { id: 'infra-3', planned: always(trainRequest) }];
    expect((await plan(asked, { root, cache })).totals.train).toEqual({ runs: 1, cached: 0, sometimes: 0 });
  });

  test('executes nothing of the repo, not even a program that poses as an interpreter', async () => {
    const root = makeRepo({ ...pythonRepo, '.Rprofile': 'stop("ran")', 'sitecustomize.py': 'raise SystemExit("ran")' });
    const mark = join(cacheFolder(), 'ran');
    writeFileSync(join(root, 'python3'), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
    const hooks = { setup: `touch ${mark}`, train: './python3 train.py {data} {model}' };
    const planned = await plan([{ id: 'a', planned: always(predictRequest) }], { root, hooks });
    expect(planned.setup).toEqual({ command: `touch ${mark}`, isCached: false });
    expect(planned.executions).toHaveLength(2);
    expect(() => writeFileSync(mark, '', { flag: 'wx' })).not.toThrow();
  });

  test('says what stands in the way instead of failing', async () => {
    const checks = [{ id: 'model-5', planned: always(predictRequest) }];
    const shell = await plan(checks, { hooks: { train: 'python3 train.py {data} | tee {model}' } });
    expect(shell.executions[0]?.problem).toMatchObject({ code: 'HOOK_NEEDS_SHELL', place: { path: 'flightcheck.yml', line: 9 } });
    const missing = await plan(checks, { manifest: { data: { eval: 'data/eval.csv' } } });
    expect(missing.executions[0]?.problem).toMatchObject({ code: 'TABLE_NOT_NAMED' });
  });

  test('reads tables only where it is shown: a run meets what is wrong with them when it comes to it', async () => {
    const checks = [{ id: 'model-5', planned: always(predictRequest) }];
    const root = makeRepo({ ...pythonRepo, 'data/eval.csv': 'id,x\na,1\na,2\n' }, { git: false });
    const shown = await plan(checks, { root });
    expect(shown.executions.map(({ problem }) => problem?.code)).toEqual([undefined, 'TABLE_IDS']);
    const asRun = await plan(checks, { root, isShown: false });
    expect(asRun.executions.map(({ problem }) => problem?.code)).toEqual([undefined, undefined]);
  });
});
