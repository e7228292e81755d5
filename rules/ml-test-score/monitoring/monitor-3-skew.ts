import { defineCheck, skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { FeaturesRequest } from '../../../src/kernel/hooks.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import type { World } from '../../../src/kernel/world.ts';
import { differences } from '../../../src/stats/differences.ts';
import { asks, lines, sources } from '../lib/asks.ts';
import { isVerdict, lacks, manifestOr, rubric, tableOr } from '../lib/manifest.ts';
import { alone, idSql, servedVersion } from '../lib/serving.ts';
import { allowedShare, pairsOf, sampleRows, skewVerdict } from '../lib/skew.ts';

const request: FeaturesRequest = {
  hook: 'features',
  input: { derive: 'sample', from: { table: 'requests' }, rows: sampleRows, seed: 1 },
};
const requestsLine = lines.requests;

/** The two tables with an id each, or why they cannot be joined. */
async function tablesOr(world: Pick<World, 'tables' | 'hooks'>, manifest: ResolvedManifest) {
  const serving = await tableOr(world.tables, 'serving');
  if (isVerdict(serving)) return serving;
  if (!world.hooks.has('features')) return lacks('how features are computed', lines.featuresHook);
  const requests = await world.tables.open({ table: 'requests' });
  if (requests === null) return lacks('what the logged features were computed from (the raw rows, by id)', requestsLine);
  for (const [key, table] of Object.entries({ serving, requests }))
    if (idSql(manifest, table) === null)
      return skipped(`data.${key} has no column ${JSON.stringify(manifest.columns.id)}, so its rows cannot be told apart`, {
        nextStep: 'Log the id of each request.',
        manifestLine: 'columns: { id: ... }',
      });
  return { serving, requests };
}

export default defineCheck({
  title: 'Training and serving features compute the same values',
  why: 'A feature that serving computes otherwise than training did feeds the model values that it never learnt from, and no error is ever raised.',
  fix: 'Let serving call the code that training calls; the rows named here show what each of them computes.',
  about: {
    does: 'Computes the features of logged requests again with the features hook and compares them, value by value, with what the model was given.',
    asks: asks('serving', 'requests', 'featuresHook'),
    thresholds: [{ what: 'rows with a value that differs, share', value: allowedShare, source: sources.ours }],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: ({ hooks, data }) =>
    hooks.features !== undefined && data.serving !== undefined && data.requests !== undefined ? [{ request }] : [],
  async run(world): Promise<Verdict> {
    const manifest = manifestOr(world);
    if (isVerdict(manifest)) return manifest;
    const found = await tablesOr(world, manifest);
    if (isVerdict(found)) return found;
    const { serving, requests } = found;
    const computed = await world.hooks.features(request);
    const ids = [serving, requests, computed].map((table) => idSql(manifest, table));
    const [a, , b] = ids;
    if (a == null || b == null)
      return skipped('the table that the features hook wrote has no id, so its rows cannot be compared with the logged ones', {
        nextStep: 'Let the features hook keep the id of each row.',
      });
    const { pairs, unlogged, isOneFile, features } = pairsOf(manifest, serving, requests, computed);
    if (pairs.length === 0)
      return skipped(
        isOneFile && unlogged.length === 0
          ? 'data.requests is a file of data.serving and the hook only hands its columns on: every value would be compared with itself'
          : `none of the computed features is logged in data.serving (${features
              .slice(0, 10)
              .map(({ name }) => name)
              .join(', ')})`,
        {
          nextStep: 'Log the values that the model was given, under the names that the features hook uses.',
          manifestLine: requestsLine,
        },
      );
    const version = await servedVersion(world.tables, manifest, serving);
    const left = alone(serving.name, a, version.condition);
    const right = alone(computed.table, b);
    const compared = await differences(world.tables, `${left} a JOIN ${right} b ON a.__id = b.__id`, pairs, {
      id: 'a.__id',
      parameters: version.parameters,
    });
    return skewVerdict({ compared, version, serving, requests, unlogged });
  },
});
