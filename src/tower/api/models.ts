/** GET /v1/models, /v1/models/{id}, /v1/models/{id}/history. */
import type { Context } from 'hono';
import { bandOf } from '../../kernel/score.ts';
import type { Database } from '../store/database.ts';
import { type Filter, listModels, type ModelRow } from '../store/list-models.ts';
import { type HistoryEntry, modelHistory, readModel } from '../store/read-model.ts';
import { type HistoryQuery, historyQuery, type ModelsQuery, modelsQuery } from './document/schemas.ts';
import { HttpProblem } from './problem.ts';
import { idOf, labelOf, pageOf, queryReader, readCursor } from './query.ts';
import { answerItems } from './table.ts';

const readModelsQuery = queryReader<ModelsQuery>(modelsQuery);
const readHistoryQuery = queryReader<HistoryQuery>(historyQuery);

export const gateWord = (isPassed: boolean | null): 'passed' | 'failed' | null =>
  isPassed === null ? null : isPassed ? 'passed' : 'failed';

type Shown = Omit<ModelRow, 'seenAt' | 'isComplete' | 'waivers'> & {
  seenAt: Date | null;
  isComplete: boolean | null;
  waivers: number | null;
};

function modelJson(model: Shown) {
  const { id, name, title, owner, tier, language, labels, project, score, paperScore, sections, structureScore, commit } = model;
  return {
    id: String(id),
    name,
    title,
    owner,
    tier,
    language,
    labels,
    project,
    score,
    paperScore,
    band: score === null ? null : bandOf(score),
    sections,
    structureScore,
    gate: gateWord(model.isGatePassed),
    complete: model.isComplete,
    waivers: model.waivers,
    commit,
    seenAt: model.seenAt?.toISOString() ?? null,
    url: `/models/${id}`,
  };
}

export const entryJson = (entry: HistoryEntry) => ({
  id: String(entry.id),
  at: entry.at.toISOString(),
  receivedAt: entry.receivedAt.toISOString(),
  runner: entry.kind,
  record: entry.refClass,
  ref: entry.ref,
  commit: entry.commit,
  trigger: entry.trigger,
  writtenBy: entry.writtenBy,
  complete: entry.isComplete,
  score: entry.score,
  paperScore: entry.paperScore,
  structureScore: entry.structureScore,
  gate: gateWord(entry.isGatePassed),
  outcomes: entry.summary.outcomes,
  jobUrl: entry.summary.jobUrl,
});

export const getModels =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const query = readModelsQuery(c.req.url);
    const { q: search, owner, tier, language, gate, weakest, sort, limit } = query;
    const labels = query.label.map((pair) => labelOf(pair));
    const filter: Filter = { search, owner, tier, language, gate, weakest, labels, scope: c.get('scope') };
    const order = `${sort}.${query.order}`;
    const after = query.cursor === undefined ? undefined : readCursor(query.cursor, order);
    const rows = await listModels(db, filter, { sort, isDescending: query.order === 'desc', limit: limit + 1, after });
    const { shown, next } = pageOf(rows, limit, order);
    const page = { items: shown.map(modelJson), next };
    return answerItems(c, 'models', page);
  };

export const getModel =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const model = await readModel(db, idOf(c.req.param('id') ?? ''));
    if (!model) throw new HttpProblem('not-found', 'There is no such model.');
    return c.json(modelJson(model));
  };

export const getHistory =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const id = idOf(c.req.param('id') ?? '');
    const { record, limit, cursor } = readHistoryQuery(c.req.url);
    if (!(await readModel(db, id))) throw new HttpProblem('not-found', 'There is no such model.');
    const order = `history.${record ?? 'all'}`;
    const after = cursor === undefined ? undefined : readCursor(cursor, order);
    const afterNumber = after && typeof after.key === 'number' ? { key: after.key, id: after.id } : undefined;
    const rows = await modelHistory(db, id, { limit: limit + 1, refClass: record, after: afterNumber });
    const { shown, next } = pageOf(rows, limit, order);
    const page = { items: shown.map(entryJson), next };
    return answerItems(c, `history-${id}`, page);
  };
