import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openFiles } from '../../src/adapters/files.ts';
import { openGit } from '../../src/adapters/git.ts';
import { commitAll, git, makeRepo, temporaryFolder, writeFiles } from '../helpers/repo.ts';

/** Calls everything that the port offers. */
async function readAll(folder: string) {
  const port = await openGit(folder);
  return {
    port,
    commits: await port.commits(100),
    tags: await port.tags(),
    tracked: await port.tracked(),
    blobs: await port.largeBlobs(0),
    files: await openFiles(folder),
  };
}

test('commits, tags, tracked paths and large blobs, deleted ones too', async () => {
  const repo = makeRepo({ 'a.txt': 'a', 'model.bin': 'x'.repeat(5000) });
  git(repo, 'rm', '--quiet', 'model.bin');
  commitAll(repo, 'Remove the model');
  git(repo, 'tag', 'v1.0.0');
  const { port, commits, tags, tracked, blobs } = await readAll(repo);
  expect(port).toMatchObject({ isRepository: true, isShallow: false, branch: 'main' });
  expect(commits.map((commit) => [commit.subject, commit.authorName, commit.authorEmail])).toEqual([
    ['Remove the model', 'Ada', 'ada@example.com'],
    ['Change', 'Ada', 'ada@example.com'],
  ]);
  expect(commits[0]?.sha).toBe(port.head);
  expect(commits[0]?.at).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  expect(await port.commits(1)).toHaveLength(1);
  expect(tags).toEqual(['v1.0.0']);
  expect([...tracked]).toEqual(['a.txt']);
  expect(blobs.map(({ path, bytes }) => [path, bytes])).toEqual([
    ['model.bin', 5000],
    ['a.txt', 1],
  ]);
  expect((await port.largeBlobs(1000)).map((blob) => blob.path)).toEqual(['model.bin']);
});

test('a blob that no commit on HEAD reaches is not reported', async () => {
  const repo = makeRepo({ 'a.txt': 'a' });
  git(repo, 'checkout', '--quiet', '-b', 'other');
  writeFiles(repo, { 'other.bin': 'x'.repeat(5000) });
  commitAll(repo);
  expect((await (await openGit(repo)).largeBlobs(1000)).map((blob) => blob.path)).toEqual(['other.bin']);
  git(repo, 'checkout', '--quiet', 'main');
  expect(await (await openGit(repo)).largeBlobs(1000)).toEqual([]);
});

describe('states of a repository', () => {
  test('a folder without git', async () => {
    expect(await readAll(temporaryFolder())).toMatchObject({
      port: { isRepository: false, head: null },
      commits: [],
      tags: [],
      blobs: [],
    });
  });

  test('no commit yet', async () => {
    const folder = temporaryFolder();
    git(folder, 'init', '--quiet', '--initial-branch=main');
    writeFiles(folder, { 'a.txt': 'a' });
    const { port, commits, blobs, files } = await readAll(folder);
    expect(port).toMatchObject({ isRepository: true, head: null, branch: 'main' });
    expect([commits, blobs]).toEqual([[], []]);
    expect(files.has('a.txt')).toBe(true);
    writeFiles(folder, { HEAD: 'a file of that name' });
    expect(await openGit(folder)).toMatchObject({ isRepository: true, head: null, branch: 'main' });
    commitAll(folder);
    expect((await openGit(folder)).head).toMatch(/^[\da-f]{40}$/);
  });

  test('detached HEAD, worktree, shallow and partial clone', async () => {
    const repo = makeRepo({ 'a.txt': 'a' });
    writeFiles(repo, { 'b.txt': 'b' });
    commitAll(repo);
    git(repo, 'config', 'uploadpack.allowFilter', 'true');
    const tree = join(temporaryFolder(), 'tree');
    git(repo, 'worktree', 'add', '--quiet', tree, '--detach');
    expect((await readAll(tree)).port).toMatchObject({ isRepository: true, branch: null, isShallow: false });
    const folder = temporaryFolder();
    git(folder, 'clone', '--quiet', '--depth=1', `file://${repo}`, 'shallow');
    expect(await readAll(join(folder, 'shallow'))).toMatchObject({ port: { isShallow: true }, commits: [{ subject: 'Change' }] });
    git(folder, 'clone', '--quiet', '--filter=blob:none', '--no-checkout', `file://${repo}`, 'partial');
    expect((await openGit(join(folder, 'partial'))).isShallow).toBe(true);
  });

  test('a broken .git is an error that says what git said, an empty one is no repository', async () => {
    const repo = makeRepo({ 'a.txt': 'a' });
    writeFileSync(join(repo, '.git/config'), '[core\nbroken');
    await expect(openGit(repo)).rejects.toMatchObject({
      code: 'GIT_FAILED',
      exitCode: 2,
      message: expect.stringContaining('bad config'),
    });
    const folder = temporaryFolder();
    mkdirSync(join(folder, '.git'));
    expect((await openGit(folder)).isRepository).toBe(false);
  });

  test('without git on the PATH a repository is an error that says so, and another folder is none', async () => {
    const repo = makeRepo({ 'a.txt': 'a' });
    vi.stubEnv('PATH', temporaryFolder());
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(openGit(repo)).rejects.toMatchObject({ code: 'GIT_MISSING' });
    expect((await openGit(temporaryFolder())).isRepository).toBe(false);
  });

  test('who is interrupted waits for no git', async () => {
    const repo = makeRepo({ 'a.txt': 'a' });
    await expect(openGit(repo, { signal: AbortSignal.abort(new Error('interrupted')) })).rejects.toThrow('interrupted');
  });
});

