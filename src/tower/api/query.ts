/** Query strings: validated by the schemas that `/openapi.json` shows; cursors that only we can read. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { sayFault } from './plain-errors.ts';
import { HttpProblem } from './problem.ts';

export interface QuerySchema {
  readonly type: 'object';
  readonly additionalProperties: false;
  readonly required?: readonly string[];
  readonly properties: Readonly<
    Record<string, { readonly type: string; readonly description: string; readonly [keyword: string]: unknown }>
  >;
}

/** A label and its value; the name ends at the first colon. */
export const labelSchema = { type: 'string', maxLength: 400, pattern: '^[^:]+:', examples: ['region:au'] } as const;

const ajv = new Ajv2020({ coerceTypes: 'array', useDefaults: true, verbose: true });

/** A reader of query strings for one schema; parameters of type array may be repeated, others not. */
export function queryReader<T>(schema: QuerySchema): (url: string) => T {
  const validate = ajv.compile<T>(schema);
  return (url) => {
    const values: Record<string, unknown> = Object.create(null);
    const parameters = new URL(url).searchParams;
    for (const name of new Set(parameters.keys())) {
      const all = parameters.getAll(name);
      const isList = Object.hasOwn(schema.properties, name) && schema.properties[name]?.type === 'array';
      if (!isList && all.length > 1)
        throw new HttpProblem('bad-request', `The parameter ${name.slice(0, 60)} is given more than once.`);
      // No text of PostgreSQL can hold it.
      if (all.some((value) => value.includes('\u0000')))
        throw new HttpProblem('bad-request', `The parameter ${name.slice(0, 60)} holds a NUL.`);
      values[name] = isList ? all : all[0];
    }
    if (validate(values)) return values;
    const errors = (validate.errors ?? []).map((error) =>
      error.keyword === 'additionalProperties'
        ? {
            parameter: String(error.params.additionalProperty).slice(0, 60),
            detail: `is not known; known are ${Object.keys(schema.properties).join(', ')}`,
          }
        : error.keyword === 'required'
          ? { parameter: String(error.params.missingProperty), detail: 'is needed' }
          : { parameter: error.instancePath.split('/')[1] ?? '', detail: sayFault(error) },
    );
    throw new HttpProblem('bad-request', 'The query cannot be understood.', errors);
  };
}

/** What `labelSchema` lets through, as a pair. */
export function labelOf(text: string): readonly [name: string, value: string] {
  const colon = text.indexOf(':');
  return [text.slice(0, colon), text.slice(colon + 1)];
}

/** Opaque: the order that it belongs to, the key and the id of the last row. */
const writeCursor = (order: string, key: string | number, id: number): string =>
  Buffer.from(JSON.stringify([order, key, id])).toString('base64url');

/** One more than asked for tells whether there is a next page. */
export function pageOf<T extends { readonly key?: string | number; readonly id: number }>(
  rows: readonly T[],
  limit: number,
  order: string,
): { readonly shown: readonly T[]; readonly next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { shown, next: rows.length > limit && last ? writeCursor(order, last.key ?? last.id, last.id) : null };
}

/** As PostgreSQL writes a time: `2026-03-01 10:00:00.5+00`. */
const isTime = (key: string): boolean => Number.isFinite(Date.parse(key.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')));

function isKeyOf(order: string, key: unknown): key is string | number {
  if (order.startsWith('name.')) return typeof key === 'string' && !key.includes('\u0000');
  if (order.startsWith('seen.')) return typeof key === 'string' && isTime(key);
  return typeof key === 'number';
}

export function readCursor(cursor: string, order: string): { key: string | number; id: number } {
  try {
    const [found, key, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (found === order && isKeyOf(order, key) && Number.isSafeInteger(id)) return { key, id };
  } catch {
    // Said below.
  }
  throw new HttpProblem('bad-request', 'The cursor does not belong to this query.', [
    { parameter: 'cursor', detail: 'take it from `next` of the page before, with the same sort and order' },
  ]);
}

/** Ids are positive integers; anything else names nothing. */
export function idOf(text: string, what = 'model'): number {
  if (!/^[1-9][0-9]{0,14}$/.test(text)) throw new HttpProblem('not-found', `There is no such ${what}.`);
  return Number(text);
}
