/** The state of the page Explore is its address: the query of `/v1/query`, and how to look at the answer. */
import { type QuerySchema, queryReader } from '../api/query.ts';
import { type SliceQuery, sliceQuery } from '../api/slice-query.ts';

export const looks = ['lines', 'small', 'bars'] as const;

const { required: _, ...optional } = sliceQuery;
const { format: __, ...shared } = sliceQuery.properties;
const exploreQuery = {
  ...optional,
  properties: {
    ...shared,
    limit: { ...shared.limit, default: 20 },
    look: { type: 'string', description: 'How the answer is drawn.', enum: looks, default: 'lines' },
  },
} as const satisfies QuerySchema;

export interface ExploreState extends Omit<SliceQuery, 'metric' | 'format'> {
  /** Absent: none was chosen yet. */
  readonly metric?: string;
  readonly look: (typeof looks)[number];
}

export const readExploreState = queryReader<ExploreState>(exploreQuery);

type Value = string | number | readonly string[] | undefined;

const defaults: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(exploreQuery.properties).flatMap(([name, schema]) =>
    'default' in schema && !Array.isArray(schema.default) ? [[name, String(schema.default)]] : [],
  ),
);

function search(state: Readonly<Record<string, Value>>, isLeftOut: (name: string, value: string) => boolean): string {
  const parameters = new URLSearchParams();
  for (const name of Object.keys(exploreQuery.properties))
    for (const value of [state[name]].flat())
      if (value !== undefined && value !== '' && !isLeftOut(name, String(value))) parameters.append(name, String(value));
  return parameters.toString();
}

/** Address of a state; what is default stays out of it. */
export function exploreHref(state: Readonly<Record<string, Value>>): string {
  const query = search(state, (name, value) => defaults[name] === value);
  return query ? `/explore?${query}` : '/explore';
}

export const changeExplore = (state: ExploreState, changes: Readonly<Record<string, Value>>): string =>
  exploreHref({ ...state, ...changes });

/** The same question to the API. */
export const apiHref = (state: ExploreState, format?: 'csv'): string =>
  `/v1/query?${search({ ...state }, (name) => name === 'look')}${format ? `&format=${format}` : ''}`;

/** An HTML form sends its empty fields too: the address without them, or null when there are none. */
export function withoutEmptyParts(url: string): string | null {
  const { searchParams } = new URL(url);
  const filled = [...searchParams].filter(([, value]) => value.trim() !== '');
  if (filled.length === [...searchParams].length) return null;
  const query = new URLSearchParams(filled).toString();
  return query ? `/explore?${query}` : '/explore';
}
