/** The series of a model's metrics: found by what they are called, made when they are new. They are never changed or removed. */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Connection, Database } from '../database.ts';

/** What all series of a batch share. */
export interface SeriesOwner {
  readonly modelId: number;
  readonly refClass: 'authoritative' | 'preview';
  readonly environment: string;
}

export interface SeriesName {
  readonly name: string;
  readonly unit: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface SeriesId {
  readonly metricId: number;
  readonly seriesId: number;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const sorted = (labels: SeriesName['labels']): readonly (readonly [string, string])[] =>
  Object.entries(labels).sort(([a], [b]) => compare(a, b));

/** One text for one series of an owner; the order of labels does not matter, and most senders keep to one. */
function textOf({ name, unit, labels }: SeriesName): string {
  const isSorted = Object.keys(labels).every((key, i, keys) => i === 0 || compare(keys[i - 1] ?? '', key) < 0);
  return JSON.stringify([name, unit, isSorted ? labels : Object.fromEntries(sorted(labels))]);
}

/** Digest of what tells one series of a model's metric from another. */
const labelKey = ({ environment, refClass }: SeriesOwner, { labels }: SeriesName): string =>
  createHash('sha256')
    .update(JSON.stringify([environment, refClass, sorted(labels)]))
    .digest('hex')
    .slice(0, 32);

type Wanted = ReadonlyMap<string, SeriesName>;
type Found = Map<string, SeriesId>;

/** Those of the wanted that are there, by their texts. */
async function find(connection: Connection, owner: SeriesOwner, wanted: Wanted): Promise<Found> {
  const names = [...wanted.values()];
  // Not prepared: a plan for a store that is still empty would compare each with each.
  const { rows } = await sql<SeriesId & { place: number }>`
    with named as materialized (
      -- By itself, for then the index of series is searched by all its columns.
      select metric.id, wanted.label_key, wanted.place
      from unnest(${names.map(({ name }) => name)}::text[], ${names.map(({ unit }) => unit)}::text[],
        ${names.map((one) => labelKey(owner, one))}::text[]) with ordinality as wanted(name, unit, label_key, place)
      join metric using (name, unit)
    )
    select series.metric_id as "metricId", series.id as "seriesId", named.place from named
    join series on series.model_id = ${owner.modelId} and series.metric_id = named.id and series.label_key = named.label_key`.execute(
    connection,
  );
  const texts = [...wanted.keys()];
  return new Map(rows.map(({ place, metricId, seriesId }) => [texts[place - 1] ?? '', { metricId, seriesId }]));
}

/** Makes the metrics and series that are new; sorted, so that two writers lock them in one order. */
async function make(connection: Connection, owner: SeriesOwner, wanted: Wanted): Promise<void> {
  const rows = [...wanted.values()]
    .map((one) => ({ ...one, key: labelKey(owner, one) }))
    .sort((a, b) => compare(a.name, b.name) || compare(a.unit, b.unit) || compare(a.key, b.key));
  const names = rows.map(({ name }) => name);
  const units = rows.map(({ unit }) => unit);
  await sql`insert into metric (name, unit) select distinct name, unit from unnest(${names}::text[], ${units}::text[]) as t(name, unit)
    order by 1, 2 on conflict do nothing`.execute(connection);
  await sql`insert into series (model_id, metric_id, environment, ref_class, labels, label_key)
    select ${owner.modelId}, metric.id, ${owner.environment}, ${owner.refClass}, labels::jsonb, label_key
    from unnest(${names}::text[], ${units}::text[], ${rows.map(({ labels }) => JSON.stringify(labels))}::text[],
      ${rows.map(({ key }) => key)}::text[]) as t(name, unit, labels, label_key) join metric using (name, unit)
    order by metric.id, label_key on conflict do nothing`.execute(connection);
}

/** In the order of the names; null when one is missing. */
function inOrder<T extends SeriesId>(texts: readonly string[], found: ReadonlyMap<string, T>): readonly T[] | null {
  const ids = texts.map((text) => found.get(text));
  return ids.every((id) => id !== undefined) ? ids : null;
}

/** The series of these names, inside the caller's transaction; made where they are new. */
export async function seriesOf(
  connection: Connection,
  owner: SeriesOwner,
  names: readonly SeriesName[],
): Promise<readonly SeriesId[]> {
  const texts = names.map(textOf);
  const wanted = new Map(names.map((one, i) => [texts[i] ?? '', one]));
  const found = inOrder(texts, await find(connection, owner, wanted));
  if (found) return found;
  await make(connection, owner, wanted);
  const made = inOrder(texts, await find(connection, owner, wanted));
  if (!made) throw new Error('A series is not there after it was made');
  return made;
}

/** A series as a busy sender's posts have left it. */
export interface KnownSeries extends SeriesId {
  /** Milliseconds of the newest point that was written to it from here, after a post that was new as a whole; null: not known. */
  newest: number | null;
}

interface Kept {
  readonly since: number;
  readonly byOwner: Map<string, Map<string, KnownSeries>>;
  size: number;
}

/** A busy sender does not ask for its series at each post. Not for longer: a backup may be restored under a running server. */
const keptFor = 60_000;
/** Characters of their texts: labels may be long. */
const mostKept = 20_000_000;
const kept = new WeakMap<Database, Kept>();

function keptOf(db: Database): Kept {
  const known = kept.get(db);
  if (known && known.size < mostKept && performance.now() - known.since < keptFor) return known;
  const fresh = { since: performance.now(), byOwner: new Map(), size: 0 };
  kept.set(db, fresh);
  return fresh;
}

/** The same outside a transaction, which makes none: null when one is not there. */
export async function knownSeries(
  db: Database,
  owner: SeriesOwner,
  names: readonly SeriesName[],
): Promise<readonly KnownSeries[] | null> {
  const texts = names.map(textOf);
  const known = keptOf(db);
  const ownerText = JSON.stringify([owner.modelId, owner.refClass, owner.environment]);
  const ofOwner: Map<string, KnownSeries> = known.byOwner.get(ownerText) ?? new Map();
  known.byOwner.set(ownerText, ofOwner);
  const wanted = new Map(names.flatMap((one, i) => (ofOwner.has(texts[i] ?? '') ? [] : [[texts[i] ?? '', one] as const])));
  if (wanted.size > 0) {
    const found = await find(db, owner, wanted);
    for (const [text, id] of found) {
      ofOwner.set(text, { ...id, newest: null });
      known.size += text.length;
    }
  }
  return inOrder(texts, ofOwner);
}
