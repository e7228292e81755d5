/** The models of the fleet page: filter, table, pager. */
import { formatScore, formatShare } from '../../reports/words.ts';
import type { Facets } from '../store/fleet.ts';
import { gateStates, type ModelRow, type SortKey, sectionIds } from '../store/list-models.ts';
import { change, type FleetState, hrefOf, toModels } from './fleet-state.ts';
import { bandIndex, bandNames, count, day, sectionTitles } from './words.ts';

const gateWords = { passed: 'open', failed: 'shut', none: 'no gate' } as const;

export function FilterForm({ state, facets }: { readonly state: FleetState; readonly facets: Facets }) {
  return (
    <form class="panel filter" method="get" action="/#models" aria-label="Filter the models">
      <label>
        Name or title
        <input type="search" name="q" value={state.q ?? ''} maxlength={200} />
      </label>
      <label>
        Owner
        <input name="owner" list="owners" value={state.owner ?? ''} maxlength={500} autocomplete="off" />
      </label>
      <Choice name="tier" title="Tier" value={state.tier} options={facets.tiers.map((tier) => [tier, tier])} />
      <Choice name="band" title="Band" value={state.band} options={bandNames.map((name, index) => [String(index), name])} />
      <Choice name="gate" title="Gate" value={state.gate} options={gateStates.map((gate) => [gate, gateWords[gate]])} />
      <label>
        Label
        <input
          name="label"
          list="labels"
          value={state.label ?? ''}
          placeholder="name:value"
          pattern="[^:]+:.*"
          maxlength={400}
          autocomplete="off"
        />
      </label>
      <div class="buttons">
        <button type="submit">Apply</button>
        <a href={hrefOf({ by: state.by, sort: state.sort, order: state.order })}>Clear</a>
      </div>
      <datalist id="owners">
        {facets.owners.map((owner) => (
          <option value={owner} />
        ))}
      </datalist>
      <datalist id="labels">
        {facets.labelKeys.map((key) => (
          <option value={`${key}:`} />
        ))}
      </datalist>
      {state.weakest !== undefined && <input type="hidden" name="weakest" value={state.weakest} />}
      {state.language !== undefined && <input type="hidden" name="language" value={state.language} />}
      {state.by !== 'tier' && <input type="hidden" name="by" value={state.by} />}
      {state.sort !== 'score' && <input type="hidden" name="sort" value={state.sort} />}
      {state.order !== 'asc' && <input type="hidden" name="order" value={state.order} />}
    </form>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly title: string;
  readonly value: string | number | undefined;
  readonly options: readonly (readonly [value: string, text: string])[];
}

function Choice({ name, title, value, options }: ChoiceProps) {
  return (
    <label>
      {title}
      <select name={name}>
        <option value="">all</option>
        {options.map(([option, text]) => (
          <option value={option} {...(option === String(value ?? '') && { selected: true })}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The last scores as a line from 0 to 7; the newest has the dot. */
function Sparkline({ scores }: { readonly scores: readonly number[] }) {
  const step = scores.length > 1 ? 90 / (scores.length - 1) : 0;
  const points = scores.map((score, i) => [scores.length > 1 ? 3 + i * step : 93, 24 - (score / 7) * 22] as const);
  const last = points.at(-1);
  if (!last) return <span class="quiet">–</span>;
  const near = (n: number): string => String(Math.round(n * 10) / 10);
  return (
    <svg class="spark" viewBox="0 0 96 26" role="img" aria-label={`Last scores: ${scores.map(formatScore).join(', ')}`}>
      <line x1="0" x2="96" y1="24.5" y2="24.5" />
      {points.length > 1 && <polyline points={points.map(([x, y]) => `${near(x)},${near(y)}`).join(' ')} />}
      <circle cx={near(last[0])} cy={near(last[1])} r="2.5" />
    </svg>
  );
}

/** Four small bars, one per section; the lowest stand out by their colour and are named in words. */
function SectionBars({ sections }: { readonly sections: ModelRow['sections'] }) {
  const scores = sectionIds.map((id) => sections[id] ?? 0);
  const least = Math.min(...scores);
  return (
    <svg
      class="four"
      viewBox="0 0 44 26"
      role="img"
      aria-label={sectionIds.map((id) => `${sectionTitles[id]} ${formatScore(sections[id])}`).join(', ')}
    >
      {scores.map((score, i) => (
        <>
          <rect class="rail" x={i * 11} width="9" height="26" />
          <rect
            class={score === least ? 'low' : 'done'}
            x={i * 11}
            y={26 - Math.max(1, (score / 7) * 26)}
            width="9"
            height={Math.max(1, (score / 7) * 26)}
          />
        </>
      ))}
    </svg>
  );
}

function Gate({ isPassed }: { readonly isPassed: boolean | null }) {
  if (isPassed === null) return <span class="quiet">–</span>;
  return isPassed ? <span class="badge is-pass">open</span> : <span class="badge is-fail">shut</span>;
}

function Row({
  model,
  scores,
  isStale,
}: {
  readonly model: ModelRow;
  readonly scores: readonly number[];
  readonly isStale: boolean;
}) {
  return (
    <tr>
      <td class="name">
        <a href={`/models/${model.id}`}>{model.title ?? model.name}</a>
        <small>{model.project === '' ? model.name : model.project}</small>
      </td>
      <td class="score">
        <b>{formatScore(model.score)}</b>
        <small>{model.score === null ? 'no score' : bandNames[bandIndex(model.score)]}</small>
      </td>
      <td class="extra">{model.score === null ? <span class="quiet">–</span> : <SectionBars sections={model.sections} />}</td>
      <td class="extra wide-only">
        <Sparkline scores={scores} />
      </td>
      <td class="number extra nowrap wide-only">{formatShare(model.structureScore)}</td>
      <td>
        <Gate isPassed={model.isGatePassed} />
      </td>
      <td class="extra">{model.owner ?? <span class="quiet">nobody</span>}</td>
      <td class="extra">{model.tier}</td>
      <td class="nowrap extra">
        <time datetime={model.seenAt.toISOString()}>{day(model.seenAt)}</time>
        {isStale && <small>silent for 30 days</small>}
      </td>
    </tr>
  );
}

interface SortHeadProps {
  readonly state: FleetState;
  readonly by: SortKey;
  readonly title: string;
  readonly className?: string;
}

function SortHead({ state, by, title, className }: SortHeadProps) {
  const isCurrent = state.sort === by;
  const next = isCurrent && state.order === 'asc' ? 'desc' : 'asc';
  return (
    <th
      scope="col"
      {...(className && { class: className })}
      {...(isCurrent && { 'aria-sort': state.order === 'asc' ? 'ascending' : 'descending' })}
    >
      <a href={toModels(change(state, { sort: by, order: next }))}>
        {title}
        <span aria-hidden="true">{isCurrent ? (state.order === 'asc' ? '▲' : '▼') : ''}</span>
      </a>
    </th>
  );
}

export const modelsPerPage = 25;

function Pager({ state, total }: { readonly state: FleetState; readonly total: number }) {
  const pages = Math.max(1, Math.ceil(total / modelsPerPage));
  const from = (state.page - 1) * modelsPerPage + 1;
  return (
    <nav class="pager" aria-label="Pages">
      <span>
        {total === 0 ? 'None' : `${count(from)} to ${count(Math.min(total, from + modelsPerPage - 1))} of ${count(total)}`}
      </span>
      <span class="ends">
        {state.page > 1 && <a href={toModels(change(state, { page: 1 }))}>First</a>}
        {state.page > 1 && (
          <a rel="prev" href={toModels(change(state, { page: Math.min(state.page - 1, pages) }))}>
            Previous
          </a>
        )}
        {state.page < pages && (
          <a rel="next" href={toModels(change(state, { page: state.page + 1 }))}>
            Next
          </a>
        )}
        {state.page < pages && <a href={toModels(change(state, { page: pages }))}>Last</a>}
      </span>
    </nav>
  );
}

export interface ModelsTableProps {
  readonly state: FleetState;
  readonly models: readonly ModelRow[];
  readonly total: number;
  readonly history: ReadonlyMap<number, readonly number[]>;
  readonly now: Date;
}

export function ModelsTable({ state, models, total, history, now }: ModelsTableProps) {
  const staleBefore = now.getTime() - 30 * 86_400_000;
  return (
    <div class="panel">
      <section class="scroll" tabindex={0} aria-label="Table of models">
        <table class="models">
          <thead>
            <tr>
              <SortHead state={state} by="name" title="Model" />
              <SortHead state={state} by="score" title="Score" />
              <th scope="col" class="extra">
                Sections
              </th>
              <th scope="col" class="extra wide-only">
                Trend
              </th>
              <SortHead state={state} by="structure" title="Structure" className="number extra wide-only" />
              <th scope="col">Gate</th>
              <th scope="col" class="extra">
                Owner
              </th>
              <th scope="col" class="extra">
                Tier
              </th>
              <SortHead state={state} by="seen" title="Last report" className="extra" />
            </tr>
          </thead>
          <tbody>
            {models.map((model) => (
              <Row model={model} scores={history.get(model.id) ?? []} isStale={model.seenAt.getTime() < staleBefore} />
            ))}
          </tbody>
        </table>
      </section>
      {models.length === 0 && <p class="empty quiet">No model matches.</p>}
      <Pager state={state} total={total} />
    </div>
  );
}
