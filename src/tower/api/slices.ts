/** GET /v1/query: slice and dice any metric, as JSON, CSV or Parquet. GET /v1/metrics: which metrics there are. */
import type { Context } from 'hono';
import { type Database, isTooSlow, longestMs } from '../store/database.ts';
import type { Scope } from '../store/scope.ts';
import { answersKept } from '../store/slice/kept-answers.ts';
import { listMetrics } from '../store/slice/metrics.ts';
import { type Slice, type Sliced, type SliceGroup, slice } from '../store/slice/slice.ts';
import type { Table } from './csv.ts';
import { type PartialBucket, partialBuckets } from './partial-buckets.ts';
import { HttpProblem } from './problem.ts';
import { queryReader } from './query.ts';
import { comparedSpan, metricOf, type SliceQuery, type Span, sliceOf, sliceQuery, spanOf } from './slice-query.ts';
import { answerIn, answerItems, formatOf } from './table.ts';

export const readSliceQuery: (url: string) => SliceQuery = queryReader<SliceQuery>(sliceQuery);

export interface Answer {
  readonly query: SliceQuery;
  readonly wanted: Slice;
  readonly found: Sliced;
  readonly compared: { readonly wanted: Slice; readonly groups: ReadonlyMap<string, SliceGroup> } | null;
  /** Buckets that hold less than their time, by their start. */
  readonly partial: ReadonlyMap<number, PartialBucket>;
}

/** Stays right while time goes on. */
type Kept = Omit<Answer, 'partial'>;

export const keyOf = (group: Pick<SliceGroup, 'key' | 'modelId'>): string => JSON.stringify([group.key, group.modelId]);

/** Groups of the other time are looked up by name: there they may stand in another order, between others that nobody asked for. */
const mostCompared = 20_000;

/** Nothing but what the found groups are named by, of any of them. */
const narrowed = ({ where, by }: Slice, { groups }: Sliced): Slice['where'] => ({
  ...where,
  ...Object.fromEntries(by.map((name, i) => [name, [...new Set(groups.map(({ key }) => key[i] ?? ''))]])),
});

/** Who asks may ask for less; other panels of a dashboard stand. */
function ofTooMuch(error: unknown): never {
  if (!isTooSlow(error)) throw error;
  throw new HttpProblem(
    'bad-request',
    `This asks for too much: it was not answered within ${longestMs / 1000} seconds. Ask for a shorter time or for fewer models (filters), or for avg, min, max, sum, count or last of whole days, which are added up already.`,
  );
}

async function answerOf(db: Database, query: SliceQuery, span: Span, scope: Scope): Promise<Kept> {
  const metric = await metricOf(db, query, scope);
  const wanted = sliceOf(query, metric, span, scope);
  const before = comparedSpan(span, query.compare);
  const other = before && { ...sliceOf(query, metric, before, scope), limit: mostCompared };
  const found = await slice(db, wanted);
  const compared = other && (await slice(db, { ...other, where: narrowed(wanted, found) }));
  return {
    query,
    wanted,
    found,
    compared:
      other && compared ? { wanted: other, groups: new Map(compared.groups.map((group) => [keyOf(group), group])) } : null,
  };
}

export type AnswerSlice = (query: SliceQuery, scope: Scope, now: number) => Promise<Answer>;

const sizeOf = ({ found, compared }: Kept): number =>
  [...found.groups, ...(compared?.groups.values() ?? [])].reduce((sum, { points }) => sum + points.length + 1, 0);

/** Answers slices; the same again from memory while nothing was written. */
export function sliceAnswerer(db: Database): AnswerSlice {
  const kept = answersKept<Kept>(db, { sizeOf, largest: 20_000 });
  return async (query, scope, now) => {
    const span = spanOf(query, now);
    const answer = await kept(JSON.stringify([query, span, scope]), () => answerOf(db, query, span, scope).catch(ofTooMuch));
    return { ...answer, partial: partialBuckets(answer.wanted, now) };
  };
}

const pointJson = ({ at, value, n }: SliceGroup['points'][number]) => ({ at: at.toISOString(), value, n });
const spanJson = ({ from, to }: Slice) => ({ from: from.toISOString(), to: to.toISOString() });

function answerJson({ wanted, found, compared, partial }: Answer) {
  return {
    metric: wanted.metric,
    unit: wanted.unit,
    aggregate: wanted.aggregate,
    bucket: wanted.bucket,
    fill: wanted.fill,
    by: wanted.by,
    ...spanJson(wanted),
    compared: compared && spanJson(compared.wanted),
    partial: [...partial.keys()].map((at) => new Date(at).toISOString()),
    source: found.source,
    groupCount: found.groupCount,
    groups: found.groups.map((group) => {
      const before = compared?.groups.get(keyOf(group));
      return {
        labels: Object.fromEntries(wanted.by.map((name, i) => [name, group.key[i] ?? null])),
        model: group.modelId === null ? null : String(group.modelId),
        value: group.value,
        n: group.n,
        points: group.points.map(pointJson),
        compared: before ? { value: before.value, n: before.n, points: before.points.map(pointJson) } : null,
      };
    }),
  };
}

/** One row for each group and bucket; a slice without buckets has one for each group. */
function answerTable({ wanted, found, compared, partial }: Answer): Table {
  const rows = found.groups.flatMap((group) => {
    const before = compared?.groups.get(keyOf(group));
    const row = (from: Date, value: number, n: number, other: number | null) => [
      ...wanted.by.map((_, i) => group.key[i] ?? ''),
      from.toISOString(),
      value,
      n,
      partial.has(from.getTime()),
      ...(compared ? [other] : []),
    ];
    if (wanted.bucket === 'none') return [row(wanted.from, group.value, group.n, before?.value ?? null)];
    const shift = compared ? wanted.from.getTime() - compared.wanted.from.getTime() : 0;
    const others = new Map(before?.points.map(({ at, value }) => [at.getTime() + shift, value]));
    return group.points.map(({ at, value, n }) => row(at, value, n, others.get(at.getTime()) ?? null));
  });
  return { columns: [...wanted.by, 'from', wanted.aggregate, 'n', 'partial', ...(compared ? ['compared'] : [])], rows };
}

export function getQuery(db: Database): (c: Context) => Promise<Response> {
  const answerSlice = sliceAnswerer(db);
  return async (c) => {
    const query = readSliceQuery(c.req.url);
    const answer = await answerSlice(query, c.get('scope'), Date.now());
    const forms = { name: query.metric, json: answerJson(answer), table: () => answerTable(answer) };
    return answerIn(c, formatOf(c, query.format), forms);
  };
}

export const getMetrics =
  (db: Database) =>
  async (c: Context): Promise<Response> =>
    answerItems(c, 'metrics', { items: await listMetrics(db, c.get('scope')) });
