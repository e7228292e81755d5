import { describe, expect, test } from 'vitest';
import { kinds } from '../../../rules/kinds/index.generated.ts';
import { ruleCheck } from '../../../src/engine/rules.ts';
import { commitAll, type FileMap, git, makeRepo } from '../../helpers/repo.ts';
import { judgeFolder } from '../../helpers/rule.ts';

/** Judges a repo by a rule of a pack: a kind and its parameters. */
async function judge(kind: keyof typeof kinds, parameters: object, repo: FileMap | string) {
  const check = await ruleCheck('pack-rule', { kind, title: 't', why: 'w', fix: 'f', with: parameters }, kinds);
  return judgeFolder(check, typeof repo === 'string' ? repo : makeRepo(repo, { git: false }));
}
const placed = (path: string, line?: number) => ({ place: { path, ...(line !== undefined && { line }) } });

describe('content-matches', () => {
  const pattern = 'forbidden';
  const of = (expected: string, files: FileMap) =>
    judge('content-matches', { files: ['*.txt'], pattern, expect: expected, message: 'm' }, files);

  test('in none: each line that holds it is named', async () => {
    expect(
      await of('in-none', { 'a.txt': 'x\nforbidden forbidden\n\nforbidden\n', 'b.txt': 'fine', 'c.md': pattern }),
    ).toMatchObject({
      outcome: 'fail',
      findings: [placed('a.txt', 2), placed('a.txt', 4)],
    });
    expect(await of('in-none', { 'b.txt': 'fine' })).toMatchObject({ outcome: 'pass' });
  });

  test('in every, in one', async () => {
    const files = { 'a.txt': 'forbidden', 'b.txt': 'fine', 'c.txt': 'fine' };
    expect(await of('in-every', files)).toMatchObject({ findings: [placed('b.txt'), placed('c.txt')] });
    expect(await of('in-one', files)).toMatchObject({ outcome: 'pass' });
  });

  test('thousands of findings become fifty and a count', async () => {
    const verdict = await of('in-none', Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`${i}.txt`, pattern])));
    expect(verdict).toMatchObject({ findings: { length: 51 } });
    expect(JSON.stringify(verdict)).toContain('and 20 more');
  });

  test('a regex bomb from a pack is linear', async () => {
    const verdict = await judge(
      'content-matches',
      { files: ['a'], pattern: '(a+)+$|(a|aa)+b|(.*)*x', expect: 'in-none', message: 'm' },
      { a: `${'a'.repeat(50_000)}!` },
    );
    expect(verdict).toMatchObject({ outcome: 'pass' });
  });

  test('a binary file is not read as text', async () => {
    expect(await of('in-none', { 'a.txt': new Uint8Array([...Buffer.from(pattern), 0]) })).toMatchObject({ outcome: 'pass' });
  });
});

describe('document-matches-schema', () => {
  const schema =
    '{type: object, required: [name], additionalProperties: false, properties: {name: {type: string, pattern: "^(a+)+$"}, n: {type: array, items: {type: number}}}}';
  const of = (files: FileMap) => judge('document-matches-schema', { files: ['c.*'], schema }, files);

  test('YAML, JSON and TOML, with places', async () => {
    expect(await of({ 'c.yml': 'name: aaa\nn: [1]\n' })).toMatchObject({ outcome: 'pass' });
    expect(await of({ 'c.yml': 'name: aaa\nn:\n  - 1\n  - x\nnam: 2\n' })).toMatchObject({
      outcome: 'fail',
      findings: [
        { message: expect.stringContaining('(nam)') },
        { message: expect.stringContaining('n.1 must be number'), place: { path: 'c.yml', line: 4 } },
      ],
    });
    expect(await of({ 'c.json': '{\n "n": []\n}' })).toMatchObject({
      findings: [{ message: expect.stringContaining("'name'") }],
    });
    expect(await of({ 'c.toml': 'name = 3\n' })).toMatchObject({ findings: [placed('c.toml')] });
  });

  test('what cannot be read is a finding with its place', async () => {
    expect(await of({ 'c.yml': 'a: 1\na: 2\n' })).toMatchObject({ findings: [{ place: { path: 'c.yml', line: 2 } }] });
    expect(await of({ 'c.yml': 'a: &a [x]\nb: &b [*a, *a, *a]\nc: !!python/object:os.system x\n' })).toMatchObject({
      outcome: 'fail',
    });
    expect(await of({ 'c.toml': '= 1\n' })).toMatchObject({ findings: [{ message: expect.stringContaining('line 1') }] });
    expect(await of({})).toMatchObject({ outcome: 'not-applicable' });
  });

  test('a regex bomb in the schema is linear', async () => {
    expect(await of({ 'c.yml': `name: ${'a'.repeat(50_000)}!\n` })).toMatchObject({ outcome: 'fail' });
  });
});

