/** The unit of a number that is told without one: that of the metric of its name which came first, for ever the same. */
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import type { Measurement } from './append.ts';

/** A measurement as its sender tells it. */
export type GivenMeasurement = Omit<Measurement, 'unit'> & { readonly unit?: string | undefined };

/** First units never change, so they are kept; bounded, as senders choose names. */
const most = 10_000;
const kept = new WeakMap<Database, Map<string, string>>();

async function firstUnits(db: Database, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const known = kept.get(db) ?? new Map<string, string>();
  kept.set(db, known);
  const missing = names.filter((name) => !known.has(name));
  if (missing.length === 0) return known;
  const { rows } = await sql<{ name: string; unit: string }>`
    select distinct on (name) name, unit from metric where name = any(${missing}::text[]) order by name, id`.execute(db);
  const found = new Map([...known, ...rows.map(({ name, unit }) => [name, unit] as const)]);
  kept.set(db, found.size > most ? new Map() : found);
  return found;
}

/** A monitor that leaves the unit out adds to the series that are there, instead of making the metric one of two units. */
export async function withUnits(db: Database, given: readonly GivenMeasurement[]): Promise<readonly Measurement[]> {
  const names = new Set(given.flatMap(({ name, unit }) => (unit === undefined ? [name] : [])));
  const units = await firstUnits(db, [...names]);
  return given.map((one) => ({ ...one, unit: one.unit ?? units.get(one.name) ?? '' }));
}
