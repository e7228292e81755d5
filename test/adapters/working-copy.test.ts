import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { copyTree, innerTarget, listTree, removeTree } from '../../src/adapters/tree.ts';
import { openWorkingCopies } from '../../src/adapters/working-copy.ts';
import { commitAll, type FileMap, makeRepo, temporaryFolder, writeFiles } from '../helpers/repo.ts';

async function copiesOf(root: string, exclude: readonly string[] = []) {
  const copies = await openWorkingCopies({ root, exclude });
  onTestFinished(() => copies.close());
  return copies;
}

const names = (folder: string | Buffer): Promise<string[]> =>
  listTree(folder).then((paths) => paths.map((path) => path.toString('latin1')));

const repo: FileMap = { 'train.py': 'print(1)\n', 'src/model.py': '', 'data/train.csv': 'id\n1\n', '.gitignore': 'secret.env\n' };

describe('a working copy', () => {
  test('holds tracked files and untracked ones that Git does not ignore, but no tables, no .git, no cache', async () => {
    const root = makeRepo(repo);
    writeFiles(root, { 'new.py': '', 'secret.env': 'x', '.flightcheck/score.report.json': '{}', '.flightcheck-cache/v1/x': '' });
    const workspace = await (await copiesOf(root, ['data/*.csv'])).create();
    expect(await names(workspace.repo)).toEqual(['.gitignore', 'new.py', 'src/model.py', 'train.py']);
  });

  test('is fresh each time, and what happens to it does not reach the original', async () => {
    const root = makeRepo(repo);
    const copies = await copiesOf(root);
    const [first, second] = [await copies.create(), await copies.create()];
    writeFileSync(join(first.repo, 'train.py'), 'changed');
    execFileSync('rm', ['-rf', join(first.repo, 'src')]);
    expect(readFileSync(join(root, 'train.py'), 'utf8')).toBe('print(1)\n');
    expect(readFileSync(join(second.repo, 'train.py'), 'utf8')).toBe('print(1)\n');
    expect(readFileSync(join((await copies.create()).repo, 'src/model.py'), 'utf8')).toBe('');
  });

  test('is what the repo was when the run began', async () => {
    const root = makeRepo(repo);
    const copies = await copiesOf(root);
    const before = await copies.treeHash();
    writeFileSync(join(root, 'train.py'), 'print(2)\n');
    expect(readFileSync(join((await copies.create()).repo, 'train.py'), 'utf8')).toBe('print(1)\n');
    expect(await copies.treeHash()).toBe(before);
    expect(await (await copiesOf(root)).treeHash()).not.toBe(before);
  });

  test('keeps every byte of a name', async () => {
    const strange = ['a b', `it's`, 'say "hi"', 'two\nlines', '$(touch hacked)', '-rf', '--', '`id`', '*', 'é', 'a\\b', '{seed}'];
    const root = makeRepo({ ...Object.fromEntries(strange.map((name) => [`dir ${name}/${name}`, name])) });
    const invalid = Buffer.from([0x66, 0xff, 0xfe, 0x0a, 0x2e, 0x63]);
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), invalid]), 'bytes');
    commitAll(root);
    const workspace = await (await copiesOf(root)).create();
    const expected = [...strange.map((name) => Buffer.from(`dir ${name}/${name}`)), invalid].sort(Buffer.compare);
    expect((await listTree(workspace.repo)).map((path) => path.toString('hex'))).toEqual(
      expected.map((path) => path.toString('hex')),
    );
    for (const name of strange) expect(readFileSync(join(workspace.repo, `dir ${name}`, name), 'utf8')).toBe(name);
    expect(existsSync(join(workspace.repo, 'hacked'))).toBe(false);
  });

  test('has no symlink that leaves it, and is not led out by one', async () => {
    const outside = temporaryFolder();
    writeFiles(outside, { 'private.txt': 'private', 'sub/x.txt': 'private' });
    const root = makeRepo({ 'real/file.txt': 'real', 'sub/x.txt': 'tracked' });
    symlinkSync('real/file.txt', join(root, 'inside'));
    symlinkSync(join(root, 'real'), join(root, 'absolute'));
    symlinkSync('../../etc/passwd', join(root, 'real', 'up'));
    symlinkSync(join(outside, 'private.txt'), join(root, 'out'));
    symlinkSync('circle', join(root, 'circle'));
    symlinkSync(outside, join(root, 'folder'));
    commitAll(root);
    // A tracked folder that became a symlink: its files are not those of the repo.
    execFileSync('rm', ['-rf', join(root, 'sub')]);
    symlinkSync(join(outside, 'sub'), join(root, 'sub'));
    const workspace = await (await copiesOf(root)).create();
    expect(await names(workspace.repo)).toEqual(['absolute', 'circle', 'inside', 'real/file.txt']);
    expect(readFileSync(join(workspace.repo, 'inside'), 'utf8')).toBe('real');
    expect(readlinkSync(join(workspace.repo, 'absolute'))).toBe('real');
  });

  test('leaves out pipes, and folders without Git work too', async () => {
    const root = makeRepo({ 'train.R': 'x', 'venv/lib/a.py': '' }, { git: false });
    execFileSync('mkfifo', [join(root, 'pipe')]);
    expect(await names((await (await copiesOf(root)).create()).repo)).toEqual(['train.R']);
  });

  test('can be written to and is executable where the original is', async () => {
    const root = makeRepo({ 'run.sh': '#!/bin/sh\n', 'fixed.txt': '' });
    chmodSync(join(root, 'run.sh'), 0o755);
    chmodSync(join(root, 'fixed.txt'), 0o444);
    const workspace = await (await copiesOf(root)).create();
    expect(statSync(join(workspace.repo, 'run.sh')).mode & 0o777).toBe(0o755);
    expect(statSync(join(workspace.repo, 'fixed.txt')).mode & 0o200).toBe(0o200);
  });

  test('goes away, whatever was done to its permissions', async () => {
    const copies = await copiesOf(makeRepo(repo));
    const workspace = await copies.create();
    mkdirSync(join(workspace.repo, 'locked/deep'), { recursive: true });
    chmodSync(join(workspace.repo, 'locked/deep'), 0);
    chmodSync(join(workspace.repo, 'locked'), 0);
    await workspace.remove();
    expect(existsSync(workspace.repo)).toBe(false);
    const kept = await copies.keep('x');
    await copies.close();
    expect(existsSync(kept)).toBe(false);
  });
});

