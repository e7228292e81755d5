/** Appends points to series. Only rows that are really new are handed to `rollups.ts`, so a replay adds nothing. */
import { setImmediate } from 'node:timers/promises';
import { type RawBuilder, sql } from 'kysely';
import { type Connection, type Database, prepared } from '../database.ts';
import { microsOf, monthOf } from './points.ts';
import { leavePending } from './rollups.ts';
import { lockAgainstSeal } from './seal.ts';
import { knownSeries, type SeriesId, type SeriesName, type SeriesOwner, seriesOf } from './series.ts';

/** One number of a model at one time. `value` is finite. */
export interface Measurement extends SeriesName {
  readonly value: number;
  /** RFC 3339; the time of the batch when absent. */
  readonly at?: string | undefined;
}

export interface Batch extends SeriesOwner {
  /** Null: the points came without a report. */
  readonly reportId: number | null;
  /** RFC 3339. */
  readonly at: string;
  readonly measurements: readonly Measurement[];
}

const timesOf = ({ at, measurements }: Batch): readonly string[] => measurements.map((one) => one.at ?? at);

/** Points come that are older than those that are kept. */
export class TooOld extends Error {
  readonly keptFrom: Date;

  constructor(keptFrom: Date) {
    super(`points before ${keptFrom.toISOString()} are not kept`);
    this.keptFrom = keptFrom;
  }
}

const startOfMonth = (now: Date): number => Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);

/**
 * The condition that a point of a past month is new to its chunk too; null when every point is of this month, which is never
 * sealed. Until the transaction ends no such month is.
 */
async function newToChunks(connection: Connection, batch: Batch): Promise<RawBuilder<unknown> | null> {
  const oldest = timesOf(batch).reduce((least, at) => Math.min(least, Date.parse(at)), Number.POSITIVE_INFINITY);
  if (oldest >= startOfMonth(new Date())) return null;
  await lockAgainstSeal(connection);
  const { rows } = await prepared<{ from: Date | null }>`
    select (select points_from from kept_from where points_from > ${new Date(oldest)}::timestamptz) as from`.execute(connection);
  const keptFrom = rows[0]?.from ?? null;
  if (keptFrom !== null && batch.reportId === null) throw new TooOld(keptFrom);
  return sql`ts >= coalesce(${keptFrom}::timestamptz, '-infinity') and not exists (select 1 from chunk
    where chunk.metric_id = t.metric_id and chunk.series_id = t.series_id and chunk.month = ${monthOf(sql`t.ts`)}
      and case when chunk.seconds is null then ${microsOf(sql`t.ts`)} = any(chunk.micros)
        else ${microsOf(sql`t.ts`)} % 1000000 = 0 and ${microsOf(sql`t.ts`)} / 1000000 = any(chunk.seconds) end)`;
}

/** What is written down of a post that is no report. */
export interface PostRecord {
  /** SHA-256 of the body, hexadecimal. */
  readonly sha256: string;
  /** `token NAME` or `job ID`. */
  readonly writtenBy: string;
  /** Id of the alert that started what posts; one of another model is none. */
  readonly alert: string | null;
}

/** What one sender posted, with the ids of its series. */
interface Post {
  readonly batch: Batch;
  readonly ids: readonly SeriesId[];
  /** Null: it came in a report. */
  readonly record: PostRecord | null;
}

/** How points meet those that are there. */
interface InsertOptions {
  /** More than the key must tell that a point is new. */
  readonly isNew?: RawBuilder<unknown> | undefined;
  /**
   * None is expected to be there, and the statement fails where another replica was faster: to pass over them would cost a
   * third of it.
   */
  readonly isAhead?: boolean;
}

/** As PostgreSQL writes an array of what needs no escape: numbers and times. Its client takes several times as long. */
const arrayOf = (plain: readonly (number | string)[]): string => `{${plain.join(',')}}`;

