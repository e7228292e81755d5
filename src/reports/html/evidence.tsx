/** The numbers behind a verdict: headline, interval drawings, table of items, inputs. */
import type { Result } from '../../kernel/report.ts';
import { clip } from '../text.ts';
import { formatNumber, plural } from '../words.ts';

type EvidenceData = NonNullable<Result['evidence']>;
type Item = NonNullable<EvidenceData['items']>[number];

/** How much of a long list is shown; the JSON report has all. */
export interface Limits {
  readonly rows: number;
  readonly columns: number;
  readonly findings: number;
  /** Characters of one string. */
  readonly text: number;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

function rangeOf(values: readonly number[]): Range | undefined {
  const finite = values.filter((value) => Number.isFinite(value));
  const [from, to] = [Math.min(...finite), Math.max(...finite)];
  if (finite.length === 0 || from === to) return undefined;
  const margin = (to - from) * 0.06;
  return { from: from - margin, to: to + margin };
}

const at = (value: number, { from, to }: Range): string => `${(((value - from) / (to - from)) * 100).toFixed(1)}%`;
const length = (low: number, high: number, range: Range): string =>
  `${(((high - low) / (range.to - range.from)) * 100).toFixed(1)}%`;

interface IntervalProps {
  readonly range: Range;
  readonly value?: number | undefined;
  readonly lower?: number | undefined;
  readonly upper?: number | undefined;
  readonly mark?: number | undefined;
  /** Absent where the numbers stand beside it. */
  readonly label?: string;
}

/** A point with its interval; a dashed line marks the threshold (or zero). */
export function Interval({ range, value, lower, upper, mark, label }: IntervalProps) {
  const drawing = (
    <>
      <rect class="rail" y="8" width="100%" height="1" />
      {mark !== undefined && <line class="mark" x1={at(mark, range)} x2={at(mark, range)} y1="1" y2="16" />}
      {lower !== undefined && upper !== undefined && (
        <rect class="reach" x={at(lower, range)} y="6.5" width={length(lower, upper, range)} height="4" rx="2" />
      )}
      {value !== undefined && <circle class="dot" cx={at(value, range)} cy="8.5" r="4" />}
    </>
  );
  return label ? (
    <svg class="interval" role="img" aria-label={label}>
      {drawing}
    </svg>
  ) : (
    <svg class="interval" aria-hidden="true">
      {drawing}
    </svg>
  );
}

function withUnit(value: number, unit: string | undefined): string {
  return unit === undefined || unit === '1' ? formatNumber(value) : `${formatNumber(value)} ${unit}`;
}

export function Headline({ evidence }: { readonly evidence: EvidenceData }) {
  const { value, threshold, unit, n, interval, seed } = evidence;
  if (value === undefined && threshold === undefined && n === undefined && seed === undefined) return null;
  const numbers = [value, threshold, interval?.lower, interval?.upper].filter((number) => number !== undefined);
  const range = value === undefined || numbers.length < 2 ? undefined : rangeOf(numbers);
  const parts = [
    threshold !== undefined && ['threshold', formatNumber(threshold)],
    interval && [
      `${formatNumber(interval.level * 100)} % interval`,
      `${formatNumber(interval.lower)} to ${formatNumber(interval.upper)}`,
    ],
    n !== undefined && ['n', formatNumber(n)],
    seed !== undefined && ['seed', String(seed)],
  ].filter((part) => part !== false && part !== undefined);
  return (
    <div class="headline">
      {value !== undefined && <b>{withUnit(value, unit)}</b>}
      <dl>
        {parts.map(([name, text]) => (
          <div>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {range && (
        <Interval
          range={range}
          value={value}
          lower={interval?.lower}
          upper={interval?.upper}
          mark={threshold}
          label={`Value ${formatNumber(value ?? 0)}${threshold === undefined ? '' : `, dashed line: threshold ${formatNumber(threshold)}`}`}
        />
      )}
    </div>
  );
}

const numberIn = (item: Item, key: string): number | undefined => {
  const value = item[key];
  return typeof value === 'number' ? value : undefined;
};

interface Drawn {
  readonly point: string;
  readonly lower: string;
  readonly upper: string;
}

/** The column that two others surround in every row that has them: `lower`/`upper`, `at_least`/`at_most`, with any beginning. */
function drawnColumns(items: readonly Item[], columns: readonly string[]): Drawn | undefined {
  for (const lower of columns) {
    const upper = lower.replace(/lower$/, 'upper').replace(/at_least$/, 'at_most');
    const rows = items.filter((item) => numberIn(item, lower) !== undefined && numberIn(item, upper) !== undefined);
    if (upper === lower || rows.length < 2) continue;
    const surrounds = (item: Item, column: string) => {
      const value = numberIn(item, column);
      return value !== undefined && Number(item[lower]) <= value && value <= Number(item[upper]);
    };
    const point = columns.find((c) => c !== lower && c !== upper && rows.every((item) => surrounds(item, c)));
    if (point) return { point, lower, upper };
  }
  return undefined;
}

/** Decimals that line up the numbers of a column, at most four; undefined where their sizes differ too much for that. */
function decimalsOf(items: readonly Item[], column: string): number | undefined {
  const values = items.map((item) => numberIn(item, column)).filter((value) => value !== undefined);
  const largest = Math.max(0, ...values.map(Math.abs));
  if (largest >= 1000 || (largest > 0 && largest < 0.01)) return undefined;
  return Math.min(4, Math.max(0, ...values.map((value) => formatNumber(value).split('.')[1]?.length ?? 0)));
}

/** A number that would vanish behind the decimals of its column keeps its own. */
function aligned(value: number, decimals: number | undefined): string {
  if (decimals === undefined) return formatNumber(value);
  const text = value.toFixed(decimals);
  return value !== 0 && Number(text) === 0 ? formatNumber(value) : text;
}

interface CellProps {
  readonly value: Item[string] | undefined;
  readonly decimals: number | undefined;
  readonly isNumeric: boolean;
  readonly limits: Limits;
}

function ItemCell({ value, decimals, isNumeric, limits }: CellProps) {
  if (value === null || value === undefined) return <td class={isNumeric ? 'quiet number' : 'quiet'}>–</td>;
  if (typeof value === 'number') return <td class="number">{aligned(value, decimals)}</td>;
  if (typeof value === 'boolean') return <td>{value ? 'yes' : 'no'}</td>;
  return <td>{clip(value, limits.text)}</td>;
}

/** The per-item table; rows with `lower` and `upper` get a drawing on a common scale. */
export function Items({ evidence, limits }: { readonly evidence: EvidenceData; readonly limits: Limits }) {
  const { items = [] } = evidence;
  if (items.length === 0) return null;
  const all = [...new Set(items.flatMap((item) => Object.keys(item).filter((key) => item[key] !== null && item[key] !== '')))];
  const columns = all.slice(0, limits.columns);
  const shown = items.slice(0, limits.rows);
  const drawn = drawnColumns(shown, columns);
  const range = drawn
    ? rangeOf(shown.flatMap((item) => [drawn.lower, drawn.upper].map((key) => numberIn(item, key) ?? Number.NaN)))
    : undefined;
  const zero = range && range.from < 0 && range.to > 0 ? 0 : undefined;
  const hidden = [
    items.length > shown.length && plural(items.length - shown.length, 'more row'),
    all.length > columns.length && plural(all.length - columns.length, 'more column'),
  ].filter((text) => text !== false);
  const decimals = new Map(columns.map((column) => [column, decimalsOf(shown, column)]));
  const isNumeric = (column: string) => shown.every((item) => typeof item[column] === 'number' || item[column] === null);
  return (
    <>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              {columns.map((column) => (
                <th scope="col" class={isNumeric(column) ? 'number' : undefined}>
                  {clip(column.replaceAll('_', ' '), 60)}
                </th>
              ))}
              {range && <th scope="col">{zero === undefined ? 'interval' : 'interval, dashed: 0'}</th>}
            </tr>
          </thead>
          <tbody>
            {shown.map((item) => (
              <tr>
                {columns.map((column) => (
                  <ItemCell value={item[column]} decimals={decimals.get(column)} isNumeric={isNumeric(column)} limits={limits} />
                ))}
                {range && drawn && (
                  <td class="drawing">
                    <Interval
                      range={range}
                      value={numberIn(item, drawn.point)}
                      lower={numberIn(item, drawn.lower)}
                      upper={numberIn(item, drawn.upper)}
                      mark={zero}
                    />
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {hidden.length > 0 && <p class="quiet small">{hidden.join(' and ')} in the JSON report.</p>}
    </>
  );
}

export function EvidenceInputs({ evidence, limits }: { readonly evidence: EvidenceData; readonly limits: Limits }) {
  const { inputs = [] } = evidence;
  if (inputs.length === 0) return null;
  return (
    <p class="quiet small">
      Read:{' '}
      {inputs.slice(0, limits.rows).map((input, index) => (
        <>
          {index > 0 && ', '}
          <code>{clip(input.path, limits.text)}</code>
          {input.rows !== undefined && ` (${formatNumber(input.rows)} rows)`}{' '}
          <span title={input.sha256}>{input.sha256.slice(0, 8)}</span>
        </>
      ))}
    </p>
  );
}
