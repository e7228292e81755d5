import { defineCheck, type Finding, judge, skipped } from '../../../src/kernel/check.ts';
import type { Commit, Deployment, World } from '../../../src/kernel/world.ts';
import { median } from '../../../src/stats/median.ts';
import { asks, lines, sources } from '../lib/asks.ts';
import { isVerdict, lacks, manifestOr, rubric } from '../lib/manifest.ts';

/** The paper: one to two months even for systems of global scale. */
const mostDays = 60;
const mostFeatures = 100;

const daysBetween = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 86_400_000;

/** The first deployment that holds the commit; null when none does yet. */
async function firstWith(git: World['git'], commit: Commit, deployments: readonly Deployment[]): Promise<Deployment | null> {
  for (const deployment of deployments)
    if (Date.parse(deployment.at) >= Date.parse(commit.at) && (await git.contains(commit.sha, deployment.sha))) return deployment;
  return null;
}

export default defineCheck({
  title: 'New features can be added quickly',
  why: 'A team that needs months for a new feature cannot answer a world that changes in weeks.',
  fix: 'Look at the feature that took longest: what did it wait for between its first commit and its first deployment?',
  about: {
    does: 'Takes for each feature the days from the first commit that names it in the feature code to the first deployment that holds this commit.',
    asks: asks('featurePaths', 'features', 'gitlab', 'deployments'),
    thresholds: [{ what: 'median of days', value: mostDays, source: sources.paper }],
  },
  reference: rubric,
  inputs: {
    days: {
      type: 'number',
      description: 'Largest median of days from the first commit of a feature to its first deployment.',
      default: mostDays,
    },
  },
  needs: ['manifest', 'git', 'gitlab'],
  async run({ git, gitlab, ...world }, { days }) {
    const manifest = manifestOr(world);
    if (isVerdict(manifest)) return manifest;
    const paths = manifest.policy.feature_paths;
    if (paths.length === 0) return lacks('which files compute the features', lines.featurePaths);
    const { features } = manifest.columns;
    if (features === 'auto') return lacks('which features there are', lines.features);
    if (!git.isRepository) return skipped('there is no Git history', { nextStep: 'Keep the model in a Git repository.' });
    if (git.isShallow)
      return skipped('the clone is shallow, so its history is not known', { nextStep: 'Set GIT_DEPTH: "0" for this job.' });
    const deployed = await gitlab.deployments(null);
    if (!deployed.ok)
      return skipped(deployed.reason, {
        nextStep: 'Give the report job a project token: FLIGHTCHECK_GITLAB_TOKEN, scope read_api.',
      });
    if (deployed.value.length === 0)
      return skipped('inconclusive: the project has no deployment to a production environment', {
        nextStep: 'Let the job that deploys name it: environment: production.',
      });
    const items: {
      feature: string;
      first_commit: string | null;
      first_deployment: string | null;
      environment: string | null;
      days: number | null;
    }[] = [];
    for (const feature of features.slice(0, mostFeatures)) {
      const commit = await git.firstWith(feature, paths);
      const deployment = commit ? await firstWith(git, commit, deployed.value) : null;
      items.push({
        feature,
        first_commit: commit?.at ?? null,
        first_deployment: deployment?.at ?? null,
        environment: deployment?.environment ?? null,
        days: commit && deployment ? Math.round(10 * daysBetween(commit.at, deployment.at)) / 10 : null,
      });
    }
    const known = items.flatMap((item) => (item.days === null ? [] : [{ feature: item.feature, days: item.days }]));
    const middle = known.length > 0 ? median(known.map((item) => item.days)) : null;
    const slowest = [...known].sort((a, b) => b.days - a.days)[0];
    const evidence = {
      explanation:
        middle === null
          ? `None of ${items.length} features was deployed since it was first committed.`
          : `Half of ${known.length} features were in production within ${middle} days of their first commit; ${slowest?.feature} took longest, ${slowest?.days} days.${known.length < items.length ? ` Not deployed yet, or not found by name: ${items.length - known.length}.` : ''}`,
      ...(middle !== null && { value: middle }),
      threshold: days,
      unit: 'days',
      n: known.length,
      items,
      nextStep: 'Ask what the slowest feature waited for.',
    };
    if (middle === null)
      return skipped('inconclusive: no feature of columns.features was found in policy.feature_paths and deployed', {
        nextStep: 'Name the files in which the features stand by name.',
        evidence,
      });
    const findings: Finding[] =
      middle > days
        ? [
            {
              message: `a new feature takes ${middle} days (median of ${known.length}) from its first commit to production, more than ${days}`,
            },
          ]
        : [];
    return judge(findings, evidence);
  },
});
