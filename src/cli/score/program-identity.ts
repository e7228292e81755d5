/** What this program is, to the last byte: what it said of a model stands only as long as it would say it again. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import packageJson from '../../../package.json' with { type: 'json' };

/**
 * The bundle's entry names every chunk by a hash of what the chunk and all that it loads contain, so the hash of the entry
 * is a hash of the program. Null when it runs from its sources.
 */
export async function programIdentity(): Promise<string | null> {
  const entry = await readFile(new URL('main.js', import.meta.url)).catch(() => null);
  if (entry === null) return null;
  const engine = packageJson.dependencies['@duckdb/node-api'];
  return [createHash('sha256').update(entry).digest('hex'), engine, process.version, process.arch].join(' ');
}