test('nothing that a repository configures is executed', async () => {
  const repo = makeRepo({ 'a.txt': 'a\n', 'b.csv': 'b\n', '.gitattributes': '* filter=evil diff=evil merge=evil\n' });
  const witness = join(repo, 'ran');
  const script = join(repo, '.git/evil.sh');
  writeFileSync(script, `#!/bin/sh\necho "$0 $*" >> "${witness}"\n`);
  chmodSync(script, 0o755);
  const hooks = join(repo, '.git/hooks');
  mkdirSync(hooks, { recursive: true });
  for (const name of ['post-index-change', 'fsmonitor-watchman', 'post-checkout', 'reference-transaction']) {
    writeFileSync(join(hooks, name), `#!/bin/sh\necho ${name} >> "${witness}"\n`);
    chmodSync(join(hooks, name), 0o755);
  }
  const config: readonly (readonly [string, string])[] = [
    ['core.fsmonitor', script],
    ['core.hooksPath', hooks],
    ['core.pager', script],
    ['core.editor', script],
    ['core.askPass', script],
    ['core.sshCommand', script],
    ['core.alternateRefsCommand', script],
    ['pager.log', script],
    ['alias.ls-files', `!${script}`],
    ['alias.log', `!${script}`],
    ['diff.external', script],
    ['diff.evil.command', script],
    ['diff.evil.textconv', script],
    ['filter.evil.clean', script],
    ['filter.evil.smudge', script],
    ['filter.evil.process', script],
    ['merge.evil.driver', script],
    ['gpg.program', script],
    ['log.showSignature', 'true'],
    ['credential.helper', `!${script}`],
    ['protocol.ext.allow', 'always'],
    ['protocol.allow', 'always'],
    ['remote.origin.url', `ext::${script}`],
    ['remote.origin.promisor', 'true'],
    ['extensions.partialClone', 'origin'],
    ['uploadpack.packObjectsHook', script],
  ];
  for (const [key, value] of config) git(repo, 'config', key, value);
  const { port } = await readAll(repo);
  expect(port.isRepository).toBe(true);
  expect(existsSync(witness)).toBe(false);
  // The trap works: plain git springs it, whether it then ends well or not.
  try {
    git(repo, 'status');
  } catch {}
  expect(existsSync(witness)).toBe(true);
});

test('an object that is missing in a partial clone is not fetched through the repo’s own command', async () => {
  const repo = makeRepo({ 'a.txt': 'a\n' });
  const folder = temporaryFolder();
  git(repo, 'config', 'uploadpack.allowFilter', 'true');
  git(folder, 'clone', '--quiet', '--filter=blob:none', '--no-checkout', `file://${repo}`, 'partial');
  const partial = join(folder, 'partial');
  const witness = join(folder, 'ran');
  git(partial, 'config', 'remote.origin.url', `ext::sh -c "touch% ${witness}"`);
  git(partial, 'config', 'protocol.ext.allow', 'always');
  const port = await openGit(partial);
  expect(port.isShallow).toBe(true);
  expect(await port.largeBlobs(0)).toEqual([]);
  expect(existsSync(witness)).toBe(false);
});

