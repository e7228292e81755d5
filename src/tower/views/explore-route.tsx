/** GET /explore: slice and dice any metric. */
import type { Context } from 'hono';
import { type ExploreState, readExploreState } from '../api/explore-query.ts';
import { type Answer, sliceAnswerer } from '../api/slices.ts';
import { isSomeAdmin } from '../auth/acting.ts';
import type { Database } from '../store/database.ts';
import { labelNames, listMetrics, type MetricRow } from '../store/slice/metrics.ts';
import { ExploreAnswer } from './explore-answer.tsx';
import { ExploreForm, Narrowing, sayAggregate, sayDimension } from './explore-form.tsx';
import { exploreHref, withoutEmptyParts } from './explore-state.ts';
import { Layout, show } from './layout.tsx';
import { sayMetric } from './metric-words.ts';
import { count } from './words.ts';

interface ExplorePageProps {
  readonly state: ExploreState;
  readonly metrics: readonly MetricRow[];
  readonly labels: readonly string[];
  /** Null: no metric was chosen yet. */
  readonly answer: Answer | null;
  readonly origin: string;
  /** The visitor may keep questions on dashboards. */
  readonly maySave: boolean;
}

/** Where to begin: every metric there is, in its family. */
function Catalogue({ metrics }: { readonly metrics: readonly MetricRow[] }) {
  if (metrics.length === 0)
    return (
      <section class="panel empty">
        <h2>No metric has come yet</h2>
        <p class="lead">Reports bring the scores; monitors and tasks post their own numbers:</p>
        <pre>
          {
            'curl -X POST <this address>/v1/metrics -H "Authorization: Bearer $FLIGHTCHECK_TOWER_TOKEN" \\\n  -H "Content-Type: application/json" \\\n  -d \'{"model": "late-lodgement", "metrics": [{"name": "model.drift.psi", "value": 0.12, "labels": {"feature": "age"}}]}\''
          }
        </pre>
      </section>
    );
  return (
    <section aria-labelledby="catalogue">
      <h2 id="catalogue">Metrics</h2>
      <div class="panel scroll">
        <table class="numbers">
          <thead>
            <tr>
              <th scope="col">Metric</th>
              <th scope="col">What it is</th>
              <th scope="col" class="number">
                Models
              </th>
              <th scope="col" class="number">
                Series
              </th>
            </tr>
          </thead>
          <tbody>
            {metrics.map(({ name, unit, models, series }) => (
              <tr>
                <th scope="row">
                  <a
                    href={exploreHref({
                      metric: name,
                      unit: metrics.filter((m) => m.name === name).length > 1 ? unit : undefined,
                    })}
                  >
                    {name}
                  </a>
                </th>
                <td class="says">{sayMetric(name)}</td>
                <td class="number">{count(models)}</td>
                <td class="number">{count(series)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function ExplorePage({ state, metrics, labels, answer, origin, maySave }: ExplorePageProps) {
  return (
    <Layout title={`${state.metric ?? 'Explore'} · Control Tower`} current="explore">
      <header>
        <h1>{state.metric ? (sayMetric(state.metric) ?? state.metric) : 'Explore'}</h1>
        <p class="lead">
          {state.metric ? (
            <>
              <code>{state.metric}</code>, {sayAggregate(state.agg)}
              {state.by.length > 0 && ` by ${state.by.map(sayDimension).join(' and ')}`}
            </>
          ) : (
            <>
              Any metric, by any label, over any time. The address is the question: share it, keep it as a bookmark, or beside
              others on a <a href="/dashboards">dashboard</a>.
            </>
          )}
        </p>
        <Narrowing state={state} />
      </header>
      {(metrics.length > 0 || state.metric) && <ExploreForm state={state} metrics={metrics} labels={labels} />}
      {answer ? <ExploreAnswer {...{ state, answer, origin, maySave }} /> : <Catalogue metrics={metrics} />}
    </Layout>
  );
}

export function exploreRoute(db: Database, publicUrl: string | null): (c: Context) => Promise<Response> {
  const answerSlice = sliceAnswerer(db);
  return async (c) => {
    const clean = withoutEmptyParts(c.req.url);
    if (clean !== null) return c.redirect(clean, 303);
    const state = readExploreState(c.req.url);
    const { metric, look: _, ...query } = state;
    const scope = c.get('scope');
    const [metrics, labels, answer] = await Promise.all([
      listMetrics(db, scope),
      metric === undefined ? [] : labelNames(db, metric, scope),
      metric === undefined ? null : answerSlice({ ...query, metric }, scope, Date.now()),
    ]);
    const origin = publicUrl ?? new URL(c.req.url).origin;
    return show(c, <ExplorePage {...{ state, metrics, labels, answer, origin, maySave: isSomeAdmin(c) }} />);
  };
}
