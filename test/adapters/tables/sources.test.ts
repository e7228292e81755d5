import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../helpers/repo.ts';
import { folderOf, storeOf } from '../../support/tables.ts';

function overwriteWithOldTimes(copy: string): void {
  const { atime, mtime } = statSync(copy);
  writeFileSync(copy, readFileSync(copy));
  utimesSync(copy, atime, mtime);
}
function replaceBy(copy: string, bytes: Uint8Array): void {
  writeFileSync(`${copy}.new`, bytes);
  renameSync(`${copy}.new`, copy);
}

const trainOf = async (content: string | Uint8Array, path = 'train.csv') =>
  storeOf(folderOf({ [path]: content }), { data: { train: path } });

describe('CSV as it is met', () => {
  test('BOM, CRLF, semicolons, quoted line breaks, doubled quotes', async () => {
    const store = await trainOf('\uFEFFid;"na""me";note\r\n1;x;"a\r\nb"\r\n2;;"say ""hi"""\r\n');
    const table = await store.open({ table: 'train' });
    expect(table?.dialect).toEqual({ delimiter: ';', quote: '"', hasBom: true });
    expect(table?.columns.map((column) => column.name)).toEqual(['id', 'na"me', 'note']);
    expect(await store.query('SELECT * EXCLUDE (__row) FROM train ORDER BY __row')).toEqual([
      { id: '1', 'na"me': 'x', note: 'a\r\nb' },
      { id: '2', 'na"me': null, note: 'say "hi"' },
    ]);
  });

  test('a line break inside a column name does not decide what ends a row', async () => {
    for (const end of ['\n', '\r\n', '\r'])
      for (const inside of ['\n', '\r\n', '\r']) {
        const store = await trainOf([`id,"a${inside}b"`, '1,x', `2,"y${inside}z"`, ''].join(end));
        expect((await store.open({ table: 'train' }))?.columns[1]?.name).toBe(`a${inside}b`);
        expect(await store.query('SELECT * EXCLUDE (__row) FROM train ORDER BY __row')).toEqual([
          { id: '1', [`a${inside}b`]: 'x' },
          { id: '2', [`a${inside}b`]: `y${inside}z` },
        ]);
      }
  });

  test('rows that end otherwise than the header are refused, never dropped', async () => {
    const store = await trainOf('id,a\r\n1,2\n2,3\r\n');
    await expect(store.open({ table: 'train' })).rejects.toMatchObject({
      code: 'TABLE_UNREADABLE',
      message: expect.stringContaining('line breaks of more than one kind, or has a quote'),
    });
  });

  test('a header whose line break straddles two reads', async () => {
    const long = 'a'.repeat(64 * 1024 - 4);
    const store = await trainOf(`id,${long}\r\n1,x\r\n`);
    expect(await store.open({ table: 'train' })).toMatchObject({ rows: 1 });
  });

  test('a column is a number or a date only when writing it back gives the same value', async () => {
    const store = await trainOf(
      'id,n,x,r,post,flag,day,eu,huge,none\n7,1,1.50,NA,0800,True,2026-01-31,31/01/2026,12345678901234567890,\n8,-2,1e3,2,0801,False,2026-02-01,01/02/2026,1,\n',
    );
    const table = await store.open({ table: 'train' });
    expect(Object.fromEntries(table?.columns.map(({ name, type }) => [name, type]) ?? [])).toEqual({
      id: 'VARCHAR',
      n: 'BIGINT',
      x: 'DOUBLE',
      r: 'BIGINT',
      post: 'VARCHAR',
      flag: 'VARCHAR',
      day: 'DATE',
      eu: 'VARCHAR',
      huge: 'VARCHAR',
      none: 'VARCHAR',
    });
    expect(await store.query('SELECT n, x, r, post FROM train ORDER BY __row')).toEqual([
      { n: 1, x: 1.5, r: null, post: '0800' },
      { n: -2, x: 1000, r: 2, post: '0801' },
    ]);
  });

  test('text that comes late turns the column into text; no row is lost', async () => {
    const rows = Array.from({ length: 5000 }, (_, i) => `${i},${i === 4999 ? 'oops' : i}`).join('\n');
    const store = await trainOf(`id,v\n${rows}\n`);
    expect((await store.open({ table: 'train' }))?.columns[1]).toEqual({ name: 'v', type: 'VARCHAR' });
    expect(await store.query("SELECT count(*) AS n FROM train WHERE v = 'oops'")).toEqual([{ n: 1 }]);
  });

  test('NaN and infinities are numbers', async () => {
    const store = await trainOf('id,v\n1,NaN\n2,inf\n3,-Inf\n4,\n');
    await store.open({ table: 'train' });
    expect(await store.query('SELECT v FROM train ORDER BY __row')).toEqual([
      { v: NaN },
      { v: Infinity },
      { v: -Infinity },
      { v: null },
    ]);
  });

  test.each([
    ['no rows', 'id,a\n', 0],
    ['no rows and no line break', 'id,a', 0],
    ['one row without a line break', 'id,a\n1,2', 1],
    ['one column', 'id\n1\n2\n', 2],
    ['all null', 'id,a\n,\n,\n', 2],
  ])('%s', async (_, content, rows) => {
    const store = await trainOf(content);
    expect((await store.open({ table: 'train' }))?.rows).toBe(rows);
  });

  test('integers beyond 2^53 come as text, others as number', async () => {
    const store = await trainOf('id,v\n1,9007199254740993\n2,12\n');
    await store.open({ table: 'train' });
    expect(await store.query('SELECT v FROM train ORDER BY __row')).toEqual([{ v: '9007199254740993' }, { v: 12 }]);
  });
});