test('GIT_ variables of the caller do not lead elsewhere', async () => {
  const repo = makeRepo({ 'mine.txt': '' });
  const other = makeRepo({ 'other.txt': '' });
  const before = { ...process.env };
  Object.assign(process.env, { GIT_DIR: join(other, '.git'), GIT_WORK_TREE: other, GIT_INDEX_FILE: join(other, '.git/index') });
  try {
    expect([...(await (await openGit(repo)).tracked())]).toEqual(['mine.txt']);
  } finally {
    process.env = before;
  }
});

test('the release before this commit, its files and their text', async () => {
  const repo = makeRepo({ 'a.lock': 'one' });
  expect(await (await openGit(repo)).previousRelease()).toBeNull();
  git(repo, 'tag', 'v1');
  writeFiles(repo, { 'a.lock': 'two', 'sub/b.txt': '\uFEFFb' });
  commitAll(repo);
  writeFiles(repo, { 'a.lock': 'three', 'x.bin': 'x' });
  commitAll(repo);
  const port = await openGit(repo);
  const previous = await port.previousRelease();
  expect(previous?.name).toBe('v1');
  const { sha = '' } = previous ?? {};
  expect(await port.pathsAt(sha)).toEqual(['a.lock']);
  expect(await port.textAt(sha, 'a.lock')).toBe('one');
  expect(await port.textAt(sha, 'sub/b.txt')).toBeNull();
  expect(await port.textAt(port.head ?? '', 'sub')).toBeNull();
  expect(await port.textAt(port.head ?? '', 'sub/b.txt')).toBe('b');
  git(repo, 'tag', '--delete', 'v1');
  const untagged = await (await openGit(repo)).previousRelease();
  expect(await port.textAt(untagged?.sha ?? '', 'a.lock')).toBe('two');
});

test('of a model in a folder of the repository every path begins at that folder', async () => {
  const repo = makeRepo({ 'train.py': 'of another model', 'models/risk/train.py': 'one' });
  writeFiles(repo, { 'models/risk/train.py': 'two words' });
  commitAll(repo, 'Ours');
  const port = await openGit(join(repo, 'models/risk'));
  const since = '2000-01-01T00:00:00Z';
  expect((await port.commitsOn(['train.py'], since, 9)).map(({ subject }) => subject)).toEqual(['Ours', 'Change']);
  expect(await port.commitsOn(['models/risk/train.py'], since, 9)).toEqual([]);
  expect(await port.firstWith('words', ['train.py'])).toMatchObject({ subject: 'Ours' });
  expect([...(await port.tracked())]).toEqual(['train.py']);
  expect(await port.pathsAt(port.head ?? '')).toEqual(['train.py']);
  expect(await port.textAt(port.head ?? '', 'train.py')).toBe('two words');
});

test('opening a repo starts git four times, outside of one never', async () => {
  const folder = temporaryFolder();
  const log = join(folder, 'log');
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  writeFiles(folder, { 'bin/git': `#!/bin/sh\necho x >> '${log}'\nexec '${real}' "$@"\n`, 'plain/a.txt': 'a', log: '' });
  chmodSync(join(folder, 'bin/git'), 0o755);
  const repo = makeRepo({ 'a.txt': 'a' });
  vi.stubEnv('PATH', `${join(folder, 'bin')}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  const started = () => readFileSync(log, 'utf8').length / 2;
  expect((await openFiles(join(folder, 'plain'))).all).toHaveLength(1);
  expect((await openGit(join(folder, 'plain'))).isRepository).toBe(false);
  expect(started()).toBe(0);
  expect((await openFiles(repo)).all).toHaveLength(1);
  expect(await openGit(repo)).toMatchObject({ isRepository: true, branch: 'main' });
  expect(started()).toBe(4);
});

test('a folder inside .git is no work tree: its files are walked', async () => {
  const repo = makeRepo({ 'a.txt': 'a' });
  const inside = join(repo, '.git/info');
  expect((await openFiles(inside)).all.map(({ path }) => path)).toContain('exclude');
  expect((await openGit(inside)).isRepository).toBe(false);
});
