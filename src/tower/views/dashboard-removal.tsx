/** POST /dashboards/{id}/delete: a dashboard as it was seen, no other. */
import type { Context } from 'hono';
import { ownDashboard } from '../api/dashboards.ts';
import { someAdminForm } from '../auth/acting.ts';
import { type DashboardRow, deleteDashboard } from '../store/dashboards.ts';
import type { Database } from '../store/database.ts';
import { idIn, Meanwhile, sayMeanwhile, unlessGone } from './dashboard-form-page.tsx';
import { Deed } from './form.tsx';
import { documentOf, Layout } from './layout.tsx';

/** The version is that which the page shows: one that was changed meanwhile stays. */
export function Removal({ id, version }: Pick<DashboardRow, 'id' | 'version'>) {
  return (
    <Deed summary="Delete it" to={`/dashboards/${id}/delete`} button="Delete the dashboard">
      <input type="hidden" name="version" value={version} />
      <p>Its questions go with it; the numbers stay.</p>
    </Deed>
  );
}

function NotDeleted({ now }: { readonly now: DashboardRow }) {
  return (
    <Layout title={`Error: ${now.name} · Control Tower`} current="explore">
      <header>
        <p class="path">
          <a href="/explore">Explore</a> / <a href="/dashboards">Dashboards</a>
        </p>
        <h1>{now.name}</h1>
      </header>
      <p class="panel notice is-fail" role="alert">
        {sayMeanwhile(now)} It was not deleted.
      </p>
      <Meanwhile now={now} />
      <Removal {...now} />
    </Layout>
  );
}

export const sendDashboardRemoval =
  (db: Database) =>
  async (c: Context): Promise<Response> => {
    const { actor, grants, fields } = await someAdminForm(c);
    const { id } = await ownDashboard(db, { grants }, idIn(c));
    const versions = fields.version === undefined ? undefined : [fields.version];
    if (await deleteDashboard(db, { id, versions }, actor)) return c.redirect('/dashboards', 303);
    const now = await ownDashboard(db, { grants }, id).catch(unlessGone);
    if (!now) return c.redirect('/dashboards', 303);
    return c.html(documentOf(<NotDeleted now={now} />), 409, { 'cache-control': 'no-store' });
  };
