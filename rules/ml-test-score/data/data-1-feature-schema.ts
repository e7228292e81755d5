import { defineCheck, type Finding, judge, notApplicable, skipped } from '../../../src/kernel/check.ts';
import type { TableSchema } from '../../../src/kernel/table-schema.ts';
import type { Table } from '../../../src/kernel/world.ts';
import type { Query } from '../../../src/stats/query.ts';
import { corruptions, tryCorruptions } from '../../../src/stats/schema/corruptions.ts';
import { profile } from '../../../src/stats/schema/profile.ts';
import { violations } from '../../../src/stats/schema/violations.ts';
import { asks, sources } from '../lib/asks.ts';
import { featuresOf, inputsOf, isVerdict, manifestOr, rounded, rubric, tableOr } from '../lib/manifest.ts';
import { schemaOr } from '../lib/schema.ts';

/** Share of corrupted copies that a schema must reject. */
const wanted = 0.9;
const shownFindings = 30;

/** Corrupts the training rows in one way at a time and asks the schema. */
async function tried(tables: Query, train: Table, schema: TableSchema, features: readonly string[]) {
  const described = features.filter((name) => schema.columns[name]);
  const all = corruptions(train, await profile(tables, train, described));
  return tryCorruptions(all, async ({ relation, columns }) => {
    const touched = {
      ...schema,
      columns: Object.fromEntries(Object.entries(schema.columns).filter(([name]) => columns.includes(name))),
    };
    return (await violations(tables, relation, touched, columns)).length > 0;
  });
}

export default defineCheck({
  title: 'Feature expectations are captured in a schema',
  why: 'Most faults of a model begin as faults of its data; expectations that nobody wrote down cannot be checked.',
  fix: 'Write the schema with `flightcheck score --write-schema`, add what you know of the domain, and mend the data or the schema where they disagree.',
  about: {
    does: 'Holds the training, evaluation and serving rows against the reviewed schema, and tries whether the schema rejects copies of the training rows into which it puts faults.',
    asks: asks('train', 'schema', 'eval?', 'serving?'),
    thresholds: [{ what: 'faulty copies that must be rejected, share', value: wanted, source: sources.ours }],
  },
  reference: rubric,
  inputs: {},
  needs: ['files', 'tables', 'manifest'],
  async run({ files, tables, ...world }) {
    const manifest = manifestOr(world);
    if (isVerdict(manifest)) return manifest;
    const train = await tableOr(tables, 'train');
    if (isVerdict(train)) return train;
    const schema = await schemaOr(files, manifest);
    if (isVerdict(schema)) return schema;
    if (train.rows === 0)
      return skipped('inconclusive: the training table has no rows', {
        nextStep: 'Name a training table with rows under data.train.',
      });
    const features = featuresOf(manifest, train);
    if (features.length === 0) return notApplicable('there are no tabular features');
    const findings: Finding[] = features
      .filter((name) => !schema.columns[name])
      .map((name) => ({
        message: `${name} is a feature that the schema does not describe`,
        place: { path: manifest.data.schema },
      }));
    const others = [await tables.open({ table: 'eval' }), await tables.open({ table: 'serving' })];
    const judged = [train, ...others.filter((table) => table !== null)];
    for (const table of judged)
      for (const violation of await violations(
        tables,
        table.name,
        schema,
        table.columns.map((column) => column.name),
      ))
        findings.push({
          message: `${table.name.replaceAll('"', '')}: ${violation.message}`,
          place: { path: table.sources[0]?.path ?? manifest.data.schema },
        });

    const results = await tried(tables, train, schema, features);
    const caught = results.filter((result) => result.isCaught).length;
    const share = results.length === 0 ? 1 : caught / results.length;
    const missed = results.filter((result) => !result.isCaught).map((result) => result.corruption);
    if (share < wanted)
      findings.push({
        message: `the schema accepts ${missed.length} of ${results.length} corrupted copies, such as ${missed
          .slice(0, 3)
          .map((one) => one.words)
          .join('; ')}`,
        fix: 'Give these columns a narrower range, a median, categories or a limit of missing values.',
        place: { path: manifest.data.schema },
      });
    const kinds = [...new Set(results.map((result) => result.corruption.kind))];
    return judge(findings.slice(0, shownFindings), {
      explanation: `${features.length} features against ${manifest.data.schema} in ${judged.length} tables: ${findings.length === 0 ? 'all as expected' : `${findings.length} disagreements`}; the schema rejects ${caught} of ${results.length} copies of the training rows into which we put a fault.`,
      value: rounded(share),
      threshold: wanted,
      unit: '1',
      n: train.rows,
      items: kinds.map((kind) => {
        const those = results.filter((result) => result.corruption.kind === kind);
        const through = those.filter((result) => !result.isCaught);
        return {
          fault: kind,
          tried: those.length,
          rejected: those.length - through.length,
          accepted: through
            .slice(0, 5)
            .map((one) => one.corruption.words)
            .join('; '),
        };
      }),
      inputs: inputsOf(...judged),
      nextStep:
        share < 1
          ? 'Narrow the expectations of the columns whose faults were accepted.'
          : 'Review the schema whenever a feature is added.',
    });
  },
});
