import { defineCheck, type Finding, judge, skipped } from '../../../src/kernel/check.ts';
import { approversOf, reviewedBy } from '../../../src/kernel/review.ts';
import type { Commit } from '../../../src/kernel/world.ts';
import { asks, lines, sources } from '../lib/asks.ts';
import { isVerdict, lacks, manifestOr, rubric } from '../lib/manifest.ts';

const days = 90;
const mostCommits = 100;

export default defineCheck({
  title: 'Every model specification undergoes a code review and is checked in to a repository',
  why: 'A model is what its specification says; one that nobody else read holds the mistakes of one person.',
  fix: 'Change the specification through merge requests that another person approves; forbid pushes to the default branch.',
  about: {
    does: 'Asks GitLab for each commit on the specification whether it came through a merge request that another person approved.',
    asks: asks('specPaths', 'gitlab'),
    thresholds: [
      { what: 'commits that were reviewed, share', value: 1, source: sources.paper },
      { what: 'days looked back', value: days, source: sources.ours },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'git', 'gitlab'],
  async run({ git, gitlab, ...world }) {
    const manifest = manifestOr(world);
    if (isVerdict(manifest)) return manifest;
    const paths = manifest.policy.spec_paths;
    if (paths.length === 0) return lacks('which files specify the model', lines.specPaths);
    if (!git.isRepository) return skipped('there is no Git history', { nextStep: 'Keep the model in a Git repository.' });
    if (git.isShallow)
      return skipped('the clone is shallow, so its history is not known', { nextStep: 'Set GIT_DEPTH: "0" for this job.' });
    const project = await gitlab.project();
    if (!project.ok)
      return skipped(project.reason, {
        nextStep: 'Give the report job a project token: FLIGHTCHECK_GITLAB_TOKEN, scope read_api.',
      });
    const since = new Date(Date.now() - days * 86_400_000).toISOString();
    const commits = await git.commitsOn(paths, since, mostCommits);
    const items: {
      commit: string;
      at: string;
      subject: string;
      merge_request: string | null;
      approved_by: string | null;
      reviewed: boolean;
    }[] = [];
    const findings: Finding[] = [];
    for (const commit of commits) {
      const reviews = await gitlab.reviewsOf(commit.sha);
      if (!reviews.ok && !reviews.isAbsent)
        return skipped(reviews.reason, { nextStep: 'The token must read merge requests and their approvals: scope read_api.' });
      const found = reviews.ok ? reviews.value : [];
      const reviewed = reviewedBy(found, project.value.defaultBranch);
      if (!reviewed.ok) findings.push(findingOf(commit, reviewed.why));
      const best = found.find((review) => approversOf(review).length > 0) ?? found[0];
      items.push({
        commit: commit.sha.slice(0, 12),
        at: commit.at,
        subject: commit.subject.slice(0, 80),
        merge_request: best ? `!${best.iid}` : null,
        approved_by: best?.approvedBy.join(', ') || null,
        reviewed: reviewed.ok,
      });
    }
    const evidence = {
      explanation: `${commits.length} commits touched ${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ' and others' : ''} in ${days} days${commits.length === mostCommits ? ` (the newest ${mostCommits})` : ''}; ${commits.length - findings.length} came through a merge request that another person approved.`,
      value: commits.length === 0 ? 1 : (commits.length - findings.length) / commits.length,
      threshold: 1,
      unit: 'share of commits',
      n: commits.length,
      items,
      nextStep: 'Protect the default branch and require an approval, so that it cannot be forgotten.',
    };
    if (commits.length > 0) return judge(findings, evidence);
    const tracked = await git.tracked();
    const known = paths.filter(
      (path) => tracked.has(path) || [...tracked].some((file) => file.startsWith(`${path.replace(/\/+$/, '')}/`)),
    );
    return known.length === paths.length
      ? judge([], evidence)
      : skipped(`policy.spec_paths names ${paths.find((path) => !known.includes(path))}, which is not in the repository`, {
          nextStep: 'Name the files that specify the model.',
        });
  },
});

const findingOf = ({ sha, subject, authorName }: Commit, missing: string): Finding => ({
  message: `${sha.slice(0, 12)} by ${authorName} (${subject.slice(0, 60)}) ${missing}`,
});
