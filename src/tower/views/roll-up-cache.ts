/** Roll-ups of the fleet, kept while no report arrives: they cost more than the rest of the page together. */
import { sql } from 'kysely';
import type { Database } from '../store/database.ts';
import { type Facets, fleetFacets, fleetGroups, fleetTotals, type Group, type Totals } from '../store/fleet.ts';
import type { Filter } from '../store/list-models.ts';
import { metricNames } from '../store/slice/metrics.ts';

export interface RollUps {
  readonly totals: Totals;
  readonly groups: readonly Group[];
  readonly facets: Facets;
  /** Names of the metrics that models have. */
  readonly metrics: ReadonlySet<string>;
}

/** Counts of silent models change with time alone. */
const longestSeconds = 60;
const mostEntries = 64;

async function load(db: Database, filter: Filter, by: string, groups: number): Promise<RollUps> {
  const [totals, found, facets, metrics] = await Promise.all([
    fleetTotals(db, filter),
    fleetGroups(db, filter, by, groups),
    fleetFacets(db, filter.scope ?? null),
    metricNames(db, filter.scope ?? null),
  ]);
  return { totals, groups: found, facets, metrics: new Set(metrics) };
}

/** A reader of roll-ups for one database; what it returns is never older than the newest report. */
export function rollUpReader(db: Database, groups: number): (filter: Filter, by: string) => Promise<RollUps> {
  const kept = new Map<string, { readonly newest: number; readonly until: number; readonly rollUps: RollUps }>();
  return async (filter, by) => {
    // Ids are given out before their commit, so a count of commits would be exact where this may serve one page late.
    const { rows } = await sql<{ newest: number | null }>`select max(id) as newest from report`.execute(db);
    const newest = rows[0]?.newest ?? 0;
    const key = JSON.stringify([filter, by]);
    const found = kept.get(key);
    if (found && found.newest === newest && found.until > Date.now()) return found.rollUps;
    const rollUps = await load(db, filter, by, groups);
    kept.delete(key);
    kept.set(key, { newest, until: Date.now() + longestSeconds * 1000, rollUps });
    const [oldest] = kept.keys();
    if (kept.size > mostEntries && oldest !== undefined) kept.delete(oldest);
    return rollUps;
  };
}
