/** Trainings that are killed half-way: what they leave, and what comes of starting again. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readLosses } from '../../../src/facts/training-metrics.ts';
import type { PlannedExecution, PredictRequest, TrainRequest } from '../../../src/kernel/hooks.ts';
import { cacheFolder, openModel, trainRequest } from './models.ts';

const interrupted: TrainRequest = { ...trainRequest, interrupted: true };
const onRows: PredictRequest = { hook: 'predict', model: interrupted, input: { table: 'eval' } };
const planned: readonly PlannedExecution[] = [{ request: onRows }, { request: { ...onRows, leftover: true } }];

/** Ten steps of 0.1 s; `save` is what happens after each. */
const steps = (save: string, end: string, start = 'done = 0') => `import json, os, sys, time
model = sys.argv[3]
${start}
for step in range(done, 10):
    time.sleep(0.1)
    done = step + 1
    ${save}
${end}
open(os.path.join(os.path.dirname(model), 'metrics.jsonl'), 'w').write('{"step": 1, "loss": NaN}\\n{"step": 2, "loss": 0.5}\\n')
print('trained to', done)
`;
const write = 'json.dump({"nsw": done, "vic": done, "qld": done}, open(model, "w"))';

describe('an interrupted training', () => {
  test('that writes at the end only leaves nothing, and the one after it is whole', async () => {
    const { hooks, log } = await openModel({ 'train.py': steps('pass', write) }, {}, { planned });
    const trained = await hooks.train(interrupted);
    expect(trained.interruption).toEqual({ killedAfter: expect.any(Number), hasLeftover: false });
    expect(JSON.parse(readFileSync(trained.output, 'utf8'))).toMatchObject({ nsw: 10 });
    expect(log).toEqual(['trained to 10', 'trained to 10']);
    expect(trained.losses).toEqual([
      { step: 1, loss: Number.NaN },
      { step: 2, loss: 0.5 },
    ]);
    expect((await hooks.predict(onRows)).rows).toBe(30);
    // Two whole trainings of a second, and the half that was killed.
    expect(hooks.summary().executed).toBe(3);
    expect(hooks.summary().seconds).toBeGreaterThan(2.4);
  });

  test('that saves as it goes leaves half a model, which can be asked, and takes it up again', async () => {
    const resume = 'done = json.load(open(model))["nsw"] if os.path.exists(model) else 0\nprint("from", done)';
    const { hooks, log } = await openModel({ 'train.py': steps(write, 'pass', resume) }, {}, { planned });
    const trained = await hooks.train(interrupted);
    expect(trained.interruption).toMatchObject({ hasLeftover: true });
    expect(Number(log.at(-2)?.replace('from ', ''))).toBeGreaterThan(0);
    const left = JSON.parse(readFileSync(join(trained.output, '../leftover'), 'utf8'));
    expect(left.nsw).toBeLessThan(10);
    expect((await hooks.predict({ ...onRows, leftover: true })).rows).toBe(30);
  });

  test('comes from the cache with all that belongs to it', async () => {
    const cache = cacheFolder();
    const open = () => openModel({ 'train.py': steps(write, 'pass') }, {}, { planned, machine: { cacheFolder: cache } });
    const first = await (await open()).hooks.train(interrupted);
    const again = await open();
    const second = await again.hooks.train(interrupted);
    expect(second).toMatchObject({ isCached: true, interruption: first.interruption, losses: first.losses });
    await again.hooks.predict({ ...onRows, leftover: true });
    expect(again.log).toEqual([]);
  });

  test('that cannot be started again after it was killed fails with what it says', async () => {
    const broken = `import os, sys, time
open('started', 'a').write('x')
if len(open('started').read()) > 1:
    sys.exit('state of the killed run is in the way')
time.sleep(1)
open(sys.argv[3], 'w').write('{}')
`;
    const { hooks } = await openModel({ 'train.py': broken }, {}, { planned });
    await expect(hooks.train(interrupted)).rejects.toMatchObject({
      code: 'HOOK_FAILED',
      message: expect.stringContaining('in the way'),
    });
  });
});

test('losses are read from lines of any quality', () => {
  const text =
    '{"step": 0, "loss": 1}\nnonsense\n[]\nnull\n{"loss": "high"}\n{"loss": -Infinity}\r\n{"step": "x", "loss": 2e-3}\n{"note": "loss: NaN,", "loss": 3}';
  expect(readLosses(text)).toEqual([
    { step: 0, loss: 1 },
    { step: 1, loss: Number.NEGATIVE_INFINITY },
    { step: 2, loss: 0.002 },
    { step: 3, loss: 3 },
  ]);
  expect(readLosses('{"loss":1}\n'.repeat(200_000))).toHaveLength(100_000);
});