describe('refused with one clear error', () => {
  test.each([
    ['empty file', '', 'TABLE_EMPTY', /is empty/],
    ['UTF-16', Buffer.from('\uFEFFid,a\n', 'utf16le'), 'TABLE_ENCODING', /UTF-16/],
    ['Latin-1 in a row', Buffer.from('id,a\n1,x\n2,caf\xe9\n', 'latin1'), 'TABLE_UNREADABLE', /line 3.*not UTF-8/],
    ['Latin-1 in the header', Buffer.from('id,caf\xe9\n', 'latin1'), 'TABLE_ENCODING', /header that is not UTF-8/],
    ['a column twice', 'id,a,A\n1,2,3\n', 'TABLE_DUPLICATE_COLUMN', /"A" twice/],
    ['a reserved column', 'id,__row\n1,2\n', 'TABLE_RESERVED_COLUMN', /__row/],
    ['a row that is too short', 'id,a,b\n1,2,3\n4\n', 'TABLE_UNREADABLE', /line 3.*1 fields where its header has 3/],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0]), 'TABLE_COMPRESSED', /compressed/],
    ['not Parquet after all', 'PAR1 nothing', 'TABLE_UNREADABLE', /cannot be read/],
  ])('%s', async (_, content, code, message) => {
    const store = await trainOf(content);
    await expect(store.open({ table: 'train' })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      exitCode: 2,
    });
  });

  test('100,000 columns, from the header alone: the rows are not even read', async () => {
    const header = Array.from({ length: 100_000 }, (_, i) => `c${i}`).join(',');
    const store = await trainOf(`${header}\nthis line is no CSV of that header\n`);
    await expect(store.open({ table: 'train' })).rejects.toMatchObject({
      code: 'TABLE_TOO_WIDE',
      message: expect.stringMatching(/100,000 columns/),
    });
  });

  test('a missing file names its neighbours and the place in the manifest', async () => {
    const store = await storeOf(folderOf({ 'data/train.csv': 'id\n' }), { data: { train: 'data/trian.csv' } });
    await expect(store.open({ table: 'train' })).rejects.toMatchObject({
      code: 'TABLE_MISSING',
      hint: 'Did you mean train.csv?',
      place: { path: 'flightcheck.yml' },
    });
  });

  test('a glob without files, a folder, a path that leaves the repo, a symlink that leaves it', async () => {
    const root = folderOf({ 'inside.csv': 'id\n1\n' });
    mkdirSync(join(root, 'folder'));
    symlinkSync('/etc/passwd', join(root, 'link.csv'));
    symlinkSync('link2.csv', join(root, 'link2.csv'));
    const failing = async (train: string) => {
      const store = await storeOf(root, { data: { train } });
      return store.open({ table: 'train' }).then(
        () => 'opened',
        (error: { code: string }) => error.code,
      );
    };
    expect(await failing('*.parquet')).toBe('TABLE_MISSING');
    expect(await failing('folder')).toBe('TABLE_NOT_A_FILE');
    expect(await failing('../x.csv')).toBe('TABLE_OUTSIDE');
    expect(await failing('/etc/passwd')).toBe('TABLE_OUTSIDE');
    expect(await failing('link.csv')).toBe('TABLE_OUTSIDE');
    expect(await failing('link2.csv')).toBe('TABLE_NOT_A_FILE');
  });
});

describe('file names that others chose', () => {
  test.each(['we "ird\'.csv', 'new\nline.csv', '$(touch x).csv', '-rf.csv', 'star*[a].csv', "'; DROP TABLE x; --.csv"])(
    '%j',
    async (path) => {
      const store = await trainOf('id,a\n1,2\n', path);
      const table = await store.open({ table: 'train' });
      expect(table?.rows).toBe(1);
      expect(table?.sources[0]?.path).toBe(path);
    },
  );

  test('column names are data too', async () => {
    const name = `a"; DROP TABLE x; --'`;
    const store = await trainOf(`id,"${name.replaceAll('"', '""')}"\n1,2\n`);
    expect((await store.open({ table: 'train' }))?.columns[1]).toEqual({ name, type: 'BIGINT' });
  });
});

