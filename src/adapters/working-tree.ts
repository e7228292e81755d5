/** What state a working tree is in, as one hash of its content: uncommitted changes count. */
import picomatch from 'picomatch';
import { listPaths } from './file-list.ts';
import { bytesOf, hashEntries } from './tree.ts';

const maxFiles = 200_000;

/** SHA-256 over path, mode and content of every file that Git does not ignore, but for those that `exclude` (globs) names. */
export async function workingTreeHash(root: string, exclude: readonly string[], signal: AbortSignal): Promise<string> {
  const isExcluded = exclude.length > 0 ? picomatch([...exclude], { dot: true }) : () => false;
  const paths = (await listPaths(root, maxFiles, signal)).map(bytesOf).sort((a, b) => a.compare(b));
  return hashEntries(root, paths, (path) => !exclude.includes(path) && !isExcluded(path));
}
