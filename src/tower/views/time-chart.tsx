/** Lines over time as a drawing that scales without distorting its text. Its numbers stand in a table beside it. */
import { formatNumber } from '../../reports/words.ts';
import { withUnit } from './units.ts';
import { day } from './words.ts';

export interface ChartLine {
  readonly title: string;
  /** `line-1` to `line-8`: a colour and a dash of its own, so that no colour alone tells lines apart. */
  readonly className: string;
  readonly points: readonly {
    readonly at: number;
    readonly value: number;
    /** Of less than its time: drawn hollow, with a dotted line. The words are for its tooltip. */
    readonly partial?: string | undefined;
  }[];
  /** Drawn to compare with: without a label of its own. */
  readonly isBefore?: boolean;
}

interface TimeChartProps {
  readonly label: string;
  readonly lines: readonly ChartLine[];
  readonly from: number;
  readonly to: number;
  /** The scale holds 0 where values are counts or sums; else it fits the values. */
  readonly hasZero?: boolean;
  /** Height of the plot in pixels. */
  readonly height?: number;
  readonly hasLabels?: boolean;
  /** The scale, when several charts share one. */
  readonly scale?: Scale;
  /** A limit to draw, such as the threshold of a rule. */
  readonly limit?: number;
  /** Stands beside the highest number of the scale. */
  readonly unit?: string;
}

export interface Scale {
  readonly least: number;
  readonly most: number;
  readonly ticks: readonly number[];
}

/** Steps of 1, 2 or 5 times a power of ten, about four of them. */
export function scaleOf(values: readonly number[], hasZero: boolean): Scale {
  const low = Math.min(...values, ...(hasZero ? [0] : []));
  const high = Math.max(...values, ...(hasZero ? [0] : []));
  if (!Number.isFinite(low) || !Number.isFinite(high)) return { least: 0, most: 1, ticks: [0, 0.5, 1] };
  const range = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(range / 3));
  const step = [1, 2, 5, 10].map((n) => n * power).find((size) => range / size <= 4.5) ?? 10 * power;
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  return { least: ticks[0] ?? 0, most: ticks.at(-1) ?? 1, ticks };
}

const top = 10;
const labelHeight = 14;
const oneDecimal = (n: number): number => Math.round(n * 10) / 10;

/** Places of labels at the ends of lines: at their lines, pushed apart where they would overlap. */
function spread(wanted: readonly number[], height: number): readonly number[] {
  const order = wanted.map((y, i) => ({ y, i })).sort((a, b) => a.y - b.y);
  let last = Number.NEGATIVE_INFINITY;
  for (const place of order) {
    place.y = Math.max(place.y, last + labelHeight);
    last = place.y;
  }
  let next = top + height + 6;
  for (const place of order.reverse()) {
    place.y = Math.min(place.y, next);
    next = place.y - labelHeight;
  }
  const places = new Array<number>(wanted.length);
  for (const { y, i } of order) places[i] = y;
  return places;
}

/** More points than a line has columns only make the page large. Of each column the lowest and the highest stay, and the ends. */
export function thinned(points: ChartLine['points'], columns: number): ChartLine['points'] {
  const [first, last] = [points[0], points.at(-1)];
  if (points.length <= columns * 2 || !first || !last) return points;
  const length = last.at - first.at || 1;
  const kept = new Set([first, last]);
  let column = -1;
  let [low, high] = [first, first];
  for (const point of points) {
    const own = Math.min(columns - 1, Math.floor((columns * (point.at - first.at)) / length));
    if (own !== column) {
      kept.add(low).add(high);
      [column, low, high] = [own, point, point];
    } else if (point.value < low.value) low = point;
    else if (point.value > high.value) high = point;
  }
  kept.add(low).add(high);
  return points.filter((point) => kept.has(point));
}

/** Lines between whole points, and those to the points that are not: at most the first and the last. */
function strokesOf(
  points: ChartLine['points'],
): readonly { readonly points: ChartLine['points']; readonly isPartial: boolean }[] {
  const from = points[0]?.partial === undefined ? 0 : 1;
  const to = points.at(-1)?.partial === undefined ? points.length : points.length - 1;
  const ends = [...(from > 0 ? [points.slice(0, 2)] : []), ...(to < points.length && to > 0 ? [points.slice(to - 1)] : [])];
  return [{ points: points.slice(from, to), isPartial: false }, ...ends.map((end) => ({ points: end, isPartial: true }))];
}

