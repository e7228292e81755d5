/** The answer of the page Explore: charts, bars, a table, and the question as an address for other programs. */
import { formatNumber, plural } from '../../reports/words.ts';
import type { ExploreState } from '../api/explore-query.ts';
import type { Answer } from '../api/slices.ts';
import { keyOf } from '../api/slices.ts';
import type { SliceGroup } from '../store/slice/slice.ts';
import { sayAggregate, sayDimension } from './explore-form.tsx';
import { apiHref, changeExplore, exploreHref } from './explore-state.ts';
import { addsUp, PartialNote, partialAt, sayNewest } from './partial.tsx';
import { type ChartLine, LineKeys, scaleOf, TimeChart } from './time-chart.tsx';
import { count, day } from './words.ts';

/** As many as can be told apart. */
const linesDrawn = 8;
const comparedDrawn = 4;
const smallDrawn = 24;
const barsOfPanel = 50;

const areBars = (look: ExploreState['look'], bucket: string): boolean => bucket === 'none' || look === 'bars';

/** Groups that a panel of a dashboard draws: what it does not show it need not ask for. */
export const groupsDrawn = ({ look, bucket, compare, limit }: ExploreState): number =>
  Math.min(
    limit,
    areBars(look, bucket) ? barsOfPanel : look === 'small' ? smallDrawn : compare === 'none' ? linesDrawn : comparedDrawn,
  );

interface AnswerProps {
  readonly state: ExploreState;
  readonly answer: Answer;
}

export const titleOf = (key: SliceGroup['key']): string =>
  key.length === 0 ? 'all together' : key.map((part) => part ?? 'not said').join(', ');

/** The lines of a group: its own, and that of the other time under it. */
function linesOf(group: SliceGroup, answer: Answer, className: string): readonly ChartLine[] {
  const { wanted, compared } = answer;
  const points = group.points.map(({ at, value }) => ({ at: at.getTime(), value, partial: partialAt(answer, at) }));
  const own = { title: titleOf(group.key), className, points };
  const other = compared?.groups.get(keyOf(group));
  if (!other || !compared) return [own];
  const shift = wanted.from.getTime() - compared.wanted.from.getTime();
  const before = other.points.map(({ at, value }) => ({ at: at.getTime() + shift, value }));
  return [{ title: 'the other time', className: 'is-before', points: before, isBefore: true }, own];
}

/** Lines begin and end where there are values: the last bucket may be of the future. */
function spanOf(lines: readonly ChartLine[]): { from: number; to: number } {
  const times = lines.flatMap((line) => line.points.map((point) => point.at));
  return { from: Math.min(...times), to: Math.max(...times) };
}

/** Each line once; one key for all that they are compared with. */
const keysOf = (lines: readonly ChartLine[]): readonly ChartLine[] => [
  ...lines.filter((line) => !line.isBefore),
  ...lines.filter((line) => line.isBefore).slice(0, 1),
];

function OneChart({ answer }: AnswerProps) {
  const groups = answer.found.groups.slice(0, answer.compared ? comparedDrawn : linesDrawn);
  const lines = groups.flatMap((group, i) => linesOf(group, answer, `line-${i + 1}`));
  const { metric } = answer.wanted;
  return (
    <div class="panel chart-panel">
      {(groups.length > 1 || answer.compared) && <LineKeys lines={keysOf(lines)} />}
      <TimeChart
        label={`${metric} over time; the table below has the numbers`}
        lines={lines}
        {...spanOf(lines)}
        hasZero={addsUp(answer)}
        hasLabels={groups.length > 1}
      />
      <PartialNote lines={lines} answer={answer} />
      {answer.found.groupCount > groups.length && (
        <p class="small quiet">
          {groups.length} of {count(answer.found.groupCount)} are drawn; small multiples draw {smallDrawn}.
        </p>
      )}
    </div>
  );
}

function SmallCharts({ answer, state }: AnswerProps) {
  const groups = answer.found.groups.slice(0, smallDrawn);
  const drawn = groups.map((group) => linesOf(group, answer, 'line-1'));
  const all = drawn.flat();
  const scale = scaleOf(
    all.flatMap((line) => line.points.map((point) => point.value)),
    addsUp(answer),
  );
  return (
    <>
      <ul class="small-charts">
        {groups.map((group, i) => (
          <li class="panel chart-panel">
            <h2>
              <GroupLink group={group} state={state} />
            </h2>
            <TimeChart
              label={`${titleOf(group.key)}: ${formatNumber(group.value)}`}
              lines={drawn[i] ?? []}
              {...spanOf(all)}
              scale={scale}
              height={84}
            />
          </li>
        ))}
      </ul>
      <PartialNote lines={all} answer={answer} />
    </>
  );
}

/** Narrows to the group; a model leads to its page. */
function GroupLink({ group, state }: { readonly group: SliceGroup; readonly state: ExploreState }) {
  if (group.key.length === 0) return <>{titleOf(group.key)}</>;
  const pairs = state.by.map((name, i) => `${name}:${group.key[i] ?? ''}`);
  const where = [...new Set([...state.where, ...pairs])];
  return <a href={changeExplore(state, { where, by: [] })}>{titleOf(group.key)}</a>;
}

