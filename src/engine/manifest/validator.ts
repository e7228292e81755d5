/** Validates a manifest. In the bundle this is code already (scripts/build.ts): compiling the schema takes longer than many a command. */
import { ownSchema } from '../../facts/own-schema.ts';
import schema from '../../kernel/manifest.schema.json' with { type: 'json' };

export const manifestOptions = { allErrors: true, useDefaults: true, verbose: true, strict: false } as const;

export const manifestValidator = ownSchema<unknown>(schema, manifestOptions);
