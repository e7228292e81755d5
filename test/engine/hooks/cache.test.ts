import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commitAll, makeRepo, writeFiles } from '../../helpers/repo.ts';
import {
  cacheFolder,
  type OpenOptions,
  openHooks,
  predictRequest,
  pythonHooks,
  pythonRepo,
  settings,
  trainCsv,
  trainRequest,
} from './models.ts';

/** Runs a prediction over a repo and says what was executed. */
async function runOver(root: string, cache: string, hooks = {}, options: OpenOptions = {}, manifest = {}) {
  const given = settings({ ...pythonHooks, ...hooks }, manifest);
  const opened = await openHooks(root, given, { ...options, machine: { cacheFolder: cache, ...options.machine } });
  const predictions = await opened.hooks.predict(
    options.planned?.[0]?.request.hook === 'predict' ? options.planned[0].request : predictRequest,
  );
  const { executed, cached } = opened.hooks.summary();
  return { executed, cached, predictions, scores: readFileSync(predictions.output, 'utf8') };
}

describe('the cache of executions', () => {
  test('the same again runs nothing and keeps its date', async () => {
    const [root, cache] = [makeRepo(pythonRepo), cacheFolder()];
    const first = await runOver(root, cache, {}, { hooks: { now: () => new Date('2026-01-02T03:04:05Z') } });
    expect(first).toMatchObject({ executed: 2, cached: 0 });
    const again = await runOver(root, cache);
    expect(again).toMatchObject({ executed: 0, cached: 1, scores: first.scores });
    expect(again.predictions).toMatchObject({
      isCached: true,
      ranAt: '2026-01-02T03:04:05.000Z',
      seconds: first.predictions.seconds,
      rows: 30,
    });
    // Neither a commit nor a stricter gate changes what hooks compute.
    commitAll(root, 'Empty');
    expect(await runOver(root, cache, {}, {}, { gate: { 'min-score': 3 } })).toMatchObject({ executed: 0 });
  });

  test('a change of the repo or of a table runs again what depends on it', async () => {
    const [root, cache] = [makeRepo(pythonRepo), cacheFolder()];
    await runOver(root, cache);
    const changes: readonly (readonly [path: string, text: string, executed: number])[] = [
      ['predict.py', `${pythonRepo['predict.py']}# changed`, 2],
      ['config.json', '{}', 2],
      ['data/eval.csv', 'id,state,late\n1,nsw,0\n2,vic,1\n', 1],
      ['data/train.csv', trainCsv.replace('nsw', 'tas'), 2],
    ];
    for (const [path, text, executed] of changes) {
      writeFiles(root, { [path]: text });
      expect(await runOver(root, cache), path).toMatchObject({ executed });
    }
  });

  test('another seed, command or variable runs again', async () => {
    const [root, cache] = [makeRepo(pythonRepo), cacheFolder()];
    await runOver(root, cache);
    const request = { ...predictRequest, model: { ...trainRequest, seed: 2 } };
    expect(await runOver(root, cache, {}, { planned: [{ request }] })).toMatchObject({ executed: 2 });
    expect(await runOver(root, cache, { predict: 'python3 -B predict.py {model} {in} {out}' })).toMatchObject({
      executed: 1,
      cached: 1,
    });
    expect(await runOver(root, cache, { env: { DEPTH: '3' } })).toMatchObject({ executed: 2 });
  });

  test('a damaged entry runs again', async () => {
    const [root, cache] = [makeRepo(pythonRepo), cacheFolder()];
    const { predictions } = await runOver(root, cache);
    const entry = join(cache, 'v1/open', predictions.key.slice(0, 2), predictions.key, 'output/predictions.csv');
    writeFileSync(entry, readFileSync(entry, 'utf8').replace('0.5', '0.9'));
    expect(await runOver(root, cache)).toMatchObject({ executed: 1, cached: 1 });
    expect(await runOver(root, cache)).toMatchObject({ executed: 0, cached: 1 });
  });

  test('off, schedules, and protected refs', async () => {
    const [root, cache] = [makeRepo(pythonRepo), cacheFolder()];
    await runOver(root, cache);
    expect(await runOver(root, cache, {}, { machine: { cacheFolder: null } })).toMatchObject({ executed: 2 });
    expect(await runOver(root, cache, {}, { machine: { isCacheRead: false } })).toMatchObject({ executed: 2 });
    expect(await runOver(root, cache, {}, { machine: { isProtected: true } })).toMatchObject({ executed: 2 });
    expect(await runOver(root, cache, {}, { machine: { isProtected: true } })).toMatchObject({ executed: 0 });
  });

  test('two runs at once share one folder', async () => {
    const [root, cache] = [makeRepo(pythonRepo), cacheFolder()];
    const [first, second] = await Promise.all([runOver(root, cache), runOver(root, cache)]);
    expect(first.scores).toBe(second.scores);
    expect(await runOver(root, cache)).toMatchObject({ executed: 0, scores: first.scores });
  });

  test('invalid predictions are not kept', async () => {
    const [root, cache] = [
      makeRepo({ ...pythonRepo, 'predict.py': 'import sys; open(sys.argv[3], "w").write("id,score\\n1,1\\n")' }),
      cacheFolder(),
    ];
    await expect(runOver(root, cache)).rejects.toMatchObject({ code: 'PREDICTIONS_INVALID' });
    writeFiles(root, { 'predict.py': String(pythonRepo['predict.py']) });
    expect(await runOver(root, cache)).toMatchObject({ executed: 2 });
  });
});
