/** `flightcheck tower export` and `import` as they are called: what an interruption leaves, and what is said. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../helpers/call.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-move-'));
const at = (name: string): string => join(folder, name);
const tower = (args: readonly string[], signal?: AbortSignal) =>
  call(['tower', ...args], {}, { cwd: folder, ...(signal && { signal }) });
beforeAll(async () => {
  const made = await tower(['demo-data', '--data', at('data'), '--models', '1', '--days', '10']);
  expect(made.code, made.errors).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('an export that is interrupted leaves no file, and is no bug', async () => {
  const { code, errors } = await tower(['export', 'cut.gz', '--data', at('data')], AbortSignal.abort());
  expect(code).toBe(130);
  expect(errors).toContain('Interrupted: no file was written');
  expect(errors).not.toContain('bug');
  expect(readdirSync(folder)).toEqual(['data']);
});

test('an import that is interrupted imports nothing, and may be run again', async () => {
  expect((await tower(['export', 'whole.gz', '--data', at('data')])).code).toBe(0);
  const { code, errors, text } = await tower(['import', 'whole.gz', '--data', at('moved')], AbortSignal.abort());
  expect([code, text]).toEqual([130, '']);
  expect(errors).toContain('Interrupted: nothing was imported');
  const again = await tower(['import', 'whole.gz', '--data', at('moved'), '--json']);
  expect(again.code, again.errors).toBe(0);
  expect(JSON.parse(again.text).rows).toBeGreaterThan(100);
  expect(existsSync(at('whole.gz'))).toBe(true);
});

test('a folder that is not there is told as that', async () => {
  const { code, errors } = await tower(['export', 'no/where.gz', '--data', at('data')]);
  expect(code).toBe(3);
  expect(errors).toContain(`There is no folder ${at('no')}`);
});
