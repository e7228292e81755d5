/** Which part of the tests this call runs: `--shard 2/4`, else what GitLab says of a parallel job. */
import { type Divisible, divide } from '../../engine/hooks/shards.ts';
import { UsageError } from '../../kernel/failure.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { Shard } from '../../kernel/shards.ts';
import type { Suite } from '../../kernel/suite.ts';
import type { Context, Invocation } from '../command.ts';
import { optionValue } from '../options.ts';
import { handedCosts } from './hook-costs.ts';

export interface ShardChoice {
  /** Counts from 1. */
  readonly index: number;
  readonly total: number;
}

/** https://docs.gitlab.com/ci/variables/predefined_variables/: both are set in jobs with `parallel`. */
const ofGitLab = ({ env }: Context): string =>
  /^\d{1,3}$/.test(env.CI_NODE_INDEX ?? '') && /^\d{1,3}$/.test(env.CI_NODE_TOTAL ?? '')
    ? `${env.CI_NODE_INDEX}/${env.CI_NODE_TOTAL}`
    : '';

/** Null for all tests. Throws UsageError `SHARD_INVALID` for a part that is not there. */
export function shardOf(context: Context, invocation: Invocation): ShardChoice | null {
  const text = optionValue<string>(invocation, 'shard') || ofGitLab(context);
  if (text === '') return null;
  const [index = 0, total = 0] = text.split('/').map(Number);
  if (index < 1 || index > total)
    throw new UsageError(
      'SHARD_INVALID',
      `The shard ${text} is not there: of ${total} shards the first is 1, the last ${total}`,
      {
        hint: 'Give --shard I/N with I from 1 to N; every shard from 1/N to N/N must run for a whole score.',
      },
    );
  return total === 1 ? null : { index, total };
}

/** Divides the tests; every shard comes to the same parts. */
export async function chooseShard(
  invocation: Invocation,
  root: string,
  manifest: ResolvedManifest,
  tests: readonly Divisible[],
  { index, total }: ShardChoice,
): Promise<Shard> {
  const costs = await handedCosts(root, optionValue<string>(invocation, 'output'));
  return { index, tests: divide(tests, total, costs, manifest.hooks.setup !== undefined) };
}

/** The ids of the tests that this run judges; undefined = all. */
export const ownTests = (shard: Shard | null): ReadonlySet<string> | undefined =>
  shard ? new Set(shard.tests[shard.index - 1]) : undefined;

/** Only the tests of the shard. */
export function partOf(suite: Suite, shard: Shard | null): Suite {
  const own = ownTests(shard);
  if (!own) return suite;
  const sections = suite.sections.map((section) => ({
    ...section,
    checks: section.checks.filter(({ check }) => own.has(check)),
  }));
  return { ...suite, sections };
}

/** Is it a file of a whole run, or of a shard of another division, that would be merged with what this run leaves? */
export function isOfAnotherRun(runner: string, shard: Shard | null): (name: string) => boolean {
  return (name) => {
    const total = /^-\d+-of-(\d+)\./.exec(name.startsWith(runner) ? name.slice(runner.length) : '')?.[1];
    if (!shard) return total !== undefined;
    return name.startsWith(`${runner}.`) || (total !== undefined && Number(total) !== shard.tests.length);
  };
}
