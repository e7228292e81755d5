import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { textsIn } from '../../src/adapters/search-bytes.ts';
import { temporaryFolder, writeFiles } from '../helpers/repo.ts';

const folderOf = (files: Readonly<Record<string, string | Buffer>>): string => {
  const folder = temporaryFolder();
  writeFiles(folder, files);
  return folder;
};

test('texts are found in any file of a folder, across chunks and in both encodings, and nothing else is', async () => {
  const far = Buffer.alloc(200_000, 'x');
  far.write('person-00042', 65_536 - 5);
  const folder = folderOf({ 'a/model.bin': far, 'b.txt': Buffer.from('person-é7', 'utf16le'), 'c.txt': 'person-1' });
  expect(await textsIn(folder, ['person-00042', 'person-é7', 'person-99999'])).toEqual({
    found: ['person-00042', 'person-é7'],
    closed: [],
  });
  expect(await textsIn(join(folder, 'c.txt'), ['person-1', ''])).toEqual({ found: ['person-1', ''], closed: [] });
  expect(await textsIn(join(folder, 'gone'), ['person-1'])).toEqual({ found: [], closed: [] });
});

describe('packed files', () => {
  const rows = `${Array.from({ length: 20_000 }, (_, i) => `row ${i}`).join('\n')}\nperson-00042\n`;
  const ids = ['person-00042', 'person-00043'];
  test('gzip and zlib are looked into', async () => {
    const folder = folderOf({ 'model.rds': gzipSync(rows), 'model.joblib': deflateSync(rows) });
    for (const name of ['model.rds', 'model.joblib'])
      expect(await textsIn(join(folder, name), ids)).toEqual({ found: ['person-00042'], closed: [] });
  });
  test.each(['ZIP_DEFLATED', 'ZIP_STORED'])('zip as Python writes it: %s', async (method) => {
    const folder = folderOf({ 'rows.txt': rows });
    const code = `import sys, zipfile; zipfile.ZipFile(sys.argv[2], "w", zipfile.${method}).write(sys.argv[1], "data/rows.txt")`;
    execFileSync('python3', ['-c', code, join(folder, 'rows.txt'), join(folder, 'model.zip')]);
    expect(await textsIn(join(folder, 'model.zip'), ids)).toEqual({ found: ['person-00042'], closed: [] });
  });
  test('what cannot be looked into is named: other packings, damage', async () => {
    const zip = Buffer.from('504b030400000000', 'hex');
    const folder = folderOf({
      'a.xz': Buffer.from('fd377a585a000004', 'hex'),
      'b.zip': zip,
      'c.gz': gzipSync(rows).subarray(0, 4000),
      'd.txt': 'person-00042',
    });
    expect(await textsIn(folder, ids)).toEqual({ found: ['person-00042'], closed: ['a.xz', 'b.zip', 'c.gz'] });
  });
  test('text that looks like zlib and is none is plain text', async () => {
    const folder = folderOf({ 'notes.txt': `x\u0001 person-00042` });
    expect(await textsIn(folder, ids)).toEqual({ found: ['person-00042'], closed: [] });
  });
});