test('a glob is one table in the order of the names; other columns are refused', async () => {
  const root = folderOf({
    'd/b.csv': 'v,id\n2,2\n',
    'd/a.csv': 'id,v\n1,1\n',
    'e/a.csv': 'id,v\n1,1\n',
    'e/b.csv': 'id,w\n1,1\n',
  });
  const store = await storeOf(root, { data: { train: 'd/*.csv', serving: 'e/*.csv' } });
  const table = await store.open({ table: 'train' });
  expect(table?.sources.map((source) => source.path)).toEqual(['d/a.csv', 'd/b.csv']);
  expect(await store.query('SELECT v FROM train ORDER BY __row')).toEqual([{ v: 1 }, { v: 2 }]);
  await expect(store.open({ table: 'serving' })).rejects.toMatchObject({ code: 'TABLE_MIXED' });
});

test('a table that the manifest does not name is null', async () => {
  const store = await storeOf(folderOf({}), {});
  expect(await store.open({ table: 'serving' })).toBeNull();
});

test('ids of the evaluation table must be there and identify a row', async () => {
  const root = folderOf({ 'a.csv': 'key,v\n1,1\n', 'b.csv': 'id,v\n1,1\n1,2\n' });
  const without = await storeOf(root, { data: { eval: 'a.csv' } });
  await expect(without.open({ table: 'eval' })).rejects.toMatchObject({ code: 'TABLE_NO_ID' });
  const twice = await storeOf(root, { data: { eval: 'b.csv' } });
  await expect(twice.open({ table: 'eval' })).rejects.toMatchObject({ code: 'TABLE_IDS', message: expect.stringMatching(/"1"/) });
});

test('SQL reaches no file, no extension and no setting', async () => {
  const root = folderOf({ 'train.csv': 'id\n1\n' });
  writeFileSync(join(root, 'secret.txt'), 'x');
  const store = await storeOf(root, { data: { train: 'train.csv' } });
  for (const sql of [
    "SELECT * FROM read_csv('/etc/passwd')",
    `SELECT * FROM read_text('${join(root, 'secret.txt')}')`,
    "COPY (SELECT 1) TO '/tmp/never.csv'",
    'INSTALL httpfs',
    'SET enable_external_access = true',
    "SET memory_limit = '1TB'",
  ])
    await expect(store.query(sql)).rejects.toThrow(/disabled|locked|Permission/);
});

test('a column of the name that DuckDB gives to positions leaves the rows in their order', async () => {
  const store = await trainOf('id,RowId\n1,30\n2,20\n3,10\n');
  await store.open({ table: 'train' });
  expect(await store.query('SELECT __row, id FROM train ORDER BY __row')).toEqual([
    { __row: 0, id: '1' },
    { __row: 1, id: '2' },
    { __row: 2, id: '3' },
  ]);
  const sample = await store.open({ derive: 'sample', from: { table: 'train' }, rows: 3, seed: 1 });
  expect(await store.query(`SELECT __row, id FROM ${sample?.name} ORDER BY __row`)).toMatchObject([
    { __row: 0, id: '1' },
    { __row: 1, id: '2' },
    { __row: 2, id: '3' },
  ]);
});

describe('a full disk', () => {
  test('is told as that, not as a fault of the file', async (context) => {
    const work = temporaryFolder();
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', work]).status !== 0) return context.skip();
    try {
      const store = await storeOf(
        folderOf({ 'train.csv': `id,x\n${'1,2\n'.repeat(50_000)}` }),
        { data: { train: 'train.csv' } },
        {
          workFolder: work,
        },
      );
      await expect(store.open({ table: 'train' })).rejects.toMatchObject({
        code: 'TABLES_NO_ROOM',
        message: expect.stringContaining('data.train: the temporary folder has no room for a copy of train.csv'),
        hint: expect.stringContaining('TMPDIR'),
      });
      await store.close();
    } finally {
      spawnSync('umount', ['-l', work]);
    }
  });
});

