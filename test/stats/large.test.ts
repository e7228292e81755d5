import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type OpenTablesOptions, openTables } from '../../src/adapters/tables/open-tables.ts';
import { drift } from '../../src/stats/drift.ts';
import { inferSchema } from '../../src/stats/schema/infer.ts';
import { profile } from '../../src/stats/schema/profile.ts';
import { violations } from '../../src/stats/schema/violations.ts';
import { manifestOf } from '../support/manifest.ts';

const rows = 800_000;
const limit = '64MiB';
const manifest = manifestOf({ data: { train: 'train.parquet', serving: 'serving.parquet' }, columns: { id: 'id' } });
let root = '';

/** Two Parquet tables of 9 columns, together twice as large as the memory limit, with what makes sums and quantiles hard. */
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'large-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  for (const [side, name] of ['train', 'serving'].entries()) {
    const u = (k: number) => `(hash(i * 64 + ${k}, ${side}) / 2.0^64)`;
    const columns = Array.from({ length: 8 }, (_, k) => {
      if (k % 6 === 5) return `CASE WHEN ${u(k)} > 0.02 THEN 'value ' || floor(40 * ${u(k)} ** 2)::INT END AS x${k}`;
      const value = `(${u(k)} - 0.5) * ${10 ** (k % 5)} + ${side * (k === 7 ? 40 : 0)}`;
      return `CASE WHEN ${u(k)} < 0.01 THEN NULL WHEN ${u(k)} < 0.011 THEN 'nan'::DOUBLE ELSE ${value} END AS x${k}`;
    });
    await connection.run(
      `COPY (SELECT i::VARCHAR AS id, ${columns.join(', ')} FROM range(${rows}) t(i)) TO '${join(root, `${name}.parquet`)}' (FORMAT parquet)`,
    );
  }
  connection.closeSync();
  instance.closeSync();
}, 120_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function checksOf(options: Partial<OpenTablesOptions>) {
  const workFolder = mkdtempSync(join(tmpdir(), 'work-'));
  onTestFinished(() => rmSync(workFolder, { recursive: true, force: true }));
  const tables = await openTables({ root, manifest, workFolder, ...options });
  try {
    const [train, serving] = [await tables.open({ table: 'train' }), await tables.open({ table: 'serving' })];
    if (!train || !serving) throw new Error('no tables');
    const names = train.columns.map((column) => column.name).filter((name) => name !== 'id');
    const found = await profile(tables, train, names);
    const schema = inferSchema(found);
    return {
      found,
      schema,
      broken: await violations(tables, serving.name, schema, names),
      drifts: await drift(tables, train, serving, names),
      workFolder,
    };
  } finally {
    await tables.close();
  }
}

test('the same numbers at 1, 2 and 4 threads, and under a memory limit that the tables exceed; nothing is left behind', async () => {
  const { workFolder: _, ...one } = await checksOf({ threads: 1 });
  expect(one.drifts.filter(({ verdict }) => verdict === 'drifted').map(({ column }) => column)).toEqual(['x7']);
  for (const threads of [2, 4]) {
    const { workFolder: __, ...many } = await checksOf({ threads });
    expect(many, `${threads} threads`).toEqual(one);
  }
  const { workFolder, ...little } = await checksOf({ threads: 2, memoryLimit: limit });
  expect(little).toEqual(one);
  expect(readdirSync(workFolder)).toEqual([]);
}, 300_000);

test('a disk without room for what memory cannot hold is told as that', async () => {
  const workFolder = mkdtempSync(join(tmpdir(), 'work-'));
  onTestFinished(() => rmSync(workFolder, { recursive: true, force: true }));
  const limits = { threads: 2, memoryLimit: '48MiB', spillLimit: '1MiB' };
  const tables = await openTables({ root, manifest, workFolder, ...limits });
  onTestFinished(() => tables.close());
  await expect(tables.open({ derive: 'sample', from: { table: 'train' }, rows: 0.9, seed: 1 })).rejects.toMatchObject({
    code: 'TABLES_NO_ROOM',
    exitCode: 3,
  });
}, 120_000);
