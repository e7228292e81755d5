/** The executive half of the fleet page: totals, bands, groups, what holds scores down. */
import { formatScore, plural } from '../../reports/words.ts';
import type { Facets, Group, Totals } from '../store/fleet.ts';
import { columnDimensions } from '../store/fleet.ts';
import { sectionIds } from '../store/list-models.ts';
import { exploreHref } from './explore-state.ts';
import { change, type FleetState, toModels } from './fleet-state.ts';
import { bandIndex, bandNames, bandRanges, count, sectionTitles, share } from './words.ts';

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);

export function Tiles({ totals, state }: { readonly totals: Totals; readonly state: FleetState }) {
  const { models, scored, median, critical, criticalReady, gatePassed, gateFailed, stale, waivers } = totals;
  const judged = gatePassed + gateFailed;
  return (
    <section class="tiles" aria-label="In one look">
      <dl class="tile panel">
        <dt>Models</dt>
        <dd>{count(models)}</dd>
        <dd>
          {count(scored)} scored, {count(stale)} silent for 30 days
        </dd>
      </dl>
      <dl class="tile panel">
        <dt>Median ML Test Score</dt>
        <dd>
          {formatScore(median)} <small>of 7</small>
        </dd>
        <dd>{median === null ? 'no model is scored yet' : bandNames[bandIndex(median)]}</dd>
      </dl>
      <dl class="tile panel">
        <dt>Critical models above 2</dt>
        <dd>
          {critical === 0 ? '–' : share(criticalReady, critical)}
          {critical > 0 && <small> ready</small>}
        </dd>
        <dd>
          {critical === 0
            ? 'no model is critical'
            : `${count(criticalReady)} of ${count(critical)} are at least reasonably tested`}
        </dd>
      </dl>
      <dl class="tile panel">
        <dt>Gate open</dt>
        <dd>{judged === 0 ? '–' : share(gatePassed, judged)}</dd>
        <dd>
          {judged === 0 ? (
            'no gate has decided'
          ) : (
            <a href={toModels(change(state, { gate: 'failed' }))}>
              {count(gateFailed)} of {count(judged)} shut
            </a>
          )}
          , <a href="/waivers">{plural(waivers, 'waiver')} in force</a>
        </dd>
      </dl>
    </section>
  );
}

/** A bar of `value` on a scale to `most`. */
function Bar({ value, most, tone }: { readonly value: number; readonly most: number; readonly tone: string }) {
  return (
    <svg class="hbar" aria-hidden="true">
      <rect class="rail" width="100%" height="18" rx="3" />
      <rect class={tone} width={`${most === 0 ? 0 : (100 * value) / most}%`} height="18" rx="3" />
    </svg>
  );
}

