/** A row by itself: the same answer as in a batch, and steps that end in it. */
import type { Predictions, TraceStage } from '../../../src/kernel/hooks.ts';
import { quoteName } from '../../../src/kernel/sql.ts';
import type { Query } from '../../../src/stats/query.ts';
import { cell } from './manifest.ts';

/** Largest difference between a row alone and the same row in a batch, and between the last stage and the output (ours). */
export const tolerance = 1e-6;
export interface Pair {
  readonly id: string;
  readonly alone: number | string | null;
  readonly batch: number | string | null;
  readonly delta: number | null;
}

/** The row alone beside the same row of the batch; null = null (refused both times), NaN equals nothing. */
export async function pairOf(tables: Query, single: Predictions, batch: Predictions): Promise<Pair | undefined> {
  const x = single.column;
  const delta = x === 'score' ? 'abs(a.score - b.score)' : 'CAST(a.prediction IS DISTINCT FROM b.prediction AS DOUBLE)';
  const [pair] = await tables.query<Pair>(
    `SELECT a.id, a.${x} AS alone, b.${x} AS batch, CASE WHEN a.${x} IS NULL AND b.${x} IS NULL THEN 0 ELSE ${delta} END AS delta
     FROM ${single.table} a JOIN ${batch.table} b USING (id)`,
  );
  return pair;
}

export const isFar = (delta: number | null): boolean => !(delta !== null && delta <= tolerance);

/** What is wrong with a trace: its last stage must be the output of that row. */
export async function traceFault(
  tables: Query,
  trace: readonly TraceStage[],
  single: Predictions,
  idColumn: string,
): Promise<string | null> {
  const last = trace.at(-1);
  if (!last) return null;
  const names = last.columns.map(({ name }) => name);
  const id = [idColumn, 'id'].find((name) => names.includes(name));
  if (id === undefined || !names.includes(single.column))
    return `its last stage, ${last.file}, has no ${id === undefined ? 'id' : single.column}: it has ${names.slice(0, 8).join(', ')}`;
  const x = quoteName(single.column);
  const differs =
    single.column === 'score'
      ? `NOT coalesce(abs(TRY_CAST(CAST(t.${x} AS VARCHAR) AS DOUBLE) - p.score) <= ${tolerance}, t.${x} IS NULL AND p.score IS NULL)`
      : `CAST(t.${x} AS VARCHAR) IS DISTINCT FROM p.prediction`;
  const [row] = await tables.query<{ n: number; differing: number; said: string | null; answer: string | null }>(
    `SELECT count(t.${quoteName(id)}) AS n, count(*) FILTER (${differs}) AS differing, min(CAST(t.${x} AS VARCHAR)) AS said, min(CAST(p.${x} AS VARCHAR)) AS answer
     FROM ${single.table} p LEFT JOIN ${last.table} t ON CAST(t.${quoteName(id)} AS VARCHAR) = p.id`,
  );
  if (!row || row.n < single.rows) return `its last stage, ${last.file}, lacks the row`;
  return row.differing > 0
    ? `its last stage, ${last.file}, says ${row.said ?? 'nothing'} where the output is ${row.answer ?? 'empty'}`
    : null;
}

/** A value of an answer in words. */
export const answerWords = (value: unknown): string =>
  typeof value === 'number' ? String(cell(value)) : value === null || value === undefined ? 'nothing' : String(value);
