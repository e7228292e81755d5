/** A path or glob of the manifest -> the files it means, all of them inside the repo. */
import { lstat, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { distance } from 'fastest-levenshtein';
import picomatch from 'picomatch';
import { type Place, UsageError } from '../../kernel/failure.ts';

const maxFiles = 10_000;

export interface SourceFile {
  /** Relative to the root, as shown to people. */
  readonly path: string;
  /** Real, absolute path. */
  readonly absolute: string;
}

const isInside = (root: string, path: string): boolean => path === root || path.startsWith(root + sep);
const shown = (path: string): string => JSON.stringify(path).slice(1, -1);

/** Regular files below a folder; symlinks to folders are not followed, so that no circle is walked. */
async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  const open = [folder];
  for (let next = open.pop(); next !== undefined; next = open.pop())
    for (const entry of await readdir(next, { withFileTypes: true }).catch(() => [])) {
      if (entry.isDirectory() && entry.name !== '.git') open.push(join(next, entry.name));
      else if (entry.isFile() || entry.isSymbolicLink()) found.push(join(next, entry.name));
      if (found.length > maxFiles * 10) return found;
    }
  return found;
}

async function nearNames(absolute: string): Promise<string> {
  const entries = await readdir(dirname(absolute)).catch(() => null);
  if (entries === null)
    return `The folder ${shown(basename(dirname(absolute)))} does not exist either. Put the table there, or name where it lies.`;
  const wanted = basename(absolute);
  const near = entries
    .map((name) => ({ name, edits: distance(name.toLowerCase(), wanted.toLowerCase()) }))
    .filter(({ name, edits }) => edits <= Math.max(3, name.length / 3))
    .sort((a, b) => a.edits - b.edits)
    .slice(0, 3)
    .map(({ name }) => shown(name));
  return near.length > 0 ? `Did you mean ${near.join(' or ')}?` : 'Write the path as seen from the root of the repo.';
}

/**
 * Files of `pattern` in a stable order. Throws UsageError: TABLE_OUTSIDE, TABLE_MISSING (with near names), TABLE_NOT_A_FILE.
 * @param key - the manifest's key, for messages
 */
export async function sourceFiles(root: string, pattern: string, key: string, place: Place): Promise<readonly SourceFile[]> {
  const top = await realpath(root);
  const outside = (path: string) =>
    new UsageError('TABLE_OUTSIDE', `${key} is ${shown(path)}, which lies outside the repo`, {
      hint: 'Name a file inside the repo; remote tables are staged into it first.',
      place,
    });
  const literal = resolve(top, pattern);
  if (pattern.includes('\0') || !isInside(top, literal)) throw outside(pattern);
  const isLiteral = await lstat(literal).then(
    () => true,
    () => false,
  );
  let candidates = [literal];
  if (!isLiteral) {
    const { base, isGlob } = picomatch.scan(pattern);
    const matches = picomatch(pattern.replace(/^\.\//, ''), { dot: true, noext: true });
    const files = isGlob ? await filesBelow(resolve(top, base)) : [];
    candidates = files.filter((path) => matches(relative(top, path))).sort();
    if (candidates.length === 0)
      throw new UsageError(
        'TABLE_MISSING',
        `${key} is ${shown(pattern)}, but ${isGlob ? 'no file matches it' : 'there is no such file'}`,
        {
          hint: await nearNames(literal),
          place,
        },
      );
  }
  if (candidates.length > maxFiles)
    throw new UsageError('TABLE_TOO_MANY_FILES', `${key} matches more than ${maxFiles.toLocaleString('en')} files`, {
      hint: 'Name fewer files, or one Parquet file.',
      place,
    });
  const found: SourceFile[] = [];
  for (const candidate of candidates) {
    const absolute = await realpath(candidate).catch(() => null);
    const path = relative(top, candidate);
    if (absolute !== null && !isInside(top, absolute)) throw outside(path);
    if (absolute === null || !(await lstat(absolute)).isFile())
      throw new UsageError('TABLE_NOT_A_FILE', `${key} is ${shown(path)}, which is not a regular file`, {
        hint: 'Name a CSV or Parquet file, or a glob such as data/*.csv.',
        place,
      });
    found.push({ path, absolute });
  }
  return found;
}
