/** The committed schema of the features. */
import { parseTableSchema } from '../../../src/facts/table-schema.ts';
import { skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import type { TableSchema } from '../../../src/kernel/table-schema.ts';
import type { Files, Table } from '../../../src/kernel/world.ts';
import type { Query } from '../../../src/stats/query.ts';
import { inferSchema } from '../../../src/stats/schema/infer.ts';
import { profile } from '../../../src/stats/schema/profile.ts';
import { featuresOf } from './manifest.ts';

const nextStep = 'Run `flightcheck score --write-schema`, review the file and commit it.';

/** The schema of `data.schema`, or skipped when it was never committed. An invalid one is a UsageError with its place. */
export async function schemaOr(files: Files, manifest: ResolvedManifest): Promise<TableSchema | Verdict> {
  const path = manifest.data.schema;
  const text = files.has(path) ? await files.text(path, 4 * 1024 * 1024) : null;
  if (text === null)
    return skipped(`there is no schema of the features at ${path}`, { nextStep, manifestLine: `data: { schema: ${path} }` });
  return parseTableSchema(text, path);
}

/** A first schema from the training rows: what `flightcheck score --write-schema` writes. */
export async function schemaFrom(tables: Query, train: Table, manifest: ResolvedManifest): Promise<TableSchema> {
  return inferSchema(await profile(tables, train, featuresOf(manifest, train)));
}
