/** The files of the manifest's tables and their hashes, known before anything of them is parsed. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type Place, UsageError } from '../../kernel/failure.ts';
import type { SourceName } from '../../kernel/hooks.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { Table } from '../../kernel/world.ts';
import { type SourceFile, sourceFiles } from './source-files.ts';

export interface Sources {
  /** Null when the manifest does not name the table. */
  files(table: SourceName): Promise<readonly SourceFile[] | null>;
  /** Path and SHA-256 of each, in their order. */
  hashed(table: SourceName): Promise<Table['sources'] | null>;
  /** Throws UsageError `TABLE_CHANGED` when what was loaded is not what was hashed. */
  requireSame(table: SourceName, loaded: Table['sources']): Promise<void>;
}

/** SHA-256 of a file. */
export async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

export function readSources(
  { root, manifest }: { readonly root: string; readonly manifest: Pick<ResolvedManifest, 'data'> },
  placeOf: (key: string) => Place,
): Sources {
  const memo = <T>(make: (table: SourceName) => Promise<T>): ((table: SourceName) => Promise<T>) => {
    const made = new Map<SourceName, Promise<T>>();
    return (table) => {
      const known = made.get(table) ?? make(table);
      made.set(table, known);
      return known;
    };
  };
  const files = memo(async (table) => {
    const pattern = manifest.data[table];
    return pattern === undefined ? null : sourceFiles(root, pattern, `data.${table}`, placeOf(`data.${table}`));
  });
  const hashes = new Map<SourceName, Promise<Table['sources'] | null>>();
  const hash = async (table: SourceName): Promise<Table['sources'] | null> => {
    const found = await files(table);
    return found && Promise.all(found.map(async (file) => ({ path: file.path, sha256: await hashOf(file.absolute) })));
  };
  return {
    files,
    hashed(table) {
      const known = hashes.get(table) ?? hash(table);
      hashes.set(table, known);
      return known;
    },
    async requireSame(table, loaded) {
      const before = await hashes.get(table);
      // Loading hashes the very bytes that it reads: where nobody asked before, nothing has to be read twice.
      if (!before) return void hashes.set(table, Promise.resolve(loaded));
      const changed = loaded.find((source, i) => source.sha256 !== before[i]?.sha256);
      if (changed)
        throw new UsageError('TABLE_CHANGED', `data.${table}: ${changed.path} changed while it was being read`, {
          hint: 'Let whatever writes it finish, then run again.',
          place: placeOf(`data.${table}`),
        });
    },
  };
}
