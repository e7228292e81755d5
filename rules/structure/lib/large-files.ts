/** Files that git keeps elsewhere: Git LFS. */
import { ignores } from '../../../src/facts/gitignore.ts';
import type { Files } from '../../../src/kernel/world.ts';

/** Tells whether `.gitattributes` hands a path to LFS; the checkout then holds the real content, git does not. */
export async function storedInLfs(files: Files): Promise<(path: string) => boolean> {
  const patterns = ((await files.text('.gitattributes')) ?? '')
    .split('\n')
    .filter((line) => /\sfilter=lfs\b/.test(line))
    .map((line) => line.trim().split(/\s+/)[0])
    .join('\n');
  return patterns === '' ? () => false : (path) => ignores(patterns, path);
}
