/** A small search through the hooks: train with one hyperparameter changed, validate on rows of the training table. */
import { type Evidence, type Finding, skipped, type Verdict } from '../../../src/kernel/check.ts';
import type { Predictions, PredictRequest, TableRef } from '../../../src/kernel/hooks.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import type { World } from '../../../src/kernel/world.ts';
import { bootstrap, once } from '../../../src/stats/bootstrap.ts';
import type { Metric } from '../../../src/stats/metrics/metric.ts';
import type { Query } from '../../../src/stats/query.ts';
import { faultWords, isHookFault } from './hook-faults.ts';
import { cell, isVerdict, rounded } from './manifest.ts';
import { notFiniteVerdict, type Scored, scoredOf, tooFew } from './scored.ts';
import { type Candidate, isValue, type Search } from './search-space.ts';
import type { Setting } from './setting.ts';
import { within } from './within.ts';

/** Share of the training rows that validate: drawn, or the last of the time where rows have one. Never the evaluation table. */
const held = 0.25;
const seed = 1;
const replicates = 500;
const sampleRows = 20_000;

/** What the models of the search learn from and are judged on. */
function tablesOf({ columns: { time } }: ResolvedManifest): { readonly learn: TableRef; readonly judge: TableRef } {
  const from: TableRef = { table: 'train' };
  return time === undefined
    ? { learn: { derive: 'rest', from, rows: held, seed }, judge: { derive: 'sample', from, rows: held, seed } }
    : {
        learn: { derive: 'window', from, column: time, start: 0, end: 1 - held },
        judge: { derive: 'window', from, column: time, start: 1 - held, end: 1 },
      };
}

function requestOf(manifest: ResolvedManifest, candidate: Candidate | null): PredictRequest {
  const { learn, judge } = tablesOf(manifest);
  const params = candidate && { params: { [candidate.name]: candidate.value } };
  return { hook: 'predict', model: { hook: 'train', data: learn, seed, replicate: 0, ...params }, input: judge };
}

/** The chosen values first, then each candidate. */
export const searchRequests = (manifest: ResolvedManifest, { candidates }: Search): readonly PredictRequest[] =>
  [null, ...candidates].map((candidate) => requestOf(manifest, candidate));

/** Standard error of the metric over resampled rows; null where it is not defined. */
export async function standardErrorOf(tables: Query, metric: Metric, scored: Scored): Promise<number | null> {
  const rows = await tables.query<{ y: number; score: number }>(
    `SELECT y, score FROM ${scored.relation} WHERE ${within(sampleRows, scored.rows)} ORDER BY __row`,
  );
  const of = metric.weighted(
    Float64Array.from(rows, (row) => row.y),
    Float64Array.from(rows, (row) => row.score),
  );
  return bootstrap(of, rows.length, { seed, replicates })?.standardError ?? null;
}

interface Outcome {
  readonly candidate: Candidate | null;
  readonly scored: Scored | null;
  /** Every answer is that of the chosen values. */
  readonly isSame: boolean;
  readonly problem: string | null;
}

async function isEqual(tables: Query, a: Predictions, b: Predictions): Promise<boolean> {
  const [row] = await tables.query<{ n: number }>(
    `SELECT count(*) AS n FROM (SELECT * FROM ${a.table} EXCEPT SELECT * FROM ${b.table})`,
  );
  return row?.n === 0;
}

async function tryCandidate(
  { tables, hooks }: Pick<World, 'tables' | 'hooks'>,
  setting: Setting,
  base: Predictions,
  candidate: Candidate,
): Promise<Outcome> {
  const request = requestOf(setting.manifest, candidate);
  const input = await tables.open(request.input);
  if (!input) return { candidate, scored: null, isSame: false, problem: 'there are no rows' };
  try {
    const predictions = await hooks.predict(request);
    const scored = await scoredOf({ tables, hooks }, setting, input, predictions);
    if (isVerdict(scored))
      return {
        candidate,
        scored: null,
        isSame: false,
        problem: predictions.notFinite > 0 ? 'predictions are NaN or infinite' : 'no row was answered',
      };
    return { candidate, scored, isSame: await isEqual(tables, base, predictions), problem: null };
  } catch (error) {
    if (!isHookFault(error)) throw error;
    return { candidate, scored: null, isSame: false, problem: faultWords(error) };
  }
}

/** The metric of each outcome on the rows that all of them answered, and the standard error of the best. */
async function valuesOf(tables: Query, metric: Metric, outcomes: readonly Outcome[]) {
  const usable = outcomes.filter((one): one is Outcome & { scored: Scored } => one.scored !== null);
  const names = usable.map((_, i) => `s${i}`);
  const joins = usable.slice(1).map(({ scored }, i) => `JOIN ${scored.relation} ${names[i + 1]} USING (__row)`);
  const rows = await tables.query<Record<string, number>>(
    `SELECT s0.y AS y, ${names.map((name) => `${name}.score AS ${name}`).join(', ')} FROM ${usable[0]?.scored.relation} s0 ${joins.join(' ')}
     WHERE ${within(sampleRows, usable[0]?.scored.rows ?? 0)} ORDER BY __row`,
  );
  const y = Float64Array.from(rows, (row) => row.y ?? Number.NaN);
  const weighted = names.map((name) =>
    metric.weighted(
      y,
      Float64Array.from(rows, (row) => row[name] ?? Number.NaN),
    ),
  );
  const values = new Map(usable.map((one, i) => [one as Outcome, weighted[i] ? once(weighted[i], y.length) : Number.NaN]));
  const sign = metric.isGreaterBetter ? 1 : -1;
  const best = [...values.values()].reduce((top, value, i, all) => (sign * (value - (all[top] ?? Number.NaN)) > 0 ? i : top), 0);
  const interval = weighted[best] ? bootstrap(weighted[best], y.length, { seed, replicates }) : null;
  return { n: y.length, values, best: [...values.values()][best] ?? Number.NaN, standardError: interval?.standardError ?? null };
}