/** Numbers of the scale stand beside the plot, where no line runs through them. */
function AxisLabels({ words, places, height }: { words: readonly string[]; places: readonly number[]; height: number }) {
  const width = Math.max(...words.map((text) => text.length)) * 6.5 + 8;
  return (
    <svg class="axis" width={width} height={height} aria-hidden="true">
      {words.map((text, i) => (
        <text x={width - 8} y={(places[i] ?? 0) + 4} text-anchor="end">
          {text}
        </text>
      ))}
    </svg>
  );
}

/** For charts that are narrow: `29 Aug`, and `2025-08` where another year is meant. */
const shortDay = (at: Date, other: Date): string =>
  at.getUTCFullYear() === other.getUTCFullYear()
    ? at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
    : day(at).slice(0, 7);

const shortTitle = (title: string): string => (title.length > 24 ? `${title.slice(0, 23)}…` : title);

export function TimeChart(props: TimeChartProps) {
  const { label, lines, from, to, height = 240, hasLabels = false, limit, unit = '' } = props;
  const values = lines.flatMap((line) => line.points.map((point) => point.value));
  const scale = props.scale ?? scaleOf(limit === undefined ? values : [...values, limit], props.hasZero ?? false);
  const y = (value: number): number => oneDecimal(top + height * (1 - (value - scale.least) / (scale.most - scale.least || 1)));
  const x = (at: number): number => (to === from ? 0.5 : (at - from) / (to - from));
  // A small chart is one of many, and narrow.
  const isSmall = height < 100;
  const [columns, mostDots] = isSmall ? [120, 14] : [400, 40];
  const [first, last] = [new Date(from), new Date(to)];
  const named = lines.filter((line) => !line.isBefore);
  const ends = spread(
    named.map((line) => y(line.points.at(-1)?.value ?? scale.least) + 4),
    height,
  );
  return (
    <div class={hasLabels ? 'plot has-ends' : 'plot'}>
      <AxisLabels
        words={scale.ticks.map((tick) => formatNumber(tick) + (unit !== '' && tick === scale.most ? ` ${unit}` : ''))}
        places={scale.ticks.map(y)}
        height={top + height + 26}
      />
      <svg class="chart time-chart" height={top + height + 26} role="img" aria-label={label}>
        {scale.ticks.map((tick) => (
          <line class="grid" x1="0" x2="100%" y1={y(tick)} y2={y(tick)} />
        ))}
        {limit !== undefined && <line class="limit" x1="0" x2="100%" y1={y(limit)} y2={y(limit)} />}
        <svg
          aria-hidden="true"
          width="100%"
          height={top + height}
          viewBox={`0 0 1000 ${top + height}`}
          preserveAspectRatio="none"
        >
          {lines.flatMap((line) =>
            strokesOf(line.points).map(({ points, isPartial }) => (
              <polyline
                class={`${line.className} ${line.isBefore ? 'is-before' : isPartial ? 'is-partial' : ''}`}
                points={thinned(points, columns)
                  .map(({ at, value }) => `${oneDecimal(x(at) * 1000)},${y(value)}`)
                  .join(' ')}
              />
            )),
          )}
        </svg>
        {named.flatMap(({ points, className, title }) =>
          points
            .filter(({ partial }, i) => points.length <= mostDots || i === points.length - 1 || partial !== undefined)
            .map(({ at, value, partial }) => (
              <circle
                class={partial === undefined ? className : `${className} is-partial`}
                cx={`${oneDecimal(x(at) * 100)}%`}
                cy={y(value)}
                r={points.length <= mostDots ? 2.5 : 3.5}
              >
                <title>{`${title}, ${day(new Date(at))}: ${withUnit(value, unit)}${partial === undefined ? '' : ` ${partial}`}`}</title>
              </circle>
            )),
        )}
        <text x="0" y={top + height + 20}>
          {isSmall ? shortDay(first, last) : day(first)}
        </text>
        <text x="100%" y={top + height + 20} text-anchor="end">
          {isSmall ? shortDay(last, first) : day(last)}
        </text>
      </svg>
      {hasLabels && (
        <svg class="chart time-chart ends" height={top + height + 26} aria-hidden="true">
          {named.map((line, i) => (
            <text x="10" y={ends[i]}>
              {shortTitle(line.title)}
            </text>
          ))}
        </svg>
      )}
    </div>
  );
}

export function LineKeys({ lines }: { readonly lines: readonly Pick<ChartLine, 'title' | 'className'>[] }) {
  return (
    <ul class="keys">
      {lines.map((line) => (
        <li>
          <svg class="swatch" viewBox="0 0 22 8" aria-hidden="true">
            <line class={line.className} x1="0" x2="22" y1="4" y2="4" />
          </svg>
          {line.title}
        </li>
      ))}
    </ul>
  );
}
