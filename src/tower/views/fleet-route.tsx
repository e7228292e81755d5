/** GET /: the fleet. */
import type { Context } from 'hono';
import { bandOf } from '../../kernel/score.ts';
import { formatScore, plural } from '../../reports/words.ts';
import type { Database } from '../store/database.ts';
import type { Totals } from '../store/fleet.ts';
import { listModels, recentScores } from '../store/list-models.ts';
import type { Scope } from '../store/scope.ts';
import { change, type FleetState, filterOf, readFleetState, withoutEmptyFields } from './fleet-state.ts';
import { Layout, Shell, show } from './layout.tsx';
import { FilterForm, ModelsTable, type ModelsTableProps, modelsPerPage } from './models-table.tsx';
import { Questions } from './questions.tsx';
import { Bands, Groups, Tiles, Weakest } from './roll-up.tsx';
import { type RollUps, rollUpReader } from './roll-up-cache.ts';
import { bandNames, count, sectionTitles } from './words.ts';

const groupsShown = 10;
const sparkPoints = 16;

export interface FleetPageProps extends ModelsTableProps, RollUps {}

const firstReport = (origin: string): string => `export FLIGHTCHECK_TOWER_URL=${origin}
export FLIGHTCHECK_TOWER_TOKEN=TOKEN_OF_THE_OPERATOR
export FLIGHTCHECK_TOWER_TOKEN=$(flightcheck tower token create NAME --role write)
flightcheck check && flightcheck score && flightcheck report`;

/** Nothing was reported yet: how the first report comes here. */
function Welcome() {
  return (
    <section class="panel empty">
      <h2>No model has reported yet</h2>
      <p class="lead">
        Control Tower is ready. In a model's repository run these commands, or let its pipeline's <code>report</code> job post
        here. The operator's token is what the server showed when it started first; it makes one for this.
      </p>
      <Shell lines={firstReport} />
    </section>
  );
}

function Lead({ totals }: { readonly totals: Totals }) {
  if (totals.models === 0) return <p class="lead">No model matches this filter.</p>;
  if (totals.median === null) return <p class="lead">{plural(totals.models, 'model')}, none scored yet.</p>;
  return (
    <p class="lead">
      Half of <strong>{count(totals.scored)} scored models</strong> reach <strong>{formatScore(totals.median)} of 7</strong> or
      less: {bandOf(totals.median)}.
    </p>
  );
}

/** What the page is narrowed to; a click takes one away. */
function ActiveFilter({ state }: { readonly state: FleetState }) {
  const { q, owner, tier, language, label, band, gate, weakest } = state;
  const parts = Object.entries({
    q,
    owner,
    tier,
    language,
    label,
    band: band === undefined ? undefined : bandNames[band],
    gate,
    weakest: weakest && sectionTitles[weakest],
  }).filter((part) => part[1] !== undefined);
  if (parts.length === 0) return null;
  return (
    <ul class="chips active" aria-label="Filter">
      {parts.map(([name, value]) => (
        <li>
          <a href={change(state, { [name]: undefined })} title="Take this filter away">
            <span>{name === 'q' ? 'name' : name}</span> {value} <span aria-hidden="true">×</span>
            <span class="hidden">, take this filter away</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

export function FleetPage(props: FleetPageProps) {
  const { state, totals, groups, facets, metrics } = props;
  const isEmpty = totals.models === 0 && facets.tiers.length === 0;
  return (
    <Layout title="Fleet · Control Tower" current="fleet">
      <header>
        <h1>Fleet</h1>
        {!isEmpty && <Lead totals={totals} />}
        <ActiveFilter state={state} />
      </header>
      {isEmpty ? (
        <Welcome />
      ) : (
        <>
          {totals.models > 0 && (
            <>
              <Tiles totals={totals} state={state} />
              <Questions metrics={metrics} />
              <div class="columns">
                <Bands totals={totals} state={state} />
                <Weakest totals={totals} state={state} />
              </div>
              <Groups groups={groups.slice(0, groupsShown)} hasMore={groups.length > groupsShown} state={state} facets={facets} />
            </>
          )}
          <section aria-labelledby="models">
            <h2 id="models">Models</h2>
            <FilterForm state={state} facets={facets} />
            <ModelsTable {...props} />
          </section>
        </>
      )}
    </Layout>
  );
}

async function load(
  db: Database,
  state: FleetState,
  scope: Scope,
  rollUpsOf: ReturnType<typeof rollUpReader>,
): Promise<FleetPageProps> {
  const filter = { ...filterOf(state), scope };
  const [rollUps, models] = await Promise.all([
    rollUpsOf(filter, state.by),
    listModels(db, filter, {
      sort: state.sort,
      isDescending: state.order === 'desc',
      limit: modelsPerPage,
      offset: (state.page - 1) * modelsPerPage,
    }),
  ]);
  const history = await recentScores(
    db,
    models.map((model) => model.id),
    sparkPoints,
  );
  return { ...rollUps, state, models, total: rollUps.totals.models, history, now: new Date() };
}

export function fleetRoute(db: Database): (c: Context) => Promise<Response> {
  const rollUpsOf = rollUpReader(db, groupsShown + 1);
  return async (c) => {
    const clean = withoutEmptyFields(c.req.url);
    if (clean !== null) return c.redirect(clean, 303);
    const state = readFleetState(c.req.url);
    const props = await load(db, state, c.get('scope'), rollUpsOf);
    const lastPage = Math.max(1, Math.ceil(props.total / modelsPerPage));
    if (state.page > lastPage) return c.redirect(change(state, { page: lastPage }), 303);
    return show(c, <FleetPage {...props} />);
  };
}
