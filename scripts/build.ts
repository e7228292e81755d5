/** Bundles the command into dist/: one entry, commands in chunks that are loaded when they are called. */

import { existsSync } from 'node:fs';
import { chmod, readFile, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const { dependencies } = JSON.parse(await readFile('package.json', 'utf8')) as { dependencies: Record<string, string> };
// Native and WebAssembly packages carry files of their own and stay in node_modules.
const external = ['@duckdb/node-api', '@electric-sql/pglite', 'pg-native'].filter(
  (name) => name in dependencies || name === 'pg-native',
);
const worker = 'src/tower/store/pglite-worker.ts';

await rm('dist', { recursive: true, force: true });
const result = await build({
  entryPoints: { main: 'src/cli/main.ts', ...(existsSync(worker) && { 'pglite-worker': worker }) },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  minify: true,
  keepNames: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  jsx: 'automatic',
  jsxImportSource: 'hono/jsx',
  external,
  metafile: true,
  legalComments: 'none',
  logLevel: 'warning',
  // CommonJS packages inside an ES module bundle ask for `require`.
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
});
await chmod('dist/main.js', 0o755);
const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
console.log(`dist/: ${Object.keys(result.metafile.outputs).length} files, ${(bytes / 1e6).toFixed(1)} MB`);
