/** What a probe that trains and predicts begins with. */
import { skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import type { Table, World } from '../../../src/kernel/world.ts';
import { isVerdict, manifestOr, tableOr } from './manifest.ts';
import { hooksOr, trainOr } from './setting.ts';

export interface BothTables {
  readonly manifest: ResolvedManifest;
  readonly train: Table;
  readonly evaluation: Table;
}

/** The manifest and both tables with rows, or why nothing can be judged; `emptyMeans` says what rows are needed for. */
export async function bothTablesOr(
  world: Pick<World, 'manifest' | 'hooks' | 'tables'>,
  emptyMeans: string,
): Promise<BothTables | Verdict> {
  const manifest = manifestOr(world);
  if (isVerdict(manifest)) return manifest;
  const missing = trainOr(world.hooks) ?? hooksOr(world.hooks, manifest);
  if (missing) return missing;
  const train = await tableOr(world.tables, 'train');
  if (isVerdict(train)) return train;
  const evaluation = await tableOr(world.tables, 'eval');
  if (isVerdict(evaluation)) return evaluation;
  if (train.rows === 0 || evaluation.rows === 0)
    return skipped(`inconclusive: ${emptyMeans}`, { nextStep: 'Give data.train and data.eval rows.' });
  return { manifest, train, evaluation };
}
