/**
 * How the record of what hooks cost travels through a pipeline. `score` leaves what it measured beside its report; `report`
 * puts that of all shards into the cache; `test`, which runs before the shards, hands the cached record on as an artifact, so
 * that every shard divides the tests by one and the same record. A shard never looks into a cache: its own may differ.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openOutputFolder, writeAtomically } from '../../adapters/output-folder.ts';
import { readText } from '../../adapters/read-text.ts';
import { type Costs, readCosts, updatedCosts, writeCosts } from '../../engine/hooks/costs.ts';

const ending = '.costs.json';
const mostFiles = 200;

/** Name of the file in the folder of the reports. */
export const costsName = (runner: string): string => `${runner}${ending}`;

const cached = (cache: string): string => `${cache}/costs.json`;

const read = async (root: string, path: string): Promise<Costs> => readCosts(await readText(root, path).catch(() => null));

/** What `test` handed on; empty without it. */
export const handedCosts = (root: string, folder: string): Promise<Costs> => read(root, `${folder}/${costsName('test')}`);

/** For `test`: the cached record as a file of its report; none without a record. */
export async function costsToHand(root: string, cache: string): Promise<ReadonlyMap<string, string>> {
  const costs = cache === 'off' ? new Map<string, number>() : await read(root, cached(cache));
  return costs.size > 0 ? new Map([[costsName('test'), writeCosts(costs)]]) : new Map();
}

/** For `report`: keeps what the scores of this pipeline measured. A record that cannot be written is no loss of results. */
export async function keepCosts(root: string, folder: string, cache: string): Promise<void> {
  if (cache === 'off') return;
  const names = await readdir(join(root, folder)).catch(() => []);
  const measured = new Map<string, number>();
  for (const name of names.filter((one) => one.startsWith('score') && one.endsWith(ending)).slice(0, mostFiles))
    for (const [execution, seconds] of await read(root, `${folder}/${name}`))
      measured.set(execution, Math.max(seconds, measured.get(execution) ?? 0));
  if (measured.size === 0) return;
  const known = new Map([...(await read(root, cached(cache))), ...(await handedCosts(root, folder))]);
  try {
    const target = await openOutputFolder(root, cache);
    await writeAtomically(join(target, '.gitignore'), '*\n');
    await writeAtomically(join(target, 'costs.json'), writeCosts(updatedCosts(known, measured)));
  } catch {
    // The next pipeline divides by the older record, or by estimates.
  }
}
