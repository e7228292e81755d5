import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { temporaryFolder } from '../helpers/repo.ts';

const source = fileURLToPath(new URL('../../src/adapters/temporary.ts', import.meta.url));

/** Another run, which makes a folder, fills it and then waits to be killed. */
async function otherRun(base: string): Promise<{ readonly folder: string; kill(): Promise<void> }> {
  const script = `const { makeTemporary } = await import(${JSON.stringify(source)});
    console.log(await makeTemporary('run')); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    env: { ...process.env, TMPDIR: base },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const folder = line.toString().trim();
  writeFileSync(join(folder, 'table.csv'), 'a\n1\n');
  const ended = once(child, 'close');
  return { folder, kill: async () => void (child.kill('SIGKILL') && (await ended)) };
}

test('what a killed run left behind is removed by the next, and nothing else is', async () => {
  const base = temporaryFolder();
  const [killed, alive] = await Promise.all([otherRun(base), otherRun(base)]);
  await killed.kill();
  const [, namespace = ''] = /-run-(\d+)-/.exec(killed.folder) ?? [];
  // Of a container with process ids of its own; of somebody else; a link to what matters.
  const others = [`flightcheck-run-${Number(namespace) + 1}-999999-1-abcdef`, 'flightcheck-notes', 'flightcheck-run-x'];
  for (const name of others) mkdirSync(join(base, name));
  const precious = temporaryFolder();
  const link = `flightcheck-run-${namespace}-999999-1-abcdef`;
  symlinkSync(precious, join(base, link));

  vi.stubEnv('TMPDIR', base);
  onTestFinished(() => void vi.unstubAllEnvs());
  const { makeTemporary } = await import('../../src/adapters/temporary.ts');
  const own = await makeTemporary('tables');
  const again = await makeTemporary('tables');

  expect(existsSync(killed.folder)).toBe(false);
  expect(readdirSync(alive.folder)).toEqual(['table.csv']);
  expect(own).not.toBe(again);
  expect(
    readdirSync(base)
      .filter((name) => name.startsWith('flightcheck-'))
      .map((name) => join(base, name))
      .sort(),
  ).toEqual([...[...others, link].map((name) => join(base, name)), alive.folder, own, again].sort());
  expect(existsSync(precious)).toBe(true);
});
