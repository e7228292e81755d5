import { describe, expect, test } from 'vitest';
import type { GitLab, GitLabProject } from '../../../src/kernel/world.ts';
import { commitAll, git, makeRepo } from '../../helpers/repo.ts';
import { judgeFolder, structureCheck, testRule } from '../../helpers/rule.ts';

const ci = (text: string) => ({ '.gitlab-ci.yml': text });
const include = (version: string, more = '') =>
  `include:\n  - component: $CI_SERVER_FQDN/mlops/flightcheck/model-pipeline${version}\n${more}`;

testRule('ci-includes-flightcheck', {
  accept: [ci(include('@1')), ci('include: {project: mlops/flightcheck, ref: v1.0.0, file: templates/x.yml}\n')],
  reject: [
    [{}, { path: '.gitlab-ci.yml', says: 'no .gitlab-ci.yml' }],
    [
      ci('include: flightcheck.gitlab-ci.yml\ntest:\n  script: [!reference [.x, script]]\n'),
      { path: '.gitlab-ci.yml', line: 1, says: 'does not include Flightcheck' },
    ],
    [ci('a:\n\tb: c\n'), { path: '.gitlab-ci.yml', line: 2, says: 'cannot be read' }],
  ],
});

testRule('ci-flightcheck-pinned', {
  accept: [ci(include('@1')), ci(include('@1.2')), ci(include('@1.2.3')), ci(include(`@${'a'.repeat(40)}`))],
  reject: [
    [ci(include('@~latest')), { path: '.gitlab-ci.yml', line: 2, says: '~latest' }],
    [ci(include('@main')), { path: '.gitlab-ci.yml', line: 2, says: 'main' }],
    [ci(include('@$CI_COMMIT_SHA')), { path: '.gitlab-ci.yml', line: 2 }],
    [ci('include:\n  project: mlops/flightcheck\n  file: a.yml\n'), { path: '.gitlab-ci.yml', line: 1, says: 'no version' }],
  ],
  leave: [
    [ci('test: {script: x}\n'), 'not-applicable', 'does not include'],
    [{}, 'not-applicable', 'no .gitlab-ci.yml'],
  ],
});

testRule('ci-checks-not-weakened', {
  accept: [
    ci(include('@1', 'generate-report:\n  script: x\n  allow_failure: true\n')),
    ci(include('@1', 'structure:\n  tags: [large]\n')),
  ],
  reject: [
    [
      ci(include('@1', 'structure:\n  allow_failure: true\n  rules: [{when: never}]\n')),
      { path: '.gitlab-ci.yml', line: 4, says: 'allow_failure' },
      { path: '.gitlab-ci.yml', line: 5, says: 'rules' },
    ],
    [
      ci(include('@1', '    inputs: {job-prefix: "ml:"}\n"ml:report":\n  script: exit 0\n')),
      { path: '.gitlab-ci.yml', line: 5, says: 'ml:report' },
    ],
    [
      ci(include('@1', 'variables:\n  FLIGHTCHECK_GATE: advisory\n')),
      { path: '.gitlab-ci.yml', line: 4, says: 'FLIGHTCHECK_GATE' },
    ],
  ],
  leave: [[ci('structure:\n  allow_failure: true\n'), 'not-applicable', 'does not include']],
});

const random = 'q7Rk2mZp9XvT4bLw8NcY';

testRule('ci-no-clear-secrets', {
  accept: [
    ci(
      `variables:\n  API_TOKEN: $VAULT_TOKEN\n  SECRET_DETECTION_DISABLED: "true"\n  DB_PASSWORD: changeme\n  CACHE_KEY: ${random}\n`,
    ),
  ],
  reject: [
    [ci(`variables:\n  DB_PASSWORD: ${random}\n`), { path: '.gitlab-ci.yml', line: 2, says: 'DB_PASSWORD' }],
    [
      ci(`job:\n  script: x\n  variables:\n    WHO: {value: glpat-${random}}\n`),
      { path: '.gitlab-ci.yml', line: 4, says: 'WHO of job' },
    ],
  ],
  leave: [[{}, 'not-applicable', 'no .gitlab-ci.yml']],
});

const project: GitLabProject = {
  defaultBranch: 'main',
  isDefaultBranchProtected: true,
  onlyAllowMergeIfPipelineSucceeds: true,
  approvalsRequired: 1,
  visibility: 'private',
};
const unasked = async () => ({ ok: false, reason: 'not asked here', isAbsent: false }) as const;
const port = (more: Partial<GitLabProject>): GitLab => ({
  project: async () => ({ ok: true, value: { ...project, ...more } }),
  reviewsOf: unasked,
  deployments: unasked,
});

describe.each([
  ['ci-default-branch-protected', { isDefaultBranchProtected: false }, { isDefaultBranchProtected: null }],
  ['ci-pipelines-must-succeed', { onlyAllowMergeIfPipelineSucceeds: false }, { onlyAllowMergeIfPipelineSucceeds: null }],
  ['ci-approvals-required', { approvalsRequired: 0 }, { approvalsRequired: null }],
] as const)('%s', (id, wrong, hidden) => {
  const judge = async (gitlab?: GitLab) =>
    judgeFolder(await structureCheck(id), makeRepo({}, { git: false }), gitlab && { gitlab });

  test('reads the setting', async () => {
    expect(await judge(port({}))).toMatchObject({ outcome: 'pass' });
    expect(await judge(port(wrong))).toMatchObject({ outcome: 'fail', findings: [{ place: { path: '.gitlab-ci.yml' } }] });
  });

  test('is skipped, never passed, without access', async () => {
    expect(await judge(port(hidden))).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining('no API access') });
    expect(await judge()).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining('no API access') });
  });
});

test('ci-version-tags', async () => {
  const check = await structureCheck('ci-version-tags');
  const repo = makeRepo({ 'a.py': '' });
  expect(await judgeFolder(check, repo)).toMatchObject({ outcome: 'not-applicable' });
  for (const tag of ['v1.2.3', '2.0.0-rc.1+build', 'baseline']) git(repo, 'tag', tag);
  expect(await judgeFolder(check, repo)).toMatchObject({ outcome: 'pass' });
  commitAll(repo);
  git(repo, 'tag', 'v1.2');
  expect(await judgeFolder(check, repo)).toMatchObject({
    outcome: 'fail',
    findings: [{ message: expect.stringContaining('v1.2') }],
  });
});
