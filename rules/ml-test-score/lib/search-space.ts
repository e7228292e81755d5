/** Hyperparameters and their ranges: which values are tried around the chosen ones, and what is wrong with the ranges. */
import type { Finding } from '../../../src/kernel/check.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';

export type Value = string | number | boolean;
type Space = NonNullable<ResolvedManifest['policy']['search_space']>;
export type Range = Space[string];

export interface Candidate {
  readonly name: string;
  readonly value: Value;
}

/** A value this near to the end of its range, as a share of it, lies on the end. */
const nearEnd = 0.01;
/** Other categories that are tried. */
const otherValues = 3;
/** Trainings of one search, beside that with the chosen values. */
export const mostCandidates = 12;

export const isValue = (value: unknown): value is Value =>
  typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));

/** Values as text are compared as numbers where both are: MLflow keeps `0.10` as it was logged. */
export const isSame = (a: Value, b: Value): boolean =>
  String(a) === String(b) ||
  (String(a).trim() !== '' && String(b).trim() !== '' && Number.isFinite(Number(a)) && Number(a) === Number(b));

const onScale = ({ scale }: Range, x: number): number => (scale === 'log' ? Math.log(x) : x);
const offScale = ({ scale }: Range, x: number): number => (scale === 'log' ? Math.exp(x) : x);

/** Which end of the range the value lies on; null inside. */
export function endOf(range: Range, value: number): 'low' | 'high' | null {
  const { low, high } = range;
  if (low === undefined || high === undefined) return null;
  const share = (onScale(range, value) - onScale(range, low)) / (onScale(range, high) - onScale(range, low));
  return share <= nearEnd ? 'low' : share >= 1 - nearEnd ? 'high' : null;
}

export const isNatural = ({ natural_end: natural }: Range, end: 'low' | 'high'): boolean => natural === 'both' || natural === end;

/** Part of the way from the chosen value to an end of the range; a whole number where the range and the value are whole. */
function towards(range: Range, chosen: number, end: number, part: number): number | null {
  if (chosen === end) return null;
  const middle = offScale(range, onScale(range, chosen) + part * (onScale(range, end) - onScale(range, chosen)));
  const { low = 0, high = 0 } = range;
  // 0 to 1 is a share, not a choice of two.
  if (![chosen, low, high].every(Number.isInteger) || high - low < 2) return Number(middle.toPrecision(3));
  const whole = Math.round(middle);
  return whole === chosen ? chosen + Math.sign(end - chosen) : whole;
}

/** Values to try instead of the chosen one; empty when the range has no other. */
function alternatives(range: Range, chosen: Value): readonly Value[] {
  if (range.values) return range.values.filter((value) => !isSame(value, chosen)).slice(0, otherValues);
  const { low, high } = range;
  if (typeof chosen !== 'number' || low === undefined || high === undefined) return [];
  const end = endOf(range, chosen);
  // Half way to both ends; from one end, half and a quarter of the way to the other.
  const goals =
    end === 'low'
      ? ([
          [high, 0.25],
          [high, 0.5],
        ] as const)
      : end === 'high'
        ? ([
            [low, 0.25],
            [low, 0.5],
          ] as const)
        : ([
            [low, 0.5],
            [high, 0.5],
          ] as const);
  const found = goals.map(([goal, part]) => towards(range, chosen, goal, part));
  const usable = found.filter((value) => value !== null && value !== chosen && value >= low && value <= high) as number[];
  return [...new Set(usable)];
}

/** What is wrong with a range itself; null when a search can use it. */
function faultOf(name: string, range: Range, chosen: Value): string | null {
  const { low, high, values, scale } = range;
  if (values) return values.some((value) => isSame(value, chosen)) ? null : `${name} is ${chosen}, which is none of its values`;
  if (low === undefined || high === undefined) return `the range of ${name} needs low and high, or values, or fixed`;
  if (low >= high) return `the range of ${name} is empty: low is ${low}, high is ${high}`;
  if (scale === 'log' && low <= 0) return `the range of ${name} cannot be on a log scale: low is ${low}`;
  if (typeof chosen !== 'number') return `${name} is ${JSON.stringify(chosen)}, no number that its range could hold`;
  if (chosen < low || chosen > high) return `${name} is ${chosen}, outside its range of ${low} to ${high}`;
  return null;
}

export interface Search {
  /** Names of what is tuned, in the order of hooks.params. */
  readonly names: readonly string[];
  /** One value changed at a time, at most `mostCandidates`: of every parameter the first, then of every one the second. */
  readonly candidates: readonly Candidate[];
  /** Left alone on purpose, with the reason. */
  readonly fixed: readonly { readonly name: string; readonly why: string }[];
  readonly findings: readonly Finding[];
}

/** The search around `params`. */
export function searchOf(params: Readonly<Record<string, unknown>>, space: Space): Search {
  const findings: Finding[] = [];
  const fixed: { name: string; why: string }[] = [];
  const tried: (readonly Candidate[])[] = [];
  const names: string[] = [];
  for (const name of Object.keys(space))
    if (!Object.hasOwn(params, name))
      findings.push({
        message: `search_space names ${name}, of which hooks.params has no value`,
        fix: 'Name its chosen value under hooks.params.',
      });
  for (const [name, chosen] of Object.entries(params)) {
    const range = Object.hasOwn(space, name) ? space[name] : undefined;
    if (range?.fixed !== undefined) {
      fixed.push({ name, why: range.fixed });
      continue;
    }
    names.push(name);
    if (!range || !isValue(chosen)) {
      findings.push({
        message: `${name} is never varied: it has no range`,
        fix: 'Give it a range, or say why it is not tuned.',
        manifestLine: `policy: { search_space: { ${name}: { low: ..., high: ... } } }`,
      });
      continue;
    }
    const fault = faultOf(name, range, chosen);
    if (fault !== null) {
      findings.push({ message: fault, fix: 'Mend policy.search_space or hooks.params.' });
      continue;
    }
    const end = typeof chosen === 'number' ? endOf(range, chosen) : null;
    if (end !== null && !isNatural(range, end))
      findings.push({
        message: `${name} is ${chosen}, the ${end} end of its range: a better value may lie beyond`,
        fix: `Widen the range and look; where no value can lie beyond, say natural_end: ${end}.`,
      });
    const others = alternatives(range, chosen);
    if (others.length === 0)
      findings.push({
        message: `${name} is never varied: its range holds no other value than ${chosen}`,
        fix: 'Widen its range, or say why it is not tuned (fixed).',
      });
    tried.push(others.map((value) => ({ name, value })));
  }
  const rounds = Math.max(0, ...tried.map((list) => list.length));
  const inTurn = Array.from({ length: rounds }, (_, round) => tried.flatMap((list) => list.slice(round, round + 1))).flat();
  return { names, candidates: inTurn.slice(0, mostCandidates), fixed, findings };
}
