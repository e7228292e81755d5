import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import data6 from '../../../rules/ml-test-score/data/data-6-quick-to-add.ts';
import model1 from '../../../rules/ml-test-score/model/model-1-reviewed.ts';
import { openGit } from '../../../src/adapters/git.ts';
import { openGitLab } from '../../../src/adapters/gitlab.ts';
import type { AnyCheck, Verdict } from '../../../src/kernel/check.ts';
import type { World } from '../../../src/kernel/world.ts';
import { git, makeRepo, temporaryFolder, writeFiles } from '../../helpers/repo.ts';
import { type FakeGitLab, fakeGitLab } from '../../support/gitlab.ts';
import { manifestOf } from '../../support/manifest.ts';

const manifest = {
  columns: { features: ['age', 'income'] },
  policy: { spec_paths: ['src/model.py'], feature_paths: ['src/features.py'] },
};

/** A commit of a file at a date; returns its hash. */
function commit(folder: string, path: string, text: string, at = '2026-11-10T00:00:00Z'): string {
  writeFiles(folder, {});
  appendFileSync(join(folder, path), text);
  git(folder, 'add', '--all');
  git(folder, '-c', `user.name=Ada`, 'commit', '--quiet', '--message', `Change ${path}`, '--date', at);
  // Git judges --since by the committer's date.
  git(folder, 'rebase', '--quiet', '--committer-date-is-author-date', 'HEAD~1');
  return git(folder, 'rev-parse', 'HEAD').trim();
}
const repo = () => makeRepo({ 'src/model.py': '', 'src/features.py': '', 'README.md': '' });

async function judge(
  check: AnyCheck,
  folder: string,
  gitlab: FakeGitLab | null,
  given: Record<string, unknown> = manifest,
): Promise<Verdict> {
  const env = gitlab ? (await fakeGitLab(gitlab)).env : {};
  const world: Partial<World> = {
    manifest: { value: manifestOf(given), path: 'flightcheck.yml', exists: true, problems: [], place: () => undefined },
    git: await openGit(folder),
    gitlab: openGitLab(env, { maxWaitSeconds: 1 }),
  };
  return check.run(world as World, { days: 60 });
}

/** A time inside the last 90 days, whatever today is. */
const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().replace(/\.\d+/, '');

describe('model-1: reviewed specifications', () => {
  const history = () => {
    const folder = repo();
    const first = git(folder, 'rev-parse', 'HEAD').trim();
    const commits = [1, 2].map((i) => commit(folder, 'src/model.py', `x = ${i}\n`, daysAgo(30 - i)));
    commit(folder, 'README.md', 'words\n', daysAgo(3));
    return { folder, first, commits };
  };
  const through = (commits: readonly string[], more: object = {}) => ({
    iid: 4,
    author: 'ada',
    approvedBy: ['grace'],
    commits,
    ...more,
  });

  test('commits through a merge request that another person approved pass, other files do not matter', async () => {
    const { folder, first, commits } = history();
    const verdict = await judge(model1, folder, { mergeRequests: [through([first, ...commits])], limitedFirst: 2 });
    expect(verdict).toMatchObject({
      outcome: 'pass',
      evidence: {
        value: 1,
        n: 3,
        items: expect.arrayContaining([expect.objectContaining({ merge_request: '!4', approved_by: 'grace', reviewed: true })]),
      },
    });
  });
  test.each<[string, (commits: readonly string[]) => FakeGitLab, RegExp]>([
    ['a direct push', (commits) => ({ mergeRequests: [through(commits.slice(0, -1))] }), /came through no merge request$/],
    [
      'nobody approved',
      (commits) => ({ mergeRequests: [through(commits.slice(0, -1)), through(commits.slice(-1), { iid: 5, approvedBy: [] })] }),
      /came through !5, which nobody approved/,
    ],
    [
      'approved by its own author',
      (commits) => ({
        mergeRequests: [through(commits.slice(0, -1)), through(commits.slice(-1), { iid: 5, approvedBy: ['ada'] })],
      }),
      /only its own author ada approved/,
    ],
    [
      'still open',
      (commits) => ({ mergeRequests: [through(commits.slice(0, -1)), through(commits.slice(-1), { iid: 5, state: 'opened' })] }),
      /no merge request$/,
    ],
    [
      'merged into another branch',
      (commits) => ({ mergeRequests: [through(commits.slice(0, -1)), through(commits.slice(-1), { iid: 5, target: 'play' })] }),
      /no merge request into main/,
    ],
  ])('%s fails, and names the commit', async (_, gitlab, message) => {
    const { folder, first, commits } = history();
    const last = commits.at(-1) ?? '';
    expect(await judge(model1, folder, gitlab([first, ...commits]))).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(message) }],
    });
    expect(await judge(model1, folder, gitlab([first, ...commits]))).toMatchObject({
      findings: [{ message: expect.stringContaining(last.slice(0, 12)) }],
    });
  });
  test('what cannot be read is skipped, never passed', async () => {
    const { folder, commits } = history();
    expect(await judge(model1, folder, null)).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('no API access'),
    });
    expect(await judge(model1, folder, { mergeRequests: [through(commits)], forbidden: /approvals$/ })).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('403'),
    });
    expect(await judge(model1, folder, {}, { policy: {} })).toMatchObject({
      outcome: 'skipped',
      manifestLine: expect.stringContaining('spec_paths'),
    });
    const shallow = temporaryFolder();
    git(shallow, 'clone', '--quiet', '--depth', '1', `file://${folder}`, '.');
    expect(await judge(model1, shallow, {})).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining('shallow') });
  });
  test('a path that is not there is no reviewed specification', async () => {
    expect(await judge(model1, history().folder, {}, { policy: { spec_paths: ['src/gone.py'] } })).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringContaining('src/gone.py'),
    });
  });
});

