import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type HookCacheOptions, openHookCache } from '../../src/adapters/hook-cache.ts';
import { openHookMachine } from '../../src/adapters/hook-machine.ts';
import { commitAll, makeRepo, temporaryFolder, writeFiles } from '../helpers/repo.ts';

const key = 'ab12'.repeat(16);
const record = { ranAt: '2026-11-01T10:00:00.000Z', seconds: 1.5, maxRssBytes: 1000 };

function open(folder: string, more: Partial<HookCacheOptions> = {}) {
  const keep = async (): Promise<string> => temporaryFolder();
  return openHookCache({ folder, root: '/nonexistent', isProtected: false, isRead: true, keep, ...more });
}

function output(text: string): string {
  const folder = temporaryFolder();
  writeFiles(folder, { 'model/weights.txt': text, 'metrics.jsonl': '{}' });
  return folder;
}

const textOf = async (folder: string, more: Partial<HookCacheOptions> = {}): Promise<string | null> => {
  const found = await (await open(folder, more)).read(key);
  return found && readFileSync(join(found.folder, 'model/weights.txt'), 'utf8');
};

/** The only file below a folder with that name. */
function find(folder: string, name: string): string {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith(name));
  expect(paths).toHaveLength(1);
  return join(folder, paths[0] ?? '');
}

describe('the hook cache', () => {
  test('gives back what was written, with its own date, as a copy', async () => {
    const folder = temporaryFolder();
    const cache = await open(folder);
    expect(await cache.record(key)).toBeNull();
    await cache.write(key, output('one'), record);
    expect(await cache.record(key)).toMatchObject({ ranAt: expect.any(String), seconds: expect.any(Number) });
    const found = await cache.read(key);
    expect(found).toMatchObject(record);
    writeFileSync(join(found?.folder ?? '', 'model/weights.txt'), 'spoilt');
    expect(await textOf(folder)).toBe('one');
    await cache.write(key, output('two'), record);
    expect(await textOf(folder)).toBe('two');
    // Git never picks it up.
    expect(readFileSync(join(folder, '.gitignore'), 'utf8')).toBe('*\n');
  });

  test.each([
    ['a changed file', (folder: string) => writeFileSync(find(folder, 'weights.txt'), 'forged')],
    ['a lost file', (folder: string) => execFileSync('rm', [find(folder, 'metrics.jsonl')])],
    ['an added file', (folder: string) => writeFileSync(join(find(folder, 'metrics.jsonl'), '../more'), '')],
    ['a cut record', (folder: string) => writeFileSync(find(folder, 'record.json'), '{"key":')],
    ['a record of another key', (folder: string) => writeFileSync(find(folder, 'record.json'), '{"key":"x"}')],
  ])('does not trust an entry with %s', async (_what, damage) => {
    const folder = temporaryFolder();
    await (await open(folder)).write(key, output('one'), record);
    damage(folder);
    expect(await textOf(folder)).toBeNull();
    await (await open(folder)).write(key, output('again'), record);
    expect(await textOf(folder)).toBe('again');
  });

  test('a protected ref reads only what protected refs wrote', async () => {
    const folder = temporaryFolder();
    await (await open(folder)).write(key, output('from a branch'), record);
    expect(await textOf(folder, { isProtected: true })).toBeNull();
    await (await open(folder, { isProtected: true })).write(key, output('from main'), record);
    expect(await textOf(folder, { isProtected: true })).toBe('from main');
    expect(await textOf(folder)).toBe('from a branch');
  });

  test('a scheduled run writes without reading', async () => {
    const folder = temporaryFolder();
    const scheduled = await open(folder, { isRead: false });
    await scheduled.write(key, output('scheduled'), record);
    expect(await scheduled.read(key)).toBeNull();
    expect(await scheduled.record(key)).toBeNull();
    expect(await textOf(folder)).toBe('scheduled');
  });

  test('a folder that cannot be written is no reason to fail', async () => {
    const folder = temporaryFolder();
    const cache = await open(join(folder, 'file', 'cache'));
    writeFileSync(join(folder, 'file'), '');
    await cache.write(key, output('one'), record);
    expect(await cache.read(key)).toBeNull();
  });

  test('grows to its size and no further; what was used last stays', async () => {
    const folder = temporaryFolder();
    const cache = await open(folder, { mostBytes: 2500 });
    const keys = ['aa', 'bb', 'cc', 'dd'].map((name) => name.repeat(32));
    for (const each of keys.slice(0, 3)) {
      await cache.write(each, output('x'.repeat(1000)), record);
      await sleep(20);
    }
    await cache.read(keys[0] ?? '');
    writeFiles(folder, { [`v1/open/dd/${keys[3]}/record.json`]: '{' });
    await cache.prune();
    expect(await Promise.all(keys.map(async (each) => (await cache.record(each)) !== null))).toEqual([true, false, true, false]);
    expect(readdirSync(join(folder, 'v1/open/dd'))).toEqual([]);
  });

  test('evidence that commits bring along is refused', async () => {
    const root = makeRepo({ 'a.py': '' });
    const folder = join(root, '.flightcheck-cache');
    await (await open(folder, { root })).write(key, output('one'), record);
    expect(await textOf(folder, { root })).toBe('one');
    commitAll(root);
    await expect(open(folder, { root })).rejects.toMatchObject({ code: 'CACHE_UNSAFE', exitCode: 2 });
  });

  test('a symlink is refused', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'elsewhere'));
    symlinkSync('elsewhere', join(folder, 'cache'));
    await expect(open(join(folder, 'cache'))).rejects.toMatchObject({ code: 'CACHE_UNSAFE' });
  });

  test('two processes write and read the same key at once', async () => {
    const folder = temporaryFolder();
    const script = join(folder, 'writer.mts');
    writeFiles(folder, {
      'writer.mts': `import { openHookCache } from ${JSON.stringify(resolve('src/adapters/hook-cache.ts'))};
import { mkdtempSync, mkdirSync, writeFileSync } from 'node:fs';
const [cacheFolder, text, scratch] = process.argv.slice(2);
const keep = async () => mkdtempSync(scratch + '/kept-');
const cache = await openHookCache({ folder: cacheFolder, root: '/nonexistent', isProtected: false, isRead: true, keep });
const from = mkdtempSync(scratch + '/from-');
mkdirSync(from + '/model');
for (let i = 0; i < 20; i += 1) writeFileSync(from + '/model/part' + i, text.repeat(1000));
let hits = 0;
for (let i = 0; i < 25; i += 1) {
  await cache.write(${JSON.stringify(key)}, from, ${JSON.stringify(record)});
  if (await cache.read(${JSON.stringify(key)})) hits += 1;
}
console.log(hits);
`,
    });
    const cache = join(folder, 'cache');
    const hits = await Promise.all(
      ['a', 'b'].map(async (text) => {
        const child = spawn(process.execPath, ['--import', 'tsx', script, cache, text, folder], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let printed = '';
        child.stdout.on('data', (chunk: Buffer) => {
          printed += chunk;
        });
        const [code] = (await once(child, 'close')) as [number];
        expect(code).toBe(0);
        return Number(printed);
      }),
    );
    // An entry is replaced while it is read now and then; what is read is whole or nothing.
    expect(Math.max(...hits)).toBeGreaterThan(0);
    const found = await (await open(cache)).read(key);
    const parts = readdirSync(join(found?.folder ?? '', 'model')).map(
      (name) => readFileSync(join(found?.folder ?? '', 'model', name), 'utf8')[0],
    );
    expect(new Set(parts).size).toBe(1);
    expect(parts).toHaveLength(20);
    expect(readdirSync(join(cache, 'v1')).filter((name) => name.startsWith('.new'))).toEqual([]);
  });
});

