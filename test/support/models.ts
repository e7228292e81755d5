/** People who hand in late, made up: two numbers (one with a bend in its effect), a state, noise; and models of them. */
import { fitLinearModel, predictLinearModel } from '../../src/stats/linear-model.ts';
import { randomOf } from '../../src/stats/random.ts';
import type { Model, Row, TextRow } from './probes.ts';

const states = ['act', 'nsw', 'vic'] as const;

export interface DataOptions {
  readonly rows?: number;
  readonly seed?: number;
  /** Share of rows of state vic whose label is a coin toss. */
  readonly tossed?: number;
  /** Adds a column without any effect. */
  readonly hasNoise?: boolean;
}

export function peopleOf({ rows = 2000, seed = 1, tossed = 0, hasNoise = false }: DataOptions = {}): readonly Row[] {
  const random = randomOf(seed);
  return Array.from({ length: rows }, (_, i) => {
    const [amount, bend, noise] = [random.normal(), random.normal(), random.normal()];
    const state = states[random.below(3)] ?? 'act';
    const z = 1.6 * amount + 2 * (bend * bend - 1) + (state === 'nsw' ? 0.9 : state === 'vic' ? -0.9 : 0);
    const isTossed = state === 'vic' && random.uniform() < tossed;
    const y = random.uniform() < (isTossed ? 0.5 : 1 / (1 + Math.exp(-z))) ? 1 : 0;
    const row = { id: `r${seed}-${i}`, amount: Number((100 + 10 * amount).toFixed(4)), bend: Number(bend.toFixed(6)), state };
    return hasNoise ? { ...row, noise: Number(noise.toFixed(6)), y } : { ...row, y };
  });
}

/** What the fitted models know of a row; features that are absent count as nothing. */
const terms = ({ amount = '', bend = '', state = '', noise = '' }: TextRow): number[] => [
  1,
  amount === '' ? 0 : (Number(amount) - 100) / 10,
  Number(bend),
  Number(bend) ** 2,
  state === 'nsw' ? 1 : 0,
  state === 'vic' ? 1 : 0,
  Number(noise),
];

const fitted = (rows: readonly TextRow[]): Float64Array => {
  const x = rows.map(terms);
  return fitLinearModel(
    Float64Array.from(x.flat()),
    Float64Array.from(rows, (row) => Number(row.y)),
    7,
    'logistic',
  );
};

const scoresOf = (model: unknown, rows: readonly TextRow[]): Float64Array =>
  predictLinearModel(
    Float64Array.from(rows.flatMap(terms)),
    model instanceof Float64Array ? model : new Float64Array(7),
    'logistic',
  );

/** Learns the bend, honours the seed. */
export const good: Model = {
  train: fitted,
  predict: (model, rows) => rows.map((row, i) => ({ id: row.id ?? '', score: scoresOf(model, [row])[0] ?? i })),
};

/** `good` with its answers changed. */
export const answering = (change: (rows: readonly Row[]) => readonly Row[]): Model => ({
  train: good.train,
  predict: (model, rows) => change(good.predict(model, rows)),
});

/** Everyone gets the same score. */
export const constant: Model = answering((rows) => rows.map((row) => ({ ...row, score: 0.3 })));

/** Each training ends somewhere else, whatever the seed. */
export const unseeded: Model = {
  ...good,
  train: (rows, _seed, replicate) => fitted(rows).map((beta) => beta + 0.01 * (replicate + 1)),
};

/** The seed decides, as it should: another seed gives another model. */
export const seeded: Model = { ...good, train: (rows, seed) => fitted(rows).map((beta) => beta + 0.01 * seed) };
