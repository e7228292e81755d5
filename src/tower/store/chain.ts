/** From an alert to the pipeline that it started, to the version that came of it, to the alert that this version raised. */
import { sql } from 'kysely';
import type { Connection, Database } from './database.ts';
import { rollUp } from './points/rollups.ts';

/** A version that holds for longer has helped: what comes then is another trouble. */
const soonDays = 14;

export interface Cause {
  readonly id: number;
  /** How many such alerts stand in a row up to it. */
  readonly inARow: number;
}

interface Raised {
  readonly ruleId: number;
  readonly modelId: number;
  readonly at: Date;
}

/**
 * Of each alert that is raised, the alert of its rule for which the model's newest version was made, when that was not long ago:
 * reports of its commit say so, or numbers that were posted since that commit, where a DAG has trained the same code anew.
 */
export async function causesOf(connection: Connection, raised: readonly Raised[]): Promise<readonly (Cause | null)[]> {
  const { rows } = await sql<Cause & { place: number }>`
    select raised.place, cause.id, cause.n as "inARow" from unnest(${raised.map(({ ruleId }) => ruleId)}::bigint[],
      ${raised.map(({ modelId }) => modelId)}::bigint[], ${raised.map(({ at }) => at.toISOString())}::timestamptz[])
      with ordinality as raised(rule_id, model_id, at, place), lateral (
      with recursive newest as (
        select commit_sha from report join model_version on model_version.id = report.version_id
        where report.model_id = raised.model_id and ref_class = 'authoritative' order by reported_at desc, report.id desc limit 1
      ), reported as (
        select alert.id, alert.cause_id, report.reported_at as at from newest join model_version on model_version.commit_sha = newest.commit_sha
          join report on report.version_id = model_version.id and report.ref_class = 'authoritative'
          join alert on alert.id = report.alert_id
        where model_version.model_id = raised.model_id and alert.rule_id = raised.rule_id
          and report.reported_at > raised.at - make_interval(days => ${soonDays}) and alert.opened_at < raised.at
        order by report.reported_at desc, report.id desc limit 1
      ), posted as (
        select alert.id, alert.cause_id, received_at as at from metric_post join alert on alert.id = metric_post.alert_id
        where alert.model_id = raised.model_id and alert.rule_id = raised.rule_id and metric_post.ref_class = 'authoritative'
          and received_at > raised.at - make_interval(days => ${soonDays}) and alert.opened_at < raised.at
          and received_at > coalesce((select min(report.reported_at) from newest
            join model_version on model_version.commit_sha = newest.commit_sha and model_version.model_id = raised.model_id
            join report on report.version_id = model_version.id and report.ref_class = 'authoritative'), '-infinity')
        order by received_at desc, metric_post.id desc limit 1
      ), newer as (
        select id, cause_id from (select * from reported union all select * from posted) as known order by at desc limit 1
      ), chain as (
        select id as first, id, cause_id, 1 as n from newer
        union all
        select first, alert.id, alert.cause_id, chain.n + 1 from chain join alert on alert.id = chain.cause_id where chain.n < 1000
      )
      select first as id, max(n) as n from chain group by first) as cause`.execute(connection);
  const found = new Map(rows.map(({ place, id, inARow }) => [place, { id, inARow }]));
  return raised.map((_, i) => found.get(i + 1) ?? null);
}

export interface Remade {
  readonly commit: string | null;
  readonly pipeline: string | null;
  readonly jobUrl: string | null;
  readonly firstAt: Date;
  readonly reports: number;
  readonly isRecord: boolean;
  /** Of its newest report that has one. */
  readonly score: number | null;
  readonly isGatePassed: boolean | null;
}

/** Numbers that came from what the alert started. */
export interface Told {
  readonly writtenBy: string;
  readonly environment: string;
  readonly firstAt: Date;
  readonly points: number;
  readonly isRecord: boolean;
}

export interface Link {
  readonly id: number;
  readonly openedAt: Date;
  readonly closedAt: Date | null;
  readonly value: number;
}

export interface Chain {
  /** The versions that were made for the alert, the newest first. */
  readonly made: readonly Remade[];
  /** The newest first. */
  readonly told: readonly Told[];
  /** The alert of the same rule before which this one's version was made. */
  readonly before: Link | null;
  readonly after: readonly Link[];
  /** The newest value of the alert's series since something came of it. */
  readonly now: { readonly value: number; readonly at: Date } | null;
}

const link = sql`json_build_object('id', other.id, 'openedAt', other.opened_at, 'closedAt', other.closed_at, 'value', other.value)`;
interface LinkJson {
  readonly id: number;
  readonly openedAt: string;
  readonly closedAt: string | null;
  readonly value: number;
}
const linkOf = ({ id, openedAt, closedAt, value }: LinkJson): Link => ({
  ...{ id, value, openedAt: new Date(openedAt) },
  closedAt: closedAt === null ? null : new Date(closedAt),
});

async function versionsFor(connection: Connection, alertId: number): Promise<readonly Remade[]> {
  const newest = (column: string) =>
    sql`(array_agg(${sql.ref(column)} order by reported_at desc, report.id desc) filter (where ${sql.ref(column)} is not null))[1]`;
  const { rows } = await sql<Remade>`
    select commit_sha as commit, pipeline_id as pipeline, min(reported_at) as "firstAt", count(*) as reports,
      bool_or(ref_class = 'authoritative') as "isRecord", ${newest('score')} as score, ${newest('is_gate_passed')} as "isGatePassed",
      (array_agg(summary ->> 'jobUrl' order by reported_at desc, report.id desc))[1] as "jobUrl"
    from report left join model_version on model_version.id = report.version_id
    where report.alert_id = ${alertId} group by commit_sha, pipeline_id order by min(reported_at) desc limit 20`.execute(
    connection,
  );
  return rows;
}

async function toldOf(connection: Connection, alertId: number): Promise<readonly Told[]> {
  const { rows } = await sql<Told>`
    select written_by as "writtenBy", environment, min(received_at) as "firstAt", sum(points)::int as points,
      ref_class = 'authoritative' as "isRecord"
    from metric_post where alert_id = ${alertId} group by written_by, environment, ref_class order by min(received_at) desc limit 20`.execute(
    connection,
  );
  return rows;
}

/** Of an alert that the reader may see: all of it is of the same model. */
export async function chainOf(db: Database, alertId: number): Promise<Chain> {
  await rollUp(db);
  const made = await versionsFor(db, alertId);
  const told = await toldOf(db, alertId);
  const { rows } = await sql<{ before: LinkJson | null; after: readonly LinkJson[]; value: number | null; at: Date | null }>`
    select (select ${link} from alert as other where other.id = alert.cause_id) as before,
      coalesce((select json_agg(${link} order by other.id) from alert as other where other.cause_id = alert.id), '[]') as after,
      latest.value, latest.ts as at
    from alert left join latest on latest.series_id = alert.series_id where alert.id = ${alertId}`.execute(db);
  const [row] = rows;
  const starts = [...made, ...told].map(({ firstAt }) => firstAt.getTime());
  const isAfter = starts.length > 0 && row?.at && row.at.getTime() >= Math.min(...starts);
  return {
    ...{ made, told },
    before: row?.before ? linkOf(row.before) : null,
    after: (row?.after ?? []).map(linkOf),
    now: isAfter && row?.at && row.value !== null ? { value: row.value, at: row.at } : null,
  };
}
