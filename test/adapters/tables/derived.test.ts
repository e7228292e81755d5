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

const textOf = async (folder: string, manifestOfTest: Record<string, unknown>, ref: TableRef, threads = 2) => {
  const store = await storeOf(folder, manifestOfTest, { threads });
  const out = join(folder, `out-${threads}.csv`);
  await store.export(ref, out, { without: [] });
  return readFileSync(out, 'utf8');
};
const idsOf = (text: string): readonly string[] =>
  text
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',')[0] ?? '');

describe('draws', () => {
  const all: TableRef = { table: 'eval' };
  test('of different seeds have little to do with each other', async () => {
    const store = await storeOf(root(), manifest);
    const half = async (seed: number) => (await store.open({ derive: 'sample', from: all, rows: 1500, seed }))?.name;
    const [a, b, c] = [await half(1), await half(2), await half(8)];
    for (const [one, other] of [
      [a, b],
      [a, c],
      [b, c],
    ]) {
      const [common] = await store.query<{ n: number }>(`SELECT count(*) AS n FROM ${one} JOIN ${other} USING (id)`);
      // Hypergeometric: 750 on average, standard deviation 19.
      expect(common?.n).toBeGreaterThan(650);
      expect(common?.n).toBeLessThan(850);
    }
  });

  test('the rest is what the sample leaves, in the order of the source', async () => {
    const store = await storeOf(root(), manifest);
    const rest: TableRef = { derive: 'rest', from: all, rows: 1000, seed: 3 };
    const left = await store.open(rest);
    const drawn = await store.open({ ...rest, derive: 'sample' });
    expect([left?.rows, drawn?.rows]).toEqual([2000, 1000]);
    expect(await store.query(`SELECT id FROM ${left?.name} INTERSECT SELECT id FROM ${drawn?.name}`)).toEqual([]);
    const order = (await store.query<{ a: number }>(`SELECT a FROM ${left?.name} ORDER BY __row`)).map((row) => row.a);
    expect(order).toEqual([...order].sort((x, y) => x - y));
    expect((await store.open({ ...rest, rows: 5000 }))?.rows).toBe(0);
    const [share, kept] = [await store.open({ ...rest, derive: 'sample', rows: 0.3 }), await store.open({ ...rest, rows: 0.3 })];
    expect([share?.rows, kept?.rows]).toEqual([900, 2100]);
  });
});

describe('a window in time', () => {
  const timed = (times: readonly string[], column = 'at') =>
    folderOf({
      'train.csv': `id,${column},first,last,__seconds\n${times.map((time, i) => `${i},${time},f${i},l${i},s`).join('\n')}\n`,
    });
  const window = (start: number, end: number, column = 'at'): TableRef => ({
    ...{ derive: 'window', from: { table: 'train' }, column, start, end },
  });
  const named = { data: { train: 'train.csv' } };
  const ids = async (folder: string, ref: TableRef) => idsOf(await textOf(folder, named, ref));

  test('holds its start, not its end; the last row belongs to the last window; columns of any name are kept', async () => {
    const folder = timed(['2024-01-01', '2024-01-02', '2024-01-03T00:00:00', '2024-01-04 00:00:00', '2024-01-05']);
    expect(await ids(folder, window(0, 0.5))).toEqual(['0', '1']);
    expect(await ids(folder, window(0.5, 1))).toEqual(['2', '3', '4']);
    expect(await ids(folder, window(0.75, 0.75))).toEqual([]);
    expect(await textOf(folder, named, window(0, 0.25))).toBe('id,at,first,last,__seconds\n0,2024-01-01,f0,l0,s\n');
  });
  test('reads numbers, dates and times with an offset; what cannot be read is in no window', async () => {
    expect(await ids(timed(['0', '5', '10', '7.5']), window(0.5, 0.8))).toEqual(['1', '3']);
    expect(
      await ids(timed(['2024-01-01T00:00:00+10:00', '2024-01-01T00:00:00Z', '2024-01-01T10:00:00Z']), window(0.4, 0.6)),
    ).toEqual(['1']);
    const odd = timed(['2024-01-01', '', 'yesterday', '2024-01-03', 'infinity', 'NaN', '31/12/2024']);
    expect(await ids(odd, window(0, 1))).toEqual(['0', '3']);
    expect(await ids(timed(['0', 'NaN', 'Inf', '10']), window(0, 1))).toEqual(['0', '3']);
    expect(await ids(timed(['2024-01-01', '2024-01-01']), window(0, 1))).toEqual([]);
    expect(await ids(timed(['?', '??']), window(0, 1))).toEqual([]);
  });
  test('of any column name, and none of a column that is not there', async () => {
    expect(await ids(timed(['1', '2', '3'], '"a ""t"", é"'), window(0.5, 1, 'a "t", é'))).toEqual(['1', '2']);
    const store = await storeOf(timed(['1']), named);
    await expect(store.open(window(0, 1, 'when'))).rejects.toMatchObject({ code: 'TABLE_NO_COLUMN' });
  });
  test('is the same at 1 and 2 threads, of a sample too', async () => {
    const ref: TableRef = { derive: 'window', from: sample, column: 'a', start: 0.2, end: 0.7 };
    const folder = root();
    expect(await textOf(folder, manifest, ref, 1)).toBe(await textOf(folder, manifest, ref, 2));
  });
});

