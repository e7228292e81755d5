/** Short words for the description of the API. */
import type { QuerySchema } from '../query.ts';
import { mediaTypes } from '../table.ts';

export const parameters = ({ properties, required = [] }: QuerySchema) =>
  Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    ...(required.includes(name) && { required: true }),
    description,
    schema,
  }));
export const modelId = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'Id of the model.',
  schema: { type: 'string', pattern: '^[1-9][0-9]{0,14}$' },
};
export const json = (description: string, name: string) => ({
  description,
  content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
});
export const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});

/** JSON, or a table. */
export const table = (description: string, name: string) => ({
  description,
  headers: { Link: { description: 'rel="next": the next page, where there is one.', schema: { type: 'string' } } },
  content: {
    'application/json': { schema: { $ref: `#/components/schemas/${name}` } },
    [mediaTypes.csv]: { schema: { type: 'string' } },
    [mediaTypes.parquet]: { schema: { type: 'string', format: 'binary' } },
  },
});

export type Get = (operationId: string, summary: string, more: object, responses: object) => object;

/** Of whatever writes. */
export const tooMany = { 429: problem('Too many at once: Retry-After says when.') };
