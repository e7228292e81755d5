/** The same answer as JSON, CSV or Parquet, as the client asks: by `Accept`, or where there is one by the parameter `format`. */
import type { Context } from 'hono';
import { type Cell, csvOf, type Table } from './csv.ts';
import { parquetOf } from './parquet.ts';

export const formats = ['json', 'csv', 'parquet'] as const;
export type Format = (typeof formats)[number];

export const mediaTypes: Readonly<Record<Format, string>> = {
  json: 'application/json',
  csv: 'text/csv',
  parquet: 'application/vnd.apache.parquet',
};

/** The first type of `Accept` that we have, the preferred ones first; JSON where none is. */
export function formatOf(c: Context, given?: Format): Format {
  if (given !== undefined) return given;
  const accepted = (c.req.header('accept') ?? '')
    .slice(0, 1000)
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
      const quality = parameters.find((text) => text.startsWith('q='));
      return { format: formats.find((name) => mediaTypes[name] === type), quality: quality ? Number(quality.slice(2)) || 0 : 1 };
    })
    .filter(({ format, quality }) => format !== undefined && quality > 0)
    .sort((a, b) => b.quality - a.quality);
  return accepted[0]?.format ?? 'json';
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function* cellsOf(value: unknown, name: string): Generator<readonly [string, Cell]> {
  if (isPlain(value))
    for (const [key, child] of Object.entries(value)) yield* cellsOf(child, name === '' ? key : `${name}.${key}`);
  else if (Array.isArray(value)) yield [name, JSON.stringify(value)];
  else if (value !== undefined) yield [name, value as Cell];
}

/** One row for each item: what is inside becomes columns (`labels.region`), lists become JSON. */
export function tableOf(items: readonly object[]): Table {
  const flat = items.map((item) => new Map(cellsOf(item, '')));
  const columns = [...new Set(flat.flatMap((row) => [...row.keys()]))];
  return { columns, rows: flat.map((row) => columns.map((column) => row.get(column) ?? null)) };
}

/** @param table Called when JSON is not what is wanted. */
export async function answerIn(
  c: Context,
  format: Format,
  { name, json, table }: { readonly name: string; readonly json: object; readonly table: () => Table },
): Promise<Response> {
  const next = (json as { next?: string | null }).next;
  if (next) {
    const address = new URL(c.req.url);
    address.searchParams.set('cursor', next);
    c.header('link', `<${address.pathname}${address.search}>; rel="next"`);
  }
  c.header('vary', 'accept', { append: true });
  if (format === 'json') return c.json(json);
  const file = `${name.replaceAll(/[^\w.-]/g, '_')}.${format}`;
  c.header('content-disposition', `attachment; filename="${file}"`);
  if (format === 'parquet') return c.body(await parquetOf(table()), 200, { 'content-type': mediaTypes.parquet });
  return c.body(csvOf(table()), 200, { 'content-type': 'text/csv; charset=utf-8; header=present' });
}

/** A page of items in the wanted format. */
export const answerItems = (c: Context, name: string, json: { readonly items: readonly object[] }): Promise<Response> =>
  answerIn(c, formatOf(c), { name, json, table: () => tableOf(json.items) });
