/** `npm run bench [NAME...]`: every benchmark of this folder, or the named ones; prints medians and ratios of one run. */
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const names = (await readdir(folder))
  .filter((name) => name.endsWith('.ts') && !['main.ts', 'tables.ts', 'timing.ts'].includes(name))
  .map((name) => name.replace(/\.ts$/, ''));
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}; there are ${names.join(', ')}`);
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : names) {
  console.log(`\n== ${name}`);
  const { bench } = (await import(pathToFileURL(join(folder, `${name}.ts`)).href)) as { bench: () => Promise<void> };
  await bench();
}
