/** The models that have an authoritative report: filtered, sorted, a page at a time. */
import { type RawBuilder, sql } from 'kysely';
import type { Connection } from './database.ts';
import { containing } from './patterns.ts';
import { inScope, type Scope } from './scope.ts';
import { waiversInForce } from './waivers.ts';

export const sortKeys = ['score', 'name', 'structure', 'seen'] as const;
export type SortKey = (typeof sortKeys)[number];
export const gateStates = ['passed', 'failed', 'none'] as const;
export const sectionIds = ['data', 'model', 'infra', 'monitor'] as const;
export type SectionId = (typeof sectionIds)[number];

export interface Filter {
  /** Part of the name or title, any case. */
  readonly search?: string | undefined;
  readonly owner?: string | undefined;
  readonly tier?: string | undefined;
  readonly language?: string | undefined;
  /** Pairs of name and value; all must hold. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** Passing score above `over` and at most `atMost`. */
  readonly scoreOver?: number | undefined;
  readonly scoreAtMost?: number | undefined;
  readonly gate?: (typeof gateStates)[number] | undefined;
  /** Models whose score this section sets, alone or with others. */
  readonly weakest?: SectionId | undefined;
  /** What the reader is confined to. */
  readonly scope?: Scope;
}

export interface Page {
  readonly sort: SortKey;
  readonly isDescending: boolean;
  readonly limit: number;
  readonly offset?: number;
  /** Key and id of the last row of the page before. */
  readonly after?: { readonly key: string | number; readonly id: number } | undefined;
}

export interface ModelRow {
  readonly id: number;
  readonly name: string;
  readonly title: string | null;
  readonly owner: string | null;
  readonly tier: string;
  readonly language: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly project: string;
  readonly score: number | null;
  readonly paperScore: number | null;
  readonly sections: Readonly<Record<SectionId, number | null>>;
  readonly structureScore: number | null;
  readonly isGatePassed: boolean | null;
  readonly isComplete: boolean;
  /** In force today. */
  readonly waivers: number;
  readonly commit: string | null;
  readonly seenAt: Date;
}

export interface ListedModel extends ModelRow {
  /** Value of the sort key, for the cursor. */
  readonly key: string | number;
}

/** What is sorted by, its type in the cursor, and the id that an index has beside it. */
const sorts: Readonly<
  Record<SortKey, { readonly key: RawBuilder<unknown>; readonly type: RawBuilder<unknown>; readonly id: RawBuilder<unknown> }>
> = {
  score: { key: sql`coalesce(standing.score, -1)`, type: sql`float8`, id: sql`standing.model_id` },
  name: { key: sql`model.name`, type: sql`text`, id: sql`model.id` },
  structure: { key: sql`coalesce(standing.structure_score, -1)`, type: sql`float8`, id: sql`standing.model_id` },
  seen: { key: sql`standing.seen_at`, type: sql`timestamptz`, id: sql`standing.model_id` },
};

/** The section has the least score of the four, which is the score. */
export const isWeakest = (section: SectionId): RawBuilder<unknown> =>
  sql`${sql.ref(`standing.${section}_score`)} = least(${sql.join(sectionIds.map((id) => sql.ref(`standing.${id}_score`)))})`;

/** The condition of a filter over `model` and `standing`. */
export function matches(filter: Filter): RawBuilder<unknown> {
  const conditions: RawBuilder<unknown>[] = [sql`true`];
  if (filter.search) {
    const pattern = containing(filter.search);
    conditions.push(sql`(model.name ilike ${pattern} or model.title ilike ${pattern})`);
  }
  if (filter.owner !== undefined) conditions.push(sql`model.owner = ${filter.owner}`);
  if (filter.tier !== undefined) conditions.push(sql`model.tier = ${filter.tier}`);
  if (filter.language !== undefined) conditions.push(sql`model.language = ${filter.language}`);
  for (const [name, value] of filter.labels) conditions.push(sql`model.labels @> ${JSON.stringify({ [name]: value })}::jsonb`);
  if (filter.scoreOver !== undefined) conditions.push(sql`standing.score > ${filter.scoreOver}::float8`);
  if (filter.scoreAtMost !== undefined) conditions.push(sql`standing.score <= ${filter.scoreAtMost}::float8`);
  if (filter.gate === 'none') conditions.push(sql`standing.is_gate_passed is null`);
  else if (filter.gate) conditions.push(sql`standing.is_gate_passed = ${filter.gate === 'passed'}`);
  if (filter.weakest) conditions.push(isWeakest(filter.weakest));
  if (filter.scope)
    conditions.push(sql`exists (select 1 from project where project.id = model.project_id and ${inScope(filter.scope)})`);
  return sql.join(conditions, sql` and `);
}

/** Columns of a ModelRow over `model`, `standing` and `project`. */
export const modelColumns = sql`model.id, model.name, model.title, model.owner, model.tier, model.language, model.labels,
  project.path as project, standing.score, standing.paper_score as "paperScore",
  json_build_object('data', standing.data_score, 'model', standing.model_score, 'infra', standing.infra_score,
    'monitor', standing.monitor_score) as sections,
  standing.structure_score as "structureScore", standing.is_gate_passed as "isGatePassed", standing.is_complete as "isComplete",
  ${waiversInForce(sql`model.id`)} as waivers, standing.commit_sha as commit, standing.seen_at as "seenAt"`;

export async function listModels(connection: Connection, filter: Filter, page: Page): Promise<readonly ListedModel[]> {
  const { key, type, id } = sorts[page.sort];
  const direction = page.isDescending ? sql`desc` : sql`asc`;
  const after = page.after
    ? sql`and (${key}, ${id}) ${page.isDescending ? sql`<` : sql`>`} (${page.after.key}::${type}, ${page.after.id}::bigint)`
    : sql``;
  const { rows } = await sql<ListedModel>`
    select ${modelColumns}, ${page.sort === 'seen' ? sql`${key}::text` : key} as key
    from standing join model on model.id = standing.model_id join project on project.id = model.project_id
    where ${matches(filter)} ${after}
    order by ${key} ${direction}, ${id} ${direction}
    limit ${page.limit} offset ${page.offset ?? 0}`.execute(connection);
  return rows;
}

/** The last passing scores of each model, oldest first, at most `limit` each. */
export async function recentScores(
  connection: Connection,
  ids: readonly number[],
  limit: number,
): Promise<ReadonlyMap<number, readonly number[]>> {
  const { rows } = await sql<{ id: number; scores: number[] }>`
    select wanted.id, array_agg(recent.score order by recent.reported_at, recent.id) as scores
    from unnest(${ids}::bigint[]) as wanted(id)
    join lateral (select id, score, reported_at from report
      where model_id = wanted.id and ref_class = 'authoritative' and score is not null
      order by reported_at desc, id desc limit ${limit}) as recent on true
    group by wanted.id`.execute(connection);
  return new Map(rows.map((row) => [row.id, row.scores]));
}
