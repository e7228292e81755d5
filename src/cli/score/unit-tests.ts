/** What the runners share about unit tests: which state of the repo was tested, and the results of an earlier run. */
import { readText } from '../../adapters/read-text.ts';
import { workingTreeHash } from '../../adapters/working-tree.ts';
import { storedUnitTests } from '../../engine/unit-tests/port.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { UnitTests } from '../../kernel/world.ts';
import type { Context, Invocation } from '../command.ts';
import { optionValue } from '../options.ts';
import type { Repo } from '../repo.ts';
import { sourceOf } from '../surroundings.ts';

const mostBytes = 200 * 2 ** 20;

/** The manifest's tables: data, and so no part of what the tests are of. */
export function tablesOf(manifest: ResolvedManifest | null): readonly string[] {
  const { train, eval: evaluation, requests, serving, outcomes } = manifest?.data ?? {};
  return [train, evaluation, requests, serving, outcomes].filter((pattern) => pattern !== undefined);
}

/** Hash of the files that unit tests are of. */
export const treeOf = (context: Context, repo: Repo): Promise<string> =>
  workingTreeHash(repo.root, tablesOf(repo.manifest.value), context.signal);

/** Results of `flightcheck test` over this state of the repo; they are read before this returns. */
export async function openUnitTests(context: Context, invocation: Invocation, repo: Repo): Promise<UnitTests> {
  const port = storedUnitTests({
    folder: optionValue<string>(invocation, 'output'),
    read: (path) => readText(repo.root, path, mostBytes),
    isFile: (path) => repo.files.has(path),
    commit: sourceOf(context.env, repo.git).commit,
    tree: context.env.CI === undefined ? () => treeOf(context, repo) : null,
  });
  await port.latest();
  return port;
}
