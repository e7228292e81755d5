import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TableRef } from '../../../src/kernel/hooks.ts';
import { folderOf, storeOf } from '../../support/tables.ts';

const input: TableRef = { table: 'eval' };
const read = async (content: string | null, manifest: Record<string, unknown> = { task: 'binary' }) => {
  const root = folderOf({ 'eval.csv': 'key,a,y\n1,5,1\n2,6,0\n003,7,1\n' });
  const store = await storeOf(root, { data: { eval: 'eval.csv' }, columns: { id: 'key', label: 'y' }, ...manifest });
  const path = join(root, 'out.csv');
  if (content !== null) writeFileSync(path, content);
  const found = await store.readPredictions(path, input, 'predictions 1');
  return { ...found, values: await store.query(`SELECT * FROM ${found.table} ORDER BY id`) };
};

describe('accepted', () => {
  test('reordered rows, more columns, the id under either name', async () => {
    const first = await read('score,extra,key\n0.5,x,003\n0.25,y,1\n1,z,2\n');
    expect(first.values).toEqual([
      { id: '003', score: 0.5 },
      { id: '1', score: 0.25 },
      { id: '2', score: 1 },
    ]);
    const second = await read('id,score\n1,0.1\n2,0.2\n003,0.3\n');
    expect(second).toMatchObject({ rows: 3, column: 'score', notFinite: 0, refused: 0 });
  });

  test('row names of R, NA as a refusal, NaN and Inf apart', async () => {
    const found = await read('"","id","score"\n"1","1",NaN\n"2","2",Inf\n"3","003",NA\n');
    expect(found).toMatchObject({ notFinite: 2, refused: 1 });
  });

  test('a binary label or the probability of a yes becomes a score', async () => {
    const label = await read('id,prediction\n1,yes\n2,no\n003,\n', { task: 'binary', decision: { positive: 'yes' } });
    expect(label.values).toEqual([
      { id: '003', score: null },
      { id: '1', score: 1 },
      { id: '2', score: 0 },
    ]);
    const probability = await read('id,p_0,p_1\n1,0.4,0.6\n2,0.9,0.1\n003,1,0\n');
    expect(probability.values[1]).toEqual({ id: '1', score: 0.6 });
  });

  test('classes: the likeliest is the prediction when none is given', async () => {
    const found = await read('id,p_a,p_b c\n1,0.4,0.6\n2,0.9,0.1\n003,,\n', { task: 'multiclass' });
    expect(found).toMatchObject({ column: 'prediction', refused: 1 });
    expect(found.values).toEqual([
      { id: '003', p_a: null, 'p_b c': null, prediction: null },
      { id: '1', p_a: 0.4, 'p_b c': 0.6, prediction: 'b c' },
      { id: '2', p_a: 0.9, 'p_b c': 0.1, prediction: 'a' },
    ]);
  });

  test('regression: prediction is a score', async () => {
    const found = await read('id,prediction\n1,10\n2,-3.5\n003,1e2\n', { task: 'regression' });
    expect(found.values).toEqual([
      { id: '003', score: 100 },
      { id: '1', score: 10 },
      { id: '2', score: -3.5 },
    ]);
  });
});

describe('refused as PREDICTIONS_INVALID', () => {
  test.each([
    ['no file', null, /wrote no file/],
    ['an empty file', '', /is empty/],
    ['a header alone', 'id,score\n', /a header and no row; 3 rows wanted/],
    ['no id', 'row,score\n1,2\n', /no column `id`/],
    ['no score', 'id,value\n1,1\n2,1\n003,1\n', /no column `score`/],
    ['rows dropped', 'id,score\n1,1\n003,1\n', /1 id of 3 input rows missing \("2"\)/],
    ['other ids', 'id,score\n1,1\n2,1\n3,1\n', /missing \("003"\); 1 id not in the input \("3"\)/],
    ['an id twice', 'id,score\n1,1\n2,1\n003,1\n1,1\n', /1 id more than once \("1"\)/],
    ['a word for a score', 'id,score\n1,high\n2,1\n003,1\n', /1 value of score not a number, such as "high" \(id "1"\)/],
    ['a broken line', 'id,score\n1\n', /line 2/],
  ])('%s', async (_, content, message) => {
    await expect(read(content)).rejects.toMatchObject({ code: 'PREDICTIONS_INVALID', message: expect.stringMatching(message) });
  });

  test('a symlink: nothing outside is read in the name of the model', async () => {
    const root = folderOf({ 'eval.csv': 'id\n1\n' });
    const store = await storeOf(root, { data: { eval: 'eval.csv' } });
    symlinkSync('/etc/passwd', join(root, 'out.csv'));
    await expect(store.readPredictions(join(root, 'out.csv'), input, 'p')).rejects.toMatchObject({ code: 'PREDICTIONS_INVALID' });
  });
});
