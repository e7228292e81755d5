import { defineCheck, type Finding, judge, skipped } from '../../../src/kernel/check.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import { asks, lines, sources, trained } from '../lib/asks.ts';
import { byId, byIdPlan, doubtOf, movedById } from '../lib/by-id.ts';
import { cell, featuresOf, inputsOf, isVerdict, lacks, manifestOr, rubric, tableOr } from '../lib/manifest.ts';
import { proxiesOf, proxyWords } from '../lib/proxies.ts';
import { movedBy, rows, scrambled, seed } from '../lib/scramble.ts';
import { canPredict, featuresOfSample, hooksOr } from '../lib/setting.ts';

const mostColumns = 50;

/** Columns that must not, or soon must not, reach the model. */
const refusedOf = ({ policy }: ResolvedManifest): readonly string[] => [...new Set([...policy.deny, ...policy.deprecated])];
const triedOf = (manifest: ResolvedManifest): readonly string[] => refusedOf(manifest).slice(0, mostColumns);

export default defineCheck({
  title: 'Features adhere to meta-level requirements',
  why: 'What law, contract or policy forbids must not reach a model, by any road; a list that nobody executes does not stop it.',
  fix: 'Take the named columns out of the features, and drop them before predict reads the rows.',
  about: {
    does: 'Looks for denied and deprecated columns among the features, and scrambles each of them to see whether a prediction moves.',
    asks: asks('deny', ...trained, 'featuresHook?'),
    thresholds: [
      { what: 'denied columns that are features or move a prediction', value: 0, source: sources.paper },
      { what: 'columns that are tried', value: mostColumns, source: sources.ours },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: (manifest) =>
    !canPredict(manifest)
      ? []
      : [
          ...(triedOf(manifest).length > 0
            ? [
                {
                  request: scrambled(triedOf(manifest)),
                  sometimes: `when the evaluation rows have ${triedOf(manifest).slice(0, 5).join(' or ')}`,
                },
                ...byIdPlan(manifest, 'when scrambling a column moves a prediction, or the id is refused'),
              ]
            : []),
          ...(manifest.hooks.features !== undefined && refusedOf(manifest).length > 0 ? [{ request: featuresOfSample }] : []),
        ],
  async run(world) {
    const { tables, hooks } = world;
    const manifest = manifestOr(world);
    if (isVerdict(manifest)) return manifest;
    const refused = refusedOf(manifest);
    if (refused.length === 0) return lacks('which columns must not reach the model', lines.deny);
    const missing = hooksOr(hooks, manifest);
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
    const untried: string[] = [];
    const unclear: string[] = [];
    const items: Record<string, string | number | boolean | null>[] = [];
    const present = refused.filter((column) => evaluation.columns.some(({ name }) => name === column));
    for (const column of refused) {
      const isFeature = features.has(column);
      const isId = column === manifest.columns.id;
      const isComputed = computed.includes(column) && !isId;
      const isTried = present.includes(column) && triedOf(manifest).includes(column);
      const { moved, changed } = !isTried
        ? { moved: 0, changed: 0 }
        : isId
          ? await movedById(world, { manifest, evaluation })
          : await movedBy(world, manifest, column, triedOf(manifest));
      if (present.includes(column) && changed === 0) untried.push(column);
      const kind = manifest.policy.deny.includes(column) ? 'denied' : 'deprecated';
      items.push({
        column,
        policy: kind,
        among_features: isFeature,
        in_features_hook: isComputed,
        in_rows: present.includes(column),
        predictions_moved: moved,
        of: changed,
      });
      if (isFeature) findings.push({ message: `${column} is ${kind}, and it is a feature (columns.features)` });
      if (isComputed) findings.push({ message: `${column} is ${kind}, and the features hook writes it` });
      const doubt = moved > 0 && !isId ? doubtOf(await byId(world, { manifest, evaluation })) : null;
      if (doubt !== null) unclear.push(`${doubt}: whether it reads ${column} too cannot be told`);
      else if (moved > 0)
        findings.push({
          message: `${column} is ${kind}, and ${isId ? 'another id' : 'scrambling it'} moves ${moved} of ${changed} predictions: the model reads it`,
        });
    }
    const near = await proxiesOf(
      tables,
      evaluation,
      [...features].filter((name) => !refused.includes(name)),
      present,
    );
    const evidence = {
      explanation: `${refused.length} ${refused.length === 1 ? 'column' : 'columns'} must not reach the model: ${findings.length === 0 ? 'none is a feature' : `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`}${present.length > 0 ? `, and what stands in the evaluation rows (${present.slice(0, 5).join(', ')}) was scrambled to see whether a prediction moves` : '; none stands in the evaluation rows, so no prediction can depend on one'}.${near.length > 0 ? ` Features that tell one of them: ${proxyWords(near)}.` : ''}`,
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
    };
    if (findings.length === 0 && unclear[0] !== undefined)
      return skipped(`inconclusive: ${unclear[0]}`, { nextStep: 'Let predict answer a row by its features alone.', evidence });
    return findings.length === 0 && untried.length > 0
      ? skipped(
          `inconclusive: ${untried.slice(0, 5).join(', ')} could not be scrambled: the evaluation rows have one value of it, or more than ${mostColumns} columns are refused`,
          { nextStep: 'Evaluate on rows that differ in these columns.', evidence },
        )
      : judge(findings, evidence);
  },
});