/** Permissions bind everyone but root. */
test.skipIf(process.getuid?.() !== 0)('a folder without permissions is removed by an ordinary user too', (context) => {
  const folder = temporaryFolder();
  chmodSync(folder, 0o777);
  const script = `import { mkdirSync, chmodSync, writeFileSync } from 'node:fs';
import { removeTree } from ${JSON.stringify(join(process.cwd(), 'src/adapters/tree.ts'))};
mkdirSync('locked/deep', { recursive: true }); writeFileSync('locked/deep/x', '');
chmodSync('locked/deep', 0o500); chmodSync('locked', 0o500);
await removeTree('locked');`;
  // tsx and the project must be readable for the other user; where they are not there is nothing to show.
  if (!spawnReadable()) context.skip();
  execFileSync(
    process.execPath,
    ['--import', join(process.cwd(), 'node_modules/tsx/dist/loader.mjs'), '--input-type=module', '-e', script],
    {
      cwd: folder,
      uid: 65534,
      gid: 65534,
      env: { HOME: folder, TMPDIR: folder },
    },
  );
  expect(readdirSync(folder)).not.toContain('locked');
});

function spawnReadable(): boolean {
  try {
    execFileSync('ls', [join(process.cwd(), 'src/adapters')], { uid: 65534, gid: 65534, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('trees', () => {
  test('targets of symlinks', () => {
    expect(innerTarget('/r', 'a/b', '../c')).toBe('../c');
    expect(innerTarget('/r', 'a/b', '../../c')).toBeNull();
    expect(innerTarget('/r', 'a/b', '/r/c/d')).toBe('../c/d');
    expect(innerTarget('/r', 'a', '/rest')).toBeNull();
    expect(innerTarget('/r', 'a', '..')).toBeNull();
    expect(innerTarget('/r', 'a', '..a')).toBe('..a');
  });

  test('a copy of a model folder keeps empty folders', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'from/assets'), { recursive: true });
    writeFiles(folder, { 'from/model.pb': 'x' });
    await copyTree(join(folder, 'from'), join(folder, 'to'));
    expect(await names(join(folder, 'to'))).toEqual(['assets', 'model.pb']);
    await removeTree(join(folder, 'nothing there'));
  });

  test('a folder that two remove at once while it is still written to is gone, and nobody complains', async () => {
    const base = temporaryFolder();
    for (let round = 0; round < 60; round += 1) {
      const root = join(base, String(round));
      writeFiles(root, Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`a/out/${i}`, ''])));
      const writing = async (): Promise<void> => {
        for (let i = 0; i < 40; i += 1) await writeFile(join(root, `a/out/more-${i}`), 'x').catch(() => {});
      };
      const done = await Promise.allSettled([removeTree(root), removeTree(join(root, 'a')), writing()]);
      expect(done.filter(({ status }) => status === 'rejected')).toEqual([]);
    }
  });
});
