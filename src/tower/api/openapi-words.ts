/** Short words for the description of the API. */
import type { QuerySchema } from './query.ts';

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

export type Get = (operationId: string, summary: string, more: object, responses: object) => object;
