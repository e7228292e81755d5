/** Scores over time as a drawing that scales without distorting its text, and as a table. */
import { formatScore, formatShare } from '../../reports/words.ts';
import type { HistoryEntry } from '../store/read-model.ts';
import { LineKeys } from './time-chart.tsx';
import { day } from './words.ts';

interface Line {
  readonly title: string;
  readonly className: string;
  readonly points: readonly { readonly at: number; readonly value: number }[];
  readonly hasDots: boolean;
}

interface ChartProps {
  readonly label: string;
  readonly lines: readonly Line[];
  readonly most: number;
  readonly ticks: readonly number[];
  readonly format: (value: number) => string;
}

const top = 12;
const plot = 152;

/** Vertical place of a share of the scale, in pixels. */
const y = (value: number, most: number): number => Math.round((top + plot * (1 - value / most)) * 10) / 10;

/** A value holds until the next report: steps, not slopes. In thousandths of the width. */
function stepsOf(points: Line['points'], x: (at: number) => number, most: number): string {
  return points
    .flatMap(({ at, value }, i) => {
      const before = points[i - 1];
      const place = (x(at) * 1000).toFixed(0);
      return [...(before ? [`${place},${y(before.value, most)}`] : []), `${place},${y(value, most)}`];
    })
    .join(' ');
}

function Chart({ label, lines, most, ticks, format }: ChartProps) {
  const times = lines.flatMap((line) => line.points.map((point) => point.at));
  const [from, to] = [Math.min(...times), Math.max(...times)];
  // Room at both ends, so that the first and last dots stand free.
  const x = (at: number): number => (to === from ? 0.5 : 0.04 + (0.93 * (at - from)) / (to - from));
  return (
    <svg class="chart" role="img" aria-label={label}>
      {ticks.map((tick) => (
        <>
          <line class="grid" x1="0" x2="100%" y1={y(tick, most)} y2={y(tick, most)} />
          <text x="0" y={y(tick, most) - 3}>
            {format(tick)}
          </text>
        </>
      ))}
      <svg
        aria-hidden="true"
        x="0"
        y="0"
        width="100%"
        height={top + plot}
        viewBox={`0 0 1000 ${top + plot}`}
        preserveAspectRatio="none"
      >
        {lines.map((line) => (
          <polyline class={line.className} points={stepsOf(line.points, x, most)} />
        ))}
      </svg>
      {lines
        .filter((line) => line.hasDots)
        .map((line) =>
          line.points.map(({ at, value }) => (
            <circle class={line.className} cx={`${(x(at) * 100).toFixed(2)}%`} cy={y(value, most)} r="3.5">
              <title>{`${day(new Date(at))}: ${format(value)}`}</title>
            </circle>
          )),
        )}
      <text x={to === from ? '50%' : '4%'} y={top + plot + 20} text-anchor={to === from ? 'middle' : 'start'}>
        {day(new Date(from))}
      </text>
      {to !== from && (
        <text x="97%" y={top + plot + 20} text-anchor="end">
          {day(new Date(to))}
        </text>
      )}
    </svg>
  );
}

const lineOf = (
  entries: readonly HistoryEntry[],
  value: (entry: HistoryEntry) => number | null,
  rest: Omit<Line, 'points'>,
): Line => ({
  ...rest,
  points: entries.flatMap((entry) => {
    const found = value(entry);
    return found === null ? [] : [{ at: entry.at.getTime(), value: found }];
  }),
});

/** Authoritative reports, newest first. */
export function HistoryCharts({ entries }: { readonly entries: readonly HistoryEntry[] }) {
  const inTime = [...entries].reverse();
  const scores = [
    lineOf(inTime, (entry) => entry.paperScore, { title: 'Paper score: the test runs', className: 'line-2', hasDots: false }),
    lineOf(inTime, (entry) => entry.score, { title: 'Passing score: it runs and holds', className: 'line-1', hasDots: true }),
  ];
  const structure = [
    lineOf(inTime, (entry) => entry.structureScore, { title: 'Structure score', className: 'line-3', hasDots: true }),
  ];
  const hasScores = scores.some((line) => line.points.length > 0);
  const hasStructure = structure.some((line) => line.points.length > 0);
  return (
    <div class={hasScores && hasStructure ? 'charts' : ''}>
      {hasScores && (
        <div class="panel chart-panel">
          <LineKeys lines={scores} />
          <Chart
            label="ML Test Score over time; the table below has the numbers"
            lines={scores}
            most={7}
            ticks={[0, 1, 2, 3, 5, 7]}
            format={String}
          />
        </div>
      )}
      {hasStructure && (
        <div class="panel chart-panel">
          <LineKeys lines={structure} />
          <Chart
            label="Structure score over time; the table below has the numbers"
            lines={structure}
            most={1}
            ticks={[0, 0.5, 1]}
            format={formatShare}
          />
        </div>
      )}
    </div>
  );
}

export const scoresInWords = (entry: HistoryEntry): readonly [string, string, string] => [
  formatScore(entry.score),
  formatScore(entry.paperScore),
  formatShare(entry.structureScore),
];
