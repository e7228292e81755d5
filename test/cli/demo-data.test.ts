/** `flightcheck tower demo-data` as the README calls it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { call } from '../helpers/call.ts';

const folder = mkdtempSync(join(tmpdir(), 'flightcheck-demo-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('fills a database with what the help says, where nothing else is told', async () => {
  const made = await call(['tower', 'demo-data', '--data', join(folder, 'data'), '--models', '1', '--json'], {});
  expect(made.code, made.errors).toBe(0);
  expect(JSON.parse(made.text)).toMatchObject({ models: 1, location: expect.stringContaining(folder) });
  // Half a year, some reports a month.
  expect(JSON.parse(made.text).reports).toBeGreaterThan(10);
});

it('says what is there when it is interrupted before the first model', async () => {
  const stop = new AbortController();
  stop.abort();
  const made = await call(['tower', 'demo-data', '--data', join(folder, 'none'), '--models', '1'], {}, { signal: stop.signal });
  expect(made.code).toBe(130);
  expect(made.text).toBe(`Interrupted before the first model: ${join(folder, 'none')} holds none of the made-up models.\n`);
});
