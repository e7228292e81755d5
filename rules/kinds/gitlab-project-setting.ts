import { fail, pass, skipped } from '../../src/kernel/check.ts';
import { defineKind } from '../../src/kernel/rule-kind.ts';
import type { GitLabProject } from '../../src/kernel/world.ts';
import { anyOf } from './lib/findings.ts';

/** What the setting is now; null where the token may not read it. */
const readings: Readonly<Record<string, (project: GitLabProject) => string | number | boolean | null>> = {
  'default-branch-is-protected': (project) => project.isDefaultBranchProtected,
  'pipelines-must-succeed': (project) => project.onlyAllowMergeIfPipelineSucceeds,
  'approvals-required': (project) => project.approvalsRequired,
  visibility: (project) => project.visibility,
};

export default defineKind({
  summary: 'A setting of the GitLab project is as it should be.',
  inputs: {
    setting: {
      type: 'string',
      description: 'Which setting.',
      options: ['default-branch-is-protected', 'pipelines-must-succeed', 'approvals-required', 'visibility'],
    },
    values: { type: 'array', description: 'Values that are accepted: true, false, private, internal, public.', default: [] },
    min: { type: 'number', description: 'approvals-required: least number.', default: 0 },
  },
  needs: ['gitlab'],
  problems: ({ values, min }) => (values.length > 0 || min > 0 ? [] : ['neither values nor min is given']),
  async run({ gitlab }, { setting, values, min }) {
    const answer = await gitlab.project();
    if (!answer.ok)
      return skipped(answer.reason, {
        nextStep: 'Give the job a project access token with the scope read_api as FLIGHTCHECK_GITLAB_TOKEN.',
      });
    const now = readings[setting]?.(answer.value) ?? null;
    if (now === null) return skipped(`no API access: the token may not read ${setting}`);
    const isRight = typeof now === 'number' ? now >= min : values.includes(String(now));
    const wanted = typeof now === 'number' ? `at least ${min}` : anyOf(values);
    if (isRight) return pass({ explanation: `GitLab says that ${setting} is ${now}.` });
    const branch = answer.value.defaultBranch;
    return fail([
      {
        message: `In GitLab ${setting} is ${now}, expected ${wanted}${branch ? ` (default branch ${branch})` : ''}`,
        place: { path: '.gitlab-ci.yml' },
      },
    ]);
  },
});
