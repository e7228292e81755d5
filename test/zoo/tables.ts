/** People who owe money, made up: who pays late follows a rule that is known, so that every fault in the data is one that we put there. */
import { fitLinearModel, predictLinearModel } from '../../src/stats/linear-model.ts';
import { randomOf } from '../../src/stats/random.ts';
import type { Row } from '../support/probes.ts';

export interface Person {
  /** Dollars owed. */
  readonly amount: number;
  /** Since the last letter; far from 60, either way, is bad. */
  readonly days: number;
  readonly state: string;
  /** A slice. */
  readonly channel: string;
  /** Protected. */
  readonly sex: string;
  /** Denied. */
  readonly postcode: number;
  /** Means nothing. */
  readonly batch: number | null;
}

export const tableNames = ['train', 'eval', 'requests', 'serving', 'outcomes', 'experiments'] as const;
export type Tables = Readonly<Record<(typeof tableNames)[number], readonly Row[]>>;

/** Log odds of paying late. */
export type Truth = (person: Person) => number;

const scaled = (amount: number): number => (amount - 100) / 10;
export const bend = (days: number): number => ((days - 60) / 15) ** 2;

export const truth: Truth = ({ amount, days, state }) =>
  1.6 * scaled(amount) + 1.4 * (bend(days) - 1) + (state === 'nsw' ? 0.9 : state === 'vic' ? -0.9 : 0);

const chance = (margin: number): number => 1 / (1 + Math.exp(-margin));

const periods = { train: [2100, 0, 180], eval: [1500, 180, 225], serving: [1200, 225, 255] } as const;
const start = Date.UTC(2026, 0, 1);
const day = 86_400_000;

/** Versions that served, and one made worse on purpose: offline and online agree. */
const experiments: readonly Row[] = [
  ['1.0.0', 0.871, 0.412, 'false'],
  ['0.9.0', 0.862, 0.409, 'false'],
  ['0.8.0', 0.851, 0.397, 'false'],
  ['0.7.0', 0.829, 0.391, 'false'],
  ['0.6.0', 0.804, 0.366, 'false'],
  ['0.6.0-worse', 0.633, 0.241, 'true'],
].map(([version = '', offline = '', online = '', degraded = '']) => ({ version, offline, online, degraded }));

/** A row before anybody was asked about it, with what became of it. */
export interface Case {
  readonly row: Person & { readonly id: string; readonly asked_at: string };
  readonly late: 0 | 1;
}
export type PeriodName = keyof typeof periods;
/** A change to what happens in a period: to the rows, or to what becomes of them. */
export type Change = (one: Case, period: PeriodName) => Case;

export interface Happening {
  readonly truth?: Truth;
  readonly change?: Change;
}

const terms = ({ amount, days, state }: Person): readonly number[] => [
  ...[1, scaled(amount), (days - 60) / 15, bend(days)],
  ...[Number(state === 'nsw'), Number(state === 'vic')],
];

function casesOf(period: PeriodName, { truth: rule = truth, change = (one) => one }: Happening): readonly Case[] {
  const [rows, from, to] = periods[period];
  const random = randomOf({ train: 11, eval: 12, serving: 13 }[period]);
  return Array.from({ length: rows }, (_, i) => {
    const person: Person = {
      amount: Number((100 + 10 * random.normal()).toFixed(2)),
      days: Math.max(0, Math.round(60 + 15 * random.normal())),
      state: ['act', 'nsw', 'vic'][random.below(3)] ?? 'act',
      channel: ['web', 'phone', 'paper'][random.below(3)] ?? 'web',
      sex: ['f', 'm'][random.below(2)] ?? 'f',
      postcode: 2000 + random.below(900),
      batch: Number(random.normal().toFixed(4)),
    };
    const at = new Date(start + day * (from + ((to - from) * i) / rows)).toISOString().slice(0, 19);
    const late = random.uniform() < chance(rule(person)) ? 1 : 0;
    return change({ row: { id: `${period}-${10_000 + i}`, asked_at: at, ...person }, late }, period);
  });
}

/** A uniform number that belongs to a row, the same in every table. */
export const luckOf = ({ row: { id } }: Pick<Case, 'row'>): number => {
  const random = randomOf(Number(id.slice(id.indexOf('-') + 1)));
  random.uniform();
  return random.uniform();
};

/** A coin instead of what became of it. */
export const tossed = (one: Case): Case => ({ ...one, late: luckOf(one) < 0.5 ? 1 : 0 });

/** All tables of a model repo; later tables are later in time. Requests were answered by a model like that of the repo. */
export function tablesOf(happening: Happening = {}): Tables {
  const [train, evaluation, served] = (['train', 'eval', 'serving'] as const).map((name) => casesOf(name, happening));
  if (!train || !evaluation || !served) throw new Error('three periods');
  const fitted = fitLinearModel(
    Float64Array.from(train.flatMap(({ row }) => terms(row))),
    Float64Array.from(train, ({ late }) => late),
    6,
    'logistic',
  );
  const scores = predictLinearModel(Float64Array.from(served.flatMap(({ row }) => terms(row))), fitted, 'logistic');
  const labelled = (cases: readonly Case[]): readonly Row[] => cases.map(({ row, late }) => ({ ...row, late }));
  return {
    train: labelled(train),
    eval: labelled(evaluation),
    requests: served.map(({ row }) => ({ ...row })),
    serving: served.map(({ row }, i) => ({
      ...row,
      model_version: '1.0.0',
      amount_scaled: scaled(row.amount),
      days_bend: bend(row.days),
      score: scores[i] ?? null,
    })),
    outcomes: served.map(({ row, late }) => ({ id: row.id, late })),
    experiments,
  };
}
