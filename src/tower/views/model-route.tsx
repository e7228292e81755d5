/** GET /models/{id}. */
import type { Context } from 'hono';
import { HttpProblem } from '../api/problem.ts';
import { idOf } from '../api/query.ts';
import { standingReport } from '../standing-report.ts';
import type { Database } from '../store/database.ts';
import { readMeasured } from '../store/read-measured.ts';
import { modelHistory, readModel } from '../store/read-model.ts';
import { show } from './layout.tsx';
import { ModelPage } from './model-page.tsx';

const entriesShown = 50;
const measuredDays = 90;

export const modelRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const id = idOf(c.req.param('id') ?? '');
    const model = await readModel(db, id);
    if (!model) throw new HttpProblem('not-found', 'There is no such model.');
    const since = new Date(Date.now() - measuredDays * 86_400_000);
    const [report, history, measured] = await Promise.all([
      standingReport(db, model),
      modelHistory(db, id, { limit: entriesShown }),
      readMeasured(db, id, since),
    ]);
    return show(c, <ModelPage {...{ model, report, history, measured }} />);
  };
