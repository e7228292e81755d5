/** What a derivation is handed: it fills `target` with rows in their final order. */
import type { TableRef } from '../../../kernel/hooks.ts';
import { quoteName } from '../../../kernel/sql.ts';
import type { Table } from '../../../kernel/world.ts';
import { bookkeeping } from '../csv-header.ts';
import type { Database } from '../database.ts';

export type Derived = Exclude<TableRef, { table: unknown }>;
export type DerivedBy<D extends Derived['derive']> = Extract<Derived, { derive: D }>;

export interface Derivation<D extends Derived['derive']> {
  readonly db: Database;
  readonly ref: DerivedBy<D>;
  readonly from: Table;
  /** Identifier of the table to create, without `__row`. */
  readonly target: string;
  /** Name of the id column. */
  readonly id: string;
}

export const integer = (value: number): string => BigInt(Math.trunc(value)).toString();

/** The columns of a table that are neither its id nor ours. */
export const ownColumns = (from: Table, id: string) =>
  from.columns.filter((column) => column.name !== id && !bookkeeping.has(column.name));

/**
 * Order of a draw: by the hash of the position, so that neither threads nor the values decide. Hashed twice, because a
 * hash of several values differs between seeds by a constant alone: halves drawn with two seeds were nearly the same rows.
 */
export const drawn = (seed: number, ...more: readonly number[]): string =>
  `hash(hash(${['__row', integer(seed), ...more.map(String)].join(', ')})), __row`;

/** New ids for copied rows: numbers as text, from 1. */
export const newId = (id: string, offset: number, row = 's.__row'): string =>
  `CAST(${row} + ${offset + 1} AS VARCHAR) AS ${quoteName(id)}`;
