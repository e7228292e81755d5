/** Whether the chain of the audit is whole. What was verified is remembered, so that a look hashes only what came since. */
import { sql } from 'kysely';
import { sealOfEntry } from './audit.ts';
import type { Connection, Database } from './database.ts';

/** Up to and with an entry. */
interface Place {
  readonly id: number;
  readonly hash: string;
  /** Entries up to there. */
  readonly entries: number;
}
const start: Place = { id: 0, hash: '', entries: 0 };

export interface ChainState {
  /** The first entry whose seal does not fit, or that this server verified and that is gone; null: the chain is whole. */
  readonly broken: number | null;
  /** Entries of the chain that fit, from the first on. */
  readonly entries: number;
  readonly verifiedAt: Date;
  /** When every entry was last hashed, from the first on. */
  readonly wholeAt: Date;
}

/**
 * That the newest entries were taken away or all seals made anew before this server looked, only a seal tells that was kept
 * elsewhere.
 */
export interface ChainVerifier {
  /** Of what came since the last look, and that the newest entry of then still stands; all of it at the first look. */
  look(): Promise<ChainState>;
  /** From the first entry on. Looks at the same time share one. */
  whole(signal?: AbortSignal): Promise<ChainState>;
}

/** Bounds the memory of a statement, and how long the embedded database answers nobody else. */
const entriesAtOnce = 10_000;

interface Page {
  readonly found: number;
  readonly broken: number | null;
  readonly id: number | null;
  readonly hash: string | null;
}

/** @returns where the chain ends, or the last place before the entry that does not fit, and that entry. */
async function follow(connection: Connection, from: Place, signal?: AbortSignal): Promise<{ end: Place; broken: number | null }> {
  for (let place = from; ; ) {
    const { rows } = await sql<Page>`
      select count(*) as found, min(id) filter (where hash <> ${sealOfEntry}) as broken, max(id) as id,
        (array_agg(hash order by id desc) filter (where is_last))[1] as hash
      from (select *, coalesce(lag(hash) over (order by id), ${place.hash}::text) as before, lead(id) over (order by id) is null as is_last
        from (select * from audit where id > ${place.id}::bigint order by id limit ${entriesAtOnce}) as page) as entry`.execute(
      connection,
    );
    const [page] = rows;
    if (!page?.id || page.hash === null) return { end: place, broken: null };
    if (page.broken !== null) return { end: place, broken: page.broken };
    place = { id: page.id, hash: page.hash, entries: place.entries + page.found };
    if (page.found < entriesAtOnce) return { end: place, broken: null };
    signal?.throwIfAborted();
  }
}

async function isStanding(connection: Connection, { id, hash }: Place): Promise<boolean> {
  if (id === 0) return true;
  const { rows } = await sql`select 1 from audit where id = ${id}::bigint and hash = ${hash}`.execute(connection);
  return rows.length > 0;
}

interface Memory {
  /** The newest entry that was ever verified: it has to stand. */
  readonly newest: Place;
  /** All up to here fits: `newest`, or the last place before what is broken. */
  readonly good: Place;
  readonly wholeAt: Date;
}

export function chainVerifier(db: Database): ChainVerifier {
  let memory: Memory | null = null;
  let running: Promise<ChainState> | null = null;

  const verify = async (from: Place, signal?: AbortSignal): Promise<ChainState> => {
    const before = memory;
    const newest = before?.newest ?? start;
    const isWhole = from === start;
    const at = new Date();
    const { end, broken } = await follow(db, from, signal);
    const wholeAt = isWhole || !before ? at : before.wholeAt;
    const isGone = broken === null && !(await isStanding(db, newest));
    // A whole verification says more than a look that ran beside it.
    if (isWhole || memory === before)
      memory = { newest: broken === null && !isGone && end.id > newest.id ? end : newest, good: end, wholeAt };
    return { broken: isGone ? newest.id : broken, entries: end.entries, verifiedAt: at, wholeAt };
  };
  const whole = (signal?: AbortSignal): Promise<ChainState> => {
    running ??= verify(start, signal).finally(() => {
      running = null;
    });
    return running;
  };
  return { whole, look: () => (memory === null ? whole() : verify(memory.good)) };
}