test('shuffled: ids stay in place, each column keeps its values and loses its company', async () => {
  const folder = root();
  const ref: TableRef = { derive: 'shuffled', from: { table: 'eval' }, seed: 1 };
  const text = await textOf(folder, manifest, ref, 1);
  expect(text).toBe(await textOf(folder, manifest, ref, 2));
  expect(idsOf(text)).toEqual(Array.from({ length: 3000 }, (_, i) => `r${i}`));
  const store = await storeOf(folder, manifest);
  const name = (await store.open(ref))?.name;
  const [found] = await store.query<{ a: number; b: number; y: number; together: number; kept: number }>(
    `SELECT sum(a) AS a, sum(b) AS b, sum(y) AS y, abs(corr(a % 2, y)) AS together, count(*) FILTER ('r' || a = id) AS kept FROM ${name}`,
  );
  expect(found).toMatchObject({ a: (2999 * 3000) / 2, y: 1500 });
  expect(found?.together).toBeLessThan(0.1);
  expect(found?.kept).toBeLessThan(20);
});

describe('altered rows', () => {
  const lines = Array.from(
    { length: 50 },
    (_, i) => `${i},${i % 7},${(i / 4).toFixed(2)},${i % 3 ? 'plain' : '"q""uote, é"'},2024-01-0${1 + (i % 5)},${i % 2}`,
  );
  const folderOfRows = () => folderOf({ 'eval.csv': `id,whole,real,"te""xt",day,y\n${lines.join('\n')}\n` });
  const named = { data: { eval: 'eval.csv' }, columns: { label: 'y' } };
  const cases = ['null', 'zero', 'huge', 'minus-huge', 'tiny', 'unseen', 'empty', 'long', 'typical'] as const;
  const ref: TableRef = {
    ...{ derive: 'altered', from: { table: 'eval' }, rows: 4, seed: 5, columns: ['te"xt', 'real', 'whole', 'day'], cases },
  };

  test('one copy of the sample for each case that fits a column; new ids; one cell differs', async () => {
    const store = await storeOf(folderOfRows(), named);
    const table = await store.open(ref);
    const blocks = await store.query<{ c: string | null; w: string | null; n: number; value: string | null; others: number }>(
      `SELECT p.__column AS c, p.__case AS w, count(*) AS n,
         any_value(CASE p.__column WHEN 'whole' THEN p.whole WHEN 'real' THEN p.real WHEN 'day' THEN p.day ELSE p."te""xt" END) AS value,
         count(*) FILTER ((p.whole IS DISTINCT FROM o.whole AND p.__column <> 'whole') OR (p.real IS DISTINCT FROM o.real AND p.__column <> 'real')
           OR (p."te""xt" IS DISTINCT FROM o."te""xt" AND p.__column <> 'te"xt') OR (p.day IS DISTINCT FROM o.day AND p.__column <> 'day') OR p.y IS DISTINCT FROM o.y) AS others
       FROM ${table?.name} p JOIN ${table?.name} o ON o.__column IS NULL AND o.__original = p.__original GROUP BY 1, 2 ORDER BY min(p.__row)`,
    );
    expect(blocks.every((block) => block.n === 4 && block.others === 0)).toBe(true);
    expect(blocks.slice(1).map(({ c, w, value }) => `${c} ${w}: ${value?.slice(0, 30)}`)).toMatchInlineSnapshot(`
      [
        "whole null: undefined",
        "whole zero: 0",
        "whole huge: 1e300",
        "whole minus-huge: -1e300",
        "whole tiny: 5e-324",
        "whole typical: 3",
        "real null: undefined",
        "real zero: 0",
        "real huge: 1e300",
        "real minus-huge: -1e300",
        "real tiny: 5e-324",
        "real typical: 6.0",
        "te"xt null: undefined",
        "te"xt unseen: never seen, "before"",
        "te"xt empty: ",
        "te"xt long: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "te"xt typical: plain",
        "day null: undefined",
        "day typical: 2024-01-01",
      ]
    `);
    expect(table?.rows).toBe(4 * blocks.length);
    expect(await store.query(`SELECT count(DISTINCT id) AS n FROM ${table?.name}`)).toEqual([{ n: table?.rows }]);
    expect(await store.query(`SELECT length("te""xt") AS n FROM ${table?.name} WHERE __case = 'long' LIMIT 1`)).toEqual([
      { n: 10_000 },
    ]);
    const [original] = await store.query<{ n: number }>(
      `SELECT count(*) AS n FROM ${table?.name} p JOIN eval e ON e.__row = p.__original WHERE p.__column IS NULL AND CAST(e.whole AS VARCHAR) = p.whole AND e."te""xt" = p."te""xt"`,
    );
    expect(original).toEqual({ n: 4 });
  });
  test('are the same at 1 and 2 threads; whole numbers stay whole, quotes and accents arrive', async () => {
    const folder = folderOfRows();
    const text = await textOf(folder, named, ref, 1);
    expect(text).toBe(await textOf(folder, named, ref, 2));
    const [header, ...first] = text.split('\n').slice(0, 5);
    expect(header).toBe('id,whole,real,"te""xt",day,y');
    for (const line of first) expect(line).toMatch(/^\d+,\d,\d+\.\d+,(plain|"q""uote, é"),2024-01-0\d,[01]$/);
  });
  test('a column without any value, with NaN and Inf, or all alike has an end', async () => {
    const folder = folderOf({ 'eval.csv': 'id,nothing,odd,same\n1,,NaN,7\n2,,NaN,7\n3,,Inf,7\n4,,2.5,7\n' });
    const typical: TableRef = {
      ...{
        derive: 'altered',
        from: { table: 'eval' },
        rows: 10,
        seed: 1,
        columns: ['nothing', 'odd', 'same'],
        cases: ['typical'],
      },
    };
    expect(await textOf(folder, { data: { eval: 'eval.csv' } }, typical)).toBe(
      `id,nothing,odd,same\n${[
        ...['1,,NaN,7', '2,,NaN,7', '3,,Inf,7', '4,,2.5,7'],
        ...['5,,NaN,7', '6,,NaN,7', '7,,Inf,7', '8,,2.5,7'],
        ...['9,,2.5,7', '10,,2.5,7', '11,,2.5,7', '12,,2.5,7'],
        ...['13,,NaN,7', '14,,NaN,7', '15,,Inf,7', '16,,2.5,7'],
      ].join('\n')}\n`,
    );
  });
  test('an empty text is told from nothing', async () => {
    const folder = folderOf({ 'eval.csv': 'id,t\n1,a\n' });
    const empty: TableRef = {
      derive: 'altered',
      from: { table: 'eval' },
      rows: 1,
      seed: 1,
      columns: ['t'],
      cases: ['null', 'empty'],
    };
    expect(await textOf(folder, { data: { eval: 'eval.csv' } }, empty)).toBe('id,t\n1,a\n2,\n3,""\n');
  });
});

