import { describe, expect, test } from 'vitest';
import type { PredictRequest } from '../../../src/kernel/hooks.ts';
import { makeRepo } from '../../helpers/repo.ts';
import { cacheFolder, openHooks, predictRequest, pythonHooks, pythonRepo, settings } from './models.ts';

const traced: PredictRequest = { ...predictRequest, trace: true };
const tracing = (write: string): string => `${pythonRepo['predict.py']}
import os
folder = os.environ.get('FLIGHTCHECK_TRACE_DIR')
print('trace', folder is not None)
if folder is not None:
    def stage(name, text='id,x\\n1000,1\\n'):
        open(os.path.join(folder, name), 'w').write(text)
${write
  .split('\n')
  .map((line) => `    ${line}`)
  .join('\n')}
`;

async function run(write: string, cache = cacheFolder(), root = makeRepo({ ...pythonRepo, 'predict.py': tracing(write) })) {
  const planned = [{ request: predictRequest }, { request: traced }];
  const opened = await openHooks(root, settings(pythonHooks), { planned, machine: { cacheFolder: cache } });
  return { ...opened, cache, root };
}

describe('the steps of a prediction', () => {
  test('are read in their order, as tables; only who asks for them gets the folder', async () => {
    const first = await run(
      "stage('10_output.csv', 'id,score\\n1000,0.5\\n')\nstage('2_margin.csv')\nstage('01_features.csv')\nstage('notes.csv')\nstage('03_x.txt')",
    );
    const plain = await first.hooks.predict(predictRequest);
    expect(plain.trace).toBeUndefined();
    const { trace } = await first.hooks.predict(traced);
    expect(first.log.filter((line) => line.startsWith('trace'))).toEqual(['trace False', 'trace True']);
    expect(
      trace?.map(({ file, rows, columns }) => [file, rows, columns.map(({ name, type }) => `${name} ${type}`).join(' ')]),
    ).toEqual([
      ['01_features.csv', 1, 'id VARCHAR x BIGINT'],
      ['2_margin.csv', 1, 'id VARCHAR x BIGINT'],
      ['10_output.csv', 1, 'id VARCHAR score DOUBLE'],
    ]);
    const again = await run('', first.cache, first.root);
    const cached = await again.hooks.predict(traced);
    expect(again.hooks.summary().executed).toBe(0);
    expect(cached.trace?.map(({ file }) => file)).toEqual(['01_features.csv', '2_margin.csv', '10_output.csv']);
  });
  test('may be none', async () => {
    expect((await (await run('pass')).hooks.predict(traced)).trace).toEqual([]);
  });
  test.each([
    ['a folder', "os.mkdir(os.path.join(folder, '01_x.csv'))"],
    ['no table', "stage('01_x.csv', 'a,b\\n1,2,3\\n')"],
    ['nothing', "stage('01_x.csv', '')"],
    ['two columns of one name', "stage('01_x.csv', 'a,a\\n1,2\\n')"],
  ])('%s for a stage is an error that names it', async (_, write) => {
    await expect((await run(write)).hooks.predict(traced)).rejects.toMatchObject({
      code: 'TRACE_INVALID',
      message: expect.stringContaining('01_x.csv'),
    });
  });
  test('a link out of the folder is not followed', async () => {
    const { hooks } = await run("os.symlink('/etc/passwd', os.path.join(folder, '01_x.csv'))\nstage('02_y.csv')");
    expect((await hooks.predict(traced)).trace?.map(({ file }) => file)).toEqual(['02_y.csv']);
  });
});
