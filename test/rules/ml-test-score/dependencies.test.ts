import { describe, expect, test } from 'vitest';
import monitor1 from '../../../rules/ml-test-score/monitoring/monitor-1-dependencies.ts';
import { openGit } from '../../../src/adapters/git.ts';
import { commitAll, git, makeRepo, writeFiles } from '../../helpers/repo.ts';
import { type Given, runProbe } from '../../support/probes.ts';

const lock = (numpy: string, more = '') =>
  `version = 1\n\n[[package]]\nname = "numpy"\nversion = "${numpy}"\n\n[[package]]\nname = "scipy"\nversion = "1.17.1"\n${more}`;
const files = {
  'uv.lock': lock('2.4.6'),
  Dockerfile: `FROM python:3.12-slim@sha256:${'a'.repeat(64)}\n`,
  'flightcheck/schema.yml': 'version: 1\ncolumns:\n  amount:\n    type: number\n  state:\n    type: category\n',
};
/** A repo whose release v1 holds `before`, and whose head holds `now`. */
const probe = async (now: Record<string, string>, more: Partial<Given> = {}, before: Record<string, string> = files) => {
  const repo = makeRepo(before);
  git(repo, 'tag', 'v1');
  writeFiles(repo, { ...now, 'note.txt': 'x' });
  commitAll(repo);
  return (
    await runProbe(monitor1, {
      data: {},
      files: now,
      git: await openGit(repo),
      history: { 'check.value monitor-1': [5] },
      ...more,
    })
  ).verdict;
};

describe('monitor-1: changes of dependencies are told', () => {
  test('every trial change is told apart, and an earlier notice has arrived', async () => {
    const verdict = await probe(files);
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { value: 5, threshold: 5 } });
    if (verdict.outcome === 'pass')
      expect(verdict.evidence?.explanation).toMatch(
        /^5 dependencies in 3 files are watched; 0 changed since v1\. 5 of 5 trial changes .* arrived/,
      );
  });
  test('a package, an image, a feature that changed since the release, and one that was added, are listed', async () => {
    const now = {
      'uv.lock': lock('2.5.0', '\n[[package]]\nname = "polars"\nversion = "1.0"\n'),
      Dockerfile: files.Dockerfile.replace('aaa', 'bbb'),
      'flightcheck/schema.yml': files['flightcheck/schema.yml'].replace('number', 'integer'),
    };
    const verdict = await probe(now);
    expect(verdict.outcome).toBe('pass');
    if (verdict.outcome !== 'pass') return;
    expect(verdict.evidence?.items?.filter((item) => item.name !== null)).toMatchObject([
      { file: 'Dockerfile', kind: 'image', name: 'python' },
      { file: 'flightcheck/schema.yml', kind: 'feature', name: 'amount', before: 'type: number', after: 'type: integer' },
      { file: 'uv.lock', kind: 'package', name: 'numpy', before: '2.4.6', after: '2.5.0' },
      { file: 'uv.lock', kind: 'package', name: 'polars', before: null, after: '1.0' },
    ]);
  });
  test('a lock that was removed: all that it fixed', async () => {
    const { 'uv.lock': _, ...rest } = files;
    const verdict = await probe({ ...rest, 'requirements.txt': 'numpy==2.4.6\n' }, {}, { ...files });
    expect(verdict).toMatchObject({ outcome: 'pass', evidence: { explanation: expect.stringContaining('3 changed since v1') } });
  });
  test.each([
    ['an image without a tag', { ...files, Dockerfile: 'FROM python\n' }, /^python in Dockerfile can change without/],
    ['an image of the latest', { ...files, Dockerfile: 'FROM python:latest\n' }, /^python in Dockerfile can change without/],
    [
      'a range of versions',
      { ...files, 'requirements.txt': 'numpy>=2\npandas>=2,<3\n' },
      /^pandas in requirements.txt can change without/,
    ],
  ])('%s', async (_what, now, message) => {
    expect(await probe(now)).toMatchObject({ outcome: 'fail', findings: [{ message: expect.stringMatching(message) }] });
  });
  test('a notice that is older than twice the cadence: the channel is broken', async () => {
    expect(
      await probe(files, { history: { 'check.value monitor-1': [5] }, manifest: { policy: { cadence: '11h' } } }),
    ).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringContaining('1 days old; policy.cadence is 11h') }],
    });
  });
});

describe('monitor-1: not known', () => {
  test('no lock file, no notice yet, no Control Tower, a shallow clone', async () => {
    expect(await probe({ Dockerfile: files.Dockerfile }, {}, { Dockerfile: files.Dockerfile })).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('no lock file'),
      nextStep: expect.stringContaining('uv lock'),
    });
    expect(await probe(files, { history: {} })).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(/^inconclusive: all 5 trial changes .* has none of this model/),
      evidence: { value: 5 },
    });
    const { verdict } = await runProbe(monitor1, { data: {}, files, git: await openGit(makeRepo(files)) });
    expect(verdict).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('there is no Control Tower'),
      nextStep: expect.stringContaining('tower-url'),
    });
    const port = await openGit(makeRepo(files));
    expect((await runProbe(monitor1, { data: {}, files, git: { ...port, isShallow: true } })).verdict).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('shallow'),
    });
  });
});
