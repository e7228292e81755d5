/**
 * The tests of the rubric that execute nothing of the repo and ask services: GitLab, Control Tower, MLflow. The report job,
 * which alone may hold their tokens, judges them itself; what another job says of them does not count.
 */
import { checks, suite } from '../../../rules/ml-test-score/index.generated.ts';
import { openGitLab } from '../../adapters/gitlab.ts';
import { endingNow, openHistory } from '../../adapters/history.ts';
import { openMlflow } from '../../adapters/mlflow/open.ts';
import { runSuite } from '../../engine/run.ts';
import type { AnyCheck } from '../../kernel/check.ts';
import type { Metric, SuiteReport } from '../../kernel/report.ts';
import type { CheckRegistry, Suite } from '../../kernel/suite.ts';
import { isTrusted } from '../../kernel/trusted.ts';
import type { World } from '../../kernel/world.ts';
import type { Context } from '../command.ts';
import type { PostOptions } from '../post-report.ts';
import type { Repo } from '../repo.ts';
import { triggerOf } from '../surroundings.ts';

/** Numbers of a run that its own past is compared with; what a check found is no such number. */
const measuredOf = (metrics: readonly Metric[]): readonly Metric[] => metrics.filter(({ name }) => name !== 'check.value');

/** The history of this model with the numbers of this run at its end. `metrics` is asked when a test asks. */
export function historyOf(
  context: Context,
  repo: Repo,
  tower: (Pick<PostOptions['tower'], 'url' | 'token'> & { readonly timeoutSeconds?: number }) | undefined,
  metrics: () => readonly Metric[],
): World['history'] {
  const past = openHistory({
    url: tower?.url ?? '',
    token: tower?.token,
    model: repo.manifest.value?.model.name ?? '',
    ...(tower?.timeoutSeconds !== undefined && { timeoutSeconds: tower.timeoutSeconds }),
    signal: context.signal,
  });
  return { values: (...asked) => endingNow(past, measuredOf(metrics()), repo.startedAt.toISOString()).values(...asked) };
}

/** Judges them; the suite report holds these tests alone. */
export async function judgeTrusted(
  context: Context,
  repo: Repo,
  tower: PostOptions['tower'] | undefined,
  metrics: readonly Metric[],
): Promise<SuiteReport> {
  const registry: CheckRegistry = checks;
  const loaded = new Map<string, AnyCheck>();
  for (const [id, load] of Object.entries(registry)) {
    const check = await load();
    if (isTrusted(check)) loaded.set(id, check);
  }
  const selected: Suite = {
    ...suite,
    sections: suite.sections.map((section) => ({ ...section, checks: section.checks.filter(({ check }) => loaded.has(check)) })),
  };
  const manifest = repo.manifest.value;
  return runSuite({
    suite: selected,
    load: async (id) => loaded.get(id) ?? null,
    world: {
      manifest: repo.manifest,
      files: repo.files,
      git: repo.git,
      gitlab: openGitLab(context.env, { signal: context.signal }),
      mlflow: openMlflow(manifest?.mlflow ?? { alias: '' }, context.env, { signal: context.signal }),
      history: historyOf(context, repo, tower, () => metrics),
    },
    trigger: triggerOf(context.env),
    concurrency: 4,
    signal: context.signal,
  });
}
