/** Roll-ups over the models of a filter: what the fleet page says in one look. */
import { type RawBuilder, sql } from 'kysely';
import type { Connection } from './database.ts';
import { type Filter, isWeakest, matches, type SectionId, sectionIds } from './list-models.ts';
import type { Scope } from './scope.ts';
import { waiversInForce } from './waivers.ts';

/** Upper ends of the paper's bands of the passing score. */
export const bandBorders = [0, 1, 2, 3, 5, 7] as const;
const staleDays = 30;

export interface Totals {
  readonly models: number;
  readonly scored: number;
  readonly median: number | null;
  readonly gatePassed: number;
  readonly gateFailed: number;
  readonly critical: number;
  /** Critical models with a passing score above 2: at least reasonably tested. */
  readonly criticalReady: number;
  /** Not heard of for 30 days. */
  readonly stale: number;
  /** In force today. */
  readonly waivers: number;
  /** Models whose score is set by the section; a model may count in several. */
  readonly weakest: Readonly<Record<SectionId, number>>;
  /** Models per band, in the order of `bandBorders`, then those without a score. */
  readonly bands: readonly number[];
}

export interface Group {
  /** Null: the models without this property. */
  readonly name: string | null;
  readonly models: number;
  readonly mean: number | null;
  /** As in Totals. */
  readonly bands: readonly number[];
}

/** What models can be grouped by: a column, or a label as `label:NAME`. */
export const columnDimensions = ['tier', 'owner', 'language'] as const;

const from = sql`from standing join model on model.id = standing.model_id`;
const count = (condition: RawBuilder<unknown>) => sql`count(*) filter (where ${condition})`;
const perBand = sql`array[${sql.join([
  ...bandBorders.map((border, index) =>
    index === 0
      ? count(sql`score <= ${sql.lit(border)}`)
      : count(sql`score > ${sql.lit(bandBorders[index - 1] ?? 0)} and score <= ${sql.lit(border)}`),
  ),
  count(sql`score is null`),
])}]::int[]`;
const perSection = sql.join(sectionIds.flatMap((id) => [sql`${sql.lit(id)}`, count(isWeakest(id))]));

export async function fleetTotals(connection: Connection, filter: Filter): Promise<Totals> {
  const isCritical = sql`model.tier = 'critical'`;
  const { rows } = await sql<Totals>`
    select count(*) as models, count(score) as scored, percentile_cont(0.5) within group (order by score) as median,
      ${count(sql`is_gate_passed`)} as "gatePassed", ${count(sql`not is_gate_passed`)} as "gateFailed",
      ${count(isCritical)} as critical, ${count(sql`${isCritical} and score > 2`)} as "criticalReady",
      ${count(sql`seen_at < now() - make_interval(days => ${sql.lit(staleDays)})`)} as stale, ${waiversInForce(sql`select model.id ${from} where ${matches(filter)}`)} as waivers, ${perBand} as bands,
      json_build_object(${perSection}) as weakest
    ${from} where ${matches(filter)}`.execute(connection);
  const [totals] = rows;
  if (!totals) throw new Error('An aggregate without a row');
  return totals;
}

const dimension = (by: string): RawBuilder<unknown> => {
  const column = columnDimensions.find((name) => name === by);
  return column ? sql.ref(`model.${column}`) : sql`model.labels ->> ${by.replace(/^label:/, '')}::text`;
};

/** Models per group and band, the largest groups first; groups beyond `limit` are left out. */
export async function fleetGroups(connection: Connection, filter: Filter, by: string, limit: number): Promise<readonly Group[]> {
  const { rows } = await sql<Group>`
    select ${dimension(by)} as name, count(*) as models, avg(score) as mean,
      ${perBand} as bands
    ${from} where ${matches(filter)} group by 1 order by 2 desc, 1 limit ${limit}`.execute(connection);
  return rows;
}

export interface Facets {
  readonly tiers: readonly string[];
  readonly languages: readonly string[];
  /** The owners with the most models. */
  readonly owners: readonly string[];
  /** Label keys seen on the models heard of last. */
  readonly labelKeys: readonly string[];
}

/** What the filter offers. */
export async function fleetFacets(connection: Connection, scope: Scope): Promise<Facets> {
  const isSeen = matches({ labels: [], scope });
  const { rows } = await sql<Facets>`
    select
      array(select distinct tier ${from} where ${isSeen} order by 1 limit 20) as tiers,
      array(select distinct language ${from} where language is not null and ${isSeen} order by 1 limit 20) as languages,
      array(select owner ${from} where owner is not null and ${isSeen} group by owner order by count(*) desc, owner limit 40) as owners,
      array(select distinct key from (select labels ${from} where ${isSeen} order by seen_at desc limit 300) as recent,
        jsonb_object_keys(recent.labels) as key order by 1 limit 20) as "labelKeys"`.execute(connection);
  return rows[0] ?? { tiers: [], languages: [], owners: [], labelKeys: [] };
}
