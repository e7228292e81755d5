/** Answers that are kept while nothing is written: what sees the same snapshot says the same. */
import { sql } from 'kysely';
import type { Database } from '../database.ts';

const mostAnswers = 64;

interface KeptOptions<T> {
  /** A larger answer is not kept. */
  readonly sizeOf: (answer: T) => number;
  readonly largest: number;
}

/**
 * @returns a function that asks once for the same question: also those who ask at the same time share an answer. Any commit,
 * of whichever server, ends them all; so a busy database keeps nothing, and a quiet one, as the embedded often is, much.
 */
export function answersKept<T>(
  db: Database,
  { sizeOf, largest }: KeptOptions<T>,
): (question: string, ask: () => Promise<T>) => Promise<T> {
  const kept = new Map<string, Promise<T>>();
  let seen = '';
  return async (question, ask) => {
    const { rows } = await sql<{ snapshot: string }>`select pg_current_snapshot()::text as snapshot`.execute(db);
    const snapshot = rows[0]?.snapshot ?? '';
    if (snapshot !== seen) kept.clear();
    seen = snapshot;
    const known = kept.get(question);
    if (known) return known;
    const asked = ask();
    kept.set(question, asked);
    const [oldest] = kept.keys();
    if (kept.size > mostAnswers && oldest !== undefined) kept.delete(oldest);
    const forget = () => kept.get(question) === asked && kept.delete(question);
    asked.then((answer) => sizeOf(answer) > largest && forget(), forget);
    return asked;
  };
}