describe('the folder for dependencies', () => {
  const machineOf = async (cacheFolder: string, isProtected = false) => {
    const root = makeRepo({ 'a.py': '' });
    const signal = new AbortController().signal;
    const env = { PATH: process.env.PATH };
    const machine = await openHookMachine({ root, env, cacheFolder, isProtected, isCacheRead: true, exclude: [], signal });
    onTestFinished(() => machine.close());
    return (fill: (folder: string) => Promise<void>) => machine.dependencies(key, signal, fill);
  };

  test('is filled once, also by two runs at once, again after a failure, and apart for protected refs', async () => {
    const folder = temporaryFolder();
    const [first, second, guarded] = [await machineOf(folder), await machineOf(folder), await machineOf(folder, true)];
    let fills = 0;
    const fill = async (path: string): Promise<void> => {
      fills += 1;
      writeFileSync(join(path, 'package'), String(fills));
    };
    await expect(first(() => Promise.reject(new Error('no network')))).rejects.toThrow('no network');
    const paths = await Promise.all([first(fill), second(fill), first(fill)]);
    expect(fills).toBe(1);
    expect(new Set(paths).size).toBe(1);
    expect(readFileSync(join(paths[0] ?? '', 'package'), 'utf8')).toBe('1');
    expect(await guarded(fill)).not.toBe(paths[0]);
    expect(fills).toBe(2);
  });

  test('a lock of a process that is gone holds nobody up', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'env/open'), { recursive: true });
    writeFileSync(join(folder, 'env/open', `${key}.lock`), '999999999');
    const dependencies = await machineOf(folder);
    expect(await dependencies(async () => {})).toBe(join(folder, 'env/open', key));
  });
});
