import { defineCheck, type Finding, judge, skipped } from '../../../src/kernel/check.ts';
import type { FeaturesRequest, PredictRequest, TableRef } from '../../../src/kernel/hooks.ts';
import { asks, sources, trained } from '../lib/asks.ts';
import { bothTablesOr } from '../lib/both-tables.ts';
import { difference } from '../lib/difference.ts';
import { featuresOf, inputsOf, isVerdict, rubric } from '../lib/manifest.ts';
import { onlyIn, openArtifacts, personalColumnsOf } from '../lib/privacy.ts';
import { canTrain, model } from '../lib/setting.ts';

/** People who ask to be forgotten. */
const erasedRows = 50;
const seed = 1;
const erased: TableRef = { derive: 'sample', from: { table: 'train' }, rows: erasedRows, seed };
const kept: TableRef = { derive: 'rest', from: { table: 'train' }, rows: erasedRows, seed };
/** Rebuilt from what is left, twice what the pipeline makes: the model and its answers. */
const rebuilt: PredictRequest = {
  hook: 'predict',
  model: { hook: 'train', data: kept, seed, replicate: 0 },
  input: { derive: 'sample', from: { table: 'eval' }, rows: 500, seed },
};
/** The same answers of the model that knows everybody. */
const before: PredictRequest = { ...rebuilt, model };
const features: FeaturesRequest = { hook: 'features', input: kept };

export default defineCheck({
  title: 'The data pipeline has appropriate privacy controls',
  why: 'Who asks to be forgotten must be gone from everything that was made of their data, and what nobody needs should not be there at all.',
  fix: 'Rebuild everything from the rows that are left: no store of rows beside the code, no ids in the model, no personal data among the features.',
  about: {
    does: 'Erases some people from the training rows, makes everything again, and searches the model, predictions and features for their ids and for personal data.',
    asks: asks(...trained, 'featuresHook?'),
    thresholds: [
      { what: 'erased ids found, and columns with personal data', value: 0, source: sources.paper },
      { what: 'people erased', value: erasedRows, source: sources.ours },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks', 'files'],
  plan: (manifest) =>
    canTrain(manifest)
      ? [{ request: rebuilt }, { request: before }, ...(manifest.hooks.features === undefined ? [] : [{ request: features }])]
      : [],
  async run({ tables, hooks, files, ...world }) {
    const both = await bothTablesOr({ ...world, tables, hooks }, 'there is nobody who could be erased');
    if (isVerdict(both)) return both;
    const { manifest, train, evaluation } = both;
    const { id } = manifest.columns;
    const [gone, left] = [await tables.open(erased), await tables.open(kept)];
    if (!gone || !left || left.rows === 0 || !gone.columns.some((column) => column.name === id))
      return skipped(
        `inconclusive: data.train has ${train.rows} rows with the id column ${id}; more than ${erasedRows} are needed`,
        {
          nextStep: 'Give the training rows an id, so that one person can be erased.',
          manifestLine: 'columns: { id: id }',
        },
      );
    const ids = await onlyIn(tables, gone.name, left.name, id);
    if (ids.length === 0)
      return skipped(`inconclusive: no id of ${erasedRows} erased rows is of its own (at least 5 characters, in no other id)`, {
        nextStep: 'Use ids that can be told from other numbers.',
      });
    const findings: Finding[] = [];
    const items: Record<string, string | number | null>[] = [];
    /** Why it cannot be told that nothing is left. */
    const open: string[] = [];
    const predictions = await hooks.predict(rebuilt);
    const outputs: (readonly [string, Awaited<ReturnType<typeof hooks.train>>])[] = [
      ['the model', await hooks.train({ hook: 'train', data: kept, seed, replicate: 0 })],
      ['the predictions', predictions],
    ];
    const computed = hooks.has('features') ? await hooks.features(features) : null;
    if (computed) outputs.push(['the feature table', computed]);
    for (const [what, output] of outputs) {
      const { found, closed } = await hooks.textsIn(output, ids);
      items.push({ searched: what, erased_ids: ids.length, found: found.length, not_searched: closed.join(', ') || null });
      if (closed.length > 0) open.push(`${what} is packed in a way that cannot be searched (${closed.slice(0, 3).join(', ')})`);
      if (found.length > 0)
        findings.push({
          message: `${what} still holds ${found.length} of ${ids.length} erased ids (${found.slice(0, 3).join(', ')}) after it was made again without them`,
        });
    }
    const { rows, differing } = await difference(tables, predictions, await hooks.predict(before));
    if (differing === 0)
      open.push(`without these rows the model answers ${rows} of ${rows} rows as it did with them: does training read {data}?`);
    const scanned = [
      [
        'the features',
        { name: train.name, columns: train.columns.filter(({ name }) => featuresOf(manifest, train).includes(name)) },
      ],
      ['the predictions', { name: predictions.table, columns: [{ name: 'id', type: 'VARCHAR' }] }],
      ...(computed ? ([['the feature table', { name: computed.table, columns: computed.columns }]] as const) : []),
    ] as const;
    for (const [what, table] of scanned) {
      const found = await personalColumnsOf(tables, table);
      items.push({ searched: what, personal_columns: found.map((each) => `${each.column}: ${each.what}`).join(', ') || null });
      for (const { column, what: kind, values } of found)
        findings.push({ message: `${what}: the column ${column} holds ${kind} (${values} of the first rows)` });
    }
    findings.push(...(await openArtifacts(files)));
    const evidence = {
      explanation: `${gone.rows} of ${train.rows} training rows were erased and everything was made again: ${findings.length === 0 ? `none of their ${ids.length} ids is in ${outputs.map(([what]) => what).join(', ')}, and no personal data was seen` : `${findings.length} findings`}. Artifacts are judged by .gitlab-ci.yml alone; who may read the raw tables is not judged.`,
      value: findings.length,
      threshold: 0,
      unit: 'findings',
      n: ids.length,
      items,
      inputs: inputsOf(train, evaluation),
      seed,
      nextStep: hooks.has('features')
        ? 'Do the same with the stores upstream of data.train.'
        : 'Add the features hook, so that its output is searched too.',
    };
    return findings.length === 0 && open.length > 0
      ? skipped(`inconclusive: ${open.join('; ')}`, {
          nextStep: 'Train on the rows of {data} alone, and write the model plain, or packed with gzip or zip.',
          evidence,
        })
      : judge(findings, evidence);
  },
});
