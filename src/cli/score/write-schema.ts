/** `flightcheck score --write-schema`: a first schema of the features, for a person to review and commit. */
import { basename, dirname, join } from 'node:path';
import { schemaFrom } from '../../../rules/ml-test-score/lib/schema.ts';
import { openOutputFolder, writeAtomically } from '../../adapters/output-folder.ts';
import { formatTableSchema } from '../../facts/table-schema.ts';
import { exitCode, UsageError } from '../../kernel/failure.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { TableStore } from '../../kernel/table-store.ts';
import type { Context } from '../command.ts';
import type { Repo } from '../repo.ts';

/** Writes the file; a schema that people may have edited is never overwritten. */
export async function writeSchema(context: Context, repo: Repo, manifest: ResolvedManifest, tables: TableStore): Promise<number> {
  const path = manifest.data.schema;
  if (repo.files.has(path))
    throw new UsageError('SCHEMA_EXISTS', `${path} exists`, {
      hint: 'Delete it first if you want a fresh one; what people added to it is then lost.',
      place: { path },
    });
  const train = await tables.open({ table: 'train' });
  if (!train)
    throw new UsageError('TABLE_NOT_NAMED', 'the manifest does not name data.train', {
      hint: 'Add to flightcheck.yml: `data: { train: path/to/train.csv }`.',
      place: { path: repo.manifest.path },
    });
  const schema = await schemaFrom(tables, train, manifest);
  const folder = await openOutputFolder(repo.root, dirname(path));
  await writeAtomically(join(folder, basename(path)), formatTableSchema(schema));
  const count = Object.keys(schema.columns).length;
  if (context.isJson) context.print(`${JSON.stringify({ path, schema }, null, 2)}\n`);
  else
    context.print(
      `Wrote ${path}: ${count} features from ${train.rows} rows. Review it, add what you know of the domain, commit it.\n`,
    );
  return exitCode.fine;
}
