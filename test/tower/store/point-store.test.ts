/** Points have one door: no other part of the Tower names the tables that hold them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const tower = join(import.meta.dirname, '../../../src/tower');
/** What PostgreSQL's way of keeping points is made of; partitions are made with the schema, and an export locks the table. */
const behind = /^store\/(points\/(append|points|seal|drop-points)|migrations\/(schema-\d+|migrate)|dump)\.ts$/;
const names = /\b(from|join|into|using|table|update) (point|chunk|point_default)\b/;
const imports = /from '(\.|\.\/points|(\.\.\/)+(store\/)?points)\/(append|points|seal|drop-points)\.ts'/;

const files = readdirSync(tower, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => [path.replaceAll('\\', '/'), readFileSync(join(tower, path), 'utf8')] as const);

it('they are read and written through the point store alone', () => {
  const others = files.filter(([path]) => !behind.test(path) && path !== 'store/points/point-store.ts');
  expect(others.length).toBeGreaterThan(100);
  expect(others.filter(([, text]) => names.test(text)).map(([path]) => path)).toEqual([]);
  const values = (text: string) => text.split('\n').filter((line) => imports.test(line) && !/^import type/.test(line));
  // The error that too old points are, and how batches are removed, are no way to points.
  const apart = /import \{ (TooOld|batchRows, removeInBatches) \}/;
  expect(
    others.flatMap(([path, text]) =>
      values(text)
        .filter((line) => !apart.test(line))
        .map((line) => `${path}: ${line}`),
    ),
  ).toEqual([]);
});
