/**
 * `npm run archive`: the portable command for this machine's architecture, as jobs download it. Holds the Node runtime that
 * runs this script, `dist/` and DuckDB's native library; the embedded Control Tower database is left out.
 * The same sources and the same Node give the same bytes: entries sorted, times and owners fixed, gzip without a name.
 * `--expect VERSION` fails unless the templates were rendered for that version with this very checksum.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Release } from '../src/codegen/job.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const limitMegabytes = 75;

/** Finds its own folder through symlinks; `node` of the image is neither used nor hidden, as ours is not on PATH. */
const launcher = `#!/bin/sh
self=$0
while [ -h "$self" ]; do
  target=$(readlink "$self")
  case $target in /*) self=$target ;; *) self=$(dirname "$self")/$target ;; esac
done
home=$(cd "$(dirname "$self")/.." && pwd -P)
exec "$home/lib/node" "$home/dist/main.js" "$@"
`;

/** Packages that stay outside the bundle because they carry native files. */
const packages = ['@duckdb/node-bindings', `@duckdb/node-bindings-linux-${process.arch}`];

/** A package's folder: where the manifest of that name stands, whatever its entry point is. */
function folderOf(name: string): string {
  const found = require.resolve
    .paths(name)
    ?.map((folder) => join(folder, name))
    .find((folder) => existsSync(join(folder, 'package.json')));
  if (!found) throw new Error(`${name} is not installed: run npm ci on Linux`);
  return found;
}

function stage(folder: string): void {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  mkdirSync(join(folder, 'lib'));
  writeFileSync(join(folder, 'bin/flightcheck'), launcher);
  cpSync(process.execPath, join(folder, 'lib/node'), { dereference: true });
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  // `dist/` is ES modules, and nothing beside it says so.
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  for (const name of packages) {
    const isCode = (path: string) => statSync(path).isDirectory() || !/\.(d\.ts|map|md)$/.test(path);
    cpSync(folderOf(name), join(folder, 'node_modules', name), { recursive: true, dereference: true, filter: isCode });
  }
  for (const file of ['bin/flightcheck', 'lib/node', 'dist/main.js']) chmodSync(join(folder, file), 0o755);
}

/** What stands in the templates against what was built; null when they agree. */
function disagreement(wanted: string, version: string, sha256: string): string | null {
  const release = JSON.parse(readFileSync(join(root, 'components/release.json'), 'utf8')) as Release;
  const render = `run npm run archive, then npm run render -- --release ${version}, and commit what it writes before the tag`;
  if (version !== wanted) return `package.json says ${version}, the tag ${wanted}: ${render}`;
  if (release.version !== wanted) return `the templates are rendered for ${release.version}, the tag is ${wanted}: ${render}`;
  const expected = release.sha256[process.arch];
  return expected === sha256
    ? null
    : `the templates expect ${expected ?? 'no archive'} for ${process.arch}, built was ${sha256}: ${render}`;
}

/** Sorted, owned by nobody in particular, of no particular time. */
function pack(parent: string, name: string): Buffer {
  const fixed = [
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mode=u=rwX,go=rX',
    '--format=ustar',
  ];
  const tar = execFileSync('tar', [...fixed, '-C', parent, '-cf', '-', name], {
    maxBuffer: 2 ** 30,
    env: { PATH: process.env.PATH },
  });
  return gzipSync(tar, { level: 9 });
}

function main(): number {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    console.error(
      `An archive is made on Linux (x64 or arm64) for that architecture; this is ${process.platform}-${process.arch}.`,
    );
    return 3;
  }
  if (!existsSync(join(root, 'dist/main.js'))) {
    console.error('There is no dist/: run npm run build first.');
    return 2;
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const name = `flightcheck-${version}-linux-${process.arch}`;
  const parent = mkdtempSync(join(tmpdir(), 'archive-'));
  try {
    stage(join(parent, name));
    const archive = pack(parent, name);
    const sha256 = createHash('sha256').update(archive).digest('hex');
    const target = join(root, 'archives');
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, `${name}.tar.gz`), archive);
    writeFileSync(join(target, `${name}.tar.gz.sha256`), `${sha256}  ${name}.tar.gz\n`);
    const megabytes = archive.length / 1e6;
    console.log(`archives/${name}.tar.gz  ${megabytes.toFixed(1)} MB  sha256 ${sha256}`);
    if (megabytes > limitMegabytes) console.error(`That is more than the ${limitMegabytes} MB that we promise: see what grew.`);
    const at = process.argv.indexOf('--expect');
    const problem = at > 0 ? disagreement(process.argv[at + 1] ?? '', version, sha256) : null;
    if (problem) console.error(problem);
    return megabytes > limitMegabytes || problem ? 1 : 0;
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

process.exitCode = main();
