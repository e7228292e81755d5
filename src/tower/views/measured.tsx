/** The numbers of a model that come without being judged: drift, quality, load. One row for each series. */
import type { MeasuredSeries } from '../store/read-measured.ts';
import { exploreHref } from './explore-state.ts';
import { sayMetric } from './metric-words.ts';
import { sayQuantity } from './units.ts';
import { day } from './words.ts';

/** Population stability index from which a shift is called large; custom of credit scoring. */
const largeShift = 0.2;
const isShift = (metric: string): boolean => metric.endsWith('.psi');

/** Since when every value lies above the limit; null when the newest does not. */
export function aboveSince(recent: MeasuredSeries['recent'], limit: number): Date | null {
  const lastBelow = recent.findLastIndex((point) => point.value <= limit);
  return recent[lastBelow + 1]?.at ?? null;
}

const width = 160;
const height = 28;

function Spark({
  recent,
  least,
  most,
  limit,
}: {
  recent: MeasuredSeries['recent'];
  least: number;
  most: number;
  limit?: number;
}) {
  const [first, last] = [recent[0], recent.at(-1)];
  if (!first || !last) return null;
  const near = (n: number): string => String(Math.round(n * 10) / 10);
  const span = last.at.getTime() - first.at.getTime() || 1;
  const y = (value: number): number => 2 + (height - 5) * (1 - (value - least) / (most - least || 1));
  const points = recent.map(
    ({ at, value }) => [3 + ((width - 6) * (at.getTime() - first.at.getTime())) / span, y(value)] as const,
  );
  const end = points.at(-1) ?? [0, 0];
  return (
    <svg class="spark long" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      {limit !== undefined && limit <= most && <line class="limit" x1="0" x2={width} y1={near(y(limit))} y2={near(y(limit))} />}
      {points.length > 1 && <polyline points={points.map(([px, py]) => `${near(px)},${near(py)}`).join(' ')} />}
      <circle cx={near(end[0])} cy={near(end[1])} r="2.5" />
    </svg>
  );
}

const words = (series: MeasuredSeries): string =>
  [
    ...Object.entries(series.labels).map(([name, value]) => (name === 'feature' || name === 'task' ? value : `${name} ${value}`)),
  ].join(', ');

function Rows({ model, rows }: { readonly model: string; readonly rows: readonly MeasuredSeries[] }) {
  const [one] = rows;
  if (!one) return null;
  const values = rows.flatMap((row) => row.recent.map((point) => point.value));
  const limit = isShift(one.metric) ? largeShift : undefined;
  const [least, most] = [Math.min(...values, limit === undefined ? Number.POSITIVE_INFINITY : 0), Math.max(...values)];
  const labels = [...new Set(rows.flatMap((row) => Object.keys(row.labels)))].slice(0, 2);
  return (
    <table>
      <caption>
        <a href={exploreHref({ metric: one.metric, where: [`model:${model}`], by: labels })}>
          {sayMetric(one.metric) ?? one.metric}
        </a>
      </caption>
      <tbody>
        {rows.map((row) => {
          const since = limit === undefined ? null : aboveSince(row.recent, limit);
          return (
            <tr>
              <th scope="row">
                {words(row) || (row.environment === '' ? 'all' : row.environment)}
                {since && (
                  <span class="badge is-fail">
                    over {largeShift} since {day(since)}
                  </span>
                )}
              </th>
              <td>
                <Spark recent={row.recent} least={least} most={most} {...(limit !== undefined && { limit })} />
              </td>
              <td class="number">{sayQuantity(row.value, row.unit)}</td>
              <td class="extra">
                <time datetime={row.at.toISOString()}>{day(row.at)}</time>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

export function Measured({ model, series }: { readonly model: string; readonly series: readonly MeasuredSeries[] }) {
  if (series.length === 0) return null;
  const metrics = [...new Set(series.map((row) => row.metric))];
  return (
    <section id="measured">
      <h2>Measured</h2>
      <div class="panel chart-panel">
        <p class="small quiet">
          The last 90 days; each name leads to its slice. A dashed line stands at {largeShift}, where a shift is called large.
        </p>
        <div class="measured">
          {metrics.map((metric) => (
            <Rows model={model} rows={series.filter((row) => row.metric === metric)} />
          ))}
        </div>
      </div>
    </section>
  );
}
