/** The answer of the page Explore: charts, bars, a table, and the question as an address for other programs. */
import { formatNumber, plural } from '../../reports/words.ts';
import { type ExploreState, exploreQuery } from '../api/explore-query.ts';
import { type Answer, keyOf } from '../api/slices.ts';
import { heldDays, type SliceGroup } from '../store/slice/slice.ts';
import { type AnswerProps, Bars, changeWords, GroupLink, noOtherTime, titleOf } from './explore-bars.tsx';
import { sayAggregate, sayDimension } from './explore-form.tsx';
import { apiHref, changeExplore, exploreHref } from './explore-state.ts';
import { addsUp, PartialNote, partialAt, sayNewest } from './partial.tsx';
import { type ChartLine, LineKeys, scaleOf, TimeChart } from './time-chart.tsx';
import { readable, withUnit } from './units.ts';
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

/** The lines of a group: its own, and that of the other time under it. */
function linesOf(group: SliceGroup, answer: Answer, className: string): readonly ChartLine[] {
  const { wanted, compared } = answer;
  const points = group.points.map(({ at, value }) => ({ at: at.getTime(), value, partial: partialAt(answer, at) }));
  const own = { title: titleOf(group.key, wanted.by), className, points };
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

function OneChart({ answer, state }: AnswerProps) {
  const groups = answer.found.groups.slice(0, answer.compared ? comparedDrawn : linesDrawn);
  const lines = groups.flatMap((group, i) => linesOf(group, answer, `line-${i + 1}`));
  const lacksOther = answer.compared !== null && !lines.some((line) => line.isBefore);
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
        unit={answer.wanted.unit}
      />
      <PartialNote lines={lines} answer={answer} />
      {lacksOther && <p class="small quiet">{noOtherTime}</p>}
      {answer.found.groupCount > groups.length && (
        <p class="small quiet">
          {groups.length} of {count(answer.found.groupCount)} are drawn;{' '}
          <a href={changeExplore(state, { look: 'small' })}>small multiples draw {smallDrawn}</a>.
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
              label={`${titleOf(group.key, state.by)}: ${withUnit(group.value, answer.wanted.unit)}`}
              lines={drawn[i] ?? []}
              {...spanOf(all)}
              scale={scale}
              unit={answer.wanted.unit}
              height={84}
            />
          </li>
        ))}
      </ul>
      <PartialNote lines={all} answer={answer} />
    </>
  );
}

function Numbers({ answer, state }: AnswerProps) {
  const { wanted, found, compared } = answer;
  const isTimed = wanted.bucket !== 'none';
  const hasBefore = compared !== null && found.groups.some((group) => compared.groups.has(keyOf(group)));
  return (
    <section class="scroll panel" tabindex={0} aria-label="Numbers">
      <table class="numbers flow">
        <thead>
          <tr>
            <th scope="col">{wanted.by.length === 0 ? 'Group' : wanted.by.map(sayDimension).join(', ')}</th>
            <th scope="col" class="number">
              {sayAggregate(wanted.aggregate)}
              {wanted.unit !== '' && ` in ${wanted.unit}`}
            </th>
            {hasBefore && (
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
                <td class="number" data-label={sayAggregate(wanted.aggregate)}>
                  {formatNumber(group.value)}
                </td>
                {hasBefore && (
                  <>
                    <td class="number" data-label="before">
                      {before === undefined ? '–' : formatNumber(before)}
                    </td>
                    <td class="number" data-label="change">
                      {changeWords(group.value, before)}
                    </td>
                  </>
                )}
                <td class="number" data-label="values">
                  {count(group.n)}
                </td>
                {isTimed && (
                  <td class="number" data-label="newest">
                    {newest ? sayNewest(answer, newest) : '–'}
                  </td>
                )}
                {group.modelId !== null && (
                  <td data-label="page">
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
export function Drawn({ state, answer: found }: AnswerProps) {
  const answer = readable(found);
  if (areBars(state.look, answer.wanted.bucket)) return <Bars answer={answer} state={state} />;
  return state.look === 'small' ? <SmallCharts answer={answer} state={state} /> : <OneChart answer={answer} state={state} />;
}

interface ExploreAnswerProps extends AnswerProps {
  readonly origin: string;
  /** The visitor may keep questions on dashboards. */
  readonly maySave: boolean;
}

const moreWords = (groups: number): string => (groups > mostGroups ? `show ${count(mostGroups)}` : 'show all');
const mostGroups = exploreQuery.properties.limit.maximum;

export function ExploreAnswer({ state, answer, origin, maySave }: ExploreAnswerProps) {
  const { found, wanted } = answer;
  const isCut = found.groupCount > found.groups.length;
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
        {wanted.fill === 'last' && `; each series has its last value, for up to ${heldDays} days`}
        {isCut && `; the first ${count(found.groups.length)} are shown`}
        {isCut && found.groups.length < mostGroups && (
          <>
            , <a href={changeExplore(state, { limit: mostGroups })}>{moreWords(found.groupCount)}</a>
          </>
        )}
      </p>
      <Drawn answer={answer} state={state} />
      <Numbers answer={readable(answer)} state={state} />
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
