import { join } from 'node:path';
import { expect, test } from 'vitest';
import { textsIn } from '../../src/adapters/search-bytes.ts';
import { temporaryFolder, writeFiles } from '../helpers/repo.ts';

test('texts are found in any file of a folder, across chunks and in both encodings, and nothing else is', async () => {
  const folder = temporaryFolder();
  const far = Buffer.alloc(200_000, 'x');
  far.write('person-00042', 65_536 - 5);
  writeFiles(folder, { 'a/model.bin': far, 'b.txt': Buffer.from('person-é7', 'utf16le'), 'c.txt': 'person-1' });
  expect(await textsIn(folder, ['person-00042', 'person-é7', 'person-99999'])).toEqual(['person-00042', 'person-é7']);
  expect(await textsIn(join(folder, 'c.txt'), ['person-1', ''])).toEqual(['person-1', '']);
  expect(await textsIn(join(folder, 'gone'), ['person-1'])).toEqual([]);
});
