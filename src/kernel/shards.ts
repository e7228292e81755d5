/** Shards of a run, put together again: every test that was divided must have been reported, or somebody is told. */
import type { Report } from './report.ts';

export type Shard = NonNullable<Report['shard']>;

/** `score-2-of-4`: names of the files of shards do not collide. */
export const shardRunner = (runner: string, { index, tests }: Shard): string => `${runner}-${index}-of-${tests.length}`;

export interface ShardedRun {
  /** One sentence each; any makes the merged report incomplete. */
  readonly problems: readonly string[];
  /** Why a divided test has no result, by its id. */
  readonly unreported: ReadonlyMap<string, string>;
}

const listed = (ids: readonly string[]): string =>
  ids.length > 8 ? `${ids.slice(0, 8).join(', ')} and ${ids.length - 8} more` : ids.join(', ');

/** Compares what shards say that each of them runs with what was reported. */
export function inspectShards(reports: readonly Report[], judged: ReadonlySet<string>): ShardedRun {
  const sharded = reports.flatMap(({ runner, shard }) => (shard ? [{ runner, shard }] : []));
  const [first] = sharded;
  if (!first) return { problems: [], unreported: new Map() };
  const reported = new Set(judged);
  for (const { suites } of reports)
    for (const { sections } of suites) for (const { results } of sections) for (const { check } of results) reported.add(check);
  const unreported = new Map<string, string>();
  const problems: string[] = [];
  const same = JSON.stringify(first.shard.tests);
  const other = sharded.find(({ shard }) => JSON.stringify(shard.tests) !== same);
  if (other)
    problems.push(
      `The shards divided the tests differently (${first.runner} and ${other.runner}): remove old reports, and run all of them in one pipeline, over the same data`,
    );
  for (const { shard } of sharded)
    for (const [position, tests] of shard.tests.entries()) {
      const isHere = sharded.some((one) => one.shard.index === position + 1 && one.shard.tests.length === shard.tests.length);
      for (const test of tests)
        if (!reported.has(test))
          unreported.set(
            test,
            `Shard ${position + 1} of ${shard.tests.length} was to run it and left no ${isHere ? 'result' : 'report'}`,
          );
    }
  const gone = first.shard.tests.flatMap((tests, i) =>
    sharded.some(({ shard }) => shard.index === i + 1) ? [] : [{ number: i + 1, tests }],
  );
  if (!other)
    for (const { number, tests } of gone)
      problems.push(
        `Shard ${number} of ${first.shard.tests.length} left no report${tests.length > 0 ? `: ${listed(tests)}` : ''}`,
      );
  const silent = [...unreported.keys()].filter((test) => other || !gone.some(({ tests }) => tests.includes(test)));
  if (silent.length > 0) problems.push(`No shard reported ${listed(silent)}`);
  return { problems, unreported };
}
