/** Monitoring tests and their last run by schedule: asked by the report job, which alone may say that it counts. */
import { periodSeconds } from '../../../rules/ml-test-score/lib/periods.ts';
import { lastScheduled } from '../../adapters/history.ts';
import { withRepetition } from '../../kernel/repetition.ts';
import { type Report, resultsOf } from '../../kernel/report.ts';
import type { Git } from '../../kernel/world.ts';
import type { Context } from '../command.ts';
import type { PostOptions } from '../post-report.ts';
import type { Repo } from '../repo.ts';

/** Which of the commits are in the history of HEAD. */
async function ours(git: Git, commits: Iterable<string | null>): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const commit of new Set(commits))
    if (commit !== null && git.head !== null && (commit === git.head || (await git.contains(commit, git.head))))
      found.add(commit);
  return found;
}

/** `reports` are those of the jobs: a test that none of them reported has no result that an earlier run could stand for. */
export async function repeatedBySchedule(
  context: Context,
  repo: Repo,
  tower: PostOptions['tower'] | undefined,
  { merged, reports }: { readonly merged: Report; readonly reports: readonly Report[] },
): Promise<Report> {
  const manifest = repo.manifest.value;
  const hasMonitoring = merged.suites.some(({ method }) => method === 'ml-test-score');
  if (!manifest || !hasMonitoring || merged.run.trigger === 'schedule') return merged;
  const results = await context.log.step('Asking for the last runs by schedule', () =>
    lastScheduled({
      url: tower?.url ?? '',
      token: tower?.token,
      model: manifest.model.name,
      ...(tower && { timeoutSeconds: tower.timeoutSeconds }),
      signal: context.signal,
    }),
  );
  const mine = await ours(repo.git, typeof results === 'string' ? [] : results.map(({ commit }) => commit));
  const reported = new Set(reports.flatMap((report) => [...resultsOf(report)].map(({ result }) => result.check)));
  const { cadence } = manifest.policy;
  return withRepetition(
    merged,
    {
      results,
      isOurs: (commit) => commit !== null && mine.has(commit),
      cadence: { words: cadence, seconds: periodSeconds(cadence) },
      now: repo.startedAt,
    },
    (check) => reported.has(check),
  );
}
