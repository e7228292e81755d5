import { execFileSync } from 'node:child_process';
import { chmodSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readText } from '../../src/adapters/read-text.ts';
import { asOrdinaryUser } from '../helpers/ordinary-user.ts';
import { temporaryFolder, writeFiles } from '../helpers/repo.ts';

test('text comes without its mark; what is not there is null', async () => {
  const root = temporaryFolder();
  writeFiles(root, { 'a.yml': '\uFEFFversion: 1\r\n' });
  expect(await readText(root, 'a.yml')).toBe('version: 1\r\n');
  expect(await readText(root, 'b.yml')).toBeNull();
  expect(await readText(root, 'a.yml/b.yml')).toBeNull();
});

const utf16 = Buffer.from('version: 1\n', 'utf16le');

test.each([
  ['UTF-16 with its mark', Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]), 'NOT_UTF8', /not UTF-8/],
  ['UTF-16 without it', utf16, 'NOT_UTF8', /not UTF-8/],
  ['Latin-1', Buffer.from('name: caf\xe9', 'latin1'), 'NOT_UTF8', /not UTF-8/],
  ['10 MB', Buffer.alloc(10 * 2 ** 20, 0x23), 'FILE_TOO_LARGE', /10485760 bytes, at most 1048576/],
])('%s is refused with what to do', async (_what, content, code, message) => {
  const root = temporaryFolder();
  writeFiles(root, { 'a.yml': content });
  await expect(readText(root, 'a.yml')).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
    hint: expect.stringMatching(/./),
    place: { path: 'a.yml' },
  });
});

test('symbolic links that leave the root or run in a circle, folders and pipes are refused', async () => {
  const [root, outside] = [temporaryFolder(), temporaryFolder()];
  writeFiles(outside, { secret: 'secret' });
  symlinkSync(join(outside, 'secret'), join(root, 'out'));
  symlinkSync('circle', join(root, 'circle'));
  writeFiles(root, { 'folder/x': '' });
  execFileSync('mkfifo', [join(root, 'pipe')]);
  await expect(readText(root, 'out')).rejects.toMatchObject({ code: 'PATH_OUTSIDE' });
  await expect(readText(root, 'circle')).rejects.toMatchObject({
    code: 'FILE_UNREADABLE',
    message: expect.stringContaining('circle'),
  });
  await expect(readText(root, 'folder')).rejects.toMatchObject({ code: 'NOT_A_FILE' });
  await expect(readText(root, 'pipe')).rejects.toMatchObject({ code: 'NOT_A_FILE' });
});

test('a file that this user may not read is a clear error', async () => {
  const root = temporaryFolder();
  chmodSync(root, 0o755);
  writeFiles(root, { 'a.yml': 'version: 1' });
  chmodSync(join(root, 'a.yml'), 0);
  await asOrdinaryUser(() =>
    expect(readText(root, 'a.yml')).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: 'a.yml cannot be read: EACCES',
      hint: expect.stringContaining('right to read'),
    }),
  );
});
