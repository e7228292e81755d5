/** Every operation of the API, those of tomorrow too, answers made-up requests as its description says; see scripts/fuzz-api.ts. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasVenv, schemathesis } from '../../scripts/lib/venvs.ts';

const root = join(import.meta.dirname, '../..');

test.skipIf(!hasVenv(root, schemathesis))('schemathesis finds no 5xx and no breach of a schema, with a fixed seed', () => {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', join(root, 'scripts/fuzz-api.ts'), '20', '20261126'],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  expect(status, stdout.slice(-10_000) + stderr).toBe(0);
  expect(Number(/(\d+) requests sent/.exec(stdout)?.[1])).toBeGreaterThan(400);
});
