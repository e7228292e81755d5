/** The question of the page Explore as a form; a sentence that can be changed word by word. */

import { type ExploreState, looks } from '../api/explore-query.ts';
import { comparisons } from '../api/slice-query.ts';
import { buckets } from '../store/slice/buckets.ts';
import { dimensionColumns } from '../store/slice/dimensions.ts';
import type { MetricRow } from '../store/slice/metrics.ts';
import { aggregates, fills, orders } from '../store/slice/slice.ts';
import { changeExplore, exploreHref } from './explore-state.ts';

const aggregateWords: Readonly<Record<(typeof aggregates)[number], string>> = {
  avg: 'mean',
  min: 'least',
  max: 'greatest',
  sum: 'sum',
  count: 'count',
  last: 'newest',
  p50: 'median',
  p95: '95th percentile',
  p99: '99th percentile',
};
export const sayAggregate = (aggregate: (typeof aggregates)[number]): string => aggregateWords[aggregate];

const lookWords = { lines: 'one chart', small: 'small multiples', bars: 'bars' } as const;
const orderWords = { high: 'highest first', low: 'lowest first', name: 'by name' } as const;
const fillWords = { none: 'nothing', last: 'the last value holds' } as const;
const compareWords = { none: 'nothing', previous: 'the time before', year: 'a year before' } as const;
const spans = [
  ['7d', '7 days'],
  ['14d', '14 days'],
  ['30d', '30 days'],
  ['90d', '90 days'],
  ['180d', '180 days'],
  ['52w', 'a year'],
] as const;
/** A label that is called as a column is told from it. */
export const sayDimension = (name: string): string =>
  name
    .replace(/^label:(.*)$/, (_, label) => (Object.hasOwn(dimensionColumns, label) ? `${label} (label)` : label))
    .replaceAll('_', ' ');

interface PickProps {
  readonly name: string;
  readonly title: string;
  readonly value: string | undefined;
  readonly options: readonly (readonly [value: string, text: string])[];
  /** What stands for nothing chosen. */
  readonly none?: string;
}

/** A choice; a value that is not among the options is kept as one of them. */
function Pick({ name, title, value = '', options, none }: PickProps) {
  const isKnown = value === '' || options.some(([option]) => option === value);
  return (
    <label>
      {title}
      <select name={name}>
        {none !== undefined && <option value="">{none}</option>}
        {[...options, ...(isKnown ? [] : [[value, value] as const])].map(([option, text]) => (
          <option value={option} {...(option === value && { selected: true })}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

export interface ExploreFormProps {
  readonly state: ExploreState;
  readonly metrics: readonly MetricRow[];
  /** Labels of the chosen metric. */
  readonly labels: readonly string[];
}

export function ExploreForm({ state, metrics, labels }: ExploreFormProps) {
  const dimensions = [
    ...Object.keys(dimensionColumns),
    ...labels.map((label) => (Object.hasOwn(dimensionColumns, label) ? `label:${label}` : label)),
  ].map((name) => [name, sayDimension(name)] as const);
  const names = [...new Set(metrics.map((metric) => metric.name))].map((name) => [name, name] as const);
  const [first, second] = state.by;
  return (
    <form class="panel filter explore-form" method="get" action="/explore" aria-label="The question">
      <Pick name="metric" title="Metric" value={state.metric} options={names} none="choose one" />
      <Pick name="agg" title="Drawn together as" value={state.agg} options={aggregates.map((a) => [a, aggregateWords[a]])} />
      <Pick name="by" title="By" value={first} options={dimensions} none="all together" />
      <Pick name="by" title="and by" value={second} options={dimensions} none="–" />
      {state.from === undefined && state.to === undefined && (
        <Pick name="last" title="Over the last" value={state.last} options={spans} />
      )}
      <Pick
        name="bucket"
        title="In buckets of"
        value={state.bucket}
        options={(['auto', ...buckets] as const).map((b) => [
          b,
          b === 'none' ? 'no buckets' : b === 'auto' ? 'fitting length' : b === 'hour' ? 'an hour' : `a ${b}`,
        ])}
      />
      <Pick name="fill" title="Where none came" value={state.fill} options={fills.map((f) => [f, fillWords[f]])} />
      <Pick name="compare" title="Compared with" value={state.compare} options={comparisons.map((c) => [c, compareWords[c]])} />
      <Pick name="order" title="Order" value={state.order} options={orders.map((o) => [o, orderWords[o]])} />
      <Pick name="look" title="Drawn as" value={state.look} options={looks.map((l) => [l, lookWords[l]])} />
      <label>
        Only where
        <input name="where" list="dimensions" placeholder="name:value" pattern="[^:]+:.*" maxlength={400} autocomplete="off" />
      </label>
      <div class="buttons">
        <button type="submit">Ask</button>
        <a href={exploreHref({ metric: state.metric })}>Clear</a>
      </div>
      <datalist id="dimensions">
        {dimensions.map(([name]) => (
          <option value={`${name}:`} />
        ))}
      </datalist>
      {state.where.map((pair) => (
        <input type="hidden" name="where" value={pair} />
      ))}
      {(['from', 'to', 'unit'] as const).map(
        (name) => state[name] !== undefined && <input type="hidden" name={name} value={state[name]} />,
      )}
      {state.limit !== 20 && <input type="hidden" name="limit" value={String(state.limit)} />}
      {state.record !== 'authoritative' && <input type="hidden" name="record" value={state.record} />}
    </form>
  );
}

/** What the answer is narrowed to; a click takes one away. */
export function Narrowing({ state }: { readonly state: ExploreState }) {
  const parts: readonly (readonly [text: string, href: string])[] = [
    ...state.where.map(
      (pair) =>
        [
          pair.replace(/^label:/, '').replace(':', ' '),
          changeExplore(state, { where: state.where.filter((w) => w !== pair) }),
        ] as const,
    ),
    ...(state.from === undefined && state.to === undefined
      ? []
      : [[`${state.from ?? '…'} to ${state.to ?? 'now'}`, changeExplore(state, { from: undefined, to: undefined })] as const]),
    ...(state.record === 'preview' ? [['previews', changeExplore(state, { record: undefined })] as const] : []),
  ];
  if (parts.length === 0) return null;
  return (
    <ul class="chips active" aria-label="Filter">
      {parts.map(([text, href]) => (
        <li>
          <a href={href} title="Take this filter away">
            {text} <span aria-hidden="true">×</span>
            <span class="hidden">, take this filter away</span>
          </a>
        </li>
      ))}
    </ul>
  );
}
