/**
 * Where points are kept: the one seam to another engine. Whoever writes, reads, packs or removes points does it through
 * `pointStore`; series, rollups, rules and everything else stay in PostgreSQL.
 */
import type { RawBuilder } from 'kysely';
import type { Connection, Database } from '../database.ts';
import { appendAtOnce, appendPoints, type Batch, type PostRecord } from './append.ts';
import { dropPoints } from './drop-points.ts';
import { newestOf, packedOf, pointsOf, type Span } from './points.ts';
import { type SealOptions, sealMonths } from './seal.ts';

export interface PointStore {
  /**
   * Writes a batch inside the caller's transaction. A series has one value at a time: only rows that are new are left for
   * `rollups.ts`, in the same transaction. @returns how many were new. @throws TooOld
   */
  append(connection: Connection, batch: Batch, post?: PostRecord | null): Promise<number>;
  /** The same without a transaction, with others that come at the same time; null: nothing was written, and `append` does it. */
  appendAtOnce(db: Database, batch: Batch, post: PostRecord): Promise<number | null>;
  /**
   * A relation with the columns of `series` (among them `id` and `metric_id`) and `ts`, `value`: every point of these series in
   * the span, once, also what an open transaction of this connection has written.
   */
  scan(series: string, span: Span): RawBuilder<unknown>;
  /** The same points, many in a row, for who computes with them here: the columns of `series` and what `packedOf` says. */
  packed(series: string, span: { from: Date; to: Date }, most: number): RawBuilder<unknown>;
  /** The newest points of the series `of`, newest first: `(ts, value)`. */
  newest(of: string, limit: number): RawBuilder<unknown>;
  /** Packs the months that ended long enough ago; readers see every point once meanwhile. @returns points moved. */
  seal(db: Database, now: Date, options: SealOptions): Promise<number>;
  /** Removes what is older than this day, and refuses it from then on. @returns rows removed. */
  removeBefore(db: Database, day: string): Promise<number>;
}

/** Monthly partitions of one table, packed into arrays: PostgreSQL, and the same in the embedded database. */
export const pointStore: PointStore = {
  append: appendPoints,
  appendAtOnce,
  scan: pointsOf,
  packed: packedOf,
  newest: newestOf,
  seal: sealMonths,
  removeBefore: dropPoints,
};
