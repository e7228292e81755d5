import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readText } from '../../src/adapters/read-text.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'read-text-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('a file without its byte order mark; null when there is none', async () => {
  writeFileSync(join(root, 'a.yml'), '\uFEFFversion: 1\n');
  expect(await readText(root, 'a.yml')).toBe('version: 1\n');
  expect(await readText(root, 'b.yml')).toBeNull();
  expect(await readText(root, 'a.yml/b.yml')).toBeNull();
});

const cases: [what: string, make: () => void, code: string][] = [
  ['links in a circle', () => symlinkSync('f', join(root, 'f')), 'FILE_UNREADABLE'],
  ['a link out of the root', () => symlinkSync('/etc/hostname', join(root, 'f')), 'PATH_OUTSIDE'],
  ['a named pipe, without waiting for its writer', () => execFileSync('mkfifo', [join(root, 'f')]), 'NOT_A_FILE'],
  ['UTF-16', () => writeFileSync(join(root, 'f'), Buffer.from('version: 1\n', 'utf16le')), 'NOT_UTF8'],
  ['bytes that are no UTF-8', () => writeFileSync(join(root, 'f'), Buffer.from([0xff, 0xfe, 0x41])), 'NOT_UTF8'],
  ['more than the limit', () => writeFileSync(join(root, 'f'), 'x'.repeat(2 * 1024 * 1024)), 'FILE_TOO_LARGE'],
];
test.each(cases)('refuses %s and names the file', async (_what, make, code) => {
  make();
  await expect(readText(root, 'f')).rejects.toMatchObject({ code, place: { path: 'f' } });
});
