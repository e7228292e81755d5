/** GET /dashboards and /dashboards/{id}: questions of the page Explore, answered together. */
import type { Context } from 'hono';
import { plural } from '../../reports/words.ts';
import { exploreStateOf } from '../api/dashboard-body.ts';
import type { ExploreState } from '../api/explore-query.ts';
import { HttpProblem } from '../api/problem.ts';
import { idOf } from '../api/query.ts';
import { type Answer, type AnswerSlice, sliceAnswerer } from '../api/slices.ts';
import { isSomeAdmin, mayChangeDashboard } from '../auth/acting.ts';
import { type DashboardRow, listDashboards, type Panel, readDashboard } from '../store/dashboards.ts';
import type { Database } from '../store/database.ts';
import type { Scope } from '../store/scope.ts';
import { Removal } from './dashboard-removal.tsx';
import { Drawn, groupsDrawn } from './explore-answer.tsx';
import { exploreHref } from './explore-state.ts';
import { Layout, Shell, show } from './layout.tsx';
import { count, day, minute } from './words.ts';

const example = (
  origin: string,
): string => `curl -X POST ${origin}/v1/dashboards -H "Authorization: Bearer $FLIGHTCHECK_TOWER_TOKEN" \\
  -H "Content-Type: application/json" -d '{
    "name": "Drift of lending", "panels": [
      {"title": "Features", "question": "metric=model.drift.psi&agg=max&by=model&where=business_unit:lending&last=30d"}]}'`;

function HowToMake({ isOpen }: { readonly isOpen: boolean }) {
  return (
    <details class="panel elsewhere" open={isOpen}>
      <summary>Save a dashboard</summary>
      <p>
        Ask on the page <a href="/explore">Explore</a>; what stands behind <code>/explore?</code> in its address is a question.
      </p>
      <Shell lines={example} />
    </details>
  );
}

interface DashboardsPageProps {
  readonly dashboards: readonly DashboardRow[];
  readonly mayMake: boolean;
}

function DashboardsPage({ dashboards, mayMake }: DashboardsPageProps) {
  return (
    <Layout title="Dashboards · Control Tower" current="explore">
      <header>
        <p class="path">
          <a href="/explore">Explore</a>
        </p>
        <h1>Dashboards</h1>
        <p class="lead">{dashboards.length === 0 ? 'None has been saved yet.' : `${plural(dashboards.length, 'dashboard')}.`}</p>
      </header>
      {dashboards.length > 0 && (
        <section class="panel scroll" tabindex={0} aria-label="Dashboards">
          <table class="numbers flow">
            <thead>
              <tr>
                {['Dashboard', 'What it asks', 'For', 'Saved'].map((head) => (
                  <th scope="col">{head}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {dashboards.map(({ id, name, panels, namespace, isShared, savedBy, savedAt }) => (
                <tr>
                  <th scope="row">
                    <a href={`/dashboards/${id}`}>{name}</a>
                  </th>
                  <td class="asks">{panels.map(({ title }) => title).join(', ')}</td>
                  <td data-label="for">{isShared ? 'every reader' : namespace || 'readers of all projects'}</td>
                  <td data-label="saved">
                    {minute(savedAt)} by {savedBy}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {mayMake ? (
        <p>
          <a class="button" href="/dashboards/new">
            Make a dashboard
          </a>
        </p>
      ) : (
        <HowToMake isOpen={dashboards.length === 0} />
      )}
    </Layout>
  );
}

/** What a panel shows: an answer, or why there is none. */
interface Asked {
  readonly panel: Panel;
  readonly state: ExploreState;
  readonly answer: Answer | string;
}

async function ask(answerSlice: AnswerSlice, panel: Panel, scope: Scope, now: number): Promise<Asked> {
  const state = exploreStateOf(panel.question);
  const { metric, look: _, ...query } = state;
  try {
    return { panel, state, answer: await answerSlice({ ...query, metric, limit: groupsDrawn(state) }, scope, now) };
  } catch (error) {
    // A metric may be gone, or have come with a second unit, since the dashboard was saved; the other panels stand.
    if (error instanceof HttpProblem) return { panel, state, answer: error.message };
    throw error;
  }
}

/** Lines say it themselves. */
function More({ state, answer }: Pick<Asked, 'state' | 'answer'>) {
  if (typeof answer === 'string' || answer.found.groupCount <= answer.found.groups.length) return null;
  if (state.look === 'lines' && answer.wanted.bucket !== 'none') return null;
  const { groups, groupCount } = answer.found;
  return (
    <p class="small quiet">
      The first {groups.length} of {count(groupCount)}; <a href={exploreHref({ ...state })}>more in Explore</a>.
    </p>
  );
}

function AskedPanel({ panel, state, answer }: Asked) {
  return (
    <section class="dashboard-panel" aria-label={panel.title}>
      <h2>
        <a href={exploreHref({ ...state })}>{panel.title}</a>
      </h2>
      {typeof answer === 'string' ? (
        <p class="panel empty">{answer}</p>
      ) : answer.found.groups.length === 0 ? (
        <p class="panel empty">
          No value from {day(answer.wanted.from)} to {day(answer.wanted.to)}.
        </p>
      ) : (
        <Drawn state={state} answer={answer} />
      )}
      <More state={state} answer={answer} />
    </section>
  );
}

function Changes({ id, version }: Pick<DashboardRow, 'id' | 'version'>) {
  return (
    <div class="changes">
      <a class="button" href={`/dashboards/${id}/edit`}>
        Change it
      </a>
      <Removal id={id} version={version} />
    </div>
  );
}

interface DashboardPageProps {
  readonly dashboard: DashboardRow;
  readonly asked: readonly Asked[];
  readonly mayChange: boolean;
}

function DashboardPage({ dashboard, asked, mayChange }: DashboardPageProps) {
  return (
    <Layout title={`${dashboard.name} · Control Tower`} current="explore">
      <header>
        <p class="path">
          <a href="/explore">Explore</a> / <a href="/dashboards">Dashboards</a>
        </p>
        <h1>{dashboard.name}</h1>
        <p class="lead">
          Saved {minute(dashboard.savedAt)} by {dashboard.savedBy}. Each title leads to its question.
        </p>
      </header>
      {mayChange && <Changes {...dashboard} />}
      <div class="dashboard">
        {asked.map((one) => (
          <AskedPanel {...one} />
        ))}
      </div>
    </Layout>
  );
}

export const dashboardsRoute =
  (db: Database) =>
  async (c: Context): Promise<Response> =>
    show(c, <DashboardsPage dashboards={await listDashboards(db, c.get('scope'))} mayMake={isSomeAdmin(c)} />);

export function dashboardRoute(db: Database): (c: Context) => Promise<Response> {
  const answerSlice = sliceAnswerer(db);
  return async (c) => {
    const scope = c.get('scope');
    const dashboard = await readDashboard(db, idOf(c.req.param('id') ?? '', 'dashboard'), scope);
    if (!dashboard) throw new HttpProblem('not-found', 'There is no such dashboard.');
    const now = Date.now();
    const asked = await Promise.all(dashboard.panels.map((panel) => ask(answerSlice, panel, scope, now)));
    return show(c, <DashboardPage dashboard={dashboard} asked={asked} mayChange={mayChangeDashboard(c, dashboard)} />);
  };
}
