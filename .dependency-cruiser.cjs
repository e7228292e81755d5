/** Directions of import: kernel <- facts, stats <- rules <- components; kernel <- reports, adapters, engine, tower; cli imports all. */
const src = (names) => `^src/(${names})/`;
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    forbid('no-circular', 'A cycle cannot be read in one direction.', {}, { circular: true }),
    forbid(
      'kernel-imports-nothing',
      'The kernel is types and pure functions.',
      { path: '^src/kernel/' },
      { pathNot: '^src/kernel/' },
    ),
    forbid(
      'facts-and-stats-are-pure',
      'Readings and statistics know the kernel alone; no disk, no network, no process.',
      { path: src('facts|stats') },
      {
        path: [
          '^src/(?!kernel|facts|stats)',
          '^rules/',
          '^components/',
          '^(node:)?(fs|net|http|https|child_process|worker_threads)',
        ],
      },
    ),
    forbid(
      'rules-see-ports',
      'A check is handed what it needs; it imports no adapter, engine or report.',
      { path: '^rules/' },
      { path: ['^src/(?!kernel|facts|stats)', '^components/', '^(node:)?(fs|net|http|https|child_process|worker_threads)'] },
    ),
    forbid(
      'components-stand-on-kernel-and-rules',
      'Components are data.',
      { path: '^components/' },
      { path: '^src/(?!kernel|facts)' },
    ),
    forbid(
      'adapters-know-the-kernel',
      'Adapters implement ports.',
      { path: '^src/adapters/' },
      { path: ['^src/(?!kernel|adapters)', '^rules/', '^components/'] },
    ),
    forbid(
      'engine-has-no-clients',
      'The engine works on ports.',
      { path: '^src/engine/' },
      { path: ['^src/(?!kernel|facts|engine)', '^rules/', '^components/'] },
    ),
    forbid(
      'reports-are-pure',
      'A report in, a string out.',
      { path: '^src/reports/' },
      { path: ['^src/(?!kernel|reports)', '^rules/', '^components/', '^(node:)?fs'] },
    ),
    forbid(
      'tower-stands-alone',
      'Its contract is the report.',
      { path: '^src/tower/' },
      { path: ['^src/(?!kernel|tower|reports)', '^rules/', '^components/'] },
    ),
    forbid(
      'nobody-imports-codegen',
      'Codegen writes files; nothing runs on it.',
      { pathNot: ['^src/codegen/', '^test/', '^scripts/'] },
      { path: '^src/codegen/' },
    ),
    forbid(
      'only-cli-imports-cli',
      'The composition root is the end of the line.',
      { path: '^src/(?!cli)' },
      { path: '^src/cli/' },
    ),
    forbid(
      'trades-of-the-cli-stand-apart',
      'Score runs the tasks of a DAG; nothing else of one folder is known to another.',
      { path: '^src/cli/(score|deploy|tower)/', pathNot: '^src/cli/score/run-rubric' },
      { path: '^src/cli/(score|deploy|tower)/', pathNot: '^src/cli/$1/' },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|node_modules)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js', '.json'] },
  },
};
