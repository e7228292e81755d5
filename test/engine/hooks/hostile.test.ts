import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/kernel/failure.ts';
import { openModel, predictRequest, trainRequest } from './models.ts';

async function failure(work: Promise<unknown>): Promise<UsageError> {
  const error: unknown = await work.then(
    () => new Error('did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof UsageError) return error;
  throw error;
}

const failedTraining = async (train: string, hooks = {}, manifest = {}): Promise<UsageError> => {
  const opened = await openModel({ 'train.py': train }, hooks, { manifest });
  return failure(opened.hooks.train(trainRequest));
};

describe('a hook that', () => {
  test('fails: which, what, how, the last it said, what to do', async () => {
    const error = await failedTraining(
      `import os, sys; print('\\x1b[31mreading', sys.argv[1], os.path.abspath('x.py')); sys.exit('no column "age"')`,
    );
    expect(error).toMatchObject({ code: 'HOOK_FAILED', exitCode: 2 });
    expect(error.message).toMatch(
      /^the train hook failed with exit code 1 after [\d.]+ s\n {2}command: python3 train\.py \{data\} \{seed\} \{model\}\n/,
    );
    // Paths as they are in the repo, not in the scratch folder of this run.
    expect(error.message).toContain('\n    reading in/data.csv x.py\n');
    expect(error.message).toContain('no column "age"');
    expect(error.message).not.toContain('\x1b');
    expect(error.hint).not.toBe('');
  });

  test.each([
    ['import nothing_like_it', 'HOOK_FAILED', 'package is missing'],
    ['open("data/train.csv")', 'HOOK_FAILED', '{data}'],
    ['import os, signal; os.kill(os.getpid(), signal.SIGSEGV)', 'HOOK_FAILED', 'fresh clone'],
    ['pass', 'HOOK_WROTE_NOTHING', '{model}'],
    ['import os, sys; os.mkdir(sys.argv[3])', 'HOOK_WROTE_NOTHING', '{model}'],
    ['import os, sys; os.symlink("/etc/passwd", sys.argv[3])', 'HOOK_OUTPUT_UNREADABLE', 'plain files'],
  ])('does this: %s', async (train, code, hint) => {
    const error = await failedTraining(train);
    expect(error.code).toBe(code);
    expect(error.hint).toContain(hint);
  });

  test('hangs', async () => {
    const error = await failedTraining('import time; print("waiting"); time.sleep(100)', {}, { budget: { hook_minutes: 0.015 } });
    expect(error.code).toBe('HOOK_TIMEOUT');
    expect(error.message).toContain('limit of 0.9 s');
    expect(error.message).toContain('waiting');
    expect(error.hint).toContain('budget.hook_minutes');
  });

  test('fills memory', async () => {
    const error = await failedTraining(
      'x = b"x" * 400_000_000\nimport time; time.sleep(100)',
      {},
      { budget: { memory: '128MiB' } },
    );
    expect(error.code).toBe('HOOK_MEMORY');
    expect(error.message).toContain('128 MiB');
  });

  test('prints 1 GB', async () => {
    const error = await failedTraining('import sys\nfor i in range(1000): sys.stdout.write("x" * 999_999 + "\\n")');
    expect(error.code).toBe('HOOK_OUTPUT');
    expect(error.message.length).toBeLessThan(100_000);
  });

  test('is not there', async () => {
    const opened = await openModel({}, { train: 'no-such-program {data} {model}' });
    await expect(opened.hooks.train(trainRequest)).rejects.toMatchObject({ code: 'HOOK_PROGRAM_MISSING', exitCode: 3 });
  });

  test.each([
    ['python3 train.py {data} > {model}', 'HOOK_NEEDS_SHELL'],
    ['python3 train.py {data}', 'HOOK_PLACEHOLDER_MISSING'],
    ['python3 train.py {data} {modle}', 'HOOK_PLACEHOLDER_UNKNOWN'],
    ['mlflow:models/x@champion', 'HOOK_MLFLOW'],
  ])('cannot be run as it is written: %s', async (train, code) => {
    expect((await failedTraining('', { train })).code).toBe(code);
  });

  test('writes into the repo, deletes it and its inputs: nobody else is harmed', async () => {
    const train = `import json, os, shutil, sys
data, seed, model = sys.argv[1:4]
open('train.py', 'a').write('raise SystemExit(9)')
open(os.path.join(os.path.dirname(__file__) or '.', 'written'), 'w').close()
shutil.rmtree('data', ignore_errors=True)
os.remove('predict.py')
os.remove(data)
json.dump({}, open(model, 'w'))
`;
    const predict = `import csv, os, shutil, sys
model, rows, out = sys.argv[1:4]
ids = [r['id'] for r in csv.DictReader(open(rows))]
shutil.rmtree(os.path.dirname(model))
open(out, 'w').write('id,score\\n' + ''.join(i + ',0.5\\n' for i in ids))
`;
    const second = { ...trainRequest, replicate: 1 };
    const again = { ...predictRequest, input: { table: 'train' } as const };
    const planned = [predictRequest, again, second].map((request) => ({ request }));
    const { hooks, root } = await openModel({ 'train.py': train, 'predict.py': predict }, {}, { planned });
    expect(await hooks.predict(predictRequest)).toMatchObject({ rows: 30 });
    expect(await hooks.predict(again)).toMatchObject({ rows: 60 });
    const model = await hooks.train(second);
    expect(readFileSync(model.output, 'utf8')).toBe('{}');
    expect(readFileSync(join(root, 'train.py'), 'utf8')).toBe(train);
    expect(existsSync(join(root, 'written'))).toBe(false);
    expect(existsSync(join(root, 'data/train.csv'))).toBe(true);
  });

  test('prints a secret that it found somewhere: its report does not', async () => {
    const error = await failedTraining(`print('cloning with glp' + 'at-Zk3qT8vXw2LmN7pR4sYd'); raise SystemExit('no column')`);
    expect(error.message).toContain('[a GitLab token stood here]');
    expect(error.message).toContain('no column');
    expect(error.message).not.toContain('Zk3qT8');
  });

  test('sees no token, whatever its name, and none in its log', async () => {
    const planted = {
      CI_JOB_TOKEN: 'planted-1-xxxx',
      AWS_SECRET_ACCESS_KEY: 'planted-2-xxxx',
      FLIGHTCHECK_TOWER_TOKEN: 'planted-3-xxxx',
      SOMETHING_ELSE: 'planted-4-xxxx',
      RENV_PATHS_TOKEN: 'planted-5-xxxx',
      HTTPS_PROXY: 'http://user:planted-6-xxxx@proxy.example:3128',
    };
    const train = `import os, sys
seen = dict(os.environ)
open(sys.argv[3], 'w').write(repr(seen))
print('log of', 'planted' + '-1-xxxx')
`;
    const env = { ...process.env, ...planted };
    const { hooks, log } = await openModel({ 'train.py': train }, { env: { DEPTH: '3' } }, { machine: { env } });
    const model = await hooks.train(trainRequest);
    const seen = readFileSync(model.output, 'utf8');
    expect(seen).not.toContain('planted');
    expect(seen).toContain("'DEPTH': '3'");
    expect(seen).not.toContain(`'HOME': '${process.env.HOME}'`);
    expect(log).toEqual(['log of [masked]']);
  });
});

describe('predictions', () => {
  const writing = (body: string) => `import csv, sys
model, rows, out = sys.argv[1:4]
ids = [r['id'] for r in csv.DictReader(open(rows))]
lines = ${body}
open(out, 'w').write('id,score\\n' + ''.join(lines))
`;
  const predictWith = async (body: string) => (await openModel({ 'predict.py': writing(body) })).hooks.predict(predictRequest);

  test.each([
    ['[i + ",1\\n" for i in ids[5:]]', 'missing'],
    ['["x" + i + ",1\\n" for i in ids]', 'not in the input'],
    ['[i + ",1\\n" for i in ids + ids[:1]]', 'more than once'],
    ['[]', 'a header and no row'],
  ])('with other ids or rows are refused: %s', async (body, words) => {
    const error = await failure(predictWith(body));
    expect(error.code).toBe('PREDICTIONS_INVALID');
    expect(error.message).toContain(words);
  });

  test('NaN is counted as a fault, an empty score as a refusal', async () => {
    const found = await predictWith('[i + [",0.5", ",nan", ","][n % 3] + "\\n" for n, i in enumerate(ids)]');
    expect(found).toMatchObject({ rows: 30, notFinite: 10, refused: 10 });
  });

  test('that were never written', async () => {
    const { hooks } = await openModel({ 'predict.py': 'print("done")' });
    const error = await failure(hooks.predict(predictRequest));
    expect(error).toMatchObject({ code: 'HOOK_WROTE_NOTHING' });
    expect(error.message).toContain('the predict hook ended well but wrote nothing to {out}');
    expect(error.message).toContain('done');
  });
});

test('Ctrl-C stops the hook and tells it apart from a failure', async () => {
  const controller = new AbortController();
  const { hooks, log } = await openModel(
    { 'train.py': 'import time; print("go"); time.sleep(100)' },
    {},
    { hooks: { signal: controller.signal } },
  );
  const training = hooks.train(trainRequest);
  const timer = setInterval(() => log.length > 0 && controller.abort(), 20);
  await expect(training).rejects.toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
  clearInterval(timer);
  await expect(hooks.predict(predictRequest)).rejects.toMatchObject({ code: 'INTERRUPTED' });
});
