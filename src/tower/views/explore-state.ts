/** The state of the page Explore is its address. */
import { type ExploreState, exploreQuery } from '../api/explore-query.ts';

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
export const apiHref = (state: ExploreState, format?: 'csv' | 'parquet'): string =>
  `/v1/query?${search({ ...state }, (name) => name === 'look')}${format ? `&format=${format}` : ''}`;

/** An HTML form sends its empty fields too: the address without them, or null when there are none. */
export function withoutEmptyParts(url: string): string | null {
  const { searchParams } = new URL(url);
  const filled = [...searchParams].filter(([, value]) => value.trim() !== '');
  if (filled.length === [...searchParams].length) return null;
  const query = new URLSearchParams(filled).toString();
  return query ? `/explore?${query}` : '/explore';
}
