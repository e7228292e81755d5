/** Bundles the command into dist/: one entry, commands in chunks that are loaded when they are called. */

import { existsSync } from 'node:fs';
import { chmod, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standalone from 'ajv/dist/standalone/index.js';
import { build, type Plugin } from 'esbuild';
import { manifestOptions } from '../src/engine/manifest/validator.ts';
import manifestSchema from '../src/kernel/manifest.schema.json' with { type: 'json' };

// Native and WebAssembly packages carry files of their own and stay in node_modules. Of DuckDB that is the library alone: to
// find and read the 180 small files above it takes longer than to open it.
const external = ['@duckdb/node-bindings', '@electric-sql/pglite', 'pg-native'];
const worker = 'src/tower/store/pglite-worker.ts';

/**
 * An index of rules imports each when it is run, and a run runs nearly all of them: a hundred files to find, open and compile
 * take longer than one. In the bundle the rules of a suite stand in one file; but for the kind that only packs name, which
 * brings a validator of schemas along.
 */
const rulesTogether: Plugin = {
  name: 'rules of a suite in one file',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]rules[/\\][a-z-]+[/\\]index\.generated\.ts$/ }, async ({ path }) => {
      const imports: string[] = [];
      const contents = (await readFile(path, 'utf8')).replace(/\bimport\(('[^']+'|"[^"]+")\)/g, (call: string, file: string) => {
        if (file.includes('document-matches-schema')) return call;
        imports.push(`import * as rule${imports.length} from ${file};\n`);
        return `Promise.resolve(rule${imports.length - 1})`;
      });
      return { contents: imports.join('') + contents, loader: 'ts', resolveDir: dirname(path) };
    });
  },
};

/** The manifest is validated by nearly every command: its schema becomes code here and not in each of them. */
const compiledSchema: Plugin = {
  name: 'the validator of the manifest as code',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]engine[/\\]manifest[/\\]validator\.ts$/ }, ({ path }) => {
      const ajv = new Ajv2020({ ...manifestOptions, code: { source: true, esm: true } });
      const code = standalone(ajv, ajv.compile(manifestSchema));
      return { contents: `${code}\nexport const manifestValidator = () => validate;\n`, loader: 'js', resolveDir: dirname(path) };
    });
  },
};

await rm('dist', { recursive: true, force: true });
const result = await build({
  entryPoints: { main: 'src/cli/main.ts', ...(existsSync(worker) && { 'pglite-worker': worker }) },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  // Names stay as they are, for stack traces; giving shortened ones back at every start takes longer than reading the long ones.
  minifyWhitespace: true,
  minifySyntax: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  jsx: 'automatic',
  jsxImportSource: 'hono/jsx',
  external,
  plugins: [rulesTogether, compiledSchema],
  metafile: true,
  legalComments: 'none',
  logLevel: 'warning',
  // CommonJS packages inside an ES module bundle ask for `require`; it is made where one does, for every chunk has this line.
  banner: {
    js: "import{createRequire as __cr}from'node:module';let __rq;const require=(id)=>(__rq??=__cr(import.meta.url))(id);",
  },
});
await chmod('dist/main.js', 0o755);
const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
console.log(`dist/: ${Object.keys(result.metafile.outputs).length} files, ${(bytes / 1e6).toFixed(1)} MB`);
