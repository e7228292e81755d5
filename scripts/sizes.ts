/** Files that can be read in one sitting: at most 300 lines, checks at most 150. Prints the median and the longest. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Paths that may be longer, each with the reason. */
const exceptions: Readonly<Record<string, string>> = {};

const folders = ['src', 'rules', 'components', 'scripts'];
const rows: { path: string; lines: number; limit: number }[] = [];
for (const folder of folders)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || !/\.tsx?$/.test(path) || path.includes('generated')) continue;
    const isCheck = path.startsWith('rules/') && !path.includes('/lib/');
    rows.push({ path, lines: (await readFile(path, 'utf8')).split('\n').length - 1, limit: isCheck ? 150 : 300 });
  }

rows.sort((a, b) => a.lines - b.lines);
const median = rows[Math.floor(rows.length / 2)]?.lines ?? 0;
const longest = rows.at(-1);
const tooLong = rows.filter((row) => row.lines > row.limit && !(row.path in exceptions));
for (const row of tooLong)
  console.error(`${row.path}: ${row.lines} lines, at most ${row.limit}; split it where a room of its own exists`);
console.log(`${rows.length} files, median ${median} lines, longest ${longest?.lines} (${longest?.path})`);
process.exitCode = tooLong.length > 0 ? 1 : 0;
