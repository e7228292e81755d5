/** /v1/dashboards: questions of the page Explore that are kept together. */
import type { Context } from 'hono';
import { type Admin, adminOf } from '../auth/access.ts';
import { mayAdminister, mayEverywhere, readableBy } from '../auth/roles.ts';
import {
  DashboardNameTaken,
  type DashboardRow,
  deleteDashboard,
  listDashboards,
  readDashboard,
  saveDashboard,
} from '../store/dashboards.ts';
import type { Database } from '../store/database.ts';
import { namespaceFor } from './confined.ts';
import { type GivenDashboard, invalidDashboard, validDashboard } from './dashboard-body.ts';
import { parseJson, readBody } from './json.ts';
import { needJson } from './posts.ts';
import { HttpProblem } from './problem.ts';
import { idOf } from './query.ts';
import type { ReportsOptions } from './reports.ts';

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

/** A dashboard that this admin may change: one that every reader sees is of those alone who are admins of everything. @throws HttpProblem 403, 404 */
export async function ownDashboard(db: Database, { grants }: Pick<Admin, 'grants'>, id: number): Promise<DashboardRow> {
  const found = await readDashboard(db, id, readableBy(grants));
  if (!found) throw noSuch();
  if (!mayAdminister(grants, found.isShared ? '' : found.namespace))
    throw new HttpProblem('forbidden', 'This needs the role admin for whom the dashboard is for.');
  return found;
}

/** Makes a dashboard, or writes that with the id anew. @throws HttpProblem 403, 404, 422 */
export async function keepDashboard(
  db: Database,
  admin: Admin,
  { shared: isShared, ...given }: GivenDashboard,
  id?: number,
): Promise<DashboardRow> {
  const namespace = namespaceFor(admin.grants, given.namespace);
  if (isShared && !mayEverywhere(admin.grants, 'admin'))
    throw new HttpProblem('forbidden', 'A dashboard for every reader needs the role admin for all projects.');
  if (id !== undefined) await ownDashboard(db, admin, id);
  try {
    const saved = await saveDashboard(db, { ...given, namespace, isShared, savedBy: admin.actor }, id);
    if (!saved) throw noSuch();
    return saved;
  } catch (error) {
    if (error instanceof DashboardNameTaken)
      throw invalidDashboard('The dashboard cannot be kept.', [{ pointer: '/name', detail: 'another dashboard has this name' }]);
    throw error;
  }
}

async function save(c: Context, options: ReportsOptions, id?: number): Promise<DashboardRow> {
  const { db, limits } = options;
  const admin = await adminOf(c, options);
  needJson(c);
  const given = validDashboard(parseJson(await readBody(c.req.raw, limits), limits, 'invalid-dashboard'));
  return keepDashboard(db, admin, given, id);
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
    const { id } = await ownDashboard(options.db, admin, idIn(c));
    if (!(await deleteDashboard(options.db, id, admin.actor))) throw noSuch();
    return c.body(null, 204);
  };
