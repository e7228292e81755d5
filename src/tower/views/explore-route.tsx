/** GET /explore: slice and dice any metric. */
import type { Context } from 'hono';
import { type ExploreState, readExploreState } from '../api/explore-query.ts';
import { HttpProblem, statusOf } from '../api/problem.ts';
import { type Answer, sliceAnswerer } from '../api/slices.ts';
import { isSomeAdmin } from '../auth/acting.ts';
import type { Database } from '../store/database.ts';
import { labelNames, listMetrics, type MetricRow } from '../store/slice/metrics.ts';
import { ExploreAnswer } from './explore-answer.tsx';
import { ExploreForm, Narrowing, sayAggregate, sayDimension } from './explore-form.tsx';
import { exploreHref, withoutEmptyParts } from './explore-state.ts';
import { Layout, Shell, show } from './layout.tsx';
import { sayMetric } from './metric-words.ts';
import { count } from './words.ts';

interface ExplorePageProps {
  readonly state: ExploreState;
  readonly metrics: readonly MetricRow[];
  readonly labels: readonly string[];
  /** Why there is none; null: no metric was chosen yet. */
  readonly answer: Answer | HttpProblem | null;
  readonly origin: string;
  /** The visitor may keep questions on dashboards. */
  readonly maySave: boolean;
}

const firstMetric = (
  origin: string,
): string => `curl -X POST ${origin}/v1/metrics -H "Authorization: Bearer $FLIGHTCHECK_TOWER_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "card-fraud", "metrics": [{"name": "model.drift.psi", "value": 0.12, "labels": {"feature": "amount"}}]}'`;

/** Where to begin: every metric there is, in its family. */
function Catalogue({ metrics }: { readonly metrics: readonly MetricRow[] }) {
  if (metrics.length === 0)
    return (
      <section class="panel empty">
        <h2>No metric has come yet</h2>
        <p class="lead">Reports bring the scores; monitors and tasks post their own numbers:</p>
        <Shell lines={firstMetric} />
      </section>
    );
  return (
    <section aria-labelledby="catalogue">
      <h2 id="catalogue">Metrics</h2>
      <div class="panel scroll">
        <table class="numbers flow">
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
                <td class="number" data-label="models">
                  {count(models)}
                </td>
                <td class="number" data-label="series">
                  {count(series)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** The form stands above it, with the question to change. */
function Refused({ problem, metrics }: { readonly problem: HttpProblem; readonly metrics: readonly MetricRow[] }) {
  const { kind, message, errors = [] } = problem;
  if (kind === 'not-found')
    return (
      <>
        <p class="panel empty" role="alert">
          No model that you may see has this metric.
        </p>
        <Catalogue metrics={metrics} />
      </>
    );
  return (
    <section class="panel empty" role="alert">
      <p>{message}</p>
      {errors.length > 0 && (
        <ul>
          {errors.map((error) => (
            <li>
              <code>{'parameter' in error ? error.parameter : error.pointer}</code> {error.detail}
            </li>
          ))}
        </ul>
      )}
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
      {answer instanceof HttpProblem ? (
        <Refused problem={answer} metrics={metrics} />
      ) : answer ? (
        <ExploreAnswer {...{ state, answer, origin, maySave }} />
      ) : (
        <Catalogue metrics={metrics} />
      )}
    </Layout>
  );
}

/** A question that cannot be answered is an answer too: whoever asked it changes it on the page. */
const refused = (error: unknown): HttpProblem => {
  if (error instanceof HttpProblem) return error;
  throw error;
};

export function exploreRoute(db: Database): (c: Context) => Promise<Response> {
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
      metric === undefined ? null : answerSlice({ ...query, metric }, scope, Date.now()).catch(refused),
    ]);
    const page = <ExplorePage {...{ state, metrics, labels, answer, origin: c.get('origin'), maySave: isSomeAdmin(c) }} />;
    return show(c, page, { status: answer instanceof HttpProblem ? statusOf(answer.kind) : 200 });
  };
}
