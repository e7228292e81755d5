import { defineCheck, fail, notApplicable, pass, skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { World } from '../../../src/kernel/world.ts';
import { groupCounts } from '../../../src/stats/fairness/groups.ts';
import { asks, labelled, lines, sources } from '../lib/asks.ts';
import { byIdPlan } from '../lib/by-id.ts';
import { undecided } from '../lib/decisions.ts';
import { groupItem, isDefinedIn, type Pair, pairItem, pairsOf, pairWords, worstOf } from '../lib/fairness.ts';
import { featuresOf, inputsOf, isVerdict, lacks, rounded, rubric } from '../lib/manifest.ts';
import { proxiesOf, proxyWords } from '../lib/proxies.ts';
import { rowsWords, type Scored, scoredOf } from '../lib/scored.ts';
import { canPredict, onEvaluation, type Setting, settingOf } from '../lib/setting.ts';
import { groupSql } from '../lib/slices.ts';

/** A group with fewer scored rows is reported and not judged: no rate of it is known. */
const groupRows = 30;
/** Such groups hold up the verdict when together they have more than this share of the rows. */
const negligibleShare = 0.01;
const mostGroups = 50;

/** The groups of a protected column, those that can be judged and those that are left out: too small, or too many. */
async function groupsOf(tables: World['tables'], { manifest, evaluation }: Setting, scored: Scored, column: string) {
  const groups = await groupCounts(
    tables,
    `(SELECT ${await groupSql(tables, evaluation, column)} AS grp, r.y, r.score FROM ${scored.relation} r JOIN ${evaluation.name} e USING (__row))`,
    manifest.decision.threshold,
  );
  const large = groups.filter((group) => group.n >= groupRows).sort((a, b) => b.n - a.n);
  return {
    judged: large.slice(0, mostGroups),
    left: [...large.slice(mostGroups), ...groups.filter((group) => group.n < groupRows)],
  };
}

/** Why a model without protected columns, or with another task, has nothing to compare. */
function unfit({ task, manifest, evaluation }: Setting): Verdict | null {
  if (task !== 'binary') return notApplicable(`group fairness is about a yes or a no, and the task is ${manifest.task}`);
  const { protected: columns } = manifest.columns;
  if (columns.length === 0) return lacks('which attributes are protected', lines.protected);
  if (manifest.fairness.criterion === undefined) return lacks('which criterion of fairness must hold', lines.criterion);
  const missing = columns.filter((name) => !evaluation.columns.some((column) => column.name === name));
  return missing.length === 0
    ? null
    : skipped(`data.eval has no column ${missing.join(', ')}, which columns.protected names`, {
        nextStep: 'Keep the protected columns in the evaluation rows; they need not be features.',
      });
}

export default defineCheck({
  title: 'The model has been tested for considerations of inclusion',
  why: 'A model can be good for most people and unfair to some; nobody sees it in an average.',
  fix: 'Look at the groups named: their training rows, the features that stand for the attribute, the threshold. Change the criterion only with its owner.',
  about: {
    does: 'Compares the groups of every protected attribute by the criterion that the owner asserts; parity, equalised odds and calibration are all reported.',
    asks: asks(...labelled, 'protected', 'criterion'),
    thresholds: [
      { what: 'smallest ratio between two groups', setting: 'fairness.min_ratio', source: sources.fourFifths },
      { what: 'largest difference between two groups', setting: 'fairness.max_difference', source: sources.convention },
      { what: 'rows from which a group is judged', value: groupRows, source: sources.ours },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks'],
  plan: (manifest) =>
    canPredict(manifest) && manifest.columns.protected.length > 0 && manifest.fairness.criterion !== undefined
      ? [{ request: onEvaluation }, ...byIdPlan(manifest)]
      : [],
  async run(world) {
    const { tables, hooks } = world;
    const setting = await settingOf(world);
    if (isVerdict(setting)) return setting;
    const { manifest, evaluation } = setting;
    const wrong = unfit(setting);
    if (wrong) return wrong;
    const { criterion, min_ratio: minRatio, max_difference: maxDifference } = manifest.fairness;
    const { protected: columns } = manifest.columns;
    const scored = await scoredOf(world, setting, evaluation, await hooks.predict(onEvaluation));
    if (isVerdict(scored)) return scored;
    const same = await undecided(tables, setting, scored);
    if (same) return same;
    const pairs: Pair[] = [];
    const rates: ReturnType<typeof groupItem>[] = [];
    const alone: string[] = [];
    const small: string[] = [];
    /** Why not everybody was compared. */
    const open: string[] = [];
    for (const column of columns) {
      const groups = await groupsOf(tables, setting, scored, column);
      pairs.push(...pairsOf(column, groups.judged, { minRatio, maxDifference }));
      rates.push(...groups.judged.map((group) => groupItem(column, group)));
      small.push(...groups.left.map(({ group, n }) => `${column} = ${group} (${n} rows)`));
      const leftRows = groups.left.reduce((sum, { n }) => sum + n, 0);
      if (leftRows > negligibleShare * scored.rows)
        open.push(`${leftRows} rows of ${column} are in groups that cannot be judged`);
      const mute = groups.judged.filter((group) => !isDefinedIn(criterion, group)).map(({ group }) => group);
      if (mute.length > 0) open.push(`${column} = ${mute.join(', ')} has no row to compare on`);
      if (groups.judged.length < 2) alone.push(column);
    }
    const asserted = pairs.filter((pair) => pair.criterion === criterion);
    const worst = worstOf(asserted);
    const proxies = await proxiesOf(tables, evaluation, featuresOf(manifest, evaluation), columns);
    const evidence = {
      explanation: `${criterion?.replaceAll('_', ' ')} over ${columns.join(', ')} in ${rowsWords(scored)}: ${asserted.filter((pair) => pair.verdict === 'holds').length} of ${asserted.length} comparisons of groups hold.${small.length > 0 ? ` Not judged: ${small.slice(0, 5).join(', ')}.` : ''}${proxies.length > 0 ? ` Features that tell the attribute: ${proxyWords(proxies)}.` : ''}`,
      ...(worst && { value: rounded(worst.comparison.value), threshold: worst.bound, unit: worst.kind }),
      ...(worst && { interval: { lower: rounded(worst.comparison.lower), upper: rounded(worst.comparison.upper), level: 0.9 } }),
      n: scored.rows,
      items: [
        ...[...pairs]
          .sort((a, b) => Number(b.criterion === criterion) - Number(a.criterion === criterion))
          .slice(0, 200)
          .map(pairItem),
        ...rates.slice(0, 100),
      ],
      inputs: inputsOf(evaluation),
      nextStep:
        proxies.length > 0
          ? `Try the model without ${proxies[0]?.feature}: it tells ${proxies[0]?.column}.`
          : 'Talk the criterion over with the people concerned, and write down why it is this one.',
    };
    const broken = asserted.filter((pair) => pair.verdict === 'broken');
    if (broken.length > 0)
      return fail(
        broken.map((pair) => ({ message: pairWords(pair) })),
        evidence,
      );
    if (alone.length > 0)
      return skipped(`inconclusive: ${alone.join(', ')} has fewer than two groups of ${groupRows} rows in the evaluation rows`, {
        nextStep: 'Hold out rows of every group.',
        evidence,
      });
    const unclear = asserted.filter((pair) => pair.verdict === 'inconclusive');
    if (unclear.length > 0) open.push(`too few rows to tell; ${unclear.slice(0, 3).map(pairWords).join('; ')}`);
    return open.length === 0 && asserted.length > 0
      ? pass(evidence)
      : skipped(`inconclusive: ${open.join('; ')}`, { nextStep: 'Hold out more rows of these groups.', evidence });
  },
});
