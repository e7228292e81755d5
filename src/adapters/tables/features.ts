/** What a features hook wrote -> a table of ours, or one clear error that says what is wrong with it. */
import { lstat } from 'node:fs/promises';
import { basename } from 'node:path';
import { UsageError } from '../../kernel/failure.ts';
import type { FeatureTable } from '../../kernel/hooks.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import { quoteName } from '../../kernel/sql.ts';
import type { Database } from './database.ts';
import { load } from './load.ts';

const invalid = (what: string): UsageError =>
  new UsageError('FEATURES_INVALID', `The features are invalid: ${what}`, {
    hint: 'The features hook writes a CSV with a header: the id of each row and the features of it.',
  });

/** Reads; see `TableStore.readFeatures`. */
export async function readFeatures(
  db: Database,
  path: string,
  name: string,
  { columns: { id, key = [] } }: ResolvedManifest,
): Promise<Pick<FeatureTable, 'table' | 'columns' | 'rows'>> {
  const stats = await lstat(path).catch(() => null);
  if (!stats?.isFile()) throw invalid(stats ? 'the hook wrote something that is not a regular file' : 'the hook wrote no file');
  const table = quoteName(name);
  await db.run(`DROP TABLE IF EXISTS ${table}`);
  await load(db, table, [{ path: basename(path), absolute: path }], {
    key: 'The features are invalid',
    asText: ['id', id, ...key],
    code: 'FEATURES_INVALID',
  });
  const columns = await db.query<{ column_name: string; column_type: string }>(`DESCRIBE ${table}`);
  const [total] = await db.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`);
  return { table, columns: columns.map((c) => ({ name: c.column_name, type: c.column_type })), rows: total?.n ?? 0 };
}
