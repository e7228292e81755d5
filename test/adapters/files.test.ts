import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openFiles } from '../../src/adapters/files.ts';
import { asOrdinaryUser } from '../helpers/ordinary-user.ts';
import { git, makeRepo, temporaryFolder, writeFiles } from '../helpers/repo.ts';

const pathsOf = (files: { readonly all: readonly { readonly path: string }[] }) => files.all.map((file) => file.path);

describe('what is listed', () => {
  test('in a work tree: tracked and untracked files, not ignored ones, not our own reports', async () => {
    const repo = makeRepo({ 'a.py': '', '.gitignore': 'data/\n', 'pkg/b.py': '' });
    writeFiles(repo, { 'new.py': '', 'data/big.csv': '', '.flightcheck/check.report.json': '{}' });
    rmSync(join(repo, 'a.py'));
    expect(pathsOf(await openFiles(repo))).toEqual(['.gitignore', 'new.py', 'pkg/b.py']);
  });

  test('in a folder of a repository: only what lies below it', async () => {
    const repo = makeRepo({ 'models/one/train.py': '', 'models/two/train.py': '' });
    expect(pathsOf(await openFiles(join(repo, 'models/one')))).toEqual(['train.py']);
  });

  test('a tracked file that .gitignore names is listed: it is in the repo', async () => {
    const repo = makeRepo({ '.gitignore': '*.csv\n', 'data.csv': 'a\n' });
    expect(pathsOf(await openFiles(repo))).toContain('data.csv');
  });

  test('outside git: everything but caches and environments', async () => {
    const folder = makeRepo(
      { 'a.R': '', '.venv/lib/x.py': '', 'pkg/__pycache__/a.pyc': '', 'renv/library/x/DESCRIPTION': '' },
      { git: false },
    );
    expect(pathsOf(await openFiles(folder))).toEqual(['a.R']);
  });

  test('a folder that an outer repository ignores is walked', async () => {
    const outer = makeRepo({ '.gitignore': 'scratch/\n' });
    writeFiles(outer, { 'scratch/model/train.py': '' });
    expect(pathsOf(await openFiles(join(outer, 'scratch/model')))).toEqual(['train.py']);
  });

  test('an empty folder has no files; a missing one is a clear error', async () => {
    expect((await openFiles(temporaryFolder())).all).toEqual([]);
    await expect(openFiles('/no/such/folder')).rejects.toMatchObject({ code: 'FOLDER_MISSING', exitCode: 3 });
  });
});

describe('symlinks', () => {
  test('are listed, never followed out of the root nor in circles', async () => {
    const outside = temporaryFolder();
    writeFiles(outside, { 'secret.txt': 'secret' });
    for (const isGit of [true, false]) {
      const repo = makeRepo({ 'real.txt': 'real', 'folder/x.txt': 'x' }, { git: isGit });
      symlinkSync(join(outside, 'secret.txt'), join(repo, 'out.txt'));
      symlinkSync('../../../../../../../../etc/hostname', join(repo, 'climb.txt'));
      symlinkSync(outside, join(repo, 'outdir'));
      symlinkSync('.', join(repo, 'circle'));
      symlinkSync('loop-b', join(repo, 'loop-a'));
      symlinkSync('loop-a', join(repo, 'loop-b'));
      symlinkSync('real.txt', join(repo, 'inside.txt'));
      const files = await openFiles(repo);
      expect(pathsOf(files)).toEqual([
        'circle',
        'climb.txt',
        'folder/x.txt',
        'inside.txt',
        'loop-a',
        'loop-b',
        'out.txt',
        'outdir',
        'real.txt',
      ]);
      expect(files.get('out.txt')?.symlinkTarget).toBe(join(outside, 'secret.txt'));
      for (const path of ['out.txt', 'climb.txt', 'outdir', 'circle', 'loop-a']) expect(await files.text(path)).toBeNull();
      expect(await files.text('inside.txt')).toBe('real');
      expect(await files.bytes('out.txt', 10)).toBeNull();
    }
  });

  test('a folder that was replaced by a symlink after the commit is not entered', async () => {
    const outside = temporaryFolder();
    writeFiles(outside, { 'key.txt': 'secret' });
    const repo = makeRepo({ 'folder/key.txt': 'mine' });
    rmSync(join(repo, 'folder'), { recursive: true });
    symlinkSync(outside, join(repo, 'folder'));
    const files = await openFiles(repo);
    expect(pathsOf(files)).toEqual(['folder']);
    expect(await files.text('folder/key.txt')).toBeNull();
  });
});

