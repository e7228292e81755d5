/** The unit of a number that is told without one: that in which its model's metric of the name first came. */
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import type { Measurement } from './append.ts';

/** A measurement as its sender tells it. */
export type GivenMeasurement = Omit<Measurement, 'unit'> & { readonly unit?: string | undefined };

/** Of a model, by names. */
type Units = Map<string, string>;

/** First units never change, so they are kept; bounded, as senders choose names. */
const mostModels = 1000;
const mostNames = 1000;
const kept = new WeakMap<Database, Map<number, Units>>();

/** Of the record alone: a merge request must not say in which unit its target is measured. */
async function firstUnits(db: Database, modelId: number, names: readonly string[]): Promise<Units> {
  const { rows } = await sql<{ name: string; unit: string }>`
    select distinct on (metric.name) metric.name, metric.unit from series join metric on metric.id = series.metric_id
    where series.model_id = ${modelId} and series.ref_class = 'authoritative' and metric.name = any(${names}::text[])
    order by metric.name, series.id`.execute(db);
  return new Map(rows.map(({ name, unit }) => [name, unit]));
}

async function unitsOf(db: Database, modelId: number, names: ReadonlySet<string>): Promise<Units> {
  const models = kept.get(db) ?? new Map<number, Units>();
  kept.set(db, models);
  const known: Units = models.get(modelId) ?? new Map();
  const missing = [...names].filter((name) => !known.has(name));
  if (missing.length === 0) return known;
  const units = new Map([...known, ...(await firstUnits(db, modelId, missing))]);
  if (models.size >= mostModels) models.clear();
  models.set(modelId, units.size > mostNames ? new Map() : units);
  return units;
}

/** A monitor that leaves the unit out adds to the series that are there, instead of making the metric one of two units. */
export async function withUnits(
  db: Database,
  modelId: number,
  given: readonly GivenMeasurement[],
): Promise<readonly Measurement[]> {
  const names = new Set(given.flatMap(({ name, unit }) => (unit === undefined ? [name] : [])));
  const units = await unitsOf(db, modelId, names);
  return given.map((one) => ({ ...one, unit: one.unit ?? units.get(one.name) ?? '' }));
}
