/** The end of `score`: what a run of the rubric came to, as a report. */
import { removeReports } from '../../adapters/report-files.ts';
import { updatedCosts, writeCosts } from '../../engine/hooks/costs.ts';
import type { RunningHooks } from '../../engine/hooks/create.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import { metricsOf } from '../../kernel/metrics.ts';
import type { Metric, SuiteReport } from '../../kernel/report.ts';
import { type Shard, shardRunner } from '../../kernel/shards.ts';
import type { Context, Invocation } from '../command.ts';
import { finish } from '../finish.ts';
import { optionValue } from '../options.ts';
import { tokenVariable } from '../post-report.ts';
import { type Repo, reportOf } from '../repo.ts';
import { attest } from './attestations.ts';
import { type Baseline, compared } from './compare.ts';
import { costsName } from './hook-costs.ts';
import { isOfAnotherRun } from './shard.ts';
import type { Untouched } from './since.ts';

/** What is told; nothing of it is executed or asked any more. */
export interface Scored {
  readonly repo: Repo;
  readonly manifest: ResolvedManifest;
  readonly towerUrl: string;
  readonly baseline: Baseline | null;
  readonly shard: Shard | null;
  readonly untouched: Untouched | null;
  readonly result: SuiteReport;
  readonly hooks: Pick<RunningHooks, 'summary' | 'performance' | 'costs'>;
  /** Verdicts of earlier runs that stand. */
  readonly kept: number;
}

const runner = 'score';

/** Makes the report of a run, compares it, writes and prints it; returns the exit code. */
export async function tellScore(context: Context, invocation: Invocation, scored: Scored): Promise<number> {
  const { repo, manifest, result, hooks, kept, shard } = scored;
  const { executed, seconds, cached } = hooks.summary();
  const metrics: Metric[] = [
    ...metricsOf([result]),
    ...hooks.performance(),
    { name: 'hooks.executed', value: executed, unit: '1' },
    { name: 'hooks.cached', value: cached, unit: '1' },
    { name: 'hooks.seconds', value: Math.round(seconds * 1000) / 1000, unit: 's' },
    { name: 'verdicts.kept', value: kept, unit: '1' },
  ];
  const own = reportOf(context, repo, shard ? shardRunner(runner, shard) : runner, [result], {
    metrics,
    notices: scored.untouched ? [scored.untouched.notice] : [],
  });
  const attested = await attest(context, repo, { ...own, ...(shard && { shard }) }, false);
  const tower = { url: scored.towerUrl, token: context.env[tokenVariable] };
  const report = shard ? attested : await compared(context, attested, scored.baseline, tower);
  context.log.info(
    `Hooks: ${executed} executed in ${seconds.toFixed(1)} s, ${cached} from the cache; ${kept > 0 ? `${kept} ${kept === 1 ? 'test' : 'tests'} as before, for nothing changed that ${kept === 1 ? 'it reads' : 'they read'}; ` : ''}${report.seconds.toFixed(1)} s in all.`,
  );
  const folder = optionValue<string>(invocation, 'output');
  await removeReports({ root: repo.root, folder }, isOfAnotherRun(runner, shard));
  return finish(context, invocation, {
    root: repo.root,
    report,
    // A part can neither open nor shut a gate.
    gate: shard ? { ...manifest.gate, mode: 'advisory' } : manifest.gate,
    waivers: manifest.waivers,
    files: new Map([[costsName(report.runner), writeCosts(updatedCosts(new Map(), hooks.costs()))]]),
  });
}