describe('reading', () => {
  test('without BOM, cut at the limit, null for binary and absent files', async () => {
    const files = await openFiles(
      makeRepo({
        'bom.csv': '\uFEFFa,b\n',
        'long.txt': 'x'.repeat(3000),
        'model.bin': new Uint8Array([1, 0, 2]),
        'empty.txt': '',
      }),
    );
    expect(await files.text('bom.csv')).toBe('a,b\n');
    expect(await files.text('long.txt', 100)).toHaveLength(100);
    expect(await files.text('long.txt')).toHaveLength(3000);
    expect(await files.text('model.bin')).toBeNull();
    expect(await files.bytes('model.bin', 2)).toEqual(Buffer.from([1, 0]));
    expect(await files.text('empty.txt')).toBe('');
    expect(await files.text('nope')).toBeNull();
  });

  test('a file is read once: what changes later is not seen', async () => {
    const repo = makeRepo({ 'a.txt': 'first' });
    const files = await openFiles(repo);
    await files.text('a.txt');
    writeFileSync(join(repo, 'a.txt'), 'second');
    expect(await files.text('a.txt')).toBe('first');
  });

  test('a named pipe neither hangs the walk nor the read', async () => {
    const repo = makeRepo({ 'a.txt': '' }, { git: false });
    execFileSync('mkfifo', [join(repo, 'pipe')]);
    expect(pathsOf(await openFiles(repo))).toEqual(['a.txt']);
  });
});

test('what this user may not read is an error, never taken for absent', async () => {
  for (const isGit of [true, false]) {
    const repo = makeRepo({ 'open.py': 'x', 'shut.py': 'key', 'pkg/in.py': '' }, { git: isGit });
    chmodSync(repo, 0o755);
    chmodSync(join(repo, 'shut.py'), 0);
    // Links lead where they like; that is no demand on this user.
    symlinkSync('shut.py', join(repo, 'link.py'));
    await asOrdinaryUser(async () => {
      const files = await openFiles(repo);
      expect(await files.text('open.py')).toBe('x');
      await expect(files.text('shut.py')).rejects.toMatchObject({ code: 'FILE_UNREADABLE', place: { path: 'shut.py' } });
      expect(await files.text('link.py')).toBeNull();
    });
    chmodSync(join(repo, 'pkg'), 0);
    await asOrdinaryUser(() => expect(openFiles(repo)).rejects.toMatchObject({ code: 'FILE_UNREADABLE', exitCode: 3 }));
    chmodSync(join(repo, 'pkg'), 0o755);
  }
});

test('names with spaces, quotes, newlines, commands, leading dashes and bytes that are not UTF-8 are read', async () => {
  const names = [
    ' lead',
    '-rf',
    '--help',
    'a b.py',
    `it's "quoted".py`,
    'new\nline.py',
    '$(touch owned).py',
    '`id`.py',
    'ünï.py',
    'a;b|c&d.py',
    '*.py',
    'tab\t.py',
  ];
  for (const isGit of [true, false]) {
    const repo = makeRepo(Object.fromEntries(names.map((name) => [name, name])), { git: isGit });
    const invalid = Buffer.concat([Buffer.from(`${repo}/bad-`), Buffer.from([0xff, 0xfe]), Buffer.from('.py')]);
    writeFileSync(invalid, 'invalid');
    if (isGit) git(repo, 'add', '--all');
    const files = await openFiles(repo);
    expect(pathsOf(files).toSorted()).toEqual([...names, 'bad-\uFFFD\uFFFD.py'].toSorted());
    for (const name of names) expect(await files.text(name)).toBe(name);
    expect(await files.text('bad-\uFFFD\uFFFD.py')).toBe('invalid');
    expect(files.has('owned')).toBe(false);
  }
});

describe('globs', () => {
  test('match names, folders, dotfiles and alternatives, in the order of the list', async () => {
    const files = await openFiles(
      makeRepo({ 'README.md': '', 'src/a.py': '', 'src/deep/b.py': '', '.github/x.yml': '', 'b.pyx': '', '.py': '' }),
    );
    expect(files.glob('**/*.py')).toEqual(['src/a.py', 'src/deep/b.py']);
    expect(files.glob('readme*')).toEqual([]);
    expect(files.glob('readme*', { nocase: true })).toEqual(['README.md']);
    expect(files.glob(['src/*.py', '**/x.yml', 'b.{py,pyx}'])).toEqual(['.github/x.yml', 'b.pyx', 'src/a.py']);
    expect(files.glob('src/**')).toEqual(['src/a.py', 'src/deep/b.py']);
  });

  test('that would take for ever are refused', async () => {
    const files = await openFiles(makeRepo({ ['a'.repeat(200)]: '' }));
    for (const glob of ['*a*a*a*a*a*a*a*b', '**/a/**/a/**/a/**/b', 'a'.repeat(2000)])
      expect(() => files.glob(glob)).toThrow(expect.objectContaining({ code: 'BAD_GLOB' }));
  });
});

test('an aborted walk ends', async () => {
  await expect(openFiles(makeRepo({ a: '' }), { signal: AbortSignal.abort() })).rejects.toThrow();
});

test('thousands of files in many folders are listed and read', async () => {
  const repo = temporaryFolder();
  for (let folder = 0; folder < 40; folder++) {
    mkdirSync(join(repo, `f${folder}`));
    for (let i = 0; i < 100; i++) writeFileSync(join(repo, `f${folder}`, `${i}.py`), `x = ${i}\n`);
  }
  const files = await openFiles(repo);
  expect(files.all).toHaveLength(4000);
  const texts = await Promise.all(files.all.map((file) => files.text(file.path)));
  expect(texts.every((text) => text?.startsWith('x = '))).toBe(true);
});