test('file-size', async () => {
  const files = { 'a.bin': 'x'.repeat(2000), 'docs/b.bin': 'x'.repeat(2000) };
  expect(await judge('file-size', { 'max-megabytes': 0.001, except: ['docs/**'] }, files)).toMatchObject({
    findings: [placed('a.bin')],
  });
  expect(await judge('file-size', { 'max-megabytes': 1 }, files)).toMatchObject({ outcome: 'pass' });
});

describe('git-history', () => {
  test('subjects, authors and branch', async () => {
    const repo = makeRepo({ a: '' });
    commitAll(repo, 'feat: add the model');
    const subject = { judge: 'commit-subject', pattern: '(feat|fix|docs): .+' };
    expect(await judge('git-history', subject, repo)).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringContaining('"Change"') }],
    });
    expect(await judge('git-history', { ...subject, commits: 1 }, repo)).toMatchObject({ outcome: 'pass' });
    expect(await judge('git-history', { judge: 'author-email', pattern: '.+@example\\.com' }, repo)).toMatchObject({
      outcome: 'pass',
    });
    expect(await judge('git-history', { judge: 'author-email', pattern: 'example' }, repo)).toMatchObject({ outcome: 'fail' });
    expect(await judge('git-history', { judge: 'branch-name', pattern: 'main|feature/.+' }, repo)).toMatchObject({
      outcome: 'pass',
    });
    git(repo, 'checkout', '--quiet', '--detach');
    expect(await judge('git-history', { judge: 'branch-name', pattern: 'x' }, repo)).toMatchObject({ outcome: 'not-applicable' });
  });

  test('a repository without a commit is not judged', async () => {
    const repo = makeRepo({ a: '' }, { git: false });
    git(repo, 'init', '--quiet');
    expect(await judge('git-history', { judge: 'commit-subject', pattern: 'x' }, repo)).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('no commit'),
    });
  });
});

test('manifest-fact: accepted values and a pattern', async () => {
  const files = {
    'flightcheck.yml':
      'version: 1\nmodel: {name: risk, owner: "@team", tier: high}\nhooks: {train: "t {data} {model}", predict: "p {model} {in} {out}"}\n',
  };
  expect(await judge('manifest-fact', { key: 'model.tier', values: ['critical', 'high'] }, files)).toMatchObject({
    outcome: 'pass',
  });
  expect(await judge('manifest-fact', { key: 'model.tier', values: ['critical'] }, files)).toMatchObject({
    findings: [{ message: 'model.tier is high, expected critical', place: { path: 'flightcheck.yml', line: 2 } }],
  });
  expect(await judge('manifest-fact', { key: 'model.name', pattern: '^corp-' }, files)).toMatchObject({ outcome: 'fail' });
  expect(await judge('manifest-fact', { key: 'model.constructor' }, files)).toMatchObject({ outcome: 'fail' });
});

test('ci-configuration-fact: a job that runs something', async () => {
  const parameters = { judge: 'has-job', pattern: 'pytest' };
  expect(await judge('ci-configuration-fact', parameters, { '.gitlab-ci.yml': 't: {script: [pytest -q]}\n' })).toMatchObject({
    outcome: 'pass',
  });
  expect(await judge('ci-configuration-fact', parameters, { '.gitlab-ci.yml': 't: {script: [make]}\n' })).toMatchObject({
    outcome: 'fail',
  });
  expect(
    await judge('ci-configuration-fact', parameters, { '.gitlab-ci.yml': 'include: /ci.yml\nt: {script: [make]}\n' }),
  ).toMatchObject({ outcome: 'skipped' });
});

test('dependency-pinning can ask for hashes', async () => {
  expect(
    await judge('dependency-pinning', { language: 'python', hashes: true }, { 'requirements.txt': 'pandas==2.2.3\n' }),
  ).toMatchObject({
    findings: [{ message: 'pandas has no hash', place: { path: 'requirements.txt', line: 1 } }],
  });
});

test('a glob of a pack that would take for ever is refused with a code', async () => {
  await expect(judge('file-absent', { files: ['*a*a*a*a*a*b'] }, { a: '' })).rejects.toMatchObject({
    code: 'BAD_GLOB',
    exitCode: 2,
  });
});
