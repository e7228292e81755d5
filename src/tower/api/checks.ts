/** GET /v1/checks: what the newest run said of each check of a model. */
import type { Context } from 'hono';
import { readChecks } from '../store/read-checks.ts';
import { type ChecksQuery, checksQuery } from './document/schemas.ts';
import { queryReader } from './query.ts';
import { type SeriesOptions, scopeOf } from './series.ts';

const readQuery = queryReader<ChecksQuery>(checksQuery);

export const getChecks =
  (options: SeriesOptions) =>
  async (c: Context): Promise<Response> => {
    const { model, suite, section = null, trigger = null } = readQuery(c.req.url);
    const project = await scopeOf(c, options);
    const rows = await readChecks(options.db, { model, suite, section, trigger, project });
    return c.json({
      items: rows.map(({ at, modelId, reportId, ...row }) => ({
        ...row,
        at: at.toISOString(),
        model: String(modelId),
        report: String(reportId),
      })),
    });
  };
