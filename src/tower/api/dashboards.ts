/** /v1/dashboards: questions of the page Explore that are kept together. */
import type { Context } from 'hono';
import { type Admin, adminOf } from '../auth/access.ts';
import { mayAdminister, mayEverywhere, readableBy } from '../auth/roles.ts';
import { shownActor } from '../store/audit.ts';
import {
  DashboardNameTaken,
  type DashboardRow,
  deleteDashboard,
  listDashboards,
  type Panel,
  readDashboard,
  saveDashboard,
} from '../store/dashboards.ts';
import type { Database } from '../store/database.ts';
import { namespaceFor } from './confined.ts';
import { dashboardSchema } from './dashboard-schemas.ts';
import { type ExploreState, readExploreState } from './explore-query.ts';
import { parseJson, readBody } from './json.ts';
import { needJson } from './posts.ts';
import { HttpProblem } from './problem.ts';
import { idOf } from './query.ts';
import type { ReportsOptions } from './reports.ts';
import { spanOf } from './slice-query.ts';
import { ajvOf, sayError } from './validate.ts';

type Question = ExploreState & { readonly metric: string };

/** A kept question, read as the page Explore reads it. @throws HttpProblem 400 */
export function exploreStateOf(question: string): Question {
  // A # belongs to the question: nothing behind it is left out unseen.
  const state = readExploreState(`http://localhost/explore?${question.replaceAll('#', '%23')}`);
  const { metric } = state;
  if (metric === undefined)
    throw new HttpProblem('bad-request', 'The question names no metric.', [{ parameter: 'metric', detail: 'is needed' }]);
  return { ...state, metric };
}

interface DashboardBody {
  readonly name: string;
  readonly panels: readonly Panel[];
  readonly namespace?: string;
  readonly shared: boolean;
}

const isDashboard = ajvOf({ useDefaults: true }).compile<DashboardBody>(dashboardSchema);
const invalid = (detail: string, errors: HttpProblem['errors']) => new HttpProblem('invalid-dashboard', detail, errors);

/** What is wrong with a question; null when nothing is. Whether its metric exists is asked when it is shown. */
function problemOf({ question }: Panel): string | null {
  try {
    spanOf(exploreStateOf(question), Date.now());
    return null;
  } catch (error) {
    if (!(error instanceof HttpProblem)) throw error;
    const first = error.errors?.[0];
    return first && 'parameter' in first ? `${first.parameter} ${first.detail}` : error.message;
  }
}

async function bodyOf(c: Context, { limits }: ReportsOptions): Promise<DashboardBody> {
  needJson(c);
  const body = parseJson(await readBody(c.req.raw, limits), limits, 'invalid-dashboard');
  if (!isDashboard(body))
    throw invalid('The dashboard does not fit its schema.', (isDashboard.errors ?? []).slice(0, 20).map(sayError));
  const problems = body.panels.flatMap((panel, i) => {
    const detail = problemOf(panel);
    return detail === null ? [] : [{ pointer: `/panels/${i}/question`, detail }];
  });
  if (problems.length > 0) throw invalid('The dashboard has questions that cannot be asked.', problems);
  return body;
}

const dashboardJson = ({ id, name, panels, namespace, isShared, savedBy, savedAt }: DashboardRow) => ({
  id: String(id),
  name,
  panels,
  namespace,
  shared: isShared,
  savedBy,
  savedAt: savedAt.toISOString(),
});

const noSuch = () => new HttpProblem('not-found', 'There is no such dashboard.');
const idIn = (c: Context): number => idOf(c.req.param('id') ?? '', 'dashboard');

/** One that every reader sees is of those alone who are admins of everything. @throws HttpProblem 403, 404 */
async function needOwn(options: ReportsOptions, { grants }: Admin, id: number): Promise<void> {
  const found = await readDashboard(options.db, id, readableBy(grants));
  if (!found) throw noSuch();
  if (!mayAdminister(grants, found.isShared ? '' : found.namespace))
    throw new HttpProblem('forbidden', 'This needs the role admin for whom the dashboard is for.');
}

async function save(c: Context, options: ReportsOptions, id?: number): Promise<DashboardRow> {
  const admin = await adminOf(c, options);
  const { shared: isShared, ...body } = await bodyOf(c, options);
  const namespace = namespaceFor(admin.grants, body.namespace);
  if (isShared && !mayEverywhere(admin.grants, 'admin'))
    throw new HttpProblem('forbidden', 'A dashboard for every reader needs the role admin for all projects.');
  if (id !== undefined) await needOwn(options, admin, id);
  const savedBy = shownActor(admin.actor);
  try {
    const saved = await saveDashboard(options.db, { ...body, namespace, isShared, savedBy }, id);
    if (!saved) throw noSuch();
    return saved;
  } catch (error) {
    if (error instanceof DashboardNameTaken)
      throw invalid('The dashboard cannot be kept.', [{ pointer: '/name', detail: 'another dashboard has this name' }]);
    throw error;
  }
}

export const getDashboards =
  (db: Database) =>
  async (c: Context): Promise<Response> =>
    c.json({ items: (await listDashboards(db, c.get('scope'))).map(dashboardJson) });

export const getDashboard =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const found = await readDashboard(db, idIn(c), c.get('scope'));
    if (!found) throw noSuch();
    return c.json(dashboardJson(found));
  };

export const postDashboard =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const saved = await save(c, options);
    return c.json(dashboardJson(saved), 201, { location: `/v1/dashboards/${saved.id}` });
  };

export const putDashboard =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> =>
    c.json(dashboardJson(await save(c, options, idIn(c))));

export const removeDashboard =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const admin = await adminOf(c, options);
    await needOwn(options, admin, idIn(c));
    if (!(await deleteDashboard(options.db, idIn(c), shownActor(admin.actor)))) throw noSuch();
    return c.body(null, 204);
  };
