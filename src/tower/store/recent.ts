/**
 * Answers that every post asks for and people change seldom: kept for a second, so that a busy sender does not ask the database
 * for the same token and model with each post. What this process changes itself it forgets at once; a replica follows within the second.
 */
import type { Database } from './database.ts';

const keptFor = 1000;
const most = 10_000;

interface Kept {
  readonly until: number;
  readonly value: unknown;
}

const kept = new WeakMap<Database, Map<string, Kept>>();

/** The answer of at most a second ago, or a new one; null is never kept. */
export async function recently<T>(db: Database, key: string, load: () => Promise<T>): Promise<T> {
  const answers = kept.get(db) ?? new Map<string, Kept>();
  kept.set(db, answers);
  const known = answers.get(key);
  if (known && known.until > performance.now()) return known.value as T;
  const value = await load();
  if (answers.size >= most) answers.clear();
  if (value === null) answers.delete(key);
  else answers.set(key, { until: performance.now() + keptFor, value });
  return value;
}

export const forget = (db: Database): void => {
  kept.delete(db);
};
