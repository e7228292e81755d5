/** GET /v1/standing: scores and outcomes of a model's record, for runs that compare themselves with it. */
import type { Context } from 'hono';
import { standingOf } from '../../kernel/comparison.ts';
import { standingReport } from '../standing-report.ts';
import { findModel, readModel } from '../store/read-model.ts';
import { type StandingQuery, standingQuery } from './document/schemas.ts';
import { HttpProblem } from './problem.ts';
import { queryReader } from './query.ts';
import { type SeriesOptions, scopeOf } from './series.ts';

const readQuery = queryReader<StandingQuery>(standingQuery);

export const getStanding =
  (options: SeriesOptions) =>
  async (c: Context): Promise<Response> => {
    const { db } = options;
    const { model: name } = readQuery(c.req.url);
    const id = await findModel(db, name, await scopeOf(c, options));
    const model = id === null ? null : await readModel(db, id);
    const report = model && (await standingReport(db, model));
    if (!model || !report) throw new HttpProblem('not-found', 'No authoritative report of this model has come yet.');
    return c.json({ model: String(model.id), name: model.name, ...standingOf(report) });
  };
