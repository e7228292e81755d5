/** A resolved manifest for tests: what is given, every default filled in by the schema itself. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import schema from '../../src/kernel/manifest.schema.json' with { type: 'json' };
import type { ResolvedManifest } from '../../src/kernel/manifest.ts';

const validate = new Ajv2020({ useDefaults: true, strict: false, allErrors: true }).compile<ResolvedManifest>(schema);

export function manifestOf(given: Record<string, unknown>): ResolvedManifest {
  const value: unknown = structuredClone({ version: 1, model: { name: 'test', owner: '@team' }, ...given });
  if (!validate(value)) throw new Error(JSON.stringify(validate.errors));
  return value;
}
