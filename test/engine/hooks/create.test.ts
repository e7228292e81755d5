import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PlannedExecution, TrainRequest } from '../../../src/kernel/hooks.ts';
import { makeRepo, writeFiles } from '../../helpers/repo.ts';
import { cacheFolder, openHooks, openModel, predictRequest, pythonRepo, settings, trainRequest } from './models.ts';

const seeded = (seed: number, replicate = 0): TrainRequest => ({ ...trainRequest, seed, replicate });
const plan = (...requests: PlannedExecution['request'][]): PlannedExecution[] => requests.map((request) => ({ request }));

describe('a run of hooks', () => {
  test('trains, predicts, and hands the label to nobody', async () => {
    const { hooks, log } = await openModel();
    const before = hooks.isUnderWay.then(() => hooks.summary().executed);
    const predictions = await hooks.predict(predictRequest);
    expect(predictions).toMatchObject({ rows: 30, column: 'score', notFinite: 0, refused: 0, isCached: false });
    const model = await hooks.train(trainRequest);
    expect(Object.keys(JSON.parse(readFileSync(model.output, 'utf8')))).toEqual(['nsw', 'vic', 'qld']);
    expect(log).toEqual(['trained with seed 1']);
    expect(hooks.summary()).toMatchObject({ executed: 2, cached: 0 });
    expect(await before).toBe(0);
  });

  test('runs each distinct request once, however often and early it is asked for', async () => {
    const planned = plan(predictRequest, seeded(1), seeded(1, 1), seeded(2));
    const { hooks, log } = await openModel({}, {}, { planned });
    await Promise.all([
      ...[hooks.predict(predictRequest), hooks.predict({ ...predictRequest }), hooks.train(seeded(1))],
      ...[hooks.train(seeded(1, 1)), hooks.train(seeded(2)), hooks.train(seeded(2))],
    ]);
    expect(log.sort()).toEqual(['trained with seed 1', 'trained with seed 1', 'trained with seed 2']);
    expect(hooks.summary().executed).toBe(4);
  });

  test('executes nothing that no check announced', async () => {
    const { hooks, log } = await openModel({}, {}, { planned: plan(trainRequest) });
    await expect(hooks.predict(predictRequest)).rejects.toThrow(
      'predict eval (model of train, seed 1) was announced by no check',
    );
    await expect(hooks.train(seeded(2))).rejects.toThrow('announced by no check');
    expect(log).toEqual([]);
  });

  test('runs no more at a time than the budget says', async () => {
    const train = `import os, sys, time
folder = os.environ['MARKS']
mine = os.path.join(folder, sys.argv[2])
open(mine, 'w').close()
print('together', len(os.listdir(folder)))
time.sleep(0.3)
os.remove(mine)
open(sys.argv[3], 'w').close()
`;
    const marks = cacheFolder();
    const planned = plan(...[1, 2, 3, 4, 5].map((seed) => seeded(seed)));
    const manifest = { budget: { parallel: 2 } };
    const { hooks, log } = await openModel({ 'train.py': train }, { env: { MARKS: marks } }, { planned, manifest });
    await Promise.all([1, 2, 3, 4, 5].map((seed) => hooks.train(seeded(seed))));
    expect(log).toHaveLength(5);
    expect(new Set(log)).toEqual(new Set(['together 1', 'together 2']));
  });

  test('hands over hyperparameters, keeps the training log, and lets {features} be asked for', async () => {
    const train = `import json, sys, os
params = json.load(open(sys.argv[4]))
os.makedirs(sys.argv[3])
open(os.path.join(sys.argv[3], 'depth'), 'w').write(str(params['depth']))
open(os.path.join(os.path.dirname(sys.argv[3]), 'metrics.jsonl'), 'w').write('{"step": 1, "loss": 0.5}')
`;
    const hooksGiven = {
      train: 'python3 train.py {data} {seed} {model} {params}',
      features: 'cp {in} {out}',
      params: { depth: 7 },
    };
    const featuresRequest = { hook: 'features', input: { table: 'eval' } } as const;
    const { hooks } = await openModel({ 'train.py': train }, hooksGiven, { planned: plan(trainRequest, featuresRequest) });
    const model = await hooks.train(trainRequest);
    expect(readFileSync(join(model.output, 'depth'), 'utf8')).toBe('7');
    expect(readFileSync(model.trainingMetrics ?? '', 'utf8')).toContain('loss');
    const features = await hooks.features(featuresRequest);
    expect(readFileSync(features.output, 'utf8')).toMatch(/^id,state,late\n1000,nsw,0\n/);
    expect(hooks.has('features')).toBe(true);
    expect(hooks.has('serve')).toBe(false);
  });

  test('a forecast gets history with the label and the future without', async () => {
    const predict = `import csv, sys
model, historic, future, out = sys.argv[1:5]
assert 'late' in next(csv.reader(open(historic)))
rows = list(csv.DictReader(open(future)))
assert 'late' not in rows[0]
open(out, 'w').write('id,prediction\\n' + ''.join(r['id'] + ',1\\n' for r in rows))
`;
    const given = { predict: 'python3 predict.py {model} {historic} {future} {out}' };
    const { hooks } = await openModel({ 'predict.py': predict }, given, { manifest: { task: 'forecast' } });
    expect(await hooks.predict(predictRequest)).toMatchObject({ rows: 30 });
  });

  test('a repo whose names are hostile is just a repo', async () => {
    const names = ['a b.py', `it's "x".py`, 'two\nlines.py', '$(touch hacked).py', '-rf', '`id`'];
    const { hooks, root } = await openModel({ ...Object.fromEntries(names.map((name) => [name, ''])), '-rf/../--x': '' });
    expect(await hooks.predict(predictRequest)).toMatchObject({ rows: 30 });
    expect(() => statSync(join(root, 'hacked'))).toThrow();
  });

  test('a shell gets paths as single words', async () => {
    const { hooks } = await openModel({}, { train: 'sh: cat {data} | wc -l > {model} && echo "{{data}} $((1+1))"' });
    const model = await hooks.train(trainRequest);
    expect(Number(readFileSync(model.output, 'utf8'))).toBe(61);
  });
});

