import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { secondsOf } from '../../src/kernel/sql.ts';

test('a time as people and programs write it, with and without an offset, in seconds', async () => {
  const texts = {
    '2001-03-01': 0,
    '2001-03': 0,
    '2001-03-01T05:27': 19_620,
    '2001-03-01T05:27Z': 19_620,
    '2001-03-01 05:27+10:00': 19_620 - 36_000,
    '2001-03-01T05:27-0500': 19_620 + 18_000,
    '2001-03-01T05:27:30.5Z': 19_650.5,
    '2001-03-01T05:27:00-05': 19_620 + 18_000,
    '2001-03-01T05:27 in the morning': null,
    '01/03/2001 05:27': null,
  };
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const rows = Object.keys(texts).map((text) => `('${text}')`);
  const reader = await connection.runAndReadAll(
    `SELECT x, ${secondsOf('x')} - 983404800 AS t FROM (VALUES ${rows.join(', ')}) v(x)`,
  );
  expect(Object.fromEntries(reader.getRows())).toEqual(texts);
  connection.closeSync();
  instance.closeSync();
});
