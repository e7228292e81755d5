/** /v1/dashboards: questions of the page Explore that are kept together. */
import type { Context } from 'hono';
import { type Admin, adminOf } from '../auth/access.ts';
import { mayAdminister, mayEverywhere, readableBy } from '../auth/roles.ts';
import {
  DashboardNameTaken,
  type DashboardRow,
  deleteDashboard,
  listDashboards,
  type ReadDashboard,
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

const tagged = (row: DashboardRow): Readonly<Record<string, string>> => ({ etag: `"${row.version}"` });

/** What the sender has read, by If-Match; undefined: it does not say. Packing an answer makes its tag weak, so these count too. */
function versionsIn(c: Context): readonly string[] | undefined {
  const header = c.req.header('if-match')?.trim();
  return header === undefined || header === '*' ? undefined : [...header.matchAll(/"([^"]*)"/g)].map(([, tag = '']) => tag);
}

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

/** It is there, and of another version than the sender has read; or it is gone. */
async function whyNot(db: Database, admin: Pick<Admin, 'grants'>, id: number): Promise<HttpProblem> {
  const { savedBy, savedAt } = await ownDashboard(db, admin, id);
  return new HttpProblem(
    'changed',
    `${savedBy} saved the dashboard at ${savedAt.toISOString()}, after it was read: read it again, and send its ETag in If-Match.`,
  );
}

/** Makes a dashboard, or writes an old one anew. @throws HttpProblem 403, 404, 412, 422 */
export async function keepDashboard(
  db: Database,
  admin: Admin,
  { shared: isShared, ...given }: GivenDashboard,
  old?: ReadDashboard,
): Promise<DashboardRow> {
  const namespace = namespaceFor(admin.grants, given.namespace);
  if (isShared && !mayEverywhere(admin.grants, 'admin'))
    throw new HttpProblem('forbidden', 'A dashboard for every reader needs the role admin for all projects.');
  if (old) await ownDashboard(db, admin, old.id);
  try {
    const saved = await saveDashboard(db, { ...given, namespace, isShared, savedBy: admin.actor }, old);
    if (saved) return saved;
    throw old ? await whyNot(db, admin, old.id) : noSuch();
  } catch (error) {
    if (error instanceof DashboardNameTaken)
      throw invalidDashboard('The dashboard cannot be kept.', [{ pointer: '/name', detail: 'another dashboard has this name' }]);
    throw error;
  }
}

async function save(c: Context, options: ReportsOptions, old?: ReadDashboard): Promise<DashboardRow> {
  const { db, limits } = options;
  const admin = await adminOf(c, options);
  needJson(c);
  const given = validDashboard(parseJson(await readBody(c.req.raw, limits), limits, 'invalid-dashboard'));
  return keepDashboard(db, admin, given, old);
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
    return c.json(dashboardJson(found), 200, tagged(found));
  };

export const postDashboard =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const saved = await save(c, options);
    return c.json(dashboardJson(saved), 201, { location: `/v1/dashboards/${saved.id}`, ...tagged(saved) });
  };

export const putDashboard =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const saved = await save(c, options, { id: idIn(c), versions: versionsIn(c) });
    return c.json(dashboardJson(saved), 200, tagged(saved));
  };

export const removeDashboard =
  (options: ReportsOptions) =>
  async (c: Context): Promise<Response> => {
    const admin = await adminOf(c, options);
    const { id } = await ownDashboard(options.db, admin, idIn(c));
    if (!(await deleteDashboard(options.db, { id, versions: versionsIn(c) }, admin.actor)))
      throw await whyNot(options.db, admin, id);
    return c.body(null, 204);
  };
