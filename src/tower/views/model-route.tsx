/** GET /models/{id}. */
import type { Context } from 'hono';
import type { Report } from '../../kernel/report.ts';
import { cleanReport } from '../../reports/text.ts';
import { HttpProblem } from '../api/problem.ts';
import { idOf } from '../api/query.ts';
import { rescore } from '../rescore.ts';
import type { Connection, Database } from '../store/database.ts';
import { readMeasured } from '../store/read-measured.ts';
import { type Model, modelHistory, readModel, readReport } from '../store/read-model.ts';
import { structureOf } from '../store/suites.ts';
import { documentOf } from './layout.tsx';
import { ModelPage } from './model-page.tsx';

const entriesShown = 50;
const measuredDays = 90;

async function scored(connection: Connection, id: number | null): Promise<Report | null> {
  const stored = id === null ? null : await readReport(connection, id);
  return stored && cleanReport(rescore(stored.report, stored.trigger));
}

/** The rubric of one report with the structure suite of another, when jobs posted them apart. */
async function standingReport(connection: Connection, model: Model): Promise<Report | null> {
  const main = await scored(connection, model.scoreReportId);
  if (model.structureReportId === model.scoreReportId || model.structureReportId === null) return main;
  const other = await scored(connection, model.structureReportId);
  if (!main || !other) return main ?? other;
  const structure = structureOf(other);
  const suites = [...main.suites.filter((suite) => suite.id !== 'structure'), ...(structure ? [structure] : [])];
  return { ...main, suites };
}

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
    return c.html(documentOf(<ModelPage {...{ model, report, history, measured }} />), 200, {
      'cache-control': 'no-cache',
    });
  };
