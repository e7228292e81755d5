import { defineCheck, type Finding, judge, skipped } from '../../../src/kernel/check.ts';
import type { PredictRequest } from '../../../src/kernel/hooks.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import { quoteName } from '../../../src/kernel/sql.ts';
import type { World } from '../../../src/kernel/world.ts';
import { cell, featuresOf, inputsOf, isVerdict, lacks, manifestOr, rubric, tableOr } from '../lib/manifest.ts';
import { proxiesOf, proxyWords } from '../lib/proxies.ts';
import { canPredict, featuresOfSample, hooksOr, model } from '../lib/setting.ts';

const rows = 1000;
const seed = 1;
const mostColumns = 20;

/** Columns that must not, or soon must not, reach the model. */
const refusedOf = ({ policy }: ResolvedManifest): readonly string[] =>
  [...new Set([...policy.deny, ...policy.deprecated])].slice(0, mostColumns);

/** The rows with one column scrambled, asked for together with the rows as they are. */
const scrambled = (column: string): PredictRequest => ({
  hook: 'predict',
  model,
  input: {
    derive: 'permuted',
    from: { derive: 'sample', from: { table: 'eval' }, rows, seed },
    columns: [column],
    repeats: 1,
    seed,
  },
});

/** How many rows get another answer when the column is scrambled. */
async function movedBy({ tables, hooks }: Pick<World, 'tables' | 'hooks'>, manifest: ResolvedManifest, column: string) {
  const request = scrambled(column);
  const [batch, predictions] = [await tables.open(request.input), await hooks.predict(request)];
  if (!batch) return { moved: 0, rows: 0 };
  const id = `CAST(b.${quoteName(manifest.columns.id)} AS VARCHAR)`;
  const value = predictions.column === 'score' ? 'p.score' : 'p.prediction';
  const answers = `(SELECT b.__column AS c, b.__original AS o, ${value} AS v FROM ${batch.name} b JOIN ${predictions.table} p ON p.id = ${id})`;
  const differs =
    predictions.column === 'score'
      ? '(a.v IS NULL) <> (z.v IS NULL) OR abs(a.v - z.v) > 1e-9 OR (isnan(a.v) <> isnan(z.v))'
      : 'a.v IS DISTINCT FROM z.v';
  const [found] = await tables.query<{ moved: number; rows: number }>(
    `SELECT count(*) FILTER (${differs}) AS moved, count(*) AS "rows" FROM ${answers} a JOIN ${answers} z ON a.o = z.o AND a.c IS NULL AND z.c IS NOT NULL`,
  );
  return found ?? { moved: 0, rows: 0 };
}

export default defineCheck({
  title: 'Features adhere to meta-level requirements',
  why: 'What law, contract or policy forbids must not reach a model, by any road; a list that nobody executes does not stop it.',
  fix: 'Take the named columns out of the features, and drop them before predict reads the rows.',
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: (manifest) =>
    !canPredict(manifest)
      ? []
      : [
          ...refusedOf(manifest).map((column) => ({
            request: scrambled(column),
            sometimes: `when the evaluation rows have ${column}`,
          })),
          ...(manifest.hooks.features !== undefined && refusedOf(manifest).length > 0 ? [{ request: featuresOfSample }] : []),
        ],
  async run(world) {
    const { tables, hooks } = world;
    const manifest = manifestOr(world);
    if (isVerdict(manifest)) return manifest;
    const refused = refusedOf(manifest);
    if (refused.length === 0) return lacks('which columns must not reach the model', 'policy: { deny: [name, tax_file_number] }');
    const missing = hooksOr(hooks);
    if (missing) return missing;
    const train = await tableOr(tables, 'train');
    if (isVerdict(train)) return train;
    const evaluation = await tableOr(tables, 'eval');
    if (isVerdict(evaluation)) return evaluation;
    if (evaluation.rows === 0)
      return skipped('inconclusive: data.eval has no rows', { nextStep: 'Hold out rows under data.eval.' });
    const features = new Set([...featuresOf(manifest, train), ...featuresOf(manifest, evaluation)]);
    const computed = hooks.has('features') ? (await hooks.features(featuresOfSample)).columns.map((column) => column.name) : [];
    const findings: Finding[] = [];
    const items: Record<string, string | number | boolean | null>[] = [];
    const present = refused.filter((column) => evaluation.columns.some(({ name }) => name === column));
    for (const column of refused) {
      const isFeature = features.has(column);
      const isComputed = computed.includes(column);
      const { moved, rows: tried } = present.includes(column) ? await movedBy(world, manifest, column) : { moved: 0, rows: 0 };
      const kind = manifest.policy.deny.includes(column) ? 'denied' : 'deprecated';
      items.push({
        column,
        policy: kind,
        among_features: isFeature,
        in_features_hook: isComputed,
        in_rows: present.includes(column),
        predictions_moved: moved,
        of: tried,
      });
      if (isFeature) findings.push({ message: `${column} is ${kind}, and it is a feature (columns.features)` });
      if (isComputed) findings.push({ message: `${column} is ${kind}, and the features hook writes it` });
      if (moved > 0)
        findings.push({
          message: `${column} is ${kind}, and scrambling it moves ${moved} of ${tried} predictions: the model reads it`,
        });
    }
    const near = await proxiesOf(
      tables,
      evaluation,
      [...features].filter((name) => !refused.includes(name)),
      present,
    );
    return judge(findings, {
      explanation: `${refused.length} columns must not reach the model: ${findings.length === 0 ? 'none is a feature' : `${findings.length} findings`}${present.length > 0 ? `, and ${present.length} that stand in the evaluation rows were scrambled to see whether a prediction moves` : '; none stands in the evaluation rows, so no prediction can depend on one'}.${near.length > 0 ? ` Features that tell one of them: ${proxyWords(near)}.` : ''}`,
      value: findings.length,
      threshold: 0,
      unit: 'findings',
      n: Math.min(rows, evaluation.rows),
      items: [
        ...items,
        ...near
          .slice(0, 50)
          .map(({ feature, column, association }) => ({ column, proxy: feature, association: cell(association) })),
      ],
      inputs: inputsOf(evaluation),
      seed,
      nextStep:
        near.length > 0
          ? `${near[0]?.feature} tells ${near[0]?.column}: is that allowed?`
          : 'Keep the list up to date with the policy that it stands for.',
    });
  },
});