function Bars({ answer, state }: AnswerProps) {
  const { compared } = answer;
  const groups = answer.found.groups.map((group) => ({ ...group, before: compared?.groups.get(keyOf(group))?.value }));
  const most = Math.max(...groups.flatMap(({ value, before = 0 }) => [Math.abs(value), Math.abs(before)])) || 1;
  const share = (value: number): string => `${Math.round((1000 * Math.abs(value)) / most) / 10}%`;
  return (
    <div class="panel chart-panel">
      <table class="bars">
        <tbody>
          {groups.map((group) => (
            <tr>
              <th scope="row">
                <GroupLink group={group} state={state} />
              </th>
              <td class="wider">
                <svg class="hbar" aria-hidden="true">
                  <rect class="rail" width="100%" height="18" rx="3" />
                  <rect class="band-3" width={share(group.value)} height="18" rx="3" />
                  {group.before !== undefined && (
                    <line class="before" x1={share(group.before)} x2={share(group.before)} y1="-2" y2="20" />
                  )}
                </svg>
              </td>
              <td class="number">{formatNumber(group.value)}</td>
              {compared && <td class="number quiet">{changeWords(group.value, group.before)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      {compared && <p class="small quiet">The line across a bar is the other time.</p>}
    </div>
  );
}

/** A change that has a direction in its sign, for there is no colour that means better for every metric. */
export function changeWords(now: number, before: number | undefined): string {
  if (before === undefined) return '–';
  if (now === before) return '±0 %';
  if (before === 0) return 'from 0';
  const percent = (100 * (now - before)) / Math.abs(before);
  return `${percent < 0 ? '−' : '+'}${formatNumber(Math.abs(Number(percent.toPrecision(3))))} %`;
}

/** `{request}` is what UCUM calls a unit that only has a name. */
const sayUnit = (unit: string): string => (unit === '' || unit === '1' || /^\{.*\}$/.test(unit) ? '' : ` in ${unit}`);

function Numbers({ answer, state }: AnswerProps) {
  const { wanted, found, compared } = answer;
  const isTimed = wanted.bucket !== 'none';
  const unit = sayUnit(wanted.unit);
  return (
    <section class="scroll panel" tabindex={0} aria-label="Numbers">
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">{wanted.by.length === 0 ? 'Group' : wanted.by.map(sayDimension).join(', ')}</th>
            <th scope="col" class="number">
              {sayAggregate(wanted.aggregate)}
              {unit}
            </th>
            {compared && (
              <>
                <th scope="col" class="number">
                  before
                </th>
                <th scope="col" class="number">
                  change
                </th>
              </>
            )}
            <th scope="col" class="number">
              values
            </th>
            {isTimed && (
              <th scope="col" class="number">
                newest
              </th>
            )}
            {wanted.by.includes('model') && <th scope="col">page</th>}
          </tr>
        </thead>
        <tbody>
          {found.groups.map((group) => {
            const before = compared?.groups.get(keyOf(group))?.value;
            const newest = group.points.at(-1);
            return (
              <tr>
                <th scope="row">
                  <GroupLink group={group} state={state} />
                </th>
                <td class="number">{formatNumber(group.value)}</td>
                {compared && (
                  <>
                    <td class="number">{before === undefined ? '–' : formatNumber(before)}</td>
                    <td class="number">{changeWords(group.value, before)}</td>
                  </>
                )}
                <td class="number">{count(group.n)}</td>
                {isTimed && <td class="number">{newest ? sayNewest(answer, newest) : '–'}</td>}
                {group.modelId !== null && (
                  <td>
                    <a href={`/models/${group.modelId}`}>model</a>
                  </td>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

/** What dashboards keep. */
const questionIn = (state: ExploreState): string => exploreHref({ ...state }).split('?')[1] ?? '';

function Elsewhere({ state, origin }: { readonly state: ExploreState; readonly origin: string }) {
  const address = apiHref(state);
  return (
    <details class="panel elsewhere">
      <summary>This question for other programs</summary>
      <p>
        <a href={apiHref(state, 'csv')}>CSV for a spreadsheet</a> · <a href={apiHref(state, 'parquet')}>Parquet</a> ·{' '}
        <a href={address}>JSON</a>
      </p>
      <pre>{`curl -H 'Accept: text/csv' '${origin}${address.replaceAll("'", '%27')}'`}</pre>
      <p>
        For a <a href="/dashboards">dashboard</a> the question is <code>{questionIn(state)}</code>
      </p>
      <p class="small quiet">Another machine adds -H "Authorization: Bearer $FLIGHTCHECK_TOWER_TOKEN".</p>
    </details>
  );
}

/** The answer as a picture: lines, small multiples or bars. */
export function Drawn({ state, answer }: AnswerProps) {
  if (areBars(state.look, answer.wanted.bucket)) return <Bars answer={answer} state={state} />;
  return state.look === 'small' ? <SmallCharts answer={answer} state={state} /> : <OneChart answer={answer} state={state} />;
}

interface ExploreAnswerProps extends AnswerProps {
  readonly origin: string;
  /** The visitor may keep questions on dashboards. */
  readonly maySave: boolean;
}

export function ExploreAnswer({ state, answer, origin, maySave }: ExploreAnswerProps) {
  const { found, wanted } = answer;
  if (found.groups.length === 0)
    return (
      <p class="panel empty">
        No value of {wanted.metric} lies in this time and under these filters. Ask for a longer time, or take a filter away.
      </p>
    );
  return (
    <>
      <p class="small quiet">
        {plural(found.groupCount, 'group')}, {day(wanted.from)} to {day(new Date(wanted.to.getTime() - 1))}
        {wanted.bucket === 'none' ? '' : `, by ${wanted.bucket}`}, UTC
        {found.groupCount > found.groups.length && (
          <>
            ; the first {found.groups.length} are shown, <a href={changeExplore(state, { limit: 1000 })}>show all</a>
          </>
        )}
      </p>
      <Drawn answer={answer} state={state} />
      <Numbers answer={answer} state={state} />
      {maySave && (
        <p>
          <a class="button" href={`/dashboards/new?question=${encodeURIComponent(questionIn(state))}`}>
            Put it on a dashboard
          </a>
        </p>
      )}
      <Elsewhere state={state} origin={origin} />
    </>
  );
}