describe('data-6: from a first commit to production', () => {
  const history = (second: string) => {
    const folder = repo();
    const age = commit(folder, 'src/features.py', 'age = 1\n', '2026-01-01T00:00:00Z');
    const income = commit(folder, 'src/features.py', 'income = 1\n', second);
    return { folder, age, income };
  };
  test('the median over features, each with its first deployment that holds it', async () => {
    const { folder, age, income } = history('2026-02-01T00:00:00Z');
    const deployments = [
      { sha: age, at: '2026-01-05T00:00:00Z', environment: 'staging' },
      { sha: age, at: '2026-01-11T00:00:00Z' },
      { sha: age, at: '2026-02-05T00:00:00Z' },
      { sha: income, at: '2026-02-06T00:00:00Z', status: 'failed' },
      { sha: income, at: '2026-02-21T00:00:00Z' },
    ];
    expect(await judge(data6, folder, { deployments })).toMatchObject({
      outcome: 'pass',
      evidence: {
        value: 15,
        n: 2,
        items: [
          expect.objectContaining({ feature: 'age', days: 10, environment: 'production' }),
          expect.objectContaining({ feature: 'income', days: 20 }),
        ],
      },
    });
  });
  test('200 days are too many', async () => {
    const { folder, income } = history('2026-01-02T00:00:00Z');
    expect(await judge(data6, folder, { deployments: [{ sha: income, at: '2026-07-20T00:00:00Z' }] })).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringMatching(/takes 199\.5 days .* more than 60/) }],
    });
  });
  test('more than one page of deployments', async () => {
    const { folder, income } = history('2026-01-02T00:00:00Z');
    const staging = Array.from({ length: 250 }, () => ({ sha: income, at: '2026-01-03T00:00:00Z', environment: 'staging' }));
    expect(await judge(data6, folder, { deployments: [...staging, { sha: income, at: '2026-01-12T00:00:00Z' }] })).toMatchObject({
      outcome: 'pass',
      evidence: { value: 10.5 },
    });
  });
  test.each<[string, FakeGitLab | null, Record<string, unknown>, RegExp]>([
    ['no deployment', {}, manifest, /no deployment to a production/],
    ['no access', null, manifest, /no API access/],
    ['features that are not listed', {}, { policy: manifest.policy }, /which features there are/],
    ['no files', {}, { columns: manifest.columns }, /which files compute/],
  ])('%s is skipped', async (_, gitlab, given, reason) => {
    expect(await judge(data6, history('2026-01-02T00:00:00Z').folder, gitlab, given)).toMatchObject({
      outcome: 'skipped',
      reason: expect.stringMatching(reason),
    });
  });
});
