import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderOf, storeOf } from '../../support/tables.ts';

const columns = { label: 'cases', key: ['period', 'place'] };
const open = async (rows: string) => {
  const root = folderOf({ 'eval.csv': `period,place,rain,cases\n${rows}` });
  return { root, store: await storeOf(root, { task: 'forecast', data: { eval: 'eval.csv' }, columns }) };
};
const rows = '2023-07,a,20,1\n2023-07,b,30,2\n2023-08,a,10,3\n';

describe('rows identified by several columns', () => {
  test('hooks see the columns that the data has, and answers are joined by the key', async () => {
    const { root, store } = await open(rows);
    const handed = join(root, 'in.csv');
    await store.export({ table: 'eval' }, handed, { without: ['cases'] });
    expect(readFileSync(handed, 'utf8')).toBe('period,place,rain\n2023-07,a,20\n2023-07,b,30\n2023-08,a,10\n');
    const out = join(root, 'out.csv');
    writeFileSync(out, 'place,period,sample_0,sample_1\nb,2023-07,1,3\na,2023-07,4,4\na,2023-08,5,7\n');
    const found = await store.readPredictions(out, { table: 'eval' }, 'p');
    expect(found).toMatchObject({ rows: 3, column: 'score', notFinite: 0 });
    const values = await store.query<{ score: number }>(`SELECT score FROM ${found.table} ORDER BY id`);
    expect(values.map((row) => row.score)).toEqual([4, 2, 6]);
  });

  test('a key that does not identify a row is refused', async () => {
    const { store } = await open(`${rows}2023-08,a,11,4\n`);
    await expect(store.open({ table: 'eval' })).rejects.toMatchObject({
      code: 'TABLE_IDS',
      message:
        'data.eval: the columns "period" and "place" together do not identify a row: 1 values stand in several rows (period "2023-08", place "a"), 0 rows have none',
      place: { path: 'flightcheck.yml' },
      hint: expect.stringContaining('columns.key'),
    });
  });

  test('predictions without the key say which columns are wanted', async () => {
    const { root, store } = await open(rows);
    writeFileSync(join(root, 'out.csv'), 'period,score\n2023-07,1\n');
    await expect(store.readPredictions(join(root, 'out.csv'), { table: 'eval' }, 'p')).rejects.toThrow(/`period`, `place`/);
  });
});
