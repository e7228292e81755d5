/** Why the model answers as it does: what changes when a feature of a row is replaced by its typical value. */
import type { Cell } from '../../../src/kernel/check.ts';
import type { Predictions, PredictRequest } from '../../../src/kernel/hooks.ts';
import { quoteName, quoteText } from '../../../src/kernel/sql.ts';
import type { Table } from '../../../src/kernel/world.ts';
import type { Query } from '../../../src/stats/query.ts';
import { cell } from './manifest.ts';
import { model } from './setting.ts';

const rows = 20;
const seed = 1;
export const mostOccluded = 300;

export const occlusionRequest = (features: readonly string[]): PredictRequest => ({
  hook: 'predict',
  model,
  input: { derive: 'altered', from: { table: 'eval' }, rows, seed, columns: features.slice(0, mostOccluded), cases: ['typical'] },
});

export interface Explanation {
  /** Id of the explained row: the one that the replaced features move most. */
  readonly id: string;
  readonly answer: Cell;
  /** The largest first. */
  readonly contributions: readonly {
    readonly feature: string;
    readonly value: string | null;
    readonly typical: string | null;
    readonly contribution: number;
  }[];
  /** Rows of which some feature is not typical; of these, rows whose answer some replacement moves. */
  readonly untypical: number;
  readonly moved: number;
}

interface Occluded {
  readonly original: number;
  readonly id: string;
  readonly feature: string;
  readonly value: string | null;
  readonly typical: string | null;
  readonly answer: Cell;
  readonly change: number | null;
}

/** Contribution of a feature: the answer of the row minus the answer with the typical value; of classes: 1 when the class changes. */
export async function explain(
  tables: Query,
  evaluation: Table,
  input: Table,
  id: string,
  predictions: Predictions,
  features: readonly string[],
): Promise<Explanation | null> {
  const name = quoteName(id);
  const answer = predictions.column;
  const change = answer === 'score' ? 'p0.score - p.score' : 'CAST(p0.prediction IS DISTINCT FROM p.prediction AS DOUBLE)';
  const textOf = (row: string) =>
    `CASE e.__column ${features.map((feature) => `WHEN ${quoteText(feature)} THEN ${row}.${quoteName(feature)}`).join(' ')} END`;
  const found = await tables.query<Occluded>(
    `SELECT e.__original AS original, CAST(s.${name} AS VARCHAR) AS id, e.__column AS feature, ${textOf('o')} AS value, ${textOf('e')} AS typical,
       p0.${answer} AS answer, ${change} AS change
     FROM ${input.name} e JOIN ${input.name} o ON o.__column IS NULL AND o.__original = e.__original
     JOIN ${evaluation.name} s ON s.__row = e.__original
     JOIN ${predictions.table} p ON p.id = e.${name} JOIN ${predictions.table} p0 ON p0.id = o.${name}
     WHERE e.__column IS NOT NULL ORDER BY e.__row`,
  );
  const byRow = new Map<number, Occluded[]>();
  for (const one of found) byRow.set(one.original, [...(byRow.get(one.original) ?? []), one]);
  const sizeOf = (some: readonly Occluded[]): number => some.reduce((sum, one) => sum + Math.abs(one.change ?? 0), 0);
  const untypical = [...byRow.values()].filter((some) => some.some((one) => one.value !== one.typical));
  const clearest = [...byRow.values()].reduce<Occluded[] | null>(
    (best, some) => (best === null || sizeOf(some) > sizeOf(best) ? some : best),
    null,
  );
  if (!clearest?.[0]) return null;
  return {
    id: clearest[0].id,
    answer: typeof clearest[0].answer === 'number' ? cell(clearest[0].answer) : clearest[0].answer,
    contributions: clearest
      .map(({ feature, value, typical, change: contribution }) => ({ feature, value, typical, contribution: contribution ?? 0 }))
      .sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution)),
    untypical: untypical.length,
    moved: untypical.filter((some) => sizeOf(some) > 0).length,
  };
}
