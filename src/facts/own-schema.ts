/** Validators of the JSON Schemas that ship with us. */
import { Ajv2020, type Options, type ValidateFunction } from 'ajv/dist/2020.js';

/**
 * A validator that is compiled when it is first asked for. That a schema of ours is one, a test says: to look that up in each
 * run, and to polish code that is run once, took a third of the time of a run in which nothing had changed.
 */
export function ownSchema<T>(schema: object, options: Options): () => ValidateFunction<T> {
  let validate: ValidateFunction<T> | undefined;
  return () => {
    validate ??= new Ajv2020({ ...options, validateSchema: false, code: { optimize: false } }).compile<T>(schema);
    return validate;
  };
}