/** Distribution over the paper's bands; each leads to its models. */
export function Bands({ totals, state }: { readonly totals: Totals; readonly state: FleetState }) {
  const bands = totals.bands.slice(0, bandNames.length);
  const unscored = totals.bands[bandNames.length] ?? 0;
  const most = Math.max(...bands);
  return (
    <section class="panel chart-panel" aria-labelledby="bands">
      <header>
        <h2 id="bands">Readiness</h2>
        <p class="small quiet">models by band of the passing score</p>
      </header>
      <table>
        <tbody>
          {bandNames.map((name, index) => (
            <tr>
              <th scope="row">
                <a href={toModels(change(state, { band: index }))}>{name}</a> <small>{bandRanges[index]}</small>
              </th>
              <td class="wide">
                <Bar value={bands[index] ?? 0} most={most} tone={`band-${index}`} />
              </td>
              <td class="number">{count(bands[index] ?? 0)}</td>
              <td class="number quiet">{share(bands[index] ?? 0, sum(bands))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {unscored > 0 && <p class="small quiet">{count(unscored)} models have no score yet.</p>}
    </section>
  );
}

/** Each group as one bar of bands: a share of its models, in the order of the bands. */
function Stack({ group }: { readonly group: Group }) {
  let before = 0;
  const parts = group.bands.map((n, index) => {
    const x = (100 * before) / group.models;
    before += n;
    return { n, index, x, width: (100 * n) / group.models };
  });
  const words = parts.filter(({ n }) => n > 0).map(({ n, index }) => `${bandNames[index] ?? 'no score'} ${count(n)}`);
  return (
    <svg class="stack" role="img" aria-label={words.join(', ')}>
      {parts
        .filter(({ n }) => n > 0)
        .map(({ index, x, width }) => (
          <rect class={`band-${index}`} x={`${x.toFixed(2)}%`} width={`${width.toFixed(2)}%`} height="16" />
        ))}
    </svg>
  );
}

const nameOf = (by: string): string => by.replace(/^label:/, '').replaceAll('_', ' ');

/** Where a click on a group leads. */
function linkOf(state: FleetState, by: string, name: string | null): string | null {
  if (name === null) return null;
  return by.startsWith('label:')
    ? change(state, { label: `${by.slice('label:'.length)}:${name}` })
    : change(state, { [by]: name });
}

/** Where all groups are, a mean of the last 90 days each; null where Explore knows no such filter. */
function allGroups({ by, tier, owner, language, label, q, band, gate, weakest }: FleetState): string | null {
  if ([q, band, gate, weakest].some((narrowed) => narrowed !== undefined)) return null;
  const where = Object.entries({ tier, owner, language }).flatMap(([name, value]) => (value ? [`${name}:${value}`] : []));
  const filter = [...where, ...(label === undefined ? [] : [`label:${label}`])];
  return exploreHref({ metric: 'tower.score.passing', by: [by], where: filter, bucket: 'none', order: 'low', limit: 1000 });
}

interface GroupsProps {
  readonly groups: readonly Group[];
  readonly hasMore: boolean;
  readonly state: FleetState;
  readonly facets: Facets;
}

export function Groups({ groups, hasMore, state, facets }: GroupsProps) {
  const all = allGroups(state);
  const keys = groups.some(({ bands }) => (bands[bandNames.length] ?? 0) > 0) ? [...bandNames, 'No score'] : bandNames;
  const dimensions = [...columnDimensions, ...facets.labelKeys.map((key) => `label:${key}`)];
  return (
    <section class="panel chart-panel" aria-labelledby="groups">
      <header>
        <h2 id="groups">By {nameOf(state.by)}</h2>
        <nav class="chips" aria-label="Group by">
          {dimensions.map((by) => (
            <a href={change(state, { by })} {...(by === state.by && { 'aria-current': 'true' })}>
              {nameOf(by)}
            </a>
          ))}
        </nav>
      </header>
      <table class="groups">
        <thead>
          <tr>
            <th scope="col">{nameOf(state.by)}</th>
            <th scope="col" class="number">
              Models
            </th>
            <th scope="col" class="number">
              Mean
            </th>
            <th scope="col">Share of models by band</th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => {
            const link = linkOf(state, state.by, group.name);
            return (
              <tr>
                <th scope="row">{link ? <a href={link}>{group.name}</a> : <span class="quiet">no {nameOf(state.by)}</span>}</th>
                <td class="number" data-label="models">
                  {count(group.models)}
                </td>
                <td class="number" data-label="mean">
                  {formatScore(group.mean)}
                </td>
                <td class="wider stacked-bar">
                  <Stack group={group} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {hasMore && (
        <p class="small quiet">
          The largest {groups.length} are shown. {all && <a href={all}>All, the lowest first</a>}
        </p>
      )}
      <ul class="keys" aria-label="Bands">
        {keys.map((name, index) => (
          <li>
            <svg viewBox="0 0 12 12" aria-hidden="true">
              <rect class={`band-${index}`} x=".5" y=".5" width="11" height="11" rx="2" />
            </svg>
            {name}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The section with the least score sets a model's score: where work would pay most. */
export function Weakest({ totals, state }: { readonly totals: Totals; readonly state: FleetState }) {
  const sections = sectionIds.map((id) => ({ id, n: totals.weakest[id] }));
  const most = Math.max(...sections.map(({ n }) => n));
  return (
    <section class="panel chart-panel" aria-labelledby="weakest">
      <header>
        <h2 id="weakest">What holds scores down</h2>
        <p class="small quiet">models whose score this section sets; ties count in each</p>
      </header>
      <table>
        <tbody>
          {sections.map(({ id, n }) => (
            <tr>
              <th scope="row">
                <a href={toModels(change(state, { weakest: id }))}>{sectionTitles[id]}</a>
              </th>
              <td class="wide">
                <Bar value={n} most={most} tone="band-3" />
              </td>
              <td class="number">{count(n)}</td>
              <td class="number quiet">{share(n, totals.scored)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
