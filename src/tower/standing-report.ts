/** A model as its newest authoritative reports show it, scored by us. */
import type { Report } from '../kernel/report.ts';
import { cleanReport } from '../reports/text.ts';
import { rescore } from './rescore.ts';
import type { Connection } from './store/database.ts';
import { type Model, readReport } from './store/read-model.ts';
import { structureOf } from './store/suites.ts';

async function scored(connection: Connection, id: number | null): Promise<Report | null> {
  const stored = id === null ? null : await readReport(connection, id);
  return stored && cleanReport(rescore(stored.report, stored.trigger));
}

/** The rubric of one report with the structure suite of another, when jobs posted them apart. */
export async function standingReport(connection: Connection, model: Model): Promise<Report | null> {
  const main = await scored(connection, model.scoreReportId);
  if (model.structureReportId === model.scoreReportId || model.structureReportId === null) return main;
  const other = await scored(connection, model.structureReportId);
  if (!main || !other) return main ?? other;
  const structure = structureOf(other);
  const suites = [...main.suites.filter((suite) => suite.id !== 'structure'), ...(structure ? [structure] : [])];
  return { ...main, suites };
}
