/** What a statistic needs: SQL over tables. */
import type { Column, Tables } from '../kernel/world.ts';

export type Query = Pick<Tables, 'query'>;

const known = new WeakMap<Query, Map<string, Promise<unknown>>>();

/** Tables do not change during a run, and several checks ask for the same: `make` is called once for each key. */
export function remembered<T>(tables: Query, key: string, make: () => Promise<T>): Promise<T> {
  const ofTables = known.get(tables) ?? new Map<string, Promise<unknown>>();
  known.set(tables, ofTables);
  const found = (ofTables.get(key) as Promise<T> | undefined) ?? make();
  ofTables.set(key, found);
  return found;
}

export const isRemembered = (tables: Query, key: string): boolean => known.get(tables)?.has(key) ?? false;

/** Columns per statement: more in one costs memory, fewer costs passes. */
const columnsPerPass = 50;

/** The items in parts of what one statement takes, in their order. */
export function batchesOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  const batches: (readonly T[])[] = [];
  for (let start = 0; start < items.length; start += columnsPerPass) batches.push(items.slice(start, start + columnsPerPass));
  return batches;
}

/** How a column is treated: numbers are binned, everything else is counted by value. */
export function kindOf(column: Pick<Column, 'type'>): 'number' | 'category' | 'time' {
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL)/.test(column.type)) return 'number';
  return /^(DATE|TIME)/.test(column.type) ? 'time' : 'category';
}
