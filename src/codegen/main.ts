/**
 * Writes everything that can be derived; with `--check` it writes nothing and fails when a file differs.
 * Each generator returns path -> content; paths are relative to the root of the project.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import attestationSchema from '../kernel/attestation.schema.json' with { type: 'json' };
import manifestSchema from '../kernel/manifest.schema.json' with { type: 'json' };
import reportSchema from '../kernel/report.schema.json' with { type: 'json' };
import { embeddedFiles } from './embedded.ts';
import { guideFiles } from './guide.ts';
import { checkRegistry } from './registry.ts';
import { setRelease } from './release.ts';
import { typesOf } from './schema-types.ts';
import { componentFiles } from './templates.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

const releaseAt = process.argv.indexOf('--release');
if (releaseAt > 0)
  await setRelease(root, process.argv[releaseAt + 1] ?? '').catch((error: Error) => {
    console.error(error.message);
    process.exit(2);
  });

const files: Readonly<Record<string, string>> = {
  'src/kernel/generated/attestation.ts': await typesOf(attestationSchema, 'AttestationJson'),
  'src/kernel/generated/manifest.ts': await typesOf(manifestSchema, 'ResolvedManifest'),
  'src/kernel/generated/report.ts': await typesOf(reportSchema, 'ReportJson'),
  ...(await checkRegistry(root)),
  ...(await embeddedFiles(root)),
  ...(await componentFiles(root)),
  ...(await guideFiles(root)),
};

const isCheck = process.argv.includes('--check');
const stale: string[] = [];
for (const [path, content] of Object.entries(files)) {
  const target = join(root, path);
  const current = await readFile(target, 'utf8').catch(() => null);
  if (current === content) continue;
  stale.push(path);
  if (isCheck) continue;
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, content);
}
if (isCheck && stale.length > 0) {
  console.error(`These files are not what they are generated from:\n  ${stale.join('\n  ')}\nRun: npm run generate`);
  process.exitCode = 1;
} else {
  console.log(stale.length === 0 ? 'Generated files are up to date.' : `Wrote ${stale.join(', ')}.`);
}