describe('the budget of a run', () => {
  test('a training too many is refused, and the others stand', async () => {
    const planned = plan(seeded(1), seeded(2));
    const { hooks } = await openModel({}, {}, { planned, manifest: { budget: { trains: 1 } } });
    const results = await Promise.allSettled([hooks.train(seeded(1)), hooks.train(seeded(2))]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected']);
    expect(results[1]).toMatchObject({ reason: { code: 'BUDGET_SPENT', message: expect.stringContaining('after 1 training') } });
  });

  test('time spent is not the fault of the hook', async () => {
    const manifest = { budget: { minutes: 0.02 } };
    const { hooks } = await openModel({ 'train.py': 'import time; time.sleep(60)' }, {}, { manifest });
    await expect(hooks.predict(predictRequest)).rejects.toMatchObject({ code: 'BUDGET_SPENT' });
  });
});

describe('setup', () => {
  const setup = 'python3 install.py';
  const install = `import os
folder = os.environ['FLIGHTCHECK_ENV_DIR']
open(os.path.join(folder, 'python', 'helper.py'), 'w').write('VALUE = 7')
print('installed')
`;
  const train = `import helper, sys
print('helper', helper.VALUE)
open(sys.argv[3], 'w').write('{}')
`;
  const files = { 'install.py': install, 'train.py': train, 'requirements.txt': 'helper==1\n' };

  test('runs once before the others, which find what it installed, and again when a lock changes', async () => {
    const root = makeRepo({ ...pythonRepo, ...files });
    const cache = cacheFolder();
    const given = settings({ setup, train: 'python3 train.py {data} {seed} {model}' });
    const open = () => openHooks(root, given, { planned: plan(seeded(1), seeded(2)), machine: { cacheFolder: cache } });
    const first = await open();
    await Promise.all([first.hooks.train(seeded(1)), first.hooks.train(seeded(2))]);
    expect(first.log).toEqual(['installed', 'helper 7', 'helper 7']);
    writeFiles(root, { 'train.py': `${train}# changed` });
    const second = await open();
    await second.hooks.train(seeded(1));
    expect(second.log).toEqual(['helper 7']);
    writeFiles(root, { 'requirements.txt': 'helper==2\n' });
    const third = await open();
    await third.hooks.train(seeded(1));
    expect(third.log).toEqual(['installed', 'helper 7']);
  });

  test('its failure is told by every hook that needs it', async () => {
    const { hooks } = await openModel({ 'install.py': 'raise SystemExit("no such package")' }, { setup });
    const failure = {
      code: 'HOOK_FAILED',
      message: expect.stringMatching(/the setup hook failed with exit code 1[\s\S]*no such package/),
    };
    await expect(hooks.train(trainRequest)).rejects.toMatchObject(failure);
    await expect(hooks.predict(predictRequest)).rejects.toMatchObject(failure);
  });
});
