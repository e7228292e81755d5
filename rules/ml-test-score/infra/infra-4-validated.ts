import { defineCheck, type Finding, judge, skipped } from '../../../src/kernel/check.ts';
import type { ModelRequest, PredictRequest } from '../../../src/kernel/hooks.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import { bootstrap, once } from '../../../src/stats/bootstrap.ts';
import { asks, labelled, lines, sources } from '../lib/asks.ts';
import { byIdPlan } from '../lib/by-id.ts';
import { cell, inputsOf, isVerdict, lacks, rounded, rubric } from '../lib/manifest.ts';
import { rowsWords, scoredOf, tooFew } from '../lib/scored.ts';
import { canPredict, canTrain, onEvaluation, type Setting, settingOf } from '../lib/setting.ts';
import { within } from '../lib/within.ts';

const seed = 1;
const comparedRows = 20_000;

/** The model in production, where the manifest names it; else what the release before this commit trains. */
const productionOf = ({ quality, mlflow }: ResolvedManifest): ModelRequest =>
  quality.production !== undefined || mlflow?.registeredModel !== undefined
    ? { hook: 'given', which: 'production' }
    : { hook: 'train', data: { table: 'train' }, seed: 1, replicate: 0, release: 'previous' };

const inProduction = (manifest: ResolvedManifest): PredictRequest => ({
  hook: 'predict',
  model: productionOf(manifest),
  input: { table: 'eval' },
});

/** What the candidate must reach, in words. */
const boundWords = ({ metric, manifest }: Setting): string =>
  `${metric.isGreaterBetter ? 'at least' : 'at most'} ${manifest.quality.min}`;

export default defineCheck({
  title: 'Model quality is validated before attempting to serve it',
  why: 'A model that is worse than the one it replaces harms people from its first minute; two bounds catch both the sudden and the slow fall.',
  fix: 'Find out what made the model worse: rows, features, hyperparameters; release it only when it is as good as the one in production.',
  about: {
    does: 'Judges the model of this commit by an absolute bound, and by a paired bootstrap against the model in production or of the release before.',
    asks: asks(...labelled, 'quality', 'production?', 'registeredModel?'),
    thresholds: [
      { what: 'largest drop against the model in production', setting: 'quality.max_drop', source: sources.paperDrop },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks', 'git'],
  plan: (manifest) =>
    canPredict(manifest) && manifest.quality.min !== undefined
      ? [
          { request: onEvaluation },
          ...byIdPlan(manifest),
          ...(canTrain(manifest) || productionOf(manifest).hook === 'given'
            ? [{ request: inProduction(manifest), sometimes: 'when there is a model or a release before' }]
            : []),
        ]
      : [],
  async run({ git, ...world }) {
    const { tables, hooks } = world;
    const setting = await settingOf(world);
    if (isVerdict(setting)) return setting;
    const { manifest, metric, evaluation } = setting;
    const { min, max_drop: maxDrop } = manifest.quality;
    if (min === undefined) return lacks('which quality is good enough', `quality: { metric: ${metric.name}, min: 0.75 }`);
    const answers = await hooks.predict(onEvaluation);
    const candidate = await scoredOf(world, setting, evaluation, answers);
    if (isVerdict(candidate)) return candidate;
    const few = tooFew(candidate);
    if (few) return few;
    const request = inProduction(manifest);
    if (request.model.hook === 'train' && (!hooks.has('train') || (await git.previousRelease()) === null))
      return skipped('there is no model in production and no release before this commit to compare with', {
        nextStep: 'Tag a release, or name the model in production.',
        manifestLine: lines.production,
      });
    const known = await hooks.predict(request);
    const production = await scoredOf(world, setting, evaluation, known);
    if (isVerdict(production)) return production;
    const rows = await tables.query<{ y: number; a: number; b: number }>(
      `SELECT a.y AS y, a.score AS a, b.score AS b FROM ${candidate.relation} a JOIN ${production.relation} b USING (__row) WHERE ${within(comparedRows, candidate.rows)} ORDER BY __row`,
    );
    const y = Float64Array.from(rows, (row) => row.y);
    const [ours, theirs] = [rows.map((row) => row.a), rows.map((row) => row.b)].map((scores) =>
      metric.weighted(y, Float64Array.from(scores)),
    );
    if (!ours || !theirs) throw new Error('two sets of scores');
    const value = once(ours, y.length);
    const before = once(theirs, y.length);
    const sign = metric.isGreaterBetter ? 1 : -1;
    // An error has no natural scale: its rise is a share of what it was.
    const scale = metric.isGreaterBetter ? 1 : Math.max(Math.abs(before), Number.MIN_VALUE);
    const drop = bootstrap((weights) => (sign * (theirs(weights) - ours(weights))) / scale, y.length, { seed, replicates: 500 });
    const source = request.model.hook === 'given' ? 'the model in production' : 'the model of the release before';
    const evidence = {
      explanation: `${metric.name} ${cell(value)} on ${rowsWords(candidate)}, ${cell(before)} of ${source}: ${boundWords(setting)} is wanted, and a drop of at most ${maxDrop}.`,
      value: rounded(value),
      threshold: min,
      unit: metric.name,
      n: y.length,
      ...(drop && { interval: { lower: rounded(drop.lower), upper: rounded(drop.upper), level: drop.level } }),
      items: [
        { model: 'this commit', [metric.name]: cell(value), drop: null, at_least: null, at_most: null },
        {
          model: source,
          [metric.name]: cell(before),
          drop: cell((sign * (before - value)) / scale),
          at_least: cell(drop?.lower ?? null),
          at_most: cell(drop?.upper ?? null),
        },
      ],
      inputs: inputsOf(evaluation),
      seed,
      nextStep:
        request.model.hook === 'given'
          ? 'Compare on the newest labelled rows.'
          : 'Name the model in production: quality: { production: ... } or mlflow.',
    };
    const findings: Finding[] = [];
    if (sign * (value - min) < 0)
      findings.push({ message: `${metric.name} is ${cell(value)}, wanted is ${boundWords(setting)}` });
    if (drop && drop.lower > maxDrop)
      findings.push({
        message: `${metric.name} falls by ${cell((sign * (before - value)) / scale)} (${cell(drop.lower)} to ${cell(drop.upper)}) against ${source}; at most ${maxDrop} is allowed`,
      });
    if (findings.length > 0) return judge(findings, evidence);
    // A release before that nothing has changed since is another matter: what it trains is as good as itself.
    if (request.model.hook === 'given' && answers.key === known.key)
      return skipped('inconclusive: the model that hooks.predict names is itself the one in production', {
        nextStep: 'Give the candidate an alias of its own and name that.',
        manifestLine: 'hooks: { predict: "mlflow:models/NAME@candidate" }',
        evidence,
      });
    return drop !== null && drop.upper <= maxDrop
      ? judge([], evidence)
      : skipped(`inconclusive: the drop against ${source} may be ${cell(drop?.upper ?? null)}, and ${maxDrop} is allowed`, {
          nextStep: 'Hold out more rows under data.eval, or raise quality.max_drop if that much is acceptable.',
          evidence,
        });
  },
});
