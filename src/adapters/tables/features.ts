/** What a features hook wrote, or a step of a prediction -> a table of ours, or one clear error that says what is wrong. */
import { lstat } from 'node:fs/promises';
import { basename } from 'node:path';
import { UsageError } from '../../kernel/failure.ts';
import type { FeatureTable } from '../../kernel/hooks.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import { quoteName } from '../../kernel/sql.ts';
import type { Database } from './database.ts';
import { load } from './load.ts';

interface Kind {
  /** What the file is, for messages. */
  readonly words: string;
  readonly code: string;
  readonly hint: string;
}

export const featureFile: Kind = {
  words: 'The features are invalid',
  code: 'FEATURES_INVALID',
  hint: 'The features hook writes a CSV with a header: the id of each row and the features of it.',
};
export const traceFile: Kind = {
  words: 'The trace of a prediction is invalid',
  code: 'TRACE_INVALID',
  hint: 'Each NN_stage.csv in FLIGHTCHECK_TRACE_DIR has a header, the id of each row and what the step made of it.',
};

/** Reads; see `TableStore.readFeatures` and `readTrace`. */
export async function readTable(
  db: Database,
  path: string,
  name: string,
  { columns: { id, key = [] } }: ResolvedManifest,
  { words, code, hint }: Kind,
): Promise<Pick<FeatureTable, 'table' | 'columns' | 'rows'>> {
  const stats = await lstat(path).catch(() => null);
  if (!stats?.isFile()) {
    const what = stats ? `the hook wrote something that is not a regular file, ${basename(path)}` : 'the hook wrote no file';
    throw new UsageError(code, `${words}: ${what}`, { hint });
  }
  const table = quoteName(name);
  await db.run(`DROP TABLE IF EXISTS ${table}`);
  await load(db, table, [{ path: basename(path), absolute: path }], {
    key: words,
    asText: ['id', id, ...key],
    code,
  });
  const columns = await db.query<{ column_name: string; column_type: string }>(`DESCRIBE ${table}`);
  const [total] = await db.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`);
  return { table, columns: columns.map((c) => ({ name: c.column_name, type: c.column_type })), rows: total?.n ?? 0 };
}