/** One statement, of posts without a report or of one post. @returns how many points of each were new. */
async function insertPosts(
  connection: Connection,
  posts: readonly Post[],
  { isNew = sql`true`, isAhead = false }: InsertOptions = {},
): Promise<readonly number[]> {
  const ids = posts.flatMap((post) => post.ids);
  const times = posts.flatMap(({ batch }) => timesOf(batch));
  const values = posts.flatMap(({ batch }) => batch.measurements.map(({ value }) => value));
  const reportId = posts[0]?.batch.reportId ?? null;
  const places = posts.flatMap((post, i) => post.ids.map(() => i + 1));
  const each = <T>(of: (post: Post) => T): T[] => posts.map(of);
  const { rows } = await prepared<{ place: number; n: number }>`
    with post as materialized (
      select * from unnest(${each(({ batch }) => batch.modelId)}::bigint[],
        ${each(({ record }) => record?.sha256 ?? null)}::text[], ${each(({ batch }) => batch.refClass)}::text[],
        ${each(({ batch }) => batch.environment)}::text[], ${each(({ record }) => record?.writtenBy ?? null)}::text[],
        ${each(({ record }) => record?.alert ?? null)}::text[])
        with ordinality as given(model_id, sha256, ref_class, environment, written_by, alert, place)
    ), t as materialized (
      select distinct on (metric_id, series_id, ts) metric_id, series_id, ts, value, place
      from unnest(${arrayOf(ids.map(({ metricId }) => metricId))}::bigint[],
        ${arrayOf(ids.map(({ seriesId }) => seriesId))}::bigint[], ${arrayOf(times.map((at) => JSON.stringify(at)))}::timestamptz[],
        ${arrayOf(values)}::float8[], ${arrayOf(places)}::bigint[])
        with ordinality as given(metric_id, series_id, ts, value, place, position)
      order by metric_id, series_id, ts, position
    ), fresh as (
      -- In one order, so that two writers lock them in it.
      insert into point (metric_id, series_id, ts, value, report_id)
      select metric_id, series_id, ts, value, ${reportId}::bigint from t where ${isNew}
      order by metric_id, series_id, ts
      ${isAhead ? sql`` : sql`on conflict do nothing`}
      returning metric_id, series_id, ts, value
    ), ${leavePending}, counted as materialized (
      select place, count(*) ${isAhead ? sql`` : sql`filter (where (series_id, ts) in (select series_id, ts from fresh))`} as n
      from t group by place
    ), recorded as (
      insert into metric_post (model_id, sha256, ref_class, environment, written_by, alert_id, points)
      select model_id, sha256, ref_class, environment, written_by,
        -- Most name none: then no alert is looked at.
        case when alert is not null then (select id from alert as named where named.uid::text = post.alert and named.model_id = post.model_id) end, n
      from counted join post using (place)
      where sha256 is not null and n > 0 order by place
    )
    select place, n from counted`.execute(connection);
  const counts = new Map(rows.map(({ place, n }) => [place, n]));
  return posts.map((_, i) => counts.get(i + 1) ?? 0);
}

/**
 * Writes the points inside the caller's transaction. Of a report, points that are too old to be kept are left out.
 * @returns how many were new. @throws TooOld
 */
export async function appendPoints(connection: Connection, batch: Batch, record: PostRecord | null = null): Promise<number> {
  if (batch.measurements.length === 0) return 0;
  const isNew = await newToChunks(connection, batch);
  const ids = await seriesOf(connection, batch, batch.measurements);
  const [added = 0] = await insertPosts(connection, [{ batch, ids, record }], { isNew: isNew ?? undefined });
  return added;
}

interface Waiting {
  readonly post: Post;
  /** Each point is newer than what its series had. */
  readonly isAhead: boolean;
  /** How many points were new; null: nothing was written. */
  resolve(added: number | null): void;
}

interface Queue {
  readonly waiting: Waiting[];
  /** Statements under way. */
  running: number;
}

const queues = new WeakMap<Database, Queue>();
/** One at a time, so that many small posts share a statement; one of so many points is worth a connection of its own. */
const largePoints = 1000;
const mostRunning = 8;
const mostPosts = 64;

/** The next posts that are written together: at least one. */
function takeNext({ waiting }: Queue): readonly Waiting[] {
  let points = 0;
  const after = waiting.findIndex(({ post }, i) => {
    points += post.ids.length;
    return i === mostPosts || (i > 0 && points > largePoints);
  });
  return waiting.splice(0, after === -1 ? waiting.length : after);
}

const pointsIn = ({ waiting }: Queue): number => waiting.reduce((sum, { post }) => sum + post.ids.length, 0);

/** Posts that come while others are written are written together: a statement and a commit for each would cost more than they do. */
async function writeWaiting(db: Database, queue: Queue): Promise<void> {
  const mayRun = () => queue.running === 0 || (queue.running < mostRunning && pointsIn(queue) >= largePoints);
  while (queue.waiting.length > 0 && mayRun()) {
    queue.running += 1;
    // What has arrived with the last answer of the database, or with this post, comes along.
    await setImmediate();
    const taken = takeNext(queue);
    if (taken.length === 0) {
      queue.running -= 1;
      break;
    }
    // Whatever stands in the way, of one post or of all: each is tried by itself, in a transaction that says what it is.
    const added = await insertPosts(
      db,
      taken.map(({ post }) => post),
      { isAhead: taken.every(({ isAhead }) => isAhead) },
    ).catch(() => taken.map(() => null));
    queue.running -= 1;
    for (const [i, { resolve }] of taken.entries()) resolve(added[i] ?? null);
  }
}

/**
 * The usual post, points of this month for series that are known, needs no transaction: it is written in one statement, with
 * others that come at the same time. @returns how many were new; null: nothing was written, `appendPoints` does it.
 */
export async function appendAtOnce(db: Database, batch: Batch, record: PostRecord): Promise<number | null> {
  const times = timesOf(batch).map((at) => Date.parse(at));
  const start = startOfMonth(new Date());
  if (times.length === 0 || times.some((at) => at < start)) return null;
  const ids = await knownSeries(db, batch, batch.measurements);
  if (ids === null) return null;
  const queue = queues.get(db) ?? { waiting: [], running: 0 };
  queues.set(db, queue);
  const isAhead = ids.every(({ newest }, i) => newest !== null && (times[i] ?? 0) > newest);
  const added = await new Promise<number | null>((resolve) => {
    queue.waiting.push({ post: { batch, ids, record }, isAhead, resolve });
    void writeWaiting(db, queue);
  });
  // A sender that repeats what is there is not expected to be ahead with the next.
  for (const [i, id] of ids.entries()) id.newest = added === ids.length ? Math.max(id.newest ?? 0, times[i] ?? 0) : null;
  return added;
}