describe('Parquet', () => {
  test.each<readonly [string, (copy: string) => void]>([
    ['other rows of the same size', (copy) => writeFileSync(copy, readFileSync(copy))],
    ['other bytes, with the old times', overwriteWithOldTimes],
    ['another file in its place', (copy) => replaceBy(copy, readFileSync(copy))],
    ['nothing', (copy) => rmSync(copy)],
    ['half of it', (copy) => truncateSync(copy, 100)],
  ])('a copy that somebody else changed meanwhile is not read: %s', async (_what, change) => {
    const root = await parquetOf({ 'x.parquet': 'SELECT i AS id, i % 2 AS y FROM range(1000) t(i)' });
    const work = temporaryFolder();
    const store = await storeOf(root, { data: { train: 'x.parquet' } }, { workFolder: work });
    await store.open({ table: 'train' });
    expect(await store.query('SELECT sum(y) AS s FROM train')).toEqual([{ s: 500 }]);
    const [copy = ''] = readdirSync(join(work, 'exchange'));
    change(join(work, 'exchange', copy));
    const read = store.query('SELECT sum(y) AS s FROM train');
    await expect(read).rejects.toMatchObject({
      code: 'TABLE_CHANGED',
      message: expect.stringMatching(/^data\.train: .*x\.parquet/),
      hint: expect.stringContaining('hook'),
    });
    await expect(store.export({ table: 'train' }, join(work, 'out.csv'), { without: [] })).rejects.toMatchObject({
      code: 'TABLE_CHANGED',
    });
  });

  /** A folder with files that are written by SQL. */
  async function parquetOf(files: Readonly<Record<string, string>>): Promise<string> {
    const root = folderOf({});
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    for (const [name, sql] of Object.entries(files))
      await connection.run(`COPY (${sql}) TO '${join(root, name)}' (FORMAT parquet)`);
    connection.closeSync();
    return root;
  }

  test('numbers stay numbers, nested columns become text', async () => {
    const root = await parquetOf({
      'x.parquet': "SELECT 7 AS id, 1.25::DECIMAL(9,2) AS price, [1, 2] AS list, true AS yes, 'a' AS c",
    });
    const store = await storeOf(root, { data: { train: 'x.parquet' } });
    expect((await store.open({ table: 'train' }))?.columns.map((column) => column.type)).toEqual([
      'INTEGER',
      'DOUBLE',
      'VARCHAR',
      'BOOLEAN',
      'VARCHAR',
    ]);
    expect(await store.query('SELECT price, list, yes FROM train')).toEqual([{ price: 1.25, list: '[1, 2]', yes: true }]);
  });

  test('is read where it was staged, not copied into a table; files have their order and the types of the first', async () => {
    const root = await parquetOf({
      'a.parquet': 'SELECT i AS id, i * 1.5::DOUBLE AS v FROM range(3) t(i)',
      'b.parquet': 'SELECT (i * 10)::VARCHAR AS v, i + 3 AS id FROM range(2) t(i)',
    });
    const store = await storeOf(root, { data: { train: '*.parquet' } });
    expect(await store.open({ table: 'train' })).toMatchObject({ rows: 5, columns: [{ type: 'BIGINT' }, { type: 'DOUBLE' }] });
    expect(await store.query('SELECT __row, id, v FROM train ORDER BY __row')).toEqual(
      [0, 1.5, 3, 0, 10].map((v, i) => ({ __row: i, id: i, v })),
    );
    expect(await store.query('SELECT table_name FROM duckdb_tables()')).toEqual([]);
    // What changes in the repo meanwhile changes nothing of this run.
    rmSync(join(root, 'a.parquet'));
    expect(await store.query('SELECT sum(v) AS v FROM train')).toEqual([{ v: 14.5 }]);
  });

  test('a column of the name that DuckDB gives to positions leaves the rows in their order', async () => {
    const root = await parquetOf({ 'x.parquet': 'SELECT i AS id, 9 - i AS File_Row_Number FROM range(3) t(i)' });
    const store = await storeOf(root, { data: { train: 'x.parquet' } });
    await store.open({ table: 'train' });
    expect(await store.query('SELECT __row, id FROM train ORDER BY __row')).toEqual([0, 1, 2].map((i) => ({ __row: i, id: i })));
  });

  test('a file that is broken in the middle, or cannot take the types of the first, is refused when it is opened', async () => {
    const root = await parquetOf({
      'x.parquet': 'SELECT i AS id, hash(i) AS v FROM range(100000) t(i)',
      'y1.parquet': 'SELECT 1 AS id, 2 AS v',
      'y2.parquet': "SELECT 2 AS id, 'many' AS v",
    });
    const bytes = readFileSync(join(root, 'x.parquet'));
    writeFileSync(join(root, 'x.parquet'), bytes.fill(0xff, 1000, bytes.length - 1000));
    for (const [train, message] of [
      ['x.parquet', /x\.parquet cannot be read/],
      ['y*.parquet', /y2\.parquet cannot be read: .*many/],
    ] as const) {
      const store = await storeOf(root, { data: { train } });
      await expect(store.open({ table: 'train' })).rejects.toMatchObject({
        ...{ code: 'TABLE_UNREADABLE', exitCode: 2 },
        message: expect.stringMatching(message),
      });
    }
  });
});
