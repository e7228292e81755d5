import { chmodSync, existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openFiles } from '../../../src/adapters/files.ts';
import { openGit } from '../../../src/adapters/git.ts';
import { openGitLab } from '../../../src/adapters/gitlab.ts';
import { readText } from '../../../src/adapters/read-text.ts';
import { loadStructureCheck, structureSuite } from '../../../src/cli/structure-rules.ts';
import { loadManifest } from '../../../src/engine/manifest/load.ts';
import { runSuite } from '../../../src/engine/run.ts';
import type { Result } from '../../../src/kernel/report.ts';
import { commitAll, type FileMap, git, makeRepo, temporaryFolder, writeFiles } from '../../helpers/repo.ts';

/** The whole suite over a folder; nothing that a repo holds may end as an error. */
async function judgeAll(folder: string): Promise<ReadonlyMap<string, Result>> {
  const [manifest, files, history] = await Promise.all([
    loadManifest({ read: (path) => readText(folder, path) }),
    openFiles(folder),
    openGit(folder),
  ]);
  const report = await runSuite({
    suite: structureSuite,
    load: loadStructureCheck,
    world: { manifest, files, git: history, gitlab: openGitLab({}) },
    trigger: 'local',
    concurrency: 8,
    signal: new AbortController().signal,
  });
  const results = report.sections.flatMap((section) => section.results);
  expect(results.filter((result) => result.outcome === 'error').map((result) => [result.check, result.failure?.message])).toEqual(
    [],
  );
  for (const result of results) {
    for (const finding of result.findings) expect(finding.place?.path, `${result.check}: ${finding.message}`).toBeTruthy();
    if (result.outcome === 'skipped' || result.outcome === 'not-applicable') expect(result.reason).toBeTruthy();
  }
  return new Map(results.map((result) => [result.check, result]));
}

test('an empty folder: absent things fail, what has no subject is left out, nothing breaks', async () => {
  const results = await judgeAll(temporaryFolder());
  expect(results.get('docs-readme')?.outcome).toBe('fail');
  expect(results.get('quality-linter')?.outcome).toBe('not-applicable');
  expect(results.get('layout-history-size')?.outcome).toBe('skipped');
});

test('symlinks that leave the repo or turn in circles are judged as links only', async () => {
  const outside = temporaryFolder();
  writeFiles(outside, { id_rsa: 'x', 'leak.py': 'key = "AKIAQYLPMN5HHHFPZAM2"\n', 'big.csv': 'x'.repeat(6e6) });
  const repo = makeRepo({ 'a.py': 'x = 1\n' });
  for (const [target, path] of [
    [outside, 'out'],
    [join(outside, 'leak.py'), 'leak.py'],
    [join(outside, 'big.csv'), 'big.csv'],
    ['..', 'up'],
    ['b', 'c'],
    ['c', 'b'],
    ['/etc/passwd', 'README.md'],
    ['/dev/zero', '.gitlab-ci.yml'],
  ] as const)
    symlinkSync(target, join(repo, path));
  commitAll(repo);
  const results = await judgeAll(repo);
  expect(results.get('security-no-secrets')?.outcome).toBe('pass');
  expect(results.get('layout-no-data')?.outcome).toBe('pass');
  expect(JSON.stringify([...results.values()])).not.toContain('root:');
});

test('names with quotes, newlines, commands, dashes and odd bytes', async () => {
  const names = [
    '-rf',
    '--help.py',
    'a b.py',
    `it's "q".R`,
    'new\nline.ipynb',
    '$(touch owned).py',
    '`touch owned`.csv',
    '*.yml',
    'Dockerfile.$(id)',
  ];
  const repo = makeRepo(Object.fromEntries(names.map((name) => [name, 'x <- 1\n'])));
  writeFileSync(Buffer.concat([Buffer.from(`${repo}/bad`), Buffer.from([0xff, 0xfe]), Buffer.from('.py')]), 'x = 1\n');
  commitAll(repo);
  const results = await judgeAll(repo);
  expect(results.get('layout-portable-names')?.findings.length).toBe(names.length + 1);
  expect(existsSync(join(repo, 'owned'))).toBe(false);
});

test('a git configuration that runs commands runs nothing', async () => {
  const repo = makeRepo({ 'a.py': '', '.gitattributes': '* filter=evil diff=evil\n' });
  const script = join(repo, '.git/evil.sh');
  writeFileSync(script, `#!/bin/sh\ntouch "${repo}/ran"\n`);
  chmodSync(script, 0o755);
  for (const key of [
    'core.fsmonitor',
    'core.sshCommand',
    'core.pager',
    'filter.evil.clean',
    'diff.evil.textconv',
    'diff.external',
    'gpg.program',
  ])
    git(repo, 'config', key, script);
  await judgeAll(repo);
  expect(existsSync(join(repo, 'ran'))).toBe(false);
});

