import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TableRef } from '../../../src/kernel/hooks.ts';
import { folderOf, storeOf } from '../../support/tables.ts';

const rows = Array.from({ length: 3000 }, (_, i) => `r${i},${i},${(i * 7) % 13},${i % 2}`).join('\n');
const root = () => folderOf({ 'eval.csv': `id,a,b,y\n${rows}\n`, 'same.csv': `id,a,b,y\n${rows}\n` });
const manifest = { data: { eval: 'eval.csv', train: 'same.csv' }, columns: { label: 'y' } };

const sample: TableRef = { derive: 'sample', from: { table: 'eval' }, rows: 100, seed: 7 };
const batch: TableRef = { derive: 'permuted', from: sample, columns: ['b', 'a'], repeats: 2, seed: 3 };

describe('derived tables', () => {
  test('are the same at 1 and at 2 threads, byte by byte', async () => {
    const folder = root();
    const texts: string[] = [];
    for (const threads of [1, 2]) {
      const store = await storeOf(folder, manifest, { threads });
      const out = join(folder, `out-${threads}.csv`);
      expect(await store.export(batch, out, { without: ['y'] })).toBe(500);
      texts.push(readFileSync(out, 'utf8'));
    }
    expect(texts[0]).toBe(texts[1]);
    expect(texts[0]?.split('\n')[0]).toBe('id,a,b');
  });

  test('a sample keeps order and ids; another seed draws other rows', async () => {
    const store = await storeOf(root(), manifest);
    const table = await store.open(sample);
    expect(table?.rows).toBe(100);
    const ids = async (name: string) =>
      (await store.query<{ a: number }>(`SELECT a FROM ${name} ORDER BY __row`)).map((row) => row.a);
    const drawn = await ids(table?.name ?? '');
    expect(drawn).toEqual([...drawn].sort((x, y) => x - y));
    const other = await store.open({ ...sample, seed: 8 });
    expect(await ids(other?.name ?? '')).not.toEqual(drawn);
  });

  test('a permutation batch shuffles one column at a time and keeps the rest', async () => {
    const store = await storeOf(root(), manifest);
    const table = await store.open(batch);
    expect(table?.rows).toBe(500);
    const name = table?.name ?? '';
    const blocks = await store.query<{
      c: string | null;
      r: number | null;
      moved_a: number;
      moved_b: number;
      moved_y: number;
      sum_a: number;
      sum_b: number;
    }>(
      `SELECT p.__column AS c, p.__repeat AS r, count(*) FILTER (p.a <> o.a) AS moved_a, count(*) FILTER (p.b <> o.b) AS moved_b,
        count(*) FILTER (p.y <> o.y) AS moved_y, sum(p.a) AS sum_a, sum(p.b) AS sum_b
       FROM ${name} p JOIN ${name} o ON o.__column IS NULL AND o.__original = p.__original GROUP BY 1, 2 ORDER BY 1 NULLS FIRST, 2`,
    );
    expect(blocks.map((block) => [block.c, block.r])).toEqual([
      [null, null],
      ['a', 0],
      ['a', 1],
      ['b', 0],
      ['b', 1],
    ]);
    expect(new Set(blocks.map((block) => block.sum_a)).size).toBe(1);
    expect(new Set(blocks.map((block) => block.sum_b)).size).toBe(1);
    for (const block of blocks) {
      expect(block.moved_y).toBe(0);
      expect(block.moved_a > 50).toBe(block.c === 'a');
      expect(block.moved_b > 50).toBe(block.c === 'b');
    }
    expect(await store.query(`SELECT count(DISTINCT id) AS n FROM ${name}`)).toEqual([{ n: 500 }]);
  });

  test('without leaves columns out; an unknown column is an error', async () => {
    const store = await storeOf(root(), manifest);
    const table = await store.open({ derive: 'without', from: { table: 'train' }, columns: ['b'] });
    expect(table?.columns.map((column) => column.name)).toEqual(['id', 'a', 'y']);
    await expect(store.open({ derive: 'without', from: { table: 'train' }, columns: ['zz'] })).rejects.toMatchObject({
      code: 'TABLE_NO_COLUMN',
    });
  });

  test('the key is of the content: same rows, same key; another seed, another key', async () => {
    const store = await storeOf(root(), manifest);
    expect(await store.key({ table: 'eval' })).toBe(await store.key({ table: 'train' }));
    expect(await store.key(sample)).not.toBe(await store.key({ ...sample, seed: 8 }));
    await expect(store.key({ table: 'serving' })).rejects.toMatchObject({ code: 'TABLE_NOT_NAMED' });
  });
});

test('export: UTF-8, LF, RFC 4180, empty is null, NaN and Inf as R and Python read them', async () => {
  const folder = folderOf({ 'train.csv': '\uFEFFid;t;x;p\r\n1;"a,""b""\n\u00e9";NaN;0800\r\n2;;-inf;0801\r\n3;c;;\r\n' });
  const store = await storeOf(folder, { data: { train: 'train.csv' } });
  await store.export({ table: 'train' }, join(folder, 'out.csv'), { without: [] });
  expect(readFileSync(join(folder, 'out.csv'), 'utf8')).toBe('id,t,x,p\n1,"a,""b""\n\u00e9",NaN,0800\n2,,-Inf,0801\n3,c,,\n');
});

test('a table larger than the memory limit is derived all the same', async () => {
  const many = Array.from({ length: 200_000 }, (_, i) => `${i},${Math.sin(i)},${`text number ${i} `.repeat(12)}`).join('\n');
  const folder = folderOf({ 'eval.csv': `id,x,t\n${many}\n` });
  const store = await storeOf(folder, { data: { eval: 'eval.csv' } }, { memoryLimit: '80MiB' });
  const table = await store.open({ derive: 'permuted', from: { table: 'eval' }, columns: ['x'], repeats: 2, seed: 1 });
  expect(table?.rows).toBe(600_000);
});
