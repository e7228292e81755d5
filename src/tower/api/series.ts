/** GET /v1/series: what the reports of a model measured, run by run. */
import type { Context } from 'hono';
import { writerOf } from '../auth/access.ts';
import type { VerifyIdToken } from '../auth/gitlab.ts';
import { readableBy } from '../auth/roles.ts';
import type { Database } from '../store/database.ts';
import { readSeries } from '../store/points/read-series.ts';
import type { Scope } from '../store/scope.ts';
import { type SeriesQuery, seriesQuery } from './document/schemas.ts';
import { labelOf, queryReader } from './query.ts';
import { answerIn, formatOf, tableOf } from './table.ts';

const readQuery = queryReader<SeriesQuery>(seriesQuery);

export interface SeriesOptions {
  readonly db: Database;
  readonly verifyIdToken: VerifyIdToken | null;
  readonly isLocal: boolean;
}

/** A job reads the models of its own project, whatever it asks for; a token what it is for; this machine all. */
export async function scopeOf(c: Context, { db, verifyIdToken, isLocal }: SeriesOptions): Promise<Scope> {
  if (isLocal && c.req.header('authorization') === undefined) return null;
  const reader = await writerOf(c, db, verifyIdToken);
  return reader.kind === 'job'
    ? { issuer: reader.claims.issuer, externalId: reader.claims.projectId }
    : readableBy(reader.grants);
}

export const getSeries =
  (options: SeriesOptions) =>
  async (c: Context): Promise<Response> => {
    const { model, metric, label, limit } = readQuery(c.req.url);
    const project = await scopeOf(c, options);
    const rows = await readSeries(options.db, {
      model,
      metric,
      labels: Object.fromEntries(label.map((pair) => labelOf(pair))),
      project,
      limit,
    });
    const json = {
      items: rows.map(({ id, modelId, points, ...row }) => ({
        id: String(id),
        model: String(modelId),
        metric,
        ...row,
        points: points.map(({ at, value }) => ({ at: at.toISOString(), value })),
      })),
    };
    // In a table a row is a point.
    const table = () => tableOf(json.items.flatMap(({ points, ...series }) => points.map((point) => ({ ...series, ...point }))));
    return answerIn(c, formatOf(c), { name: `${model}-${metric}`, json, table });
  };