describe('rows for unit tests of a training', () => {
  const values = Array.from({ length: 500 }, (_, i) =>
    [`r${i}`, i, i / 7, i % 10 === 0 ? 1 : 0, ['a', 'b', ''][i % 3], i % 4 === 0 ? '' : 5].join(','),
  );
  const folder = () => folderOf({ 'train.csv': `id,whole,real,y,text,gaps\n${values.join('\n')}\n` });
  const given = { data: { train: 'train.csv' }, columns: { label: 'y' } };

  test('random rows obey the ranges, categories, types and share of nulls, and nothing else', async () => {
    const store = await storeOf(folder(), given);
    const table = await store.open({ derive: 'random', from: { table: 'train' }, rows: 2000, seed: 3 });
    const [row] = await store.query<Record<string, number>>(
      `SELECT count(DISTINCT id) AS ids, min(whole) >= 0 AND max(whole) <= 499 AND count(DISTINCT whole) > 400 AS whole,
        min(real) >= 0 AND max(real) <= 499 / 7.0 AS "real", count(*) FILTER (y = 1) AS yes, count(*) FILTER (y NOT IN (0, 1)) AS other,
        count(*) FILTER (text NOT IN ('a', 'b')) AS odd, count(*) FILTER (gaps IS NULL) AS nulls, count(*) FILTER (gaps <> 5) AS wrong,
        abs(corr(whole, real)) AS correlation FROM ${table?.name}`,
    );
    expect(row).toMatchObject({ ids: 2000, whole: true, real: true, other: 0, odd: 0, wrong: 0 });
    expect(row?.yes).toBeGreaterThan(900);
    expect(row?.nulls).toBeGreaterThan(400);
    expect(row?.nulls).toBeLessThan(600);
    expect(row?.correlation).toBeLessThan(0.1);
    expect(table?.columns.map(({ type }) => type)).toEqual(
      (await store.open({ table: 'train' }))?.columns.map(({ type }) => type),
    );
  });

  test('random rows are the same at any number of threads, and others with another seed', async () => {
    const root = folder();
    const texts = await Promise.all(
      [
        [1, 3],
        [2, 3],
        [2, 4],
      ].map(async ([threads = 1, seed = 1]) => {
        const store = await storeOf(root, given, { threads });
        const out = join(root, `random-${threads}-${seed}.csv`);
        await store.export({ derive: 'random', from: { table: 'train' }, rows: 300, seed }, out, { without: [] });
        return readFileSync(out, 'utf8');
      }),
    );
    expect(texts[0]).toBe(texts[1]);
    expect(texts[2]).not.toBe(texts[1]);
  });

  test('balanced rows hold each class alike, keep ids and order, and take all there are of a rare one', async () => {
    const store = await storeOf(folder(), given);
    const classes = async (rows: number) => {
      const table = await store.open({ derive: 'balanced', from: { table: 'train' }, column: 'y', rows, seed: 1 });
      return store.query(
        `SELECT y, count(*) AS n, bool_and(CAST(id[2:] AS INT) = whole) AS same FROM ${table?.name} GROUP BY y ORDER BY y`,
      );
    };
    expect(await classes(20)).toEqual([
      { y: 0, n: 10, same: true },
      { y: 1, n: 10, same: true },
    ]);
    expect(await classes(150)).toEqual([
      { y: 0, n: 100, same: true },
      { y: 1, n: 50, same: true },
    ]);
  });
});