/** Values of a hyperparameter as text: `60` is no measurement that needs decimals. */
const cellOf = (value: unknown): string => (isValue(value) ? String(value) : JSON.stringify(value ?? null));

/** What the trainings showed. */
function findingsOf(
  outcomes: readonly Outcome[],
  names: readonly string[],
  { name: metric, isGreaterBetter }: Metric,
  shown: { readonly chosen: number; readonly standardError: number; readonly values: ReadonlyMap<Outcome, number> },
): readonly Finding[] {
  const answered = outcomes.filter((one) => one.problem === null);
  if (answered.length > 0 && answered.every((one) => one.isSame))
    return [
      {
        message: `training ignores {params}: ${answered.length} trainings with other values gave the same answers`,
        fix: 'Read the JSON file that arrives as {params} and use its values.',
      },
    ];
  const findings: Finding[] = outcomes.flatMap(({ candidate, problem }) =>
    problem === null || !candidate
      ? []
      : [
          {
            message: `with ${candidate.name} ${candidate.value} ${problem}`,
            fix: 'Keep values that training cannot use out of the range.',
          },
        ],
  );
  for (const name of names) {
    const own = answered.filter(({ candidate }) => candidate?.name === name);
    if (own.length > 0 && own.every((one) => one.isSame))
      findings.push({
        message: `${name} changes no answer: training does not read it, or it does nothing in its range`,
        fix: 'Use it, widen its range, or say under policy.search_space why it is fixed.',
      });
    for (const one of own) {
      const value = shown.values.get(one) ?? Number.NaN;
      if ((isGreaterBetter ? 1 : -1) * (value - shown.chosen) > shown.standardError)
        findings.push({
          message: `${name} ${one.candidate?.value} gives ${metric} ${cell(value)}, more than one standard error better than the chosen values with ${cell(shown.chosen)}`,
          fix: `Search around ${name} ${one.candidate?.value} and choose again.`,
        });
    }
  }
  return findings;
}

const counted = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

/** Runs the search and judges it by the one-standard-error rule (Breiman, Friedman, Olshen, Stone 1984). */
export async function judgeSearch(
  world: Pick<World, 'tables' | 'hooks'>,
  setting: Setting,
  search: Search,
): Promise<{ readonly findings: readonly Finding[]; readonly evidence: Evidence } | Verdict> {
  const { manifest, metric } = setting;
  const { tables, hooks } = world;
  const request = requestOf(manifest, null);
  const input = await tables.open(request.input);
  if (!input || input.rows === 0)
    return skipped('inconclusive: no training row is left to validate on', {
      nextStep: 'Give data.train more rows, with times that can be read.',
    });
  const predictions = await hooks.predict(request);
  const broken = notFiniteVerdict(predictions, input);
  if (broken) return broken;
  const scored = await scoredOf({ tables, hooks }, setting, input, predictions);
  if (isVerdict(scored)) return scored;
  const few = tooFew(scored, 'Give data.train more rows: a quarter of them is held out to judge the search.');
  if (few) return few;
  const own: Outcome = { candidate: null, scored, isSame: true, problem: null };
  const others = await Promise.all(search.candidates.map((candidate) => tryCandidate(world, setting, predictions, candidate)));
  const { n, values, best, standardError } = await valuesOf(tables, metric, [own, ...others]);
  if (standardError === null)
    return skipped(`inconclusive: ${metric.name} is not defined on the rows held out of training`, {
      nextStep: 'Train on rows of every class.',
    });
  const chosen = values.get(own) ?? Number.NaN;
  const gap = Math.max(0, (metric.isGreaterBetter ? 1 : -1) * (best - chosen));
  const findings = [...search.findings, ...findingsOf(others, search.names, metric, { chosen, standardError, values })];
  return {
    findings,
    evidence: {
      explanation: `${counted(search.names.length, 'hyperparameter')} varied one at a time in ${counted(others.length, 'training')}, judged on ${n.toLocaleString('en')} rows held out of data.train: ${metric.name} is ${cell(chosen)} with the chosen values and ${cell(best)} at best; one standard error is ${cell(standardError)}.`,
      value: rounded(gap),
      threshold: rounded(standardError),
      unit: metric.unit,
      n,
      items: [
        { hyperparameter: '(as chosen)', chosen: null, tried: null, [metric.name]: cell(chosen), note: '' },
        ...others.map((one) => ({
          hyperparameter: one.candidate?.name ?? '',
          chosen: cellOf(manifest.hooks.params[one.candidate?.name ?? '']),
          tried: cellOf(one.candidate?.value),
          [metric.name]: cell(values.get(one) ?? null),
          note: one.problem ?? (one.isSame ? 'no answer changed' : ''),
        })),
        ...search.fixed.map(({ name, why }) => ({
          hyperparameter: name,
          chosen: cellOf(manifest.hooks.params[name]),
          tried: null,
          [metric.name]: null,
          note: `fixed: ${why}`,
        })),
      ],
      seed,
      nextStep: 'Search again when features or data change; a search of several values together may find more.',
    },
  };
}
