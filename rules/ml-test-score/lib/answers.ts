/** Two sets of answers to the same rows, compared row by row. */
import type { Predictions } from '../../../src/kernel/hooks.ts';
import type { World } from '../../../src/kernel/world.ts';

export interface Difference {
  readonly rows: number;
  readonly differing: number;
  readonly largest: number | null;
  readonly examples: readonly string[];
}

/** How far two answers may lie apart: what writing a number as text costs. */
export const answerTolerance = 1e-6;

export async function differenceOf(tables: World['tables'], a: Predictions, b: Predictions): Promise<Difference> {
  const isNumber = a.column === 'score' && b.column === 'score';
  const differs = isNumber
    ? `((a.score IS NULL) <> (b.score IS NULL) OR isnan(a.score) <> isnan(b.score) OR abs(a.score - b.score) > ${answerTolerance})`
    : 'a.prediction IS DISTINCT FROM b.prediction';
  const [found] = await tables.query<{ rows: number; differing: number; largest: number | null; examples: string[] | null }>(
    `SELECT count(*) AS "rows", count(*) FILTER (${differs}) AS differing, ${isNumber ? 'max(abs(a.score - b.score))' : 'NULL::DOUBLE'} AS largest,
      list(a.id ORDER BY a.id) FILTER (${differs})[1:3] AS examples FROM ${a.table} a JOIN ${b.table} b USING (id)`,
  );
  return {
    rows: found?.rows ?? 0,
    differing: found?.differing ?? 0,
    largest: found?.largest ?? null,
    examples: found?.examples ?? [],
  };
}