describe('broken and huge documents are findings or left out', () => {
  const deep = '['.repeat(100_000);
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
    .split('')
    .map((letter, i) => `${letter}: &${letter} [${`*${'abcdefghij'[i]},`.repeat(9)}]`)
    .join('\n')}\n`;
  const long = `${'x'.repeat(3_000_000)}\n`;
  const cases: Readonly<Record<string, FileMap>> = {
    'nested too deeply': {
      '.gitlab-ci.yml': deep,
      'pyproject.toml': `a = ${deep}`,
      'renv.lock': deep,
      'a.ipynb': deep,
      'flightcheck.yml': deep,
      'uv.lock': deep,
    },
    'an alias bomb': { '.gitlab-ci.yml': bomb, 'flightcheck.yml': bomb },
    'tabs and duplicate keys': { '.gitlab-ci.yml': 'a:\n\tb: 1\n', 'flightcheck.yml': 'version: 1\nversion: 1\n' },
    'no lines at all': Object.fromEntries(
      ['a.py', 'a.R', 'a.csv', 'Dockerfile', 'MODEL_CARD.md', '.gitignore', 'requirements.txt', 'DESCRIPTION', 'a.sh'].map(
        (path) => [path, long],
      ),
    ),
    'binary everywhere': Object.fromEntries(
      [
        'a.py',
        'a.ipynb',
        'README.md',
        '.gitlab-ci.yml',
        'flightcheck.yml',
        'Dockerfile',
        'a.csv',
        '.gitignore',
        '.gitattributes',
        'renv.lock',
      ].map((path) => [path, new Uint8Array(5000).map((_, i) => i % 256)]),
    ),
    'empty everywhere': Object.fromEntries(
      [
        'a.py',
        'a.R',
        'a.ipynb',
        'README.md',
        '.gitlab-ci.yml',
        'flightcheck.yml',
        'Dockerfile',
        'a.csv',
        'pyproject.toml',
        'renv.lock',
        'DESCRIPTION',
        'uv.lock',
      ].map((path) => [path, '']),
    ),
    'values of the wrong kind': {
      '.gitlab-ci.yml':
        'include: [1, null, {component: 3}, {project: [a]}]\nvariables: [a]\njob: [1]\nother: {variables: {A: [1], B: {value: {}}}}\n',
      'pyproject.toml': 'project = 3\n[tool]\nruff = 1\n',
      'renv.lock': '{"R": 3, "Packages": {"a": null}}',
    },
    'patterns that backtrack': {
      'a.py': `${'np.random.seed '.repeat(20_000)}\n${'KFold('.repeat(50_000)}\n${'yaml.load('.repeat(50_000)}\n${'://a:'.repeat(50_000)}\n`,
      'a.R': `${'library('.repeat(50_000)}\n${'system(paste '.repeat(30_000)}`,
      Dockerfile: `FROM ${'python:'.repeat(20_000)}\nRUN ${'curl '.repeat(40_000)}\nENV ${'TOKEN'.repeat(40_000)}\n`,
      'README.md': `# ${' '.repeat(200_000)}x\n${'[a]('.repeat(50_000)}\n${'```'.repeat(10_000)}`,
      '.gitignore': `${'**/a'.repeat(400)}\n${'*'.repeat(400)}x\n[${'a-'.repeat(200)}\n`,
      '.gitattributes': `${'*a'.repeat(200)} filter=lfs\n[z-a] filter=lfs\n`,
      'a.csv': `${'"a,'.repeat(6000)}\n${'",'.repeat(9000)}\n`,
      'requirements.txt': `${'a-'.repeat(100_000)}!\n${'a\\\n'.repeat(20_000)}`,
      DESCRIPTION: `Imports: ${'a ('.repeat(100_000)}\n`,
    },
  };
  test.each(Object.entries(cases))('%s', async (_name, files) => {
    await judgeAll(makeRepo(files));
  });
});

test('a thousand files', async () => {
  const files: Record<string, string> = {};
  for (let i = 0; i < 1000; i++) files[`src/m${i % 50}/f${i}.py`] = `def f_${i}(x):\n    return x + ${i}\n`;
  const results = await judgeAll(makeRepo(files));
  expect(results.get('layout-source-in-package')?.outcome).toBe('pass');
});
