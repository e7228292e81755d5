/** GET /v1/reports, /v1/reports/{id}, /v1/models/{id}/versions, /v1/gates/{model}. */
import type { Context } from 'hono';
import type { Database } from '../store/database.ts';
import { lastGate, listReports, listVersions } from '../store/list-reports.ts';
import { readModel, readReport } from '../store/read-model.ts';
import { modelsNamed, type NamedModel } from '../store/write-metrics.ts';
import {
  type GateQuery,
  gateQuery,
  type ReportsQuery,
  reportsQuery,
  type VersionsQuery,
  versionsQuery,
} from './document/record-schemas.ts';
import { entryJson, gateWord } from './models.ts';
import { HttpProblem } from './problem.ts';
import { idOf, pageOf, queryReader, readCursor } from './query.ts';
import { answerItems } from './table.ts';

const readReportsQuery = queryReader<ReportsQuery>(reportsQuery);
const readVersionsQuery = queryReader<VersionsQuery>(versionsQuery);
const readGateQuery = queryReader<GateQuery>(gateQuery);

export const getReports =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const { record, limit, cursor, ...filter } = readReportsQuery(c.req.url);
    const order = 'reports';
    const found = cursor === undefined ? undefined : readCursor(cursor, order);
    const after = found && typeof found.key === 'number' ? { key: found.key, id: found.id } : undefined;
    const rows = await listReports(db, { ...filter, refClass: record, scope: c.get('scope'), limit: limit + 1, after });
    const { shown, next } = pageOf(rows, limit, order);
    const items = shown.map((row) => ({
      ...entryJson(row),
      model: { id: String(row.modelId), name: row.model, project: row.project },
    }));
    const page = { items, next };
    return answerItems(c, 'reports', page);
  };

export const getReport =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const found = await readReport(db, idOf(c.req.param('id') ?? '', 'report'), c.get('scope'));
    if (!found) throw new HttpProblem('not-found', 'There is no such report.');
    return c.json(found.report);
  };

export const getVersions =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const id = idOf(c.req.param('id') ?? '');
    const { limit, cursor } = readVersionsQuery(c.req.url);
    if (!(await readModel(db, id))) throw new HttpProblem('not-found', 'There is no such model.');
    const before = cursor === undefined ? undefined : readCursor(cursor, 'versions').id;
    const rows = await listVersions(db, id, { limit: limit + 1, before });
    const { shown, next } = pageOf(rows, limit, 'versions');
    const items = shown.map(({ id: version, commit, artifactDigest, labels, createdAt, reports, score, isGatePassed }) => ({
      ...{ id: String(version), commit, artifactDigest: artifactDigest === '' ? null : artifactDigest, labels },
      ...{ createdAt: createdAt.toISOString(), reports, score, gate: gateWord(isGatePassed) },
    }));
    const page = { items, next };
    return answerItems(c, `versions-${id}`, page);
  };

async function onlyModel(db: Database, c: Context, name: string, projectPath: string | undefined): Promise<NamedModel> {
  const found = await modelsNamed(db, { name, projectPath, scope: c.get('scope') });
  const [model] = found;
  if (!model) throw new HttpProblem('not-found', 'There is no such model.');
  if (found.length === 1) return model;
  throw new HttpProblem('bad-request', 'Several projects have a model of this name.', [
    { parameter: 'project', detail: `is needed: one of ${found.map(({ project }) => project).join(', ')}` },
  ]);
}

/** What a deployment asks before it begins: it goes on only when the answer is `passed`. */
export const getGate =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const { project, commit } = readGateQuery(c.req.url);
    const name = c.req.param('model') ?? '';
    if (name.includes('\u0000')) throw new HttpProblem('not-found', 'There is no such model.');
    const model = await onlyModel(db, c, name, project);
    const gate = await lastGate(db, model.id, commit);
    return c.json({
      model: { id: String(model.id), name, project: model.project, url: `/models/${model.id}` },
      gate: gateWord(gate?.isGatePassed ?? null),
      at: gate?.at.toISOString() ?? null,
      commit: gate?.commit ?? null,
      complete: gate?.isComplete ?? null,
      score: gate?.score ?? null,
      report: gate ? String(gate.reportId) : null,
    });
  };
