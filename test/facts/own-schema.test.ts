import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { ownSchema } from '../../src/facts/own-schema.ts';

const folder = new URL('../../src/kernel/', import.meta.url);
const schemas = readdirSync(folder).filter((name) => name.endsWith('.schema.json'));

test.each(schemas)('%s is a JSON Schema, which no run looks up again', (name) => {
  const schema = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
  const ajv = new Ajv2020({ strict: false });
  expect(ajv.validateSchema(schema), JSON.stringify(ajv.errors)).toBe(true);
});

test('a schema is compiled when it is first asked for, and once', () => {
  const validator = ownSchema<{ a: number }>({ type: 'object', properties: { a: { type: 'noun' } } }, {});
  expect(() => validator()).toThrow();
  const good = ownSchema<{ a: number }>({ type: 'object', properties: { a: { type: 'number' } }, required: ['a'] }, {});
  expect(good()).toBe(good());
  expect([good()({ a: 1 }), good()({ a: 'x' })]).toEqual([true, false]);
  expect(good().errors?.[0]?.instancePath).toBe('/a');
});
