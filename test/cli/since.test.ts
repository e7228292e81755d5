/** `score --since REF` over real repositories and real hooks. */
import { appendFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { command } from '../../src/cli/commands/score.ts';
import { runProgram } from '../../src/cli/program.ts';
import { pythonRepo, quickEnvironment } from '../engine/hooks/models.ts';
import { type FileMap, git, makeRepo, temporaryFolder } from '../helpers/repo.ts';

const manifest = (more = 'gate: { mode: advisory }', data = 'data/train.csv'): string => `version: 1
model: { name: late, owner: "@team" }
task: binary
columns: { id: id, label: late }
data: { train: ${data}, eval: data/eval.csv }
hooks:
  train: python3 train.py {data} {seed} {model}
  predict: python3 predict.py {model} {in} {out}
${more}
`;
const tests = ['data-1', 'model-5', 'infra-1', 'infra-4'];

const repoOf = (files: FileMap = {}): string =>
  makeRepo({
    ...pythonRepo,
    'flightcheck.yml': manifest(),
    'README.md': 'A model.\n',
    '.gitignore': '.flightcheck*\n',
    ...files,
  });

async function score(root: string, ...argv: string[]) {
  const printed: string[] = [];
  const told: string[] = [];
  const say = (text: string): void => void told.push(text);
  const code = await runProgram([command], ['score', '--only', tests.join(','), ...argv, root], '0.1.0', ({ json = false }) => ({
    cwd: root,
    env: { PATH: quickEnvironment.PATH },
    print: (text) => void printed.push(text),
    log: { info: say, warn: say, debug() {}, step: async (_title, work) => work(() => {}) },
    isJson: json,
    isDebug: false,
    isColor: false,
    width: 100,
    signal: new AbortController().signal,
    version: '0.1.0',
  }));
  return { code, text: printed.join(''), told: told.join('\n') };
}
/** Ids of the tests that are left out, and what was said. */
async function leftOut(root: string, ref = 'HEAD') {
  const { code, text, told } = await score(root, '--plan', '--json', '--since', ref);
  expect(code, told).toBe(0);
  return { ids: Object.keys(JSON.parse(text).leaveOut as Record<string, string>), told };
}

describe('what nothing touched', () => {
  it('is left out, says so and how to run it, earns nothing, and runs no hook; what rests on more than files runs', async () => {
    const root = repoOf();
    appendFileSync(join(root, 'README.md'), 'More words.\n');
    const { code, text, told } = await score(root, '--since', 'HEAD');
    expect(code).toBe(0);
    const words = text.replaceAll(/\s+/g, ' ');
    expect(words).toMatch(
      /nothing that its hooks read changed since HEAD \([0-9a-f]{8}\); flightcheck score --only model-5 runs it/,
    );
    expect(words).toContain('what is left out earns nothing here');
    expect(told).toMatch(/Hooks: 0 executed/);
    // data-1 runs no hook; infra-4 compares with the release before, which tags decide.
    expect((await leftOut(root)).ids).toEqual(['model-5', 'infra-1']);
  });

  it('is shown all the same when the cache has all that it needs', async () => {
    const root = repoOf();
    await score(root, '--only', 'model-5');
    expect((await leftOut(root)).ids).toEqual(['infra-1']);
  });

  it.each<readonly [string, (root: string) => void]>([
    ['a README that no file names', (root) => writeFileSync(join(root, 'README.md'), 'Other.\n')],
    ['a stricter gate', (root) => writeFileSync(join(root, 'flightcheck.yml'), manifest('gate: { mode: blocking }'))],
    ['a new file for people', (root) => writeFileSync(join(root, 'CODEOWNERS'), '* @team\n')],
    ['an ignored file', (root) => writeFileSync(join(root, '.flightcheck-notes'), 'x')],
  ])('is so after %s', async (_, change) => {
    const root = repoOf();
    change(root);
    expect((await leftOut(root)).ids).toEqual(['model-5', 'infra-1']);
  });
});

describe('every test runs', () => {
  const changes: readonly (readonly [what: string, change: (root: string) => void, words: RegExp, files?: FileMap])[] = [
    ['code changed', (root) => appendFileSync(join(root, 'train.py'), '# x\n'), /for train.py changed/],
    [
      'code changed behind the back of the index',
      (root) => {
        appendFileSync(join(root, 'train.py'), '# x\n');
        git(root, 'update-index', '--assume-unchanged', 'train.py');
      },
      /for train.py changed/,
    ],
    ['data changed', (root) => appendFileSync(join(root, 'data/eval.csv'), '5000,nsw,1\n'), /for data\/eval.csv changed/],
    ['a file is new', (root) => writeFileSync(join(root, 'helper.py'), ''), /for helper.py changed/],
    ['a file is gone', (root) => rmSync(join(root, 'predict.py')), /for predict.py changed/],
    [
      'a file became a link',
      (root) => {
        rmSync(join(root, 'predict.py'));
        symlinkSync('train.py', join(root, 'predict.py'));
      },
      /for predict.py changed/,
    ],
    [
      'a threshold changed',
      (root) => writeFileSync(join(root, 'flightcheck.yml'), manifest('quality: { min: 0.9 }')),
      /flightcheck.yml changed \(quality\)/,
    ],
    [
      'a hook may read the README',
      (root) => writeFileSync(join(root, 'README.md'), 'x\n'),
      /README.md changed, and another file names it/,
      { 'notes.py': 'open("README.md")\n' },
    ],
    [
      'a hook may read the manifest',
      (root) => writeFileSync(join(root, 'flightcheck.yml'), manifest('gate: { mode: blocking }')),
      /flightcheck.yml changed, and another file names it/,
      { 'notes.py': 'open("flightcheck.yml")\n' },
    ],
    [
      'the data are not in Git',
      (root) => {
        git(root, 'rm', '-q', '--cached', 'data/train.csv');
        git(root, 'commit', '-qm', 'Data elsewhere');
      },
      /data\/train.csv is not in Git/,
      { '.gitignore': '.flightcheck*\ndata/train.csv\n' },
    ],
  ];
  it.each(changes.map(([what, change, words, files = {}]) => [what, change, words, files] as const))(
    'when %s',
    async (_, change, words, files) => {
      const root = repoOf(files);
      change(root);
      const { ids, told } = await leftOut(root);
      expect(ids).toEqual([]);
      expect(told).toMatch(words);
    },
  );

  it('when a commit between changed it, and none when the same was undone', async () => {
    const root = repoOf();
    const first = git(root, 'rev-parse', 'HEAD').trim();
    git(root, 'tag', 'v1');
    appendFileSync(join(root, 'train.py'), '# x\n');
    git(root, 'commit', '-qam', 'Two');
    expect((await leftOut(root, 'v1')).ids).toEqual([]);
    expect((await leftOut(root, 'HEAD')).ids).not.toEqual([]);
    git(root, 'revert', '--no-edit', 'HEAD');
    expect((await leftOut(root, first)).ids).toEqual(['model-5', 'infra-1']);
  });
});

describe('a ref that is none', () => {
  it.each(['nowhere', '--upload-pack=touch pwned', '-x', 'HEAD:train.py', 'a b', 'HEAD..HEAD~1', '$(id)'])(
    '%s is refused',
    async (ref) => {
      const { code, told, text } = await score(repoOf(), '--plan', `--since=${ref}`);
      expect(code).toBe(2);
      expect(text).toBe('');
      expect(told).not.toMatch(/\n\s+at /);
    },
  );

  it('says that a shallow clone does not hold it, and that a folder is no clone', async () => {
    const root = repoOf();
    const old = git(root, 'rev-parse', 'HEAD').trim();
    git(root, 'commit', '-q', '--allow-empty', '-m', 'Two');
    const shallow = join(temporaryFolder(), 'clone');
    git(root, 'clone', '-q', '--depth', '1', `file://${root}`, shallow);
    const errors: string[] = [];
    const write = process.stderr.write;
    process.stderr.write = (text) => errors.push(String(text)) > 0;
    onTestFinished(() => {
      process.stderr.write = write;
    });
    expect((await score(shallow, '--plan', '--since', old)).code).toBe(2);
    expect(errors.join('')).toMatch(/this clone is shallow and does not hold it/);
    expect(
      (await score(makeRepo({ ...pythonRepo, 'flightcheck.yml': manifest() }, { git: false }), '--plan', '--since', 'main')).code,
    ).toBe(2);
    expect(errors.join('')).toMatch(/this folder is not in a Git repository/);
  });
});
